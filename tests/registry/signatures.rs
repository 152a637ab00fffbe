//! Programs that verify signatures and don't answer.

use promote::model::{Demand, Digest, SignerIdentity};

use super::*;

#[tokio::test]
async fn a_verifier_that_hangs_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    credentials::program(folder.path(), "cosign", "exec sleep 60");
    let credentials = CredentialSettings {
        path: Some(std::env::join_paths([folder.path()]).unwrap()),
        environment: std::env::vars_os().collect(),
        verifier_timeout: Duration::from_secs(1),
        ..CredentialSettings::default()
    };
    let registries = registries(Settings { credentials, ..Settings::default() });
    let app = OciRepository::parse("registry.example.com/acme/my-app").unwrap();
    let identity = SignerIdentity { issuer: "x".to_owned(), subject: "y".to_owned() };
    let demand = Demand::Identities { any_of: vec![identity], root: None };
    let error = registries.signature(&app, &Digest::of(b"x"), &demand).await.unwrap_err();
    assert_eq!((error.exit(), error.to_string().as_str()), (Exit::Temporary, "`cosign` did not answer within 1 s"));
}
