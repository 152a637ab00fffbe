//! A plan of 1,000 apps in three environments with 200 tags each, beside one curl that asks the same of the registry.
//!
//! With a real registry on loopback: it prints what is missing where that, or the folder `shared` beside the repository,
//! is not there. It fails if the plan isn't the one that the fleet was made to have.

#[path = "../tests/support/servers.rs"]
mod servers;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use servers::RealRegistry;

/// How often each is measured.
const ROUNDS: usize = 5;
/// Where GNU time is: it tells the peak of a child's memory.
const TIME: &str = "/usr/bin/time";

fn main() -> ExitCode {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let mut missing = servers::missing();
    missing.extend((!servers::is_there("python3")).then_some("python3"));
    missing.extend((!Path::new(TIME).exists()).then_some(TIME));
    missing.extend((!shared.join("bench/make_fleet.py").exists()).then_some("../shared/bench"));
    if !missing.is_empty() {
        println!("plan: not measured, for want of {}", missing.join(", "));
        return ExitCode::SUCCESS;
    }
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("promote-bench-").tempdir_in(parent).expect("a folder");
    let registry = RealRegistry::start(&shared, &folder.path().join("registry"), "plain");
    let made = Command::new("python3")
        .arg(shared.join("bench/make_fleet.py"))
        .args(["--apps", "1000", "--registry", &registry.host, "--repo"])
        .arg(folder.path().join("fleet"))
        .arg("--store")
        .arg(registry.store())
        .stdout(Stdio::null())
        .status();
    assert!(made.expect("python3").success(), "the fleet");
    compare(folder.path(), &registry);
    ExitCode::SUCCESS
}

/// Takes both in turn and prints what they cost.
fn compare(folder: &Path, registry: &RealRegistry) {
    let before = registry.requests().len();
    plan(folder);
    let requests = registry.requests();
    let asked: Vec<&str> = requests.iter().skip(before).filter_map(|line| path(line)).collect();
    let config: String = asked
        .iter()
        .map(|path| format!("url = \"http://{}{path}\"\noutput = \"/dev/null\"\n", registry.host))
        .collect();
    let accept = "header = \"Accept: application/vnd.oci.image.manifest.v1+json\"\nsilent\nfail\n";
    fs::write(folder.join("curl.config"), format!("{accept}{config}")).expect("a file");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(plan(folder));
        let mut curl = Command::new(TIME);
        curl.args(["-f", "%M", "-o"]).arg(folder.join("memory"));
        curl.args(["curl", "--parallel", "--parallel-max", "8", "--config"]).arg(folder.join("curl.config"));
        theirs.push(timed(curl, folder).0);
    }
    println!("1,000 apps in 3 environments, 200 tags each; median of {ROUNDS}; {} requests", asked.len());
    for (name, measured) in [("promote plan", &mut ours), ("curl, 8 at once", &mut theirs)] {
        measured.sort();
        let (time, memory) = measured[ROUNDS / 2];
        println!("{name:16} {:>6.2} s {:>6} MiB at most", time.as_secs_f64(), memory / 1024);
    }
}

/// Runs `promote plan`, which must answer what the fleet was made to have; returns how long it took and its peak in KiB.
fn plan(folder: &Path) -> (Duration, u64) {
    let mut command = Command::new(TIME);
    command
        .args(["-f", "%M", "-o"])
        .arg(folder.join("memory"))
        .args([env!("CARGO_BIN_EXE_promote"), "plan", "-o", "json"])
        .current_dir(folder.join("fleet"))
        .env("HOME", folder);
    let (measured, printed) = timed(command, folder);
    let plan: serde_json::Value = serde_json::from_str(&printed).expect("a plan");
    let steps = plan["steps"].as_array().expect("steps");
    let due = steps.iter().filter(|step| step["environment"] == "production" && step["verdict"] == "advance");
    let tag = |chosen: &serde_json::Value| chosen["tag"].as_str().or(chosen.as_str()).map(str::to_owned);
    let due: BTreeMap<String, Option<String>> =
        due.map(|step| (step["app"].as_str().unwrap_or_default().to_owned(), tag(&step["to"]))).collect();
    let expected = fs::read_to_string(folder.join("fleet.expected.json")).expect("the answers");
    let expected: serde_json::Value = serde_json::from_str(&expected).expect("the answers");
    let expected = expected.as_array().into_iter().flatten().filter(|app| app["promote_to"].is_string());
    let expected: BTreeMap<String, Option<String>> = expected
        .map(|app| (app["app"].as_str().unwrap_or_default().to_owned(), app["promote_to"].as_str().map(str::to_owned)))
        .collect();
    assert_eq!(due, expected, "the plan");
    measured
}

fn timed(mut command: Command, folder: &Path) -> ((Duration, u64), String) {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("the program");
    let time = start.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    let memory = fs::read_to_string(folder.join("memory")).expect("the peak").trim().parse().expect("a number");
    ((time, memory), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns what was asked for in a line of the access log: `… "GET /v2/… HTTP/1.1" …`.
fn path(line: &str) -> Option<&str> {
    line.split_once("\"GET ")?.1.split(' ').next()
}
