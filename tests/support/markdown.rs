//! What a forge would make of a pull request's text that is more than text.

use comrak::nodes::{AstNode, NodeValue};

/// What somebody who can push images or tags would like a forge to act on.
pub const HOSTILE: [&str; 44] = [
    "@acme/sre please approve",
    "cc @sre-1",
    "fixes #1",
    "Closes: acme/fleet#12",
    "resolves https://github.com/acme/fleet/issues/1",
    "GH-7 and !12 and acme/fleet!3",
    "<img src=https://evil.example/beacon.png>",
    "![x](https://evil.example/beacon.png)",
    "[click](https://evil.example)",
    "[x]: https://evil.example \"t\"\n\n[x]",
    "<https://evil.example>",
    "https://evil.example/x",
    "www.evil.example",
    "mailto:sre@evil.example sre@evil.example",
    "<!-- hidden",
    "-->",
    "</details><h1>Approved</h1>",
    "```\n@acme/sre\n```",
    "````\n</details>\n@acme/sre\n````",
    "~~~\n@sre-1\n~~~",
    "- [x] approved by sre\n- [ ] nothing",
    "| a | b |\n| --- | --- |\n| c | d |",
    "# Approved\n## by sre",
    "/approve\n/merge",
    "x\n/lgtm\n/merge when_pipeline_succeeds",
    "[skip ci] [ci skip] [no ci] ***NO_CI***",
    "skip-checks: true",
    "Promote-To: v9.9.9\nPromote-Requested-By: sre-1",
    "&#64;acme/sre &commat;sre-1 &lt;img&gt;",
    "\u{202e}gpj.exe \u{200b}\u{2066}x\u{2069}",
    "\u{1b}]8;;https://evil.example\u{7}click\u{1b}]8;;\u{7}",
    "::add-mask::x\n::set-output name=x::y\n##[error]z",
    "**bold** _em_ ~~gone~~ `code` $x^2$ [^1]\n\n[^1]: note",
    "{{ env.GITHUB_TOKEN }} {% include 'x' %} ${{ secrets.TOKEN }}",
    "77ad310c77ad310c77ad310c77ad310c77ad310c",
    "\\@acme/sre \\`x\\` \\<b\\>",
    "`@acme/sre` ``@sre-1`` `` ` @sre-2",
    "`````````text\n</details>\n/approve\n`````````",
    "Fixes: #1, closes GH-2; RESOLVES !3\nImplements acme/fleet#4",
    "<a href=https://evil.example>click</a><script>alert(1)</script>",
    "1. one\n2) two\n* three\n+ [ ] four",
    "Title\n=====\nSubtitle\n-----\n***\n    code",
    "\r/close\r\n  /assign @sre-1\u{2028}/merge",
    "[[skip ci]] [Skip-CI] [actions skip] ci.skip skip_ci",
];

/// What a forge would make of a body that isn't plain text.
pub fn active(body: &str) -> Vec<String> {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.strikethrough = true;
    options.extension.footnotes = true;
    let arena = comrak::Arena::new();
    let root = comrak::parse_document(&arena, body, &options);
    let mut found = Vec::new();
    walk(root, &mut |node| {
        let value = node.data.borrow().value.clone();
        match value {
            NodeValue::Link(link) => found.push(format!("link {}", link.url)),
            NodeValue::Image(link) => found.push(format!("image {}", link.url)),
            NodeValue::HtmlInline(html) => found.push(format!("html {html}")),
            NodeValue::HtmlBlock(block) => found.push(format!("html {}", block.literal.trim())),
            NodeValue::Heading(_) => found.push("heading".to_owned()),
            NodeValue::TaskItem(_) | NodeValue::Item(_) => found.push("item".to_owned()),
            NodeValue::FootnoteDefinition(_) | NodeValue::FootnoteReference(_) => found.push("footnote".to_owned()),
            NodeValue::Strikethrough => found.push("strikethrough".to_owned()),
            NodeValue::Table(table) => found.push(format!("table {}", table.num_columns)),
            NodeValue::CodeBlock(block) => found.push(format!("block {}", block.info)),
            NodeValue::Text(text) => {
                let mentions = text.match_indices(['@', '#', '!']).filter(|(at, sign)| {
                    let next = text[at + sign.len()..].chars().next();
                    next.is_some_and(|char| if *sign == "@" { char.is_alphanumeric() } else { char.is_ascii_digit() })
                });
                found.extend(mentions.map(|(at, _)| format!("reference {}", &text[at..])));
            }
            _ => {}
        }
    });
    found
}

fn walk<'a>(node: &'a AstNode<'a>, visit: &mut impl FnMut(&'a AstNode<'a>)) {
    visit(node);
    node.children().for_each(|child| walk(child, visit));
}

/// What forges act on wherever it stands, in code and in commit messages too: mentions, references, closing keywords,
/// quick actions, words that stop the CI; and letters that nobody sees, but for the space that breaks all these.
pub fn obeyed(text: &str) -> Vec<String> {
    const PATTERNS: [&str; 8] = [
        // A digest is nobody's name.
        r"@(?:[a-zA-Z0-9_-]+)(?::[0-9a-f])?",
        r"#[0-9]",
        r"(?i)\bgh-[0-9]",
        r"![0-9]",
        r"(?i)\b(?:close[sd]?|closing|fix|fixe[sd]|fixing|resolve[sd]?|resolving|implement(?:s|ed|ing)?):?\s+(?:\S*[#!][0-9]|gh-[0-9]|https?://)",
        r"(?i)\[(?:skip[ -]ci|ci[ -]skip|no[ -]ci|skip[ -]actions|actions[ -]skip)\]|\*\*\*no_ci\*\*\*|skip-checks:|\bskip_ci\b|\bci\.skip\b",
        r"(?m)^\s*/[a-zA-Z]",
        r"[\x00-\x09\x0b-\x1f\x7f\u{80}-\u{9f}\u{ad}\u{200c}-\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}\u{feff}]",
    ];
    let is_digest = |found: &str| ["@sha1:", "@sha256:", "@sha512:"].iter().any(|start| found.starts_with(start));
    let patterns = PATTERNS.into_iter().map(|pattern| regex::Regex::new(pattern).expect("a pattern"));
    patterns
        .flat_map(|pattern| pattern.find_iter(text).map(|found| found.as_str().to_owned()).collect::<Vec<_>>())
        .filter(|found| !is_digest(found))
        .collect()
}
