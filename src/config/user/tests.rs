//! What the user may configure, and which origin wins.

use insta::assert_snapshot;

use super::*;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn file(text: &str) -> Option<(PathBuf, String)> {
    Some((PathBuf::from("/home/me/.config/promote/config.yaml"), text.to_owned()))
}

const FILE: &str = "\
registries:
  registry.example.com: {layout: layouts/one, mirror: mirror.corp, plain_http: true, realms: [auth.corp], ca: /ca.pem}
forges:
  git.corp: {kind: gitlab, api: 'https://git.corp/api/v4', plain_http: false, ca: own.pem}
proxy: http://me:hunter2@proxy.corp:3128
ca: ~/ca.pem
";

#[test]
fn the_file_says_how_hosts_are_reached_and_paths_start_from_its_folder() {
    let environment = pairs(&[("HOME", "/home/me")]);
    let sources = Sources { file: file(FILE), environment: &environment, ..Sources::default() };
    let settings = Settings::merge(&sources).expect("settings");

    let registry = settings.registry("Registry.example.com").expect("a registry");
    let layout = registry.layout.as_ref().expect("a layout");
    assert_eq!(layout.value, PathBuf::from("/home/me/.config/promote/layouts/one"));
    assert_eq!(layout.origin.to_string(), "/home/me/.config/promote/config.yaml:2:34");
    assert_eq!(registry.mirror.as_ref().map(|one| one.value.as_str()), Some("mirror.corp"));
    assert_eq!(registry.realms.as_ref().map(|one| one.value.clone()), Some(vec!["auth.corp".to_owned()]));
    assert_eq!(registry.plain_http.as_ref().map(|one| one.value), Some(true));
    assert_eq!(settings.forge_kind("git.corp"), Some(ForgeKind::Gitlab));
    assert_eq!(settings.ca.as_ref().map(|one| one.value.clone()), Some(PathBuf::from("/home/me/ca.pem")));
    let proxy = &settings.proxy.as_ref().expect("a proxy").value;
    assert_eq!(proxy.expose(), "http://me:hunter2@proxy.corp:3128/");
    assert!(!format!("{settings:?} {proxy}").contains("hunter2"));
}

#[test]
fn gits_configuration_names_the_host_and_writes_dashes_and_repeated_keys() {
    let local = pairs(&[
        ("user.name", "me"),
        ("promote.registry.example.com:5000.layout", "layouts"),
        ("promote.registry.example.com:5000.plain-http", "true"),
        ("promote.registry.example.com:5000.realms", "a.corp"),
        ("promote.registry.example.com:5000.realms", "b.corp:8080"),
        ("promote.git.corp.kind", "gitea"),
        ("promote.git.corp.kind", "forgejo"),
        ("promote.proxy", "proxy.corp:3128"),
        ("promote.ca", "/ca.pem"),
    ]);
    let sources = Sources { git_local: &local, clone: Some("/src/fleet".into()), ..Sources::default() };
    let settings = Settings::merge(&sources).expect("settings");

    let registry = settings.registry("registry.example.com:5000").expect("a registry");
    let layout = registry.layout.as_ref().expect("a layout");
    assert_eq!(layout.value, PathBuf::from("/src/fleet/layouts"));
    assert_snapshot!(layout.origin, @"`promote.registry.example.com:5000.layout` in the clone's Git configuration");
    assert_eq!(registry.realms.as_ref().map(|one| one.value.len()), Some(2));
    assert_eq!(registry.plain_http.as_ref().map(|one| one.value), Some(true));
    assert_eq!(settings.forge_kind("git.corp"), Some(ForgeKind::Forgejo), "the last one counts, as for Git");
    assert_eq!(settings.proxy.expect("a proxy").value.to_string(), "http://proxy.corp:3128");
}

#[test]
fn the_first_origin_that_has_a_setting_wins() {
    let environment = pairs(&[("SSL_CERT_FILE", "/environment.pem")]);
    let local = pairs(&[("promote.r.example.mirror", "local.example"), ("promote.ca", "/local.pem")]);
    let global = pairs(&[
        ("promote.r.example.mirror", "global.example"),
        ("promote.r.example.realms", "global.example"),
        ("promote.proxy", "http://global.example"),
    ]);
    let text = "registries: {r.example: {mirror: file.example, layout: /file, realms: [file.example]}}\n";
    let all =
        Sources { file: file(text), git_local: &local, git_global: &global, environment: &environment, clone: None };
    let settings = Settings::merge(&all).expect("settings");

    let registry = settings.registry("r.example").expect("a registry");
    assert_eq!(registry.mirror.as_ref().map(|one| one.value.as_str()), Some("local.example"));
    assert_eq!(registry.layout.as_ref().map(|one| one.value.clone()), Some(PathBuf::from("/file")));
    assert_eq!(registry.realms.as_ref().map(|one| one.value.clone()), Some(vec!["file.example".to_owned()]));
    assert_snapshot!(settings.ca.expect("a certificate").origin, @"the variable SSL_CERT_FILE");
    assert_snapshot!(settings.proxy.expect("a proxy").origin, @"`promote.proxy` in your Git configuration");
}

#[test]
fn what_is_wrong_is_named_with_its_origin_and_a_next_step() {
    let complaint = |text: &str, local: &[(&str, &str)]| {
        let local = pairs(local);
        let sources = Sources { file: file(text), git_local: &local, ..Sources::default() };
        let error = Settings::merge(&sources).expect_err("an error");
        format!("{error}; help: {}", error.hint().expect("a hint"))
    };
    assert_snapshot!(complaint("registry: {}\n", &[]), @"/home/me/.config/promote/config.yaml:1:1: unknown key `registry`; help: did you mean `registries`?");
    assert_snapshot!(complaint("registries: {r.example: {layuot: a}}\n", &[]), @"/home/me/.config/promote/config.yaml:1:26: unknown key `layuot`; help: did you mean `layout`?");
    assert_snapshot!(complaint("registries: {https://r.example: {}}\n", &[]), @"/home/me/.config/promote/config.yaml:1:14: `https://r.example` is no host; help: write the host, and its port if it has one: `registry.example.com:5000`");
    assert_snapshot!(complaint("registries: {r.example: {plain_http: sure}}\n", &[]), @"/home/me/.config/promote/config.yaml:1:38: expected `true` or `false`, found a text; help: write `true` or `false`");
    assert_snapshot!(complaint("forges: {git.corp: {kind: gitlabb}}\n", &[]), @"/home/me/.config/promote/config.yaml:1:27: `gitlabb` is not one of `github`, `gitlab`, `gitea`, `forgejo`; help: did you mean `gitlab`?");
    assert_snapshot!(complaint("forges: {git.corp: {api: 'https://me:hunter2@git.corp'}}\n", &[]), @"/home/me/.config/promote/config.yaml:1:26: the URL holds a user name or password; help: write it as `https://git.corp/api/v1`, without a user name or password");
    assert_snapshot!(complaint("proxy: 'ftp://me:hunter2@proxy'\n", &[]), @"/home/me/.config/promote/config.yaml:1:8: the proxy is no URL; help: write it as `http://proxy.corp:3128`");
    assert_snapshot!(complaint("", &[("promote.r.example.plain_http", "true")]), @"`promote.r.example.plain_http` in the clone's Git configuration: unknown key `plain_http`; help: did you mean `plain-http`?");
    assert_snapshot!(complaint("", &[("promote.r.example.plain-http", "maybe")]), @"`promote.r.example.plain-http` in the clone's Git configuration: `maybe` is not one of `true`, `false`; help: write one of `true`, `false`");
    assert_snapshot!(complaint("", &[("promote.prxy", "a")]), @"`promote.prxy` in the clone's Git configuration: unknown key `prxy`; help: did you mean `proxy`?");
    assert_snapshot!(complaint("", &[("promote.r.example.layout", "relative")]), @"`promote.r.example.layout` in the clone's Git configuration: `relative` is relative, and there is no clone that it could start from; help: write an absolute path");
    assert_snapshot!(complaint("", &[("promote.a b.layout", "/x")]), @"`promote.a b.layout` in the clone's Git configuration: `a b` is no host; help: write the host, and its port if it has one: `registry.example.com:5000`");
}
