//! What the rules of the base branch ask for before somebody merges to production.

use crate::model::{BranchRules, Check, Exit, Level, Seen, Subject};

/// What is asked of the rules, and how the forge calls its things.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The base branch.
    pub branch: &'a str,
    /// Whether `protection: require` holds somewhere: without an approval nothing is promoted there.
    pub is_required: bool,
    /// Where the rules are set, for people.
    pub settings: &'a str,
    /// Which commands of `promote.yaml` recommend themselves.
    pub has_configuration: bool,
}

/// Judges the rules of the base branch.
pub fn branch(rules: &BranchRules, wanted: &Wanted<'_>) -> Vec<Check> {
    let mut checks = vec![approvals(rules, wanted)];
    checks.extend(weaknesses(rules, wanted));
    checks.extend(habits(rules, wanted));
    checks.extend(unseen(rules));
    checks
}

fn approvals(rules: &BranchRules, wanted: &Wanted<'_>) -> Check {
    let Wanted { branch, settings, .. } = wanted;
    let (level, exit) = if wanted.is_required { (Level::Error, Exit::Refused) } else { (Level::Warning, Exit::Done) };
    let refused = if wanted.is_required { ", and `protection: require` refuses to promote" } else { "" };
    let check = match &rules.approvals {
        Seen::Is(0) => {
            let message = format!("{branch} asks for 0 approvals: whoever may write may merge to production{refused}");
            let help = format!("{settings} > require 1 approval and code owners");
            return Check { level, exit, ..Check::warning(Subject::Branch, message).help(help) };
        }
        Seen::Is(count) => {
            let noun = if *count == 1 { "approval" } else { "approvals" };
            let mut asks = vec![format!("{branch} asks for {count} {noun}")];
            for (rule, says) in [
                (&rules.owners_approve, "of code owners"),
                (&rules.dismisses_stale, "taken back by new pushes"),
                (&rules.up_to_date, "on the newest base"),
            ] {
                asks.extend((rule.is() == Some(true)).then(|| says.to_owned()));
            }
            Check::ok(Subject::Branch, asks.join(", "))
        }
        Seen::Hidden(why) => {
            let message = format!("whether {branch} asks for an approval can't be seen: {why}{refused}");
            let help = "ask whoever administers the repository, or let the token read the rules";
            return Check { level, exit, ..Check::warning(Subject::Branch, message).help(help) };
        }
        Seen::Absent(why) => {
            return Check::warning(Subject::Branch, format!("{branch} can't ask for approvals: {why}"));
        }
    };
    if wanted.is_required || !wanted.has_configuration {
        check
    } else {
        check.help("`protection: require` in promote.yaml lets nothing be promoted should these rules go away")
    }
}

/// What lets an approval be got round.
fn weaknesses(rules: &BranchRules, wanted: &Wanted<'_>) -> Vec<Check> {
    let Wanted { branch, settings, .. } = wanted;
    let mut checks = Vec::new();
    let has_approvals = rules.approvals.is().is_none_or(|count| count > 0);
    let mut say = |message: String, help: String| checks.push(Check::warning(Subject::Branch, message).help(help));
    if rules.takes_pushes.is() == Some(true) {
        say(
            format!("{branch} takes pushes without a pull request: nobody need approve those"),
            format!("{settings} > let nobody push"),
        );
    }
    if has_approvals && rules.dismisses_stale.is() == Some(false) {
        say(
            format!(
                "approvals on {branch} stay when the branch is pushed to again: what is merged need not be what was approved"
            ),
            format!("{settings} > take approvals back when new commits are pushed"),
        );
    }
    match &rules.owners_approve {
        Seen::Is(false) if has_approvals => say(
            format!("{branch} asks for no code owner: anybody's approval is enough for production"),
            format!("{settings} > require a review from code owners"),
        ),
        Seen::Absent(why) => say(
            format!("anybody's approval is enough for production: {why}"),
            format!("{settings} > name who may approve"),
        ),
        _ => {}
    }
    if rules.bypass.is() == Some(true) {
        say(
            format!("administrators pass the rules of {branch} by"),
            format!("{settings} > apply the rules to administrators, too"),
        );
    }
    checks
}

/// What changes how pull requests of `promote` get merged.
fn habits(rules: &BranchRules, wanted: &Wanted<'_>) -> Vec<Check> {
    let branch = wanted.branch;
    let mut checks = Vec::new();
    if rules.keeps_trailers.is() == Some(false) {
        let message = "squashed merges drop the trailers of commits: what was promoted, by whom and why is then known to \
                       the pull request alone";
        let help = format!(
            "let squashed commits keep the commits' messages, or allow merge commits only ({})",
            wanted.settings
        );
        checks.push(Check::warning(Subject::Branch, message).help(help));
    }
    if rules.auto_merge.is() == Some(true) && rules.approvals.is() == Some(0) {
        let message = format!("a pull request may be told to merge itself, and {branch} asks for no approval");
        checks.push(Check::warning(Subject::Branch, message).help("forbid it, or ask for an approval"));
    }
    let mut said = Vec::new();
    if rules.queue.is() == Some(true) {
        said.push("merges go through a queue");
    }
    if rules.up_to_date.is() == Some(true) {
        said.push(
            "a branch must hold the newest base, so that each merge makes the other pull requests wait for an update",
        );
    }
    checks.extend((!said.is_empty()).then(|| Check::ok(Subject::Branch, said.join("; "))));
    checks
}

/// What can't be seen is said: nobody should take it for good.
fn unseen(rules: &BranchRules) -> Vec<Check> {
    let doubted = [
        ("whether pushes take approvals back", &rules.dismisses_stale),
        ("whether code owners must approve", &rules.owners_approve),
        ("whether the branch takes pushes", &rules.takes_pushes),
        ("whether merges keep trailers", &rules.keeps_trailers),
        ("who may pass the rules by", &rules.bypass),
        ("whether there is a queue", &rules.queue),
    ];
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    // Where not even the approvals can be seen, one sentence has said so.
    let known = if let Seen::Hidden(why) = &rules.approvals { why.as_str() } else { "" };
    for (what, rule) in doubted {
        let Seen::Hidden(why) = rule else { continue };
        match reasons.iter_mut().find(|(reason, _)| reason == why) {
            Some((_, whats)) => whats.push(what),
            None if why == known => {}
            None => reasons.push((why, vec![what])),
        }
    }
    let says = |(why, whats): (&str, Vec<&str>)| {
        // Who may pass by is shown to almost nobody: that alone is nothing to worry about every day.
        let usual = ["who may pass the rules by", "whether there is a queue"];
        let level = if whats.iter().all(|what| usual.contains(what)) { Level::Ok } else { Level::Warning };
        let message = format!("can't be seen: {} ({why})", whats.join(", "));
        Check { level, ..Check::warning(Subject::Branch, message) }
    };
    reasons.into_iter().map(says).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> BranchRules {
        BranchRules {
            approvals: Seen::Is(1),
            dismisses_stale: Seen::Is(true),
            owners_approve: Seen::Is(true),
            up_to_date: Seen::Is(false),
            takes_pushes: Seen::Is(false),
            queue: Seen::Is(false),
            auto_merge: Seen::Is(false),
            keeps_trailers: Seen::Is(true),
            bypass: Seen::Is(false),
        }
    }

    fn judged(rules: &BranchRules) -> Vec<Check> {
        let wanted = Wanted { branch: "main", is_required: false, settings: "Settings", has_configuration: true };
        branch(rules, &wanted)
    }

    #[test]
    fn each_missing_rule_is_one_warning() {
        assert!(judged(&good()).iter().all(|check| check.level == Level::Ok));
        for weaken in [
            (|rules: &mut BranchRules| rules.approvals = Seen::Is(0)) as fn(&mut BranchRules),
            |rules| rules.dismisses_stale = Seen::Is(false),
            |rules| rules.owners_approve = Seen::Is(false),
            |rules| rules.takes_pushes = Seen::Is(true),
            |rules| rules.keeps_trailers = Seen::Is(false),
            |rules| rules.bypass = Seen::Is(true),
            |rules| rules.dismisses_stale = Seen::Hidden("x".to_owned()),
            |rules| rules.owners_approve = Seen::Hidden("x".to_owned()),
        ] {
            let mut rules = good();
            weaken(&mut rules);
            let warnings = judged(&rules).into_iter().filter(|check| check.level == Level::Warning).count();
            assert_eq!(warnings, 1, "{rules:?}: {:?}", judged(&rules));
        }
    }

    #[test]
    fn what_is_required_and_missing_is_an_error() {
        let wanted = Wanted { branch: "main", is_required: true, settings: "Settings", has_configuration: true };
        for approvals in [Seen::Is(0), Seen::Hidden("nobody tells".to_owned())] {
            let checks = branch(&BranchRules { approvals, ..good() }, &wanted);
            assert_eq!(Check::exit_of(&checks), Exit::Refused, "{checks:?}");
        }
    }

    #[test]
    fn rules_of_which_nothing_can_be_seen_are_said_to_be_so_once() {
        let checks = judged(&BranchRules::hidden("the token may not"));
        let messages: Vec<&str> = checks.iter().map(|check| check.message.as_str()).collect();
        assert_eq!(messages, ["whether main asks for an approval can't be seen: the token may not"]);
    }
}
