//! `promote init`: what was found, written down; never over anything.

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::{Sandbox, shared};

/// A fleet without configuration, whose directories' names tell the order.
fn unconfigured(sandbox: Sandbox) -> Sandbox {
    sandbox
        .file("clusters/dev/my-app.yaml", &range(DEV))
        .file("clusters/staging/my-app.yaml", &range(STAGING))
        .file(PIN, &pin("v1.2.1"))
        .file(OTHER_PIN, &pin("v1.2.1"))
        .tags(&["v1.2.1", "v1.2.3"])
}

#[test]
fn it_writes_what_was_found_and_says_what_to_do_next() {
    let fleet = unconfigured(Sandbox::on_github());
    assert_snapshot!(fleet.promote(&["init"]), @"
      dev          dev       clusters/dev
      staging      staging   clusters/staging
      production   prod-eu   clusters/prod-eu
                   prod-us   clusters/prod-us

    wrote [sandbox]/fleet/promote.yaml
    --- stderr
    read main [commit]

    guessed-order   the order dev < staging < production is a guess from names; write it down in promote.yaml

    next: put the order right, commit the file, and promote status
    ");
    assert_snapshot!(std::fs::read_to_string(fleet.path("fleet/promote.yaml")).expect("the file"), @r#"
    # Which environments there are, in which order, and what may go where. Every key but `version` is optional.
    version: 1
    # The order of these stages is a guess from their names: put it right before anybody relies on it.
    stages:
      - name: dev
        environments:
          - {name: dev, path: clusters/dev}
      - name: staging
        environments:
          - {name: staging, path: clusters/staging}
      - name: production
        environments:
          - {name: prod-eu, path: clusters/prod-eu}
          - {name: prod-us, path: clusters/prod-us}
        protection: require          # the base branch's rules must ask for an approval, or nothing is promoted there
        # from: [staging]            # must have run it; default: the nearest earlier stage that has the app
        # range: ">=1.0.0 <2.0.0"    # what may ever go there
        # evidence: selected         # what `from` must have done with it: admitted | selected
        # digest: required           # a digest must stand beside the tag
        # freeze:
        #   - {days: [Fri], hours: "16:00-24:00", zone: Europe/Berlin}
        # reason: {required: true, pattern: "(CHG|INC)-[0-9]+"}
    # apps:
    #   my-app:
    #     holds:
    #       - {version: v1.2.4, reason: "leaks memory", until: 2026-12-01}
    # auto: {limit: 6, hours: "09:00-15:00", zone: Europe/Berlin}
    # pull_request: {labels: [promotion], reviewers: [], teams: []}
    "#);
}

#[test]
fn the_written_file_means_what_was_found_without_it() {
    let fleet = unconfigured(Sandbox::new());
    let before = fleet.promote(&["plan", "-o", "json"]).json();
    let content = fleet.promote(&["init", "--print"]).stdout;
    fleet.change("promote.yaml", &content);
    let after = fleet.promote(&["plan", "-o", "json"]).json();
    let verdicts = |plan: &serde_json::Value| -> Vec<String> {
        let steps = plan["steps"].as_array().expect("steps").iter();
        steps
            .map(|step| format!("{} {} {} {}", step["app"], step["environment"], step["verdict"], step["to"]))
            .collect()
    };
    assert_eq!(verdicts(&before), verdicts(&after));
    assert_eq!(verdicts(&after).len(), 4, "{after}");
}

#[test]
fn it_never_writes_over_a_file() {
    let fleet = unconfigured(Sandbox::new());
    fleet.settle();
    std::fs::write(fleet.path("fleet/promote.yaml"), "mine").expect("a file");
    let run = fleet.promote(&["init"]);
    assert_snapshot!(run, @"
    --- stderr
    error: `[sandbox]/fleet/promote.yaml` is there already, and `init` writes only a new file
    help: promote init --print shows what would be found without it
    --- exit 2
    ");
    assert_eq!(std::fs::read_to_string(fleet.path("fleet/promote.yaml")).expect("the file"), "mine");
}

#[test]
fn a_file_on_the_base_branch_is_there_already_too() {
    let fleet = fleet();
    fleet.settle();
    std::fs::remove_file(fleet.path("fleet/promote.yaml")).expect("the file");
    assert_snapshot!(fleet.promote(&["init"]), @"
    --- stderr
    error: `promote.yaml (main [commit])` is there already, and `init` writes only a new file
    help: promote init --print shows what would be found without it
    --- exit 2
    ");
}

#[test]
fn print_shows_what_would_be_found_without_the_file_that_is_there() {
    let run = fleet().promote(&["init", "--print", "-o", "json"]);
    let document = run.json();
    assert_eq!((&document["kind"], &document["written"]), (&"Init".into(), &false.into()), "{run}");
    assert_eq!(document["path"], "promote.yaml");
    let content = document["content"].as_str().expect("a text");
    assert!(content.contains("- {name: prod-eu, path: clusters/prod-eu}"), "{content}");
    assert_eq!(document["findings"][0]["code"], "guessed-order");
}

#[test]
fn names_without_a_rank_are_said_to_have_none() {
    let fleet = unconfigured(Sandbox::new())
        .file("clusters/dev/flux-system/gotk-sync.yaml", &sync("clusters/dev"))
        .file("clusters/blue/flux-system/gotk-sync.yaml", &sync("clusters/blue"))
        .file("clusters/blue/my-app.yaml", &pin("v1.2.1"));
    assert_snapshot!(fleet.promote(&["init", "--print"]), @r#"
    # Which environments there are, in which order, and what may go where. Every key but `version` is optional.
    version: 1
    # The order of these stages is a guess from their names: put it right before anybody relies on it.
    stages:
      - name: dev
        environments:
          - {name: dev, path: clusters/dev}
        # from: [staging]            # must have run it; default: the nearest earlier stage that has the app
        # range: ">=1.0.0 <2.0.0"    # what may ever go there
        # evidence: selected         # what `from` must have done with it: admitted | selected
        # digest: required           # a digest must stand beside the tag
        # freeze:
        #   - {days: [Fri], hours: "16:00-24:00", zone: Europe/Berlin}
        # reason: {required: true, pattern: "(CHG|INC)-[0-9]+"}
      # The names of these don't tell where they stand: move each to its stage.
      - name: blue
        environments:
          - {name: blue, path: clusters/blue}
    # apps:
    #   my-app:
    #     holds:
    #       - {version: v1.2.4, reason: "leaks memory", until: 2026-12-01}
    # auto: {limit: 6, hours: "09:00-15:00", zone: Europe/Berlin}
    # pull_request: {labels: [promotion], reviewers: [], teams: []}
    --- stderr
    read main [commit]
    guessed-order   the order dev < blue is a guess from names; write it down in promote.yaml

    next: put the order right, commit the file, and promote status
    "#);
}

fn sync(path: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: flux-system, namespace: flux-system}}\n\
         spec:\n  path: ./{path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n"
    )
}

#[test]
fn renovates_configuration_is_told_what_to_leave_alone() {
    let fleet = unconfigured(Sandbox::new()).file("renovate.json", "{}\n");
    let run = fleet.promote(&["init", "--print"]);
    assert!(run.stderr.contains("Add to renovate.json:"), "{run}");
    let rule = run.stderr.split_once("Add to renovate.json:").expect("a rule").1;
    let rule: serde_json::Value = serde_json::from_str(rule).expect("JSON");
    assert_eq!(
        rule["packageRules"][0]["matchFileNames"],
        serde_json::json!(["clusters/prod-eu/**", "clusters/prod-us/**"])
    );
}

#[test]
fn without_environments_there_is_nothing_to_write_down() {
    let run = Sandbox::new().file("README.md", "nothing\n").promote(&["init"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("no environments with Flux sources were found"), "{run}");
}

#[test]
fn without_a_clone_it_can_only_be_printed() {
    let fleet = unconfigured(Sandbox::new());
    fleet.settle();
    let url = fleet.path("remote.git").display().to_string();
    let run = fleet.promote(&["init", "--repo", &url]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("help: promote init --print prints it"), "{run}");
    assert_eq!(fleet.promote(&["init", "--repo", &url, "--print"]).code, 0);
}

#[test]
fn what_it_writes_for_real_fleets_means_what_was_found() {
    let Some(repositories) = shared::path("fleets/repos") else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(repositories).expect("the fleets") {
        let folder = entry.expect("an entry").path();
        let fleet = Sandbox::new().file("README.md", "elsewhere\n");
        let directory = folder.display().to_string();
        let pins = |more: &[&str]| {
            let arguments = [&["pins", "--at", "worktree", "-o", "json", "-C"], more].concat();
            fleet.promote(&arguments)
        };
        let printed = fleet.promote(&["init", "--print", "--at", "worktree", "-C", &directory]);
        if printed.code != 0 {
            assert!(printed.stderr.contains("no environments with Flux sources"), "{directory}: {printed}");
            continue;
        }
        count += 1;
        let copy = fleet.path("tmp/copy");
        copy_folder(&folder, &copy);
        std::fs::write(copy.join("promote.yaml"), &printed.stdout).expect("a file");
        let (before, after) = (pins(&[&directory]), pins(&[&copy.display().to_string()]));
        std::fs::remove_dir_all(&copy).expect("the copy");
        assert_eq!(before.json()["pins"], after.json()["pins"], "{directory}");
    }
    shared::read("fleets that init writes down", count, "fleets");
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (kind, target) = (entry.file_type().expect("a kind"), to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
