//! A regular expression in Go's syntax (`regexp/syntax`, flags `Perl`) → one that Rust's engine reads the same.
//!
//! Nothing is passed through: each literal, class and group is parsed by Go's rules and written anew. Greediness and
//! captures are dropped, since only whether there is a match counts.

use super::filter::FilterFault;

/// How deep groups may stand in one another.
pub(super) const DEEPEST: usize = 1000;
/// The most repetitions, also where they multiply.
const MOST: u64 = 1000;
/// Matches nothing: a surrogate can't occur in UTF-8.
const NEVER: &str = r"[^\x{0}-\x{10FFFF}]";

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
struct Cursor<'a> {
    whole: &'a str,
    rest: &'a str,
}

/// A fault at a byte of the pattern.
type At = (usize, FilterFault);

/// Translates a pattern.
///
/// # Errors
/// The byte and the fault, where Go's `regexp.Compile` answers with an error.
pub(super) fn translate(pattern: &str) -> Result<String, At> {
    let mut cursor = Cursor { whole: pattern, rest: pattern };
    let mut outer: Vec<Frame> = Vec::new();
    let mut frame = Frame::default();
    let mut flags = Flags::default();
    // Go forbids a repetition right after a repetition, but looks at the text: `a*(?i)*` is fine.
    let mut repeated = false;
    while let Some(char) = cursor.peek() {
        let start = cursor.at();
        let was_repeated = std::mem::take(&mut repeated);
        match char {
            '(' => {
                let opening = opening(&mut cursor, flags)?;
                if opening.is_group {
                    outer.push(std::mem::replace(&mut frame, Frame { flags, start, ..Frame::default() }));
                }
                if outer.len() >= DEEPEST {
                    return Err((start, FilterFault::Depth));
                }
                flags = opening.flags;
            }
            ')' => {
                cursor.next();
                let closed = outer.pop().ok_or((start, FilterFault::UnexpectedParenthesis))?;
                flags = frame.flags;
                let group = std::mem::replace(&mut frame, closed).close();
                if group.depth > DEEPEST {
                    return Err((start, FilterFault::Depth));
                }
                frame.pieces.push(group);
            }
            '|' => {
                cursor.next();
                frame.end_alternative();
            }
            '*' | '+' | '?' => {
                cursor.next();
                cursor.take('?');
                frame.repeat(&char.to_string(), Some(1), was_repeated).map_err(|fault| (start, fault))?;
                repeated = true;
            }
            '{' => match cursor.count() {
                None => {
                    cursor.next();
                    frame.pieces.push(literal('{', flags));
                }
                Some(count) => {
                    let (text, factor) = count.written().ok_or((start, FilterFault::Count))?;
                    cursor.take('?');
                    frame.repeat(&text, factor, was_repeated).map_err(|fault| (start, fault))?;
                    repeated = true;
                }
            },
            _ => atom(&mut cursor, flags, &mut frame.pieces)?,
        }
    }
    if !outer.is_empty() {
        return Err((frame.start, FilterFault::MissingParenthesis));
    }
    Ok(frame.close().text)
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
#[derive(Clone, Copy, PartialEq, Eq)]
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
    fn repeat(&mut self, times: &str, factor: Option<u64>, was_repeated: bool) -> Result<(), FilterFault> {
        if was_repeated {
            return Err(FilterFault::NestedRepetition);
        }
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
    fn at(&self) -> usize {
        self.whole.len() - self.rest.len()
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let char = chars.next();
        self.rest = chars.as_str();
        char
    }

    /// Passes a character if it comes next.
    fn take(&mut self, char: char) -> bool {
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
        Some('[') => folded(class(cursor, start)?, flags),
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
            _ => match set(cursor, start)? {
                Some(set) => folded(format!("[{set}]"), flags),
                None => {
                    pieces.push(literal_code(escape(cursor, start)?, flags));
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
    Piece::new(span(code, code).map_or_else(|| NEVER.to_owned(), |_| folded(hex(code), flags)))
}

fn hex(code: u32) -> String {
    format!(r"\x{{{code:X}}}")
}

fn folded(text: String, flags: Flags) -> String {
    if flags.fold_case { format!("(?i:{text})") } else { text }
}

/// Writes a span of a class without the surrogates, which Rust doesn't know; none if nothing is left.
fn span(low: u32, high: u32) -> Option<String> {
    let surrogates = 0xD800..=0xDFFF;
    let low = if surrogates.contains(&low) { 0xE000 } else { low };
    let high = if surrogates.contains(&high) { 0xD7FF } else { high };
    (low <= high).then(|| if low == high { hex(low) } else { format!("{}-{}", hex(low), hex(high)) })
}

/// Reads a class, after its `[`.
fn class(cursor: &mut Cursor<'_>, start: usize) -> Result<String, At> {
    let negated = cursor.take('^');
    let mut items = String::new();
    let mut first = true;
    while first || cursor.peek() != Some(']') {
        first = false;
        if let Some(item) = posix(cursor)? {
            items.push_str(item);
            continue;
        }
        let at = cursor.at();
        if cursor.rest.starts_with('\\') {
            let before = cursor.rest;
            cursor.next();
            if let Some(set) = set(cursor, at)? {
                items.push_str(&set);
                continue;
            }
            cursor.rest = before;
        }
        let low = member(cursor, start)?;
        let ranges = cursor.rest.starts_with('-') && cursor.rest.len() > 1 && !cursor.rest.starts_with("-]");
        let high = if ranges {
            cursor.next();
            member(cursor, start)?
        } else {
            low
        };
        if high < low {
            return Err((at, FilterFault::Class));
        }
        items.push_str(&span(low, high).unwrap_or_default());
    }
    cursor.next();
    Ok(match (items.is_empty(), negated) {
        (true, false) => NEVER.to_owned(),
        (true, true) => r"[\x{0}-\x{10FFFF}]".to_owned(),
        (false, false) => format!("[{items}]"),
        (false, true) => format!("[^{items}]"),
    })
}

/// Reads one character of a class.
fn member(cursor: &mut Cursor<'_>, class: usize) -> Result<u32, At> {
    let start = cursor.at();
    match cursor.next() {
        None => Err((class, FilterFault::MissingBracket)),
        Some('\\') => escape(cursor, start),
        Some(char) => Ok(u32::from(char)),
    }
}

/// Reads a `[:alpha:]` inside a class. What doesn't end in `:]` is no such thing.
fn posix(cursor: &mut Cursor<'_>) -> Result<Option<&'static str>, At> {
    let Some((name, rest)) = cursor.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
        return Ok(None);
    };
    let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    let (set, complement) = match name {
        "alnum" => ("0-9A-Za-z", "[^0-9A-Za-z]"),
        "alpha" => ("A-Za-z", "[^A-Za-z]"),
        "ascii" => (r"\x00-\x7F", r"[^\x00-\x7F]"),
        "blank" => (r"\t\x20", r"[^\t\x20]"),
        "cntrl" => (r"\x00-\x1F\x7F", r"[^\x00-\x1F\x7F]"),
        "digit" => ("0-9", "[^0-9]"),
        "graph" => (r"\x21-\x7E", r"[^\x21-\x7E]"),
        "lower" => ("a-z", "[^a-z]"),
        "print" => (r"\x20-\x7E", r"[^\x20-\x7E]"),
        "punct" => (r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E", r"[^\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E]"),
        "space" => (r"\x09-\x0D\x20", r"[^\x09-\x0D\x20]"),
        "upper" => ("A-Z", "[^A-Z]"),
        "word" => ("0-9A-Za-z_", "[^0-9A-Za-z_]"),
        "xdigit" => ("0-9A-Fa-f", "[^0-9A-Fa-f]"),
        _ => return Err((cursor.at(), FilterFault::Class)),
    };
    cursor.rest = rest;
    Ok(Some(if negated { complement } else { set }))
}

/// Reads `\d`, `\p{Greek}` and their like after the `\`, as what may stand inside a class; ASCII only, as in Go.
fn set(cursor: &mut Cursor<'_>, start: usize) -> Result<Option<String>, At> {
    let text = match cursor.peek() {
        Some('d') => "0-9",
        Some('D') => "[^0-9]",
        Some('s') => r"\t\n\x0C\r\x20",
        Some('S') => r"[^\t\n\x0C\r\x20]",
        Some('w') => "0-9A-Za-z_",
        Some('W') => "[^0-9A-Za-z_]",
        Some('p' | 'P') => return unicode(cursor, start).map(Some),
        _ => return Ok(None),
    };
    cursor.next();
    Ok(Some(text.to_owned()))
}

/// Reads `\pL`, `\p{Greek}`, `\P{^Lu}`, after the `\`.
fn unicode(cursor: &mut Cursor<'_>, start: usize) -> Result<String, At> {
    let fault = (start, FilterFault::Class);
    let mut negated = cursor.next() == Some('P');
    let rest = cursor.rest;
    let name = if cursor.take('{') {
        let (name, rest) = cursor.rest.split_once('}').ok_or(fault)?;
        cursor.rest = rest;
        name
    } else {
        let end = cursor.next().map_or(0, char::len_utf8);
        rest.get(..end).unwrap_or_default()
    };
    let name = name.strip_prefix('^').map_or(name, |name| {
        negated = !negated;
        name
    });
    let letter = if negated { 'P' } else { 'p' };
    let plain: String = name.chars().filter(|char| !matches!(char, ' ' | '_' | '-')).collect();
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(fault);
    }
    let candidates = ["gc", "sc"].map(|kind| format!(r"\{letter}{{{kind}={plain}}}"));
    let whole = format!(r"\{letter}{{{plain}}}");
    let special = matches!(plain.to_ascii_lowercase().as_str(), "any" | "assigned" | "ascii");
    let known = |text: &String| regex::Regex::new(text).is_ok();
    if special { Some(whole) } else { candidates.into_iter().find(known) }.ok_or(fault)
}

/// Reads an escaped character, after the `\`.
fn escape(cursor: &mut Cursor<'_>, start: usize) -> Result<u32, At> {
    let fault = (start, FilterFault::Escape);
    let char = cursor.next().ok_or(fault)?;
    Ok(match char {
        '0'..='7' => {
            // A single digit but 0 would be a back-reference.
            let more = cursor.rest.bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            if char != '0' && more == 0 {
                return Err(fault);
            }
            let mut code = u32::from(char) - u32::from('0');
            for _ in 0..more {
                code = code * 8 + cursor.next().and_then(|char| char.to_digit(8)).unwrap_or_default();
            }
            code
        }
        'x' if cursor.take('{') => {
            let (digits, rest) = cursor.rest.split_once('}').ok_or(fault)?;
            cursor.rest = rest;
            let digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits).ok_or(fault)?;
            let significant = digits.trim_start_matches('0');
            let significant = if significant.is_empty() && !digits.is_empty() { "0" } else { significant };
            u32::from_str_radix(significant, 16).ok().filter(|code| *code <= 0x0010_FFFF).ok_or(fault)?
        }
        'x' => {
            let mut digit = || cursor.next().and_then(|char| char.to_digit(16)).ok_or(fault);
            digit()? * 16 + digit()?
        }
        'a' => 7,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        char if char.is_ascii() && !char.is_ascii_alphanumeric() => u32::from(char),
        _ => return Err(fault),
    })
}
