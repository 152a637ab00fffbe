//! A regular expression in Go's syntax (`regexp/syntax`, flags `Perl`) → one that Rust's engine reads the same.
//!
//! Nothing is passed through: each literal, class and group is parsed by Go's rules and written anew. Greediness and
//! captures are dropped, since only whether there is a match counts.

use super::class::{self, NEVER};
use super::filter::FilterFault;

/// How deep groups may stand in one another.
const DEEPEST: usize = 1000;
/// The most repetitions, also where they multiply.
const MOST: u64 = 1000;

/// A piece of the translated pattern that a repetition may follow.
struct Piece {
    text: String,
    /// The product of the counts around its innermost part, along the way where it is greatest.
    weight: u64,
    depth: usize,
}

/// An open group.
#[derive(Default)]
struct Frame {
    /// The alternatives before the last `|`.
    alternatives: Vec<Piece>,
    pieces: Vec<Piece>,
    /// The flags to return to.
    flags: Flags,
    start: usize,
}

/// The flags that change what matches.
#[derive(Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_matches_newline: bool,
}

/// What is left of the pattern.
pub(super) struct Cursor<'a> {
    whole: &'a str,
    pub(super) rest: &'a str,
}

/// A fault at a byte of the pattern.
pub(super) type At = (usize, FilterFault);

/// A pattern half read.
struct Translation<'a> {
    cursor: Cursor<'a>,
    /// The groups around the innermost open one, the outermost first.
    outer: Vec<Frame>,
    frame: Frame,
    flags: Flags,
    /// Whether a repetition was read just now. Go looks at the text: `a**` is forbidden, `a*(?i)*` is fine.
    repeated: bool,
}

/// Translates a pattern.
///
/// # Errors
/// The byte and the fault, where Go's `regexp.Compile` answers with an error.
pub(super) fn translate(pattern: &str) -> Result<String, At> {
    let mut translation = Translation {
        cursor: Cursor { whole: pattern, rest: pattern },
        outer: Vec::new(),
        frame: Frame::default(),
        flags: Flags::default(),
        repeated: false,
    };
    while let Some(char) = translation.cursor.peek() {
        translation.step(char)?;
    }
    if translation.outer.is_empty() {
        Ok(translation.frame.close().text)
    } else {
        Err((translation.frame.start, FilterFault::MissingParenthesis))
    }
}

impl Translation<'_> {
    /// Reads what the next character begins.
    fn step(&mut self, char: char) -> Result<(), At> {
        let start = self.cursor.at();
        let was_repeated = std::mem::take(&mut self.repeated);
        match char {
            '(' => self.open(start),
            ')' => self.close(start),
            '|' => {
                self.cursor.next();
                self.frame.end_alternative();
                Ok(())
            }
            '*' | '+' | '?' => {
                self.cursor.next();
                self.repeat(start, &char.to_string(), Some(1), was_repeated)
            }
            '{' => match self.cursor.count() {
                Some(count) => {
                    let (times, factor) = count.written().ok_or((start, FilterFault::Count))?;
                    self.repeat(start, &times, factor, was_repeated)
                }
                None => atom(&mut self.cursor, self.flags, &mut self.frame.pieces),
            },
            _ => atom(&mut self.cursor, self.flags, &mut self.frame.pieces),
        }
    }

    fn open(&mut self, start: usize) -> Result<(), At> {
        let opening = opening(&mut self.cursor, self.flags)?;
        if opening.is_group {
            let inner = Frame { flags: self.flags, start, ..Frame::default() };
            self.outer.push(std::mem::replace(&mut self.frame, inner));
        }
        self.flags = opening.flags;
        if self.outer.len() < DEEPEST { Ok(()) } else { Err((start, FilterFault::Depth)) }
    }

    fn close(&mut self, start: usize) -> Result<(), At> {
        self.cursor.next();
        let outer = self.outer.pop().ok_or((start, FilterFault::UnexpectedParenthesis))?;
        self.flags = self.frame.flags;
        let group = std::mem::replace(&mut self.frame, outer).close();
        let depth = group.depth;
        self.frame.pieces.push(group);
        if depth <= DEEPEST { Ok(()) } else { Err((start, FilterFault::Depth)) }
    }

    fn repeat(&mut self, start: usize, times: &str, factor: Option<u64>, was_repeated: bool) -> Result<(), At> {
        self.cursor.take('?');
        self.repeated = true;
        let repeated = if was_repeated { Err(FilterFault::NestedRepetition) } else { self.frame.repeat(times, factor) };
        repeated.map_err(|fault| (start, fault))
    }
}

/// What a `(` begins.
struct Opening {
    /// Whether it opens a group, or only changes flags.
    is_group: bool,
    /// The flags that hold from here.
    flags: Flags,
}

/// A repetition in braces.
struct Count {
    /// None if the number is too large for anything.
    min: Option<u64>,
    max: Max,
}

/// The upper end of a repetition.
enum Max {
    Endless,
    At(Option<u64>),
}

impl Piece {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: 1, depth: 1 }
    }

    /// Joins pieces to one.
    fn join(pieces: Vec<Self>, between: &str) -> Self {
        let weight = pieces.iter().map(|piece| piece.weight).max().unwrap_or(1);
        let deepest = pieces.iter().map(|piece| piece.depth).max().unwrap_or(0);
        let depth = if pieces.len() == 1 { deepest } else { deepest + 1 };
        let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
        Self { text: texts.join(between), weight, depth }
    }
}

impl Frame {
    fn end_alternative(&mut self) {
        let pieces = std::mem::take(&mut self.pieces);
        self.alternatives.push(Piece::join(pieces, ""));
    }

    fn close(mut self) -> Piece {
        self.end_alternative();
        let all = Piece::join(self.alternatives, "|");
        Piece { text: format!("(?:{})", all.text), depth: all.depth + 1, ..all }
    }

    /// Repeats the last piece. A factor of none stops the product of counts: `{0}` is never unrolled.
    fn repeat(&mut self, times: &str, factor: Option<u64>) -> Result<(), FilterFault> {
        let last = self.pieces.last_mut().ok_or(FilterFault::NothingToRepeat)?;
        let weight = factor.map_or(0, |factor| last.weight.saturating_mul(factor));
        if weight > MOST && factor.is_some_and(|factor| factor > 1) {
            return Err(FilterFault::Count);
        }
        *last = Piece { text: format!("(?:{}){times}", last.text), weight, depth: last.depth + 1 };
        if last.depth > DEEPEST { Err(FilterFault::Depth) } else { Ok(()) }
    }
}

impl Count {
    /// Returns the repetition as Rust writes it, and the factor by which it multiplies; none if it is out of bounds.
    fn written(&self) -> Option<(String, Option<u64>)> {
        let min = self.min.filter(|min| *min <= MOST)?;
        match self.max {
            Max::Endless => Some((format!("{{{min},}}"), Some(min.max(1)))),
            Max::At(max) => {
                let max = max.filter(|max| *max <= MOST && *max >= min)?;
                Some((format!("{{{min},{max}}}"), (max > 0).then_some(max)))
            }
        }
    }
}

impl Cursor<'_> {
    pub(super) fn at(&self) -> usize {
        self.whole.len() - self.rest.len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let char = chars.next();
        self.rest = chars.as_str();
        char
    }

    /// Passes a character if it comes next.
    pub(super) fn take(&mut self, char: char) -> bool {
        let rest = self.rest.strip_prefix(char);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Passes a `{2}`, `{2,}` or `{2,3}`; anything else is a literal `{`.
    fn count(&mut self) -> Option<Count> {
        let (inside, rest) = self.rest.strip_prefix('{')?.split_once('}')?;
        let (min, max) = match inside.split_once(',') {
            None => (digits(inside)?, Max::At(digits(inside)?)),
            Some((min, "")) => (digits(min)?, Max::Endless),
            Some((min, max)) => (digits(min)?, Max::At(digits(max)?)),
        };
        self.rest = rest;
        Some(Count { min, max })
    }
}

/// Reads a count: none if it isn't one (a leading zero isn't), none inside if it is too large.
fn digits(text: &str) -> Option<Option<u64>> {
    let is_count =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_count.then(|| text.parse().ok())
}

/// Reads a `(`, and what follows its `?`.
fn opening(cursor: &mut Cursor<'_>, flags: Flags) -> Result<Opening, At> {
    let start = cursor.at();
    cursor.next();
    if !cursor.take('?') {
        return Ok(Opening { is_group: true, flags });
    }
    if let Some(named) = cursor.rest.strip_prefix("P<").or_else(|| cursor.rest.strip_prefix('<')) {
        let (name, rest) = named.split_once('>').ok_or((start, FilterFault::Name))?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err((start, FilterFault::Name));
        }
        cursor.rest = rest;
        return Ok(Opening { is_group: true, flags });
    }
    let (mut inner, mut value, mut saw_flag) = (flags, true, false);
    while let Some(char) = cursor.next() {
        match char {
            'i' => inner.fold_case = value,
            'm' => inner.multi_line = value,
            's' => inner.dot_matches_newline = value,
            'U' => {}
            '-' if value => value = false,
            ':' | ')' if value || saw_flag => return Ok(Opening { is_group: char == ':', flags: inner }),
            _ => break,
        }
        saw_flag = char != '-';
    }
    Err((start, FilterFault::Group))
}

/// Reads what is neither group, alternative nor repetition.
fn atom(cursor: &mut Cursor<'_>, flags: Flags, pieces: &mut Vec<Piece>) -> Result<(), At> {
    let start = cursor.at();
    let text = match cursor.next() {
        None => return Ok(()),
        Some('^') => if flags.multi_line { "(?m:^)" } else { r"\A" }.to_owned(),
        Some('$') => if flags.multi_line { "(?m:$)" } else { r"\z" }.to_owned(),
        Some('.') => if flags.dot_matches_newline { "(?s:.)" } else { "." }.to_owned(),
        Some('[') => folded(class::class(cursor, start)?, flags),
        Some('\\') => match cursor.peek() {
            Some('A') => simple(cursor, r"\A"),
            Some('z') => simple(cursor, r"\z"),
            Some('b') => simple(cursor, r"(?-u:\b)"),
            Some('B') => simple(cursor, r"(?-u:\B)"),
            Some('Q') => {
                cursor.next();
                let (quoted, rest) = cursor.rest.split_once(r"\E").unwrap_or((cursor.rest, ""));
                pieces.extend(quoted.chars().map(|char| literal(char, flags)));
                cursor.rest = rest;
                return Ok(());
            }
            _ => match class::set(cursor, start)? {
                Some(set) => folded(format!("[{set}]"), flags),
                None => {
                    pieces.push(literal_code(class::escape(cursor, start)?, flags));
                    return Ok(());
                }
            },
        },
        Some(char) => {
            pieces.push(literal(char, flags));
            return Ok(());
        }
    };
    pieces.push(Piece::new(text));
    Ok(())
}

fn simple(cursor: &mut Cursor<'_>, text: &str) -> String {
    cursor.next();
    text.to_owned()
}

fn literal(char: char, flags: Flags) -> Piece {
    literal_code(u32::from(char), flags)
}

fn literal_code(code: u32, flags: Flags) -> Piece {
    Piece::new(class::span(code, code).map_or_else(|| NEVER.to_owned(), |text| folded(text, flags)))
}

fn folded(text: String, flags: Flags) -> String {
    if flags.fold_case { format!("(?i:{text})") } else { text }
}
