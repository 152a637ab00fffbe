//! The walk of large fleets: `cargo bench --bench inventory`.
//!
//! 3,000 files, of 1,000 apps in three environments, take less than 0.2 s and 100 MiB; ten times the files take less than
//! eleven times as long (of processor time, which a busy machine does not change); and of 20,000 files only those are read that the environments follow.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use promote::commands::parse_ahead;
use promote::inventory::{Reach, Scope, Walk, Walker};
use promote::model::{
    BlobId, Entry, EntryKind, Environment, Extent, Inventory, Order, RepoPath, Rules, Snapshot, Stage, Stages,
};

/// Each figure is the median of so many walks.
const ROUNDS: usize = 7;

/// A fleet that was made up, its environments, and what a walk of it is to find.
struct Fleet {
    name: &'static str,
    files: BTreeMap<String, String>,
    scope: Scope,
    sources: usize,
    read: usize,
}

fn main() {
    let small = measure(&globs(1000));
    let large = measure(&globs(10_000));
    println!("ten times the files take {:.1} times as long", large.as_secs_f64() / small.as_secs_f64());
    let small = measure(&tree(1000, 3000));
    let large = measure(&tree(10_000, 30_000));
    println!("ten times the files take {:.1} times as long", large.as_secs_f64() / small.as_secs_f64());
    let small = measure(&foreign(450));
    let large = measure(&foreign(4_500));
    println!("ten times the files take {:.1} times as long", large.as_secs_f64() / small.as_secs_f64());
    measure(&tree(10, 20_000));
}

/// One file an app and environment, found by a pattern; the environments as `promote.yaml` names them.
fn globs(apps: usize) -> Fleet {
    let mut files = BTreeMap::new();
    for app in 0..apps {
        for (environment, reference) in
            [("dev", "semver: \">=1.0.0\""), ("staging", "semver: \"~1.2\""), ("prod", "tag: v1.2.3 # pinned")]
        {
            files.insert(
                format!("apps/app-{app:05}/{environment}.yaml"),
                manifests(&format!("app-{app:05}"), reference),
            );
        }
    }
    let environments = [("dev", "apps/*/dev.yaml"), ("staging", "apps/*/staging.yaml"), ("prod", "apps/*/prod.yaml")];
    let scope = scope(environments.map(|(name, pattern)| (name, Extent::Glob(pattern.to_owned()))));
    Fleet { name: "a file per environment", read: files.len(), files, scope, sources: 3 * apps }
}

/// A base, and an overlay per environment with a patch for each app, among other files.
fn tree(apps: usize, all: usize) -> Fleet {
    let mut files = BTreeMap::new();
    let mut base = String::from("resources:\n");
    for app in 0..apps {
        files.insert(format!("base/app-{app:05}.yaml"), manifests(&format!("app-{app:05}"), "semver: \">=1.0.0\""));
        base.push_str(&format!("- app-{app:05}.yaml\n"));
    }
    files.insert("base/kustomization.yaml".to_owned(), base);
    for environment in ["staging", "prod"] {
        let mut overlay = String::from("resources: [../../base]\npatches:\n");
        for app in 0..apps {
            let patch = format!(
                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: app-{app:05}\n  namespace: \
                 flux-system\nspec:\n  ref:\n    semver: 1.2.3\n"
            );
            files.insert(format!("envs/{environment}/app-{app:05}.yaml"), patch);
            overlay.push_str(&format!("- path: app-{app:05}.yaml\n"));
        }
        files.insert(format!("envs/{environment}/kustomization.yaml"), overlay);
        let root = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps, namespace: \
             flux-system}}\nspec:\n  path: ./envs/{environment}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n"
        );
        files.insert(format!("clusters/{environment}/apps.yaml"), root);
    }
    let read = files.len();
    for other in files.len()..all {
        files.insert(format!("other/{:03}/{other:05}.yaml", other % 100), "a: 1\n".repeat(40));
    }
    let directory = |path: &str| Extent::Directory(path.parse().expect("a path"));
    let scope = scope([("staging", directory("clusters/staging")), ("prod", directory("clusters/prod"))]);
    Fleet { name: "a tree of kustomizations", files, scope, sources: 2 * apps, read }
}

/// Flux Kustomizations of a source that nothing here declares, each with a directory, in which there is one more.
fn foreign(apps: usize) -> Fleet {
    let mut files = BTreeMap::new();
    for app in 0..apps {
        let name = format!("app-{app:05}");
        let kustomization = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec:\n  path: ./apps/{name}\n  sourceRef: {{kind: GitRepository, name: fleet-{app}}}\n"
        );
        files.insert(format!("clusters/prod/{name}.yaml"), kustomization);
        files.insert(format!("apps/{name}/source.yaml"), manifests(&name, "tag: v1.2.3"));
    }
    let scope = scope([("prod", Extent::Directory("clusters/prod".parse().expect("a path")))]);
    Fleet { name: "kustomizations of sources elsewhere", read: files.len(), files, scope, sources: apps }
}

fn manifests(name: &str, reference: &str) -> String {
    format!(
        "# {name}\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: {name}\n  namespace: \
         flux-system\nspec:\n  interval: 5m\n  url: oci://registry.example.com/{name}-config\n  ref:\n    {reference}\n---\n\
         apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: \
         flux-system\nspec:\n  interval: 10m\n  prune: true\n  sourceRef:\n    kind: OCIRepository\n    name: {name}\n  path: \
         ./\n  wait: true\n"
    )
}

fn scope<const COUNT: usize>(environments: [(&str, Extent); COUNT]) -> Scope {
    let stage = |(name, extent): (&str, Extent)| Stage {
        name: name.parse().expect("a name"),
        environments: vec![Environment {
            name: name.parse().expect("a name"),
            extent,
            rules: Rules::default(),
            place: None,
        }],
    };
    let stages = Stages { order: Order::Configured, stages: environments.map(stage).into() };
    Scope { stages, apps: Vec::new(), remotes: Vec::new(), reach: Reach::Environments }
}

/// Walks a fleet some times, prints what that cost, and returns how long one takes.
fn measure(fleet: &Fleet) -> Duration {
    let (mut times, mut passed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (start, begun) = (worked(), Instant::now());
        let (inventory, snapshot, rounds) = inventory(fleet);
        passed.push(begun.elapsed());
        times.push((worked() - start, rounds));
        assert_eq!((inventory.sources.len(), snapshot.blobs.len()), (fleet.sources, fleet.read), "{}", fleet.name);
    }
    times.sort();
    passed.sort();
    let (time, rounds) = times[ROUNDS / 2];
    println!(
        "{}: {} files, {} read in {rounds} rounds, {} sources: {:.3} s, {:.2} s of processors; {} MiB at most so far",
        fleet.name,
        fleet.files.len(),
        fleet.read,
        fleet.sources,
        passed[ROUNDS / 2].as_secs_f64(),
        time.as_secs_f64(),
        peak() / 1024
    );
    time
}

/// Walks as the commands do: files are given as they are asked for.
fn inventory(fleet: &Fleet) -> (Inventory, Snapshot, usize) {
    let entry = |path: &String| Entry { id: BlobId(path.clone()), kind: EntryKind::File };
    let entries = fleet.files.keys().map(|path| (path.parse::<RepoPath>().expect("a path"), entry(path)));
    let mut snapshot =
        Snapshot { commit: String::new(), entries: Arc::new(entries.collect()), blobs: Default::default() };
    let walker = Walker::default();
    for rounds in 1.. {
        parse_ahead(&walker, &snapshot);
        match walker.walk(&snapshot, &fleet.scope) {
            Walk::Done(inventory) => return (inventory, snapshot, rounds),
            Walk::Needs(paths) => {
                for path in paths {
                    let text = fleet.files[path.as_str()].as_bytes();
                    snapshot.blobs.insert(BlobId(path.as_str().to_owned()), Arc::from(text));
                }
            }
        }
    }
    unreachable!("a walk ends")
}

/// The processor time of this process so far, threads that ended included.
fn worked() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The most memory that this process ever held, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
