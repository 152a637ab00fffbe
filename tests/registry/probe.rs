//! What `doctor` learns of a registry.

use promote::registry::LoginSource;

use super::*;

#[tokio::test]
async fn a_probe_tells_whether_a_registry_answers_and_takes_the_login() {
    for (login, asks) in [(Login::None, false), (basic(), true), (token_login(), true)] {
        let server = Registry::start().login(login);
        let probe = logged_in(&server).probe(&server.host()).await;
        assert!(probe.problem.is_none(), "{probe:?}");
        assert_eq!((probe.login, probe.asks, probe.plain_http), (LoginSource::Variable, asks, true));
    }
    for login in [basic(), token_login()] {
        let server = Registry::start().login(login);
        for registries in [anonymous(), wrong(&server)] {
            let problem = registries.probe(&server.host()).await.problem.unwrap();
            assert_eq!((problem.code(), problem.exit()), ("login-refused", Exit::Authentication));
        }
    }
}

fn wrong(server: &Registry) -> Registries {
    registries(Settings { credentials: login_for(&server.host(), "ci", "wrong"), ..Settings::default() })
}

#[tokio::test]
async fn a_probe_tells_why_a_registry_can_t_be_read() {
    let (_socket, gone) = refusing();
    let problem = anonymous().probe(&gone).await.problem.unwrap();
    assert_eq!(problem.code(), "unreachable");
    let web = Registry::start();
    web.fault(0, Fault::Answer(404, Vec::new(), b"not here".to_vec()));
    assert_eq!(anonymous().probe(&web.host()).await.problem.unwrap().code(), "answer-unusable");
}

#[tokio::test]
async fn a_layout_is_probed_without_any_network() {
    let folder = tempfile::tempdir().unwrap();
    let at = |layout: PathBuf| {
        let host = HostSettings { layout: Some(layout), ..HostSettings::default() };
        registries(Settings { registries: [("reg.example".to_owned(), host)].into(), ..Settings::default() })
    };
    assert!(at(folder.path().to_owned()).probe("reg.example").await.problem.is_none());
    let problem = at(folder.path().join("absent")).probe("reg.example").await.problem.unwrap();
    assert_eq!((problem.code(), problem.exit()), ("layout-unreadable", Exit::Local));
}
