//! What the approving SRE reads, and that remote text in it is nothing but text.

#[path = "support/markdown.rs"]
mod markdown;

use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use promote::model::{Chosen, Digest, EnvironmentName, Evidence, Tag};
use promote::report::inert::{terminal, terminal_lines};
use promote::report::pull_request::{
    Before, Content, Direction, How, Kept, Link, Mate, Move, Next, Overrides, Promotion, Requester, Shelved, Standing,
    Waived, commit_message, dashboard, hunks, pull_request,
};
use promote::report::template::Template;
use proptest::prelude::*;

use markdown::{HOSTILE, active, obeyed};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn name(text: &str) -> EnvironmentName {
    text.parse().expect("a name")
}

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

fn chosen(text: &str) -> Chosen {
    let tag = tag(text);
    Chosen { version: tag.version().cloned(), tag: Some(tag), digest: Some(Digest::of(text.as_bytes())) }
}

fn one_move() -> Move {
    let app = "my-app".parse().expect("a name");
    Move {
        environments: vec![name("prod-eu")],
        stage: name("production"),
        from: Some(chosen("v1.2.1")),
        to: chosen("v1.2.3"),
        reference: Some(Shelved::InRegistry("registry.example.com/my-app-config:v1.2.3".to_owned())),
        before: vec![Before {
            name: name("staging"),
            evidence: Evidence::Selected,
            content: Content::Same,
            seen: Some((time("2026-11-21T12:02:00Z"), Some(time("2026-11-23T07:10:00Z")))),
            asked: Some(SignedDuration::from_hours(24)),
            now: Some(tag("v1.2.4")),
        }],
        signature: None,
        rules: vec![
            kept("newer than v1.2.1", None),
            kept("not held", None),
            kept("not frozen", None),
            kept("within", Some(">=1.0.0 <2.0.0")),
        ],
        mates: ["prod-us", "prod-ap"]
            .map(|mate| Mate { name: name(mate), next: Next::Follows(Some(SignedDuration::from_hours(4))) })
            .to_vec(),
        skipped: Some(vec![tag("v1.2.2")]),
        commits: Some(11),
        compare: Some(Link {
            text: "compare 1f0c9ab...77ad310".to_owned(),
            url: "https://github.com/acme/my-app/compare/1f0c9ab...77ad310".parse().expect("a URL"),
        }),
        dashboards: ["prod-eu", "staging"]
            .iter()
            .filter_map(|environment| {
                dashboard("https://grafana.corp/d/app?var-app={app}&var-env={env}", &app, &name(environment))
            })
            .collect(),
        since: Some(time("2026-11-03T10:07:00Z")),
        standing: vec![
            standing(&["dev"], "v1.3.0-rc.1", How::Follows(">=1.0.0-0 <2.0.0-0".to_owned())),
            standing(&["staging"], "v1.2.4", How::Follows(">=1.0.0 <2.0.0".to_owned())),
            standing(&["prod-eu"], "v1.2.1", How::Pinned),
            standing(&["prod-us", "prod-ap"], "v1.2.1", How::Pinned),
        ],
        annotations: vec![
            ("source".to_owned(), "https://github.com/acme/my-app".to_owned()),
            ("revision".to_owned(), format!("v1.2.3@sha1:{}", "77ad310c".repeat(5))),
        ],
        app,
    }
}

fn kept(text: &str, code: Option<&str>) -> Kept {
    Kept { text: text.to_owned(), code: code.map(str::to_owned) }
}

fn standing(names: &[&str], now: &str, how: How) -> Standing {
    Standing { names: names.iter().map(|text| name(text)).collect(), now: Some(now.to_owned()), how }
}

fn promotion() -> Promotion {
    let before =
        "spec:\n  url: oci://registry.example.com/my-app-config\n  ref:\n    tag: v1.2.1\n    digest: sha256:5b0c\n";
    let after = before.replace("v1.2.1", "v1.2.3").replace("sha256:5b0c", "sha256:9e41");
    Promotion {
        direction: Direction::Forward,
        target: name("prod-eu"),
        moves: vec![one_move()],
        requester: Some(Requester {
            name: "release-eng".to_owned(),
            origin: "github.com".to_owned(),
            is_by_rules: false,
        }),
        reason: Some("CHG-8813 spring pricing".to_owned()),
        waived: Vec::new(),
        notes: Vec::new(),
        hunks: hunks(&"clusters/prod-eu/my-app.yaml".parse().expect("a path"), before, &after),
        values: 2,
        unit: "pull request",
        base: "4f1c2a9d".to_owned(),
        rules: Some(Link {
            text: "rules".to_owned(),
            url: "https://github.com/acme/fleet/blob/4f1c2a9/promote.yaml#L14-L26".parse().expect("a URL"),
        }),
        can_be_judged: true,
        now: time("2026-11-23T09:14:00Z"),
    }
}

fn body(promotion: &Promotion) -> String {
    pull_request(promotion, Overrides::default()).expect("a body").body
}

#[test]
fn the_pull_request_says_what_changes_what_is_known_and_what_is_not() {
    let text = pull_request(&promotion(), Overrides::default()).expect("a body");

    assert_eq!(text.title, "Promote my-app to v1.2.3 in prod-eu");
    assert_snapshot!(text.body, @r####"
**my-app** in **prod-eu**: `v1.2.1` → `v1.2.3`. Asked for by release-eng: *CHG-8813 spring pricing*.
Merging this lets Flux deploy it to **prod-eu only**. `prod-us` and `prod-ap` follow after 4 h, in their own pull requests.

| | |
| --- | --- |
| In production's registry | yes, `registry.example.com/my-app-config:v1.2.3` |
| Content | `sha256:e3cad1a6…3599d`, the same that staging selected |
| In staging | first seen Sat Nov 21 12:02 UTC (45 h ago; 24 h asked), left Mon Nov 23 07:10 UTC. Staging is on v1.2.4 now |
| Worked in staging | **not known**: nobody reports staging's health to promote |
| Rules | newer than v1.2.1, not held, not frozen, within `>=1.0.0 <2.0.0` |
| Before you merge | `promote check --pull-request` with its number asks all of this again; whether a required check does is **not known** |

**What comes with it** (2 versions, 11 commits)
`v1.2.1` → `v1.2.2` → `v1.2.3` · [compare 1f0c9ab...77ad310](https://github.com/acme/my-app/compare/1f0c9ab...77ad310)

[Dashboard prod-eu](https://grafana.corp/d/app?var-app=my-app&var-env=prod-eu) · [Dashboard staging](https://grafana.corp/d/app?var-app=my-app&var-env=staging)

**The change** (2 values in 1 file; nothing else differs, in any environment)
```diff
 clusters/prod-eu/my-app.yaml:4
   ref:
-    tag: v1.2.1
-    digest: sha256:5b0c
+    tag: v1.2.3
+    digest: sha256:9e41
```

**If it goes wrong**: revert this pull request (back to v1.2.1, here since Nov 3)

<details><summary>Details</summary>

| environment | now | how it is chosen |
| --- | --- | --- |
| dev | v1.3.0-rc.1 | follows `>=1.0.0-0 <2.0.0-0` |
| staging | v1.2.4 | follows `>=1.0.0 <2.0.0` |
| prod-eu | v1.2.1 → **v1.2.3** | pinned |
| prod-us, prod-ap | v1.2.1 | pinned |

Full digests: from `sha256:6a5ee67ce5188ca966afd3ffe8e8a0d6c58e0af854c7d7f8b04b83b27a010507` to `registry.example.com/my-app-config:v1.2.3@sha256:e3cad1a6f905017fd8286923686b16faa57728a7f7a4684c26aa1a8fe573599d`
The artifact says of itself (not checked):
```text
source   https://github.com/acme/my-app
revision v1.2.3@sha1:77ad310c77ad310c77ad310c77ad310c77ad310c
```
promote 0.1.0 · base 4f1c2a9 · [rules](https://github.com/acme/fleet/blob/4f1c2a9/promote.yaml#L14-L26)
```json
{"apiVersion":"promote/v1","kind":"Promotion","app":"my-app","environment":"prod-eu","from":"v1.2.1","to":"v1.2.3"}
```
</details>
"####);
}

#[test]
fn the_commit_says_the_same_in_trailers() {
    let promotion = promotion();

    let message = commit_message(&promotion, &promotion.moves[0], Overrides::default()).expect("a message");

    assert_snapshot!(message, @r####"
Promote my-app to v1.2.3 in prod-eu

CHG-8813 spring pricing

Promote-App: my-app
Promote-Environment: prod-eu
Promote-From: v1.2.1
Promote-To: v1.2.3
Promote-Digest: sha256:e3cad1a6f905017fd8286923686b16faa57728a7f7a4684c26aa1a8fe573599d
Promote-Evidence: selected in staging 2026-11-21T12:02Z..2026-11-23T07:10Z
Promote-Requested-By: release-eng (github.com)
Promote-Reason: CHG-8813 spring pricing
"####);
}

#[test]
fn an_exception_is_marked_in_title_first_line_and_trailer() {
    let mut promotion = promotion();
    promotion.reason = Some("INC-512 double charges".to_owned());
    promotion.waived = vec![
        Waived { rule: "from".to_owned(), message: "never in staging".to_owned() },
        Waived { rule: "soak".to_owned(), message: "soak 0 of 24 h".to_owned() },
    ];

    let text = pull_request(&promotion, Overrides::default()).expect("a body");
    let message = commit_message(&promotion, &promotion.moves[0], Overrides::default()).expect("a message");

    assert_eq!(text.title, "EXCEPTION: Promote my-app to v1.2.3 in prod-eu");
    assert_eq!(
        text.body.lines().next(),
        Some("> **Exception: skips 2 rules.** Never in staging; soak 0 of 24 h. release-eng: INC-512 double charges")
    );
    assert!(message.starts_with("EXCEPTION: "), "{message}");
    assert!(message.contains("\nPromote-Waived: from,soak\n"), "{message}");
}

#[test]
fn what_nobody_knows_is_said_aloud() {
    let mut promotion = promotion();
    promotion.requester = None;
    promotion.reason = None;
    let one = &mut promotion.moves[0];
    one.to.digest = None;
    one.from = None;
    one.skipped = None;
    one.before = vec![Before {
        name: name("staging"),
        evidence: Evidence::Admitted,
        content: Content::NotKnown,
        seen: None,
        asked: None,
        now: None,
    }];
    one.standing = vec![Standing { names: vec![name("dev")], now: None, how: How::NotKnown }];

    let body = body(&promotion);

    for line in [
        "**my-app** in **prod-eu**: **not known** → `v1.2.3`. Who asked is **not known**.",
        "| Content | **not known**: no digest could be read |",
        "| In staging | its range admits it; **not known** whether it ever ran there |",
        "| Worked in staging | **not known**: nobody reports staging's health to promote |",
        "| dev | **not known** | **not known** |",
        "Full digests: from **not known** to **not known**",
    ] {
        assert!(body.lines().any(|one| one == line), "{line}\nis missing in\n{body}");
    }
}

#[test]
fn a_rollback_goes_back_and_says_which_version_was_bad() {
    let mut promotion = promotion();
    promotion.direction = Direction::Back;
    promotion.moves[0].to = chosen("v1.2.0");
    promotion.moves[0].before = Vec::new();

    let text = pull_request(&promotion, Overrides::default()).expect("a body");
    let message = commit_message(&promotion, &promotion.moves[0], Overrides::default()).expect("a message");

    assert_eq!(text.title, "Roll back my-app to v1.2.0 in prod-eu");
    assert!(text.body.contains("`promote my-app v1.2.1 --to prod-eu`"), "{}", text.body);
    assert!(message.ends_with("Promote-Rolled-Back: v1.2.1\n"), "{message}");
}

#[test]
fn an_override_can_not_remove_the_facts_nor_hide_them() {
    let template = Template { name: ".promote/pull-request.md", text: "<!--\n{{ moves[0].app }}" };
    let overrides = Overrides { body: Some(template), commit: None };

    let body = pull_request(&promotion(), overrides).expect("a body").body;

    let facts = body.find("| Worked in staging | **not known**").expect("the facts");
    assert!(facts < body.find("<!--").expect("the override"));
    assert!(body.starts_with("**my-app** in **prod-eu**"));
}

#[test]
fn an_override_may_not_write_what_a_forge_obeys() {
    for text in [
        "{{ base }}\n/merge",
        "  /approve",
        "{% if base %}\n/label ~prod\n{% endif %}",
        "{{ env.TOKEN }}",
        "{% set x = 1 %}",
    ] {
        let overrides = Overrides { body: Some(Template { name: ".promote/pull-request.md", text }), commit: None };

        let error = pull_request(&promotion(), overrides).expect_err(text);

        assert!(error.to_string().starts_with("template `.promote/pull-request.md`"), "{error}");
    }
}

#[test]
fn a_body_stays_below_what_a_forge_takes() {
    let mut promotion = promotion();
    let path = "big.yaml".parse().expect("a path");
    promotion.hunks = hunks(&path, &"a: @x #1 `\n".repeat(30_000), &"b: c\n".repeat(30_000));
    promotion.reason = Some("r".repeat(100_000));
    promotion.moves[0].annotations = vec![("title".to_owned(), "`".repeat(1 << 20)); 20];

    let text = pull_request(&promotion, Overrides::default()).expect("a body");

    assert!(text.body.len() < 60_000, "{}", text.body.len());
    assert!(text.body.contains("more lines: see the changed files"));
}

/// Puts a text wherever somebody else's text may stand.
fn with_hostile(text: &str) -> Promotion {
    let mut promotion = promotion();
    promotion.reason = Some(text.to_owned());
    promotion.requester = Some(Requester { name: text.to_owned(), origin: text.to_owned(), is_by_rules: false });
    promotion.notes = vec![text.to_owned()];
    promotion.waived = vec![Waived { rule: "from".to_owned(), message: text.to_owned() }];
    let path = "clusters/prod-eu/my-app.yaml".parse().expect("a path");
    promotion.hunks = hunks(&path, &format!("a: 1\n{text}\n"), &format!("a: 2\n{text}!\n"));
    let one = &mut promotion.moves[0];
    // Names are refused with control characters, so they stand here on one line.
    let on_one_line: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    if let Ok(app) = on_one_line.parse() {
        one.app = app;
    }
    if let Ok(environment) = on_one_line.parse::<EnvironmentName>() {
        one.before[0].name = environment.clone();
        one.mates[0].name = environment.clone();
        one.environments = vec![environment.clone()];
        one.standing[0].names = vec![environment.clone()];
        one.stage = environment;
    }
    one.signature = Some(text.to_owned());
    one.rules = vec![kept(text, Some(text))];
    one.reference = Some(Shelved::InRegistry(text.to_owned()));
    one.standing[0].now = Some(text.to_owned());
    one.standing[0].how = How::Follows(text.to_owned());
    one.standing[1].how = How::Floating(text.to_owned());
    one.annotations = vec![("source".to_owned(), text.to_owned()), (text.to_owned(), text.to_owned())];
    promotion
}

#[test]
fn text_from_elsewhere_is_nothing_but_text_in_a_body() {
    let expected = active(&body(&with_hostile("plain words")));
    for text in HOSTILE {
        let body = body(&with_hostile(text));

        assert_eq!(active(&body), expected, "{text:?} is active in\n{body}");
        assert_eq!(obeyed(&body), Vec::<String>::new(), "{text:?}: in\n{body}");
    }
}

#[test]
fn text_from_elsewhere_adds_no_trailer_and_stops_no_ci_in_a_commit() {
    for text in HOSTILE {
        let promotion = with_hostile(text);
        let message = commit_message(&promotion, &promotion.moves[0], Overrides::default()).expect("a message");
        let title = pull_request(&promotion, Overrides::default()).expect("a body").title;

        let last = message.trim_end().rsplit("\n\n").next().expect("the trailers");
        let keys: Vec<&str> = last.lines().filter_map(|line| line.split_once(": ")).map(|(key, _)| key).collect();
        assert_eq!(
            keys,
            [
                "Promote-App",
                "Promote-Environment",
                "Promote-From",
                "Promote-To",
                "Promote-Digest",
                "Promote-Evidence",
                "Promote-Requested-By",
                "Promote-Reason",
                "Promote-Waived",
            ],
            "{text:?}: {message}"
        );
        for word in ["@acme/sre", "@sre-1", "[skip ci]", "[ci skip]", "[no ci]", "NO_CI", "skip-checks", "fixes #1"] {
            assert!(!message.contains(word) && !title.contains(word), "{text:?}: `{word}` in\n{title}\n{message}");
        }
        assert!(!title.contains('\n') && !message.lines().any(|line| line.starts_with('/')), "{text:?}: {message}");
    }
}

/// What Markdown, a forge or a terminal would act on.
const SYNTAX: &[&str] = &[
    "@",
    "#",
    "!",
    "1",
    "sre",
    "acme/",
    "fixes ",
    "GH-",
    "`",
    "```",
    "~~~",
    "|",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "/",
    "\\",
    "*",
    "_",
    "$",
    "&#64;",
    "\n",
    "\r\n",
    "\n\n",
    " ",
    "    ",
    "- ",
    "1. ",
    "# ",
    "> ",
    "---",
    "===",
    ":",
    "//",
    "http",
    "https://a.example",
    "www.",
    ".",
    "x@y.example",
    "<!--",
    "-->",
    "<b>",
    "</details>",
    "![",
    "](",
    "[^1]",
    "[ci skip]",
    "::",
    "##[",
    "\u{200b}",
    "\u{202e}",
    "\u{1b}[0m",
    "\t",
    "é",
    "77ad310c",
    "{{",
    "}}",
    "{%",
    "%}",
];

/// Pieces from which worse is made than anybody would think of.
fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![prop::sample::select(SYNTAX).prop_map(str::to_owned), any::<char>().prop_map(String::from)],
        1..12,
    )
    .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_whatever_is_more_than_text_in_a_body(text in pieces()) {
        let expected = active(&body(&with_hostile("plain words")));
        let body = body(&with_hostile(&text));
        prop_assert_eq!(active(&body), expected, "in\n{}", body);
        prop_assert!(!body.lines().any(|line| line.trim_start().starts_with('/')), "{}", body);
    }

    #[test]
    fn no_text_whatever_moves_a_terminal_or_a_runner(text in pieces()) {
        let shown = terminal_lines(&text);
        let breaks = text.matches('\n').count();
        prop_assert_eq!(shown.matches('\n').count(), breaks);
        for line in shown.split('\n') {
            prop_assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{}", line);
            let odd = line.chars().find(|char| {
                char.is_control() || matches!(*char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            });
            prop_assert_eq!(odd, None);
        }
        prop_assert_eq!(terminal(&text).matches('\n').count(), 0);
    }
}
