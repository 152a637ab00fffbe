//! Fills a template: no loader, no macros, no filters, no functions; a closed context of inert texts.

use std::io::{self, Write};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

use crate::model::{Exit, Problem};

/// The most bytes a template may have.
pub const TEMPLATE_LIMIT: usize = 64 * 1024;

// Far more than the longest body takes: one instruction for each part of the text, name and turn of a loop.
const FUEL: u64 = 200_000;
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// A template's text and the name under which people know it.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// Its name: a path in the repository, or that of the one built in.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// Why a text can't be made from a template.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template is too large.
    #[error("template `{name}` is over {TEMPLATE_LIMIT} bytes")]
    TooLarge {
        /// The template.
        name: String,
    },
    /// A statement beside `if` and `for`.
    #[error("template `{name}` uses `{statement}`; only `if` and `for` are understood")]
    Statement {
        /// The template.
        name: String,
        /// The statement's first word, escaped.
        statement: String,
    },
    /// It does not parse, asks for what there is not, or runs for too long.
    #[error("template `{name}`{} can't be filled", .line.map(|line| format!(" at line {line}")).unwrap_or_default())]
    Unfilled {
        /// The template.
        name: String,
        /// The line, from 1.
        line: Option<usize>,
        /// What the template engine says.
        source: Box<minijinja::Error>,
    },
    /// A line that a forge or a bot would obey.
    #[error("template `{name}` writes a line that a forge obeys: `{line}`")]
    Command {
        /// The template.
        name: String,
        /// The line, escaped.
        line: String,
    },
    /// What comes out is longer than a forge takes.
    #[error("the text of template `{name}` is over {limit} bytes")]
    TooLong {
        /// The template.
        name: String,
        /// The limit.
        limit: usize,
    },
}

impl Problem for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "text-too-long",
            _ => "template-invalid",
        }
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TooLong { .. } => Some("promote fewer apps at once: `--limit` or `--group`".to_owned()),
            _ => Some("`promote explain template-invalid` lists what a template may use".to_owned()),
        }
    }
}

/// Fills `template` from `context`, which must hold inert texts only.
///
/// # Errors
/// [`Error`] where the template asks for more than it may, or makes more than `limit` bytes.
pub fn fill(template: Template<'_>, context: &impl Serialize, limit: usize) -> Result<String, Error> {
    let name = || template.name.to_owned();
    if template.text.len() > TEMPLATE_LIMIT {
        return Err(Error::TooLarge { name: name() });
    }
    check_statements(template)?;
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    let unfilled =
        |source: minijinja::Error| Error::Unfilled { name: name(), line: source.line(), source: Box::new(source) };
    environment.set_syntax(syntax.build().map_err(unfilled)?);
    let mut text = Bounded { bytes: Vec::new(), limit, exceeded: false };
    let parsed = environment.template_from_named_str(template.name, template.text).map_err(unfilled)?;
    match parsed.render_captured_to(Value::from(Serde(context)), &mut text) {
        _ if text.exceeded => Err(Error::TooLong { name: name(), limit }),
        Ok(_) => Ok(String::from_utf8_lossy(&text.bytes).into_owned()),
        Err(source) => Err(unfilled(source)),
    }
}

/// Refuses statements that could make text grow without bounds, such as `set` in doublings.
fn check_statements(template: Template<'_>) -> Result<(), Error> {
    for part in template.text.split("{%").skip(1) {
        let part = part.trim_start_matches(['-', '+']).trim_start();
        let word: String = part.chars().take_while(|char| char.is_alphanumeric() || *char == '_').take(40).collect();
        if !STATEMENTS.contains(&word.as_str()) {
            return Err(Error::Statement { name: template.name.to_owned(), statement: word });
        }
    }
    Ok(())
}

/// A buffer that takes no more than its limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    exceeded: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            self.exceeded = true;
            return Err(io::Error::other("the text is too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Context {
        app: &'static str,
        apps: Vec<&'static str>,
    }

    fn filled(text: &str) -> Result<String, Error> {
        fill(
            Template { name: ".promote/pull-request.md", text },
            &Context { app: "my-app", apps: vec!["a", "b"] },
            1000,
        )
    }

    #[test]
    fn a_template_sees_its_context_and_nothing_else() {
        assert_eq!(
            filled("{{ app }}{% for one in apps %} {{ one }}{% endfor %}!\n").ok().as_deref(),
            Some("my-app a b!\n")
        );
        for text in [
            "{{ env.GITHUB_TOKEN }}",
            "{{ missing }}",
            "{{ app|upper }}",
            "{{ range(3) }}",
            "{{ debug() }}",
            "{% include 'x' %}",
            "{% extends 'x' %}",
            "{% import 'x' as x %}",
            "{% macro x() %}{% endmacro %}",
            "{% set x = app ~ app %}",
            "{%- set x = app %}",
            "{% raw %}{% endraw %}",
            "{{ app",
            "{% for one in apps recursive %}{{ loop(apps) }}{% endfor %}",
        ] {
            assert!(filled(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_template_that_runs_or_grows_for_too_long_is_refused() {
        assert!(matches!(filled("{{ app * 1000 }}"), Err(Error::TooLong { .. })));
        let nested = "{% for a in apps %}".repeat(30) + "{% if a %}{% endif %}" + &"{% endfor %}".repeat(30);
        assert!(matches!(filled(&nested), Err(Error::Unfilled { .. })));
        assert!(matches!(filled(&" ".repeat(TEMPLATE_LIMIT + 1)), Err(Error::TooLarge { .. })));
    }
}
