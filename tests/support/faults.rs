//! Fails at the Nth operation, for all N: after each fault all oracles hold, and one clean run leads to what a run
//! without the fault leads to.

use super::forge::{PullState, What};
use super::registry;
use super::sandbox::{GitFault, Run, Sandbox};

/// No command has as many operations.
const ENOUGH: usize = 200;

/// What a run leads to, as the people of the repository see it.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Each branch with its diff and its message.
    branches: Vec<(String, String, String)>,
    /// Each pull request: branch, title, text, labels, state.
    pulls: Vec<(String, String, String, Vec<String>, PullState)>,
}

impl Outcome {
    /// Looks at the remote and the forge.
    pub fn of(sandbox: &Sandbox) -> Self {
        let branch = |name: String| {
            let (diff, message) = (sandbox.diff(&name), sandbox.shown(&sandbox.message(&name)));
            (name, diff, message)
        };
        let pulls = sandbox.pulls().into_iter();
        Self {
            branches: sandbox.branches().into_iter().map(branch).collect(),
            pulls: pulls
                .map(|pull| (pull.head, pull.title, sandbox.shown(&pull.body), pull.labels, pull.state))
                .collect(),
        }
    }
}

/// Breaks each call of Git in turn, in a new sandbox each.
///
/// # Panics
/// If an oracle doesn't hold, or the next run doesn't finish the work.
pub fn at_each_call_of_git(fleet: impl Fn() -> Sandbox, what: GitFault, arguments: &[&str]) {
    for_each_fault(&fleet, arguments, &format!("call of git: {what:?}"), |sandbox, nth| {
        sandbox.break_git(nth, what);
        let (run, _) = sandbox.promote_once(arguments);
        sandbox.mend_git().then_some(run)
    });
}

/// Breaks each request to the registry in turn.
///
/// # Panics
/// If an oracle doesn't hold, or the next run doesn't finish the work.
pub fn at_each_request_to_the_registry(fleet: impl Fn() -> Sandbox, what: &registry::Fault, arguments: &[&str]) {
    for_each_fault(&fleet, arguments, &format!("request to the registry: {what:?}"), |sandbox, nth| {
        let number = sandbox.registry.requests().len() + nth;
        sandbox.registry.fault(number, what.clone());
        let (run, _) = sandbox.promote_once(arguments);
        sandbox.registry.heal();
        (sandbox.registry.requests().len() >= number).then_some(run)
    });
}

/// Breaks each request of one method to the forge in turn.
///
/// # Panics
/// If an oracle doesn't hold, or the next run doesn't finish the work.
pub fn at_each_request_to_the_forge(
    fleet: impl Fn() -> Sandbox,
    method: &'static str,
    what: &What,
    arguments: &[&str],
) {
    for_each_fault(&fleet, arguments, &format!("{method} of the forge: {what:?}"), |sandbox, nth| {
        let forge = sandbox.forge.as_ref().expect("a forge");
        forge.fail_after(nth - 1, method, "", what.clone());
        let (run, _) = sandbox.promote_once(arguments);
        let asked = forge.requests().iter().filter(|one| one.method == method).count();
        (asked >= nth).then_some(run)
    });
}

/// Runs with the Nth fault until a run is over before it, and after each once more without.
fn for_each_fault(
    fleet: &impl Fn() -> Sandbox,
    arguments: &[&str],
    what: &str,
    broken: impl Fn(&Sandbox, usize) -> Option<Run>,
) {
    let undisturbed = fleet();
    let first = undisturbed.promote(arguments);
    assert_eq!(first.code, 0, "without a fault: {first}");
    let expected = Outcome::of(&undisturbed);
    for nth in 1..ENOUGH {
        let sandbox = fleet();
        let Some(run) = broken(&sandbox, nth) else {
            assert!(nth > 1, "there is no {what} to break");
            return;
        };
        assert_ne!(run.code, 70, "{nth}. {what}: a bug: {run}");
        assert_ne!(run.code, 101, "{nth}. {what}: a panic: {run}");
        let (again, _) = sandbox.promote_once(arguments);
        assert_eq!(again.code, 0, "after the {nth}. {what}: {again}\nbefore: {run}");
        assert_eq!(Outcome::of(&sandbox), expected, "after the {nth}. {what}: {again}\nbefore: {run}");
    }
    panic!("{what}: more than {ENOUGH}");
}
