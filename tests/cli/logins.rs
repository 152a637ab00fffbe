//! Logins of registries: wherever Docker and podman keep them.

use std::fs;

use crate::fleet::*;
use crate::support::Sandbox;
use crate::support::sandbox::ARTIFACT;

/// A fleet, and the text of Docker's configuration, which no longer stands where Docker keeps it.
fn without_logins() -> (Sandbox, String) {
    let fleet = fleet();
    fleet.settle();
    let path = fleet.path("home/.docker/config.json");
    let text = fs::read_to_string(&path).expect("the logins");
    fs::remove_file(&path).expect("the file");
    (fleet, text)
}

fn write(fleet: &Sandbox, path: &str, text: &str) {
    let path = fleet.path(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

#[test]
fn a_login_is_found_in_each_place_where_docker_and_podman_keep_it() {
    let (fleet, text) = without_logins();
    let run = fleet.promote(&["tags", "my-app"]);
    assert_eq!(run.code, 4, "{run}");
    let below = |name: &str| fleet.path(name).display().to_string();
    for (place, variables) in [
        ("home/.docker/config.json", vec![]),
        ("docker/config.json", vec![("DOCKER_CONFIG", below("docker"))]),
        ("ci/logins.json", vec![("REGISTRY_AUTH_FILE", below("ci/logins.json"))]),
        ("run/containers/auth.json", vec![("XDG_RUNTIME_DIR", below("run"))]),
        ("home/.config/containers/auth.json", vec![]),
        ("config/containers/auth.json", vec![("XDG_CONFIG_HOME", below("config"))]),
    ] {
        write(&fleet, place, &text);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (run, _) = fleet.promote_in(&variables, &["tags", "my-app"]);
        assert_eq!(run.code, 0, "{place}: {run}");
        fs::remove_file(fleet.path(place)).expect("the file");
        let (run, _) = fleet.promote_in(&variables, &["tags", "my-app"]);
        assert_eq!(run.code, 4, "{place} is gone: {run}");
    }
    let (run, _) = fleet.promote_in(&[("DOCKER_AUTH_CONFIG", &text)], &["tags", "my-app"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn the_first_place_that_has_a_login_decides_and_is_named() {
    let (fleet, text) = without_logins();
    write(&fleet, "home/.docker/config.json", &text);
    // The same user and another password.
    write(
        &fleet,
        "ci/logins.json",
        &format!("{{\"auths\": {{\"{}\": {{\"auth\": \"cm9ib3QkY2k6b3RoZXI=\"}}}}}}", fleet.registry.host()),
    );
    let file = fleet.path("ci/logins.json").display().to_string();
    let (run, _) = fleet.promote_in(&[("REGISTRY_AUTH_FILE", &file)], &["tags", "my-app"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("ci/logins.json"), "{run}");
    // A place that knows other registries only is passed over.
    write(&fleet, "ci/logins.json", "{\"auths\": {\"other.example\": {\"auth\": \"cm9ib3QkY2k6b3RoZXI=\"}}}");
    let (run, _) = fleet.promote_in(&[("REGISTRY_AUTH_FILE", &file)], &["tags", "my-app"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn docker_hub_is_meant_by_each_of_its_names_and_its_own_images_are_below_library() {
    let fleet = fleet().artifact("library/nginx", &["1.27.0"]).artifact(ARTIFACT, &["v9.9.9"]);
    let host = fleet.registry.host();
    let fleet = fleet.setting("promote.docker.io.mirror", &host);
    for name in ["oci://docker.io/nginx", "oci://index.docker.io/nginx", "oci://docker.io/library/nginx"] {
        let run = fleet.promote(&["tags", name, "-o", "json"]);
        assert_eq!(run.code, 0, "{name}: {run}");
        assert_eq!(run.json()["tags"][0]["tag"], "1.27.0", "{name}: {run}");
    }
}
