//! Every effect of a promotion breaks in turn, before it is done and after, in every way: whatever happens all oracles
//! hold, the exit code is the contract's, and one clean run leads to what a run without the fault leads to.
//!
//! Only with the feature `failpoints`: `cargo test --features failpoints --test failpoints`.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use support::faults::Outcome;
use support::fleet::{configured, on_github};
use support::forge::PullState;
use support::{Run, Sandbox};

const PROMOTE: &[&str] = &["my-app", "v1.2.3"];
/// A promotion passes at least as many points, or effects have lost theirs.
const FEWEST: usize = 30;
/// No promotion passes as many.
const ENOUGH: usize = 300;
/// Runs wait for each other less than for the network and for deadlines.
const AT_ONCE: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Before,
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Fail,
    Hang,
    Full,
    Interrupt,
    Terminate,
    Kill,
}

const FAULTS: [Fault; 6] = [Fault::Fail, Fault::Hang, Fault::Full, Fault::Interrupt, Fault::Terminate, Fault::Kill];

/// Staging follows a range that selects v1.2.3; production pins v1.2.1; commits are signed; grace can't be asked.
fn fleet() -> Sandbox {
    on_github()
        .file(
            "promote.yaml",
            &configured(
                "",
                "pull_request: {reviewers: [grace]}
",
            ),
        )
        .sign_by_ssh()
}

/// The points that a run has passed, and the name of the one that broke.
fn passed(fleet: &Sandbox) -> (usize, Option<String>) {
    let text = fs::read_to_string(fleet.path("failpoints")).unwrap_or_default();
    let broken = text.lines().find_map(|line| line.strip_suffix(" broken"));
    (text.lines().count(), broken.map(str::to_owned))
}

/// The deadlines of a run in which something hangs, in milliseconds: so short a one ends a run on a busy machine before it
/// has come to its point, or at another one, and only the last has to be right.
const DEADLINES: [u32; 5] = [200, 800, 3_200, 12_800, 51_200];

/// Runs with one point broken, then without, and returns the point's name; none if there are fewer.
fn break_one(number: usize, moment: Moment, fault: Fault, expected: &Outcome) -> Option<String> {
    let trap = format!("{number} {moment:?} {fault:?}").to_lowercase();
    let mut deadlines = DEADLINES.iter().map(ToString::to_string);
    let (fleet, run, name) = loop {
        let deadline = deadlines.next();
        let fleet = fleet();
        let log = fleet.path("failpoints").display().to_string();
        let mut variables = vec![("PROMOTE_FAILPOINT", trap.as_str()), ("PROMOTE_FAILPOINT_LOG", log.as_str())];
        variables.extend(
            deadline
                .as_deref()
                .filter(|_| fault == Fault::Hang)
                .map(|deadline| ("PROMOTE_FAILPOINT_DEADLINE", deadline)),
        );
        let (run, _) = fleet.promote_in(&variables, PROMOTE);
        let (count, broken) = passed(&fleet);
        let may_be_slow = fault == Fault::Hang && deadlines.len() > 0;
        match broken {
            Some(name) if !may_be_slow || codes(&name, fault).contains(&run.code) => break (fleet, run, name),
            None if run.code == 0 && count < number => return None,
            _ if may_be_slow => {}
            _ => panic!("{trap}: {count} points were passed: {run}"),
        }
    };
    let what = format!("{trap}: {name}");
    ends_as_it_should(&what, &name, fault, &fleet, &run);
    let (again, _) = fleet.promote_once(PROMOTE);
    assert_eq!(again.code, 0, "after {what}: {again}\nbefore: {run}");
    assert_eq!(Outcome::of(&fleet), *expected, "after {what}: {again}\nbefore: {run}");
    Some(name)
}

/// The exit codes that a run may end with whose point of this name breaks.
fn codes(name: &str, fault: Fault) -> &'static [i32] {
    let is_http = name.contains(" GET ") || name.contains(" POST ") || name.contains(" HEAD ");
    let is_output = name.contains(" tell ") || name.contains(" print the result ");
    match fault {
        Fault::Fail if is_output => &[0],
        Fault::Fail if is_http => &[0, 5],
        Fault::Fail => &[0, 8],
        Fault::Full => &[0, 8],
        // On the spot nothing has a deadline, and somebody loses patience.
        Fault::Hang if name.ends_with(" on the spot") => &[143],
        // A signer may wait for a person, who doesn't come.
        Fault::Hang if name.contains(" ssh-keygen ") => &[8],
        Fault::Hang => &[0, 5],
        Fault::Interrupt => &[130, 0],
        Fault::Terminate => &[143, 0],
        Fault::Kill => &[137],
    }
}

fn ends_as_it_should(what: &str, name: &str, fault: Fault, fleet: &Sandbox, run: &Run) {
    assert!(codes(name, fault).contains(&run.code), "{what}: {run}");
    if run.code == 8 && fault == Fault::Full {
        assert!(fleet.branches().is_empty(), "{what}: a full disk is found before the push: {run}");
    }
    // Where telling itself hangs, nothing more can be told.
    let is_mute = fault == Fault::Hang && name.contains(" tell ");
    if (run.code == 130 || run.code == 143) && !is_mute {
        tells_what_exists(what, fleet, run);
    }
}

/// Who interrupts a run is told what is on the remote and the forge; what isn't known is called so.
fn tells_what_exists(what: &str, fleet: &Sandbox, run: &Run) {
    let (branches, pulls) = (fleet.branches(), fleet.pulls());
    let said = |text: &str| run.stderr.contains(text);
    assert!(said("error: interrupted: "), "{what}: {run}");
    if said("nothing was written") {
        assert!(branches.is_empty() && pulls.is_empty(), "{what}: something was written: {branches:?}: {run}");
    } else if said(" may be pushed or not") {
        assert!(pulls.is_empty(), "{what}: a pull request is open: {run}");
    } else {
        assert!(said(&format!("the branch `{}` is pushed", branches[0])), "{what}: {run}");
        if said("without a pull request yet") {
            assert!(pulls.is_empty(), "{what}: a pull request is open: {run}");
        }
        if said("its pull request is open: ") {
            assert!(pulls.len() == 1 && said(&format!("/pull/{}", pulls[0].number)), "{what}: {run}");
        }
    }
}

#[test]
fn every_effect_may_break_at_any_time_in_any_way() {
    let undisturbed = fleet();
    let log = undisturbed.path("failpoints").display().to_string();
    let (run, _) = undisturbed.promote_in(&[("PROMOTE_FAILPOINT_LOG", &log)], PROMOTE);
    assert_eq!(run.code, 0, "{run}");
    let (points, _) = passed(&undisturbed);
    assert!(points >= FEWEST, "{points}");
    let expected = Outcome::of(&undisturbed);
    assert_eq!(undisturbed.branches().len(), 1, "{run}");
    assert!(undisturbed.pulls().iter().map(|pull| pull.state).eq([PullState::Open]), "{run}");

    let ways: Vec<(Moment, Fault)> =
        FAULTS.into_iter().flat_map(|fault| [(Moment::Before, fault), (Moment::After, fault)]).collect();
    let next = AtomicUsize::new(0);
    let broken: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let wrong: Mutex<Vec<String>> = Mutex::default();
    // Numbers outside, ways inside: who is done early takes the next.
    let over: Vec<AtomicBool> = ways.iter().map(|_| AtomicBool::new(false)).collect();
    let work = || {
        while over.iter().any(|way| !way.load(Ordering::SeqCst)) {
            let job = next.fetch_add(1, Ordering::SeqCst);
            let (number, way) = (job / ways.len() + 1, job % ways.len());
            assert!(number < ENOUGH, "more than {ENOUGH} points");
            let (moment, fault) = ways[way];
            if over[way].load(Ordering::SeqCst) {
                continue;
            }
            // One that fails doesn't keep the others from being tried.
            let one = std::panic::catch_unwind(|| break_one(number, moment, fault, &expected));
            match one {
                Ok(Some(_)) => {
                    *broken.lock().expect("the counts").entry(format!("{fault:?} {moment:?}")).or_default() += 1;
                }
                Ok(None) => over[way].store(true, Ordering::SeqCst),
                Err(_) => wrong.lock().expect("the list").push(format!("{number} {moment:?} {fault:?}")),
            }
        }
    };
    std::thread::scope(|scope| {
        for worker in (0..AT_ONCE).map(|_| scope.spawn(work)).collect::<Vec<_>>() {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let wrong = wrong.into_inner().expect("the list");
    assert!(wrong.is_empty(), "see above: {wrong:?}");
    let broken = broken.into_inner().expect("the counts");
    println!("{points} points; runs with a fault, each followed by a clean one: {}", broken.values().sum::<usize>());
    for (way, runs) in &broken {
        println!("{way}: {runs}");
        assert!(*runs >= FEWEST, "{way}: {runs}");
    }
}
