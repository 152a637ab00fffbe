//! Files of logins and helper programs.

use super::*;

#[cfg(unix)]
pub(super) fn program(folder: &std::path::Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
async fn helped(folder: &tempfile::TempDir, name: &str, path: &str) -> (Registry, Result<usize, Error>) {
    let server = Registry::start().login(basic());
    server.artifact("acme/my-app", "v1.2.3");
    let config = folder.path().join("config.json");
    std::fs::write(&config, serde_json::json!({"credHelpers": {server.host(): name}}).to_string()).unwrap();
    let credentials = CredentialSettings {
        files: vec![folder.path().join("absent.json"), config],
        path: Some(path.into()),
        environment: std::env::vars_os().chain([("GITHUB_TOKEN".into(), "canary".into())]).collect(),
        helper_timeout: Duration::from_secs(2),
        ..CredentialSettings::default()
    };
    let tags = registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await;
    (server, tags.map(|tags| tags.len()))
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_gives_the_login_and_sees_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let password = PASSWORD.replace('"', "\\\"");
    let script = format!(
        "read server; env > {0}/env; echo \"$1 $server\" > {0}/asked\nprintf '%s' '{{\"Username\":\"ci\",\"Secret\":\"{password}\"}}'",
        folder.path().display()
    );
    program(folder.path(), "docker-credential-test", &script);
    let (server, outcome) = helped(&folder, "test", &format!("relative::{}", folder.path().display())).await;
    assert_eq!(outcome.unwrap(), 1);
    assert_eq!(std::fs::read_to_string(folder.path().join("asked")).unwrap(), format!("get {}\n", server.host()));
    assert!(!std::fs::read_to_string(folder.path().join("env")).unwrap().contains("canary"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_that_gives_no_login_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "docker-credential-hangs", "exec sleep 60");
    program(folder.path(), "docker-credential-talks", "echo hello");
    program(folder.path(), "docker-credential-fails", "echo 'no keychain'; exit 1");
    program(folder.path(), "docker-credential-waits", "sleep 60; echo done");
    program(folder.path(), "docker-credential-floods", "yes floods");
    program(folder.path(), "docker-credential-pours", "head -c 100000 /dev/zero");
    program(folder.path(), "docker-credential-tells", "echo '{\"Username\":\"ci\",\"Secret\":\"canary\"}'; exit 1");
    program(folder.path(), "docker-credential-blurts", "echo \"PASSWORD=canary\"; exit 1");
    program(folder.path(), "docker-credential-silent", "exit 3");
    program(folder.path(), "docker-credential-half", "printf '{\"Username\":\"ci\"}'");
    let here = folder.path().display().to_string();
    for (name, reason) in [
        ("absent", "the credential helper `docker-credential-absent` is not in PATH"),
        ("hangs", "the credential helper `docker-credential-hangs` did not answer within 2 s"),
        ("talks", "the credential helper `docker-credential-talks` did not answer with a user and a secret"),
        ("fails", "the credential helper `docker-credential-fails` refused: no keychain"),
        ("waits", "the credential helper `docker-credential-waits` did not answer within 2 s"),
        ("floods", "the credential helper `docker-credential-floods` did not answer within 2 s"),
        ("pours", "the credential helper `docker-credential-pours` answered without end"),
        ("tells", "the credential helper `docker-credential-tells` refused"),
        ("blurts", "the credential helper `docker-credential-blurts` refused"),
        ("silent", "the credential helper `docker-credential-silent` refused"),
        ("half", "the credential helper `docker-credential-half` did not answer with a user and a secret"),
        ("../x", "the credential helper `docker-credential-../x` is no name of a program"),
    ] {
        let (_, outcome) = helped(&folder, name, &here).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit()), (reason, Exit::Authentication));
    }
}

#[tokio::test]
async fn logins_are_taken_from_wherever_docker_and_podman_keep_them() {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let plain = |host: &str| serde_json::json!({"auths": {host: {"auth": encode(&format!("robot$ci:{PASSWORD}"))}}});
    let server = Registry::start().login(Login::Basic { user: "robot$ci".into(), password: PASSWORD.into() });
    server.artifact("acme/my-app", "v1.2.3");
    let host = server.host();
    for text in [
        plain(&host),
        plain(&format!("https://{host}/v1/")),
        plain(&format!("http://{host}/v2/")),
        plain(&format!("{host}/acme")),
        plain(&format!("{host}/acme/my-app")),
        serde_json::json!({"auths": {&host: {"username": "robot$ci", "password": PASSWORD}}}),
        // Without a helper of that name for this host, and with an entry that says nothing.
        serde_json::json!({"credHelpers": {"other.example": "absent"}, "auths": {
            &host: {}, format!("{host}/acme"): {"auth": encode(&format!("robot$ci:{PASSWORD}"))}}}),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("auth.json");
        std::fs::write(&file, text.to_string()).unwrap();
        let credentials = CredentialSettings { files: vec![file], ..CredentialSettings::default() };
        let outcome = registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await;
        assert!(outcome.is_ok(), "{text}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_token_for_the_registry_itself_is_sent_to_it_and_to_no_token_server() {
    let server = Registry::start().login(token_login());
    server.artifact("acme/my-app", "v1.2.3");
    let text = serde_json::json!({"auths": {server.host(): {"registrytoken": "canary-registry"}}}).to_string();
    let credentials = CredentialSettings { inline: Some(Token::new(text)), ..CredentialSettings::default() };
    let outcome = registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await;
    assert_eq!(code(&outcome), ("registry-denied", Exit::Authentication));
    assert!(server.paths().iter().all(|path| !path.contains("/token")), "{:?}", server.paths());
    let carried = server.requests().into_iter().filter_map(|seen| seen.headers.get("authorization").cloned());
    assert!(carried.into_iter().any(|value| value == "Bearer canary-registry"));
    assert_no_secret(&format!("{outcome:?}"), "", "canary-registry");
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_in_a_relative_folder_of_the_path_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "docker-credential-planted", "echo planted");
    let depth = std::env::current_dir().unwrap().components().count() - 1;
    let relative = format!("{}{}", "../".repeat(depth), folder.path().display().to_string().trim_start_matches('/'));
    assert!(PathBuf::from(&relative).join("docker-credential-planted").exists());
    let (_, outcome) = helped(&folder, "planted", &relative).await;
    assert_eq!(outcome.unwrap_err().to_string(), "the credential helper `docker-credential-planted` is not in PATH");
}

#[tokio::test]
async fn a_login_for_a_namespace_goes_before_the_one_for_its_host() {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let server = Registry::start().login(basic());
    server.artifact("acme/my-app", "v1.2.3");
    let text = serde_json::json!({"auths": {
        server.host(): {"auth": encode("ci:of-the-host")},
        format!("{}/acme", server.host()): {"auth": encode(&format!("ci:{PASSWORD}"))},
    }});
    let credentials =
        CredentialSettings { inline: Some(Token::new(text.to_string())), ..CredentialSettings::default() };
    assert!(registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await.is_ok());
}

#[tokio::test]
async fn a_file_of_logins_that_can_t_be_read_is_named_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Registry::start().login(basic());
    server.artifact("acme/my-app", "v1.2.3");
    let host = server.host();
    for text in [
        r#"{"auths": {"x": {"auth": "canary"}}"#.to_owned(),
        serde_json::json!({"auths": {&host: {"auth": "canary"}}}).to_string(),
        "canary".to_owned(),
    ] {
        let file = folder.path().join("config.json");
        std::fs::write(&file, text).unwrap();
        let credentials = CredentialSettings { files: vec![file.clone()], ..CredentialSettings::default() };
        let outcome = registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await;
        assert_eq!(code(&outcome), ("login-unreadable", Exit::Authentication));
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), format!("the logins in `{}` can't be read", file.display()));
        assert!(!format!("{error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_file_of_logins_after_the_one_that_decides_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let server = Registry::start().login(basic());
    server.artifact("acme/my-app", "v1.2.3");
    let broken = folder.path().join("auth.json");
    std::fs::write(&broken, "{").unwrap();
    let credentials = CredentialSettings { files: vec![broken], ..login_for(&server.host(), "ci", PASSWORD) };
    assert!(registries(Settings { credentials, ..Settings::default() }).tags(&app(&server)).await.is_ok());
}
