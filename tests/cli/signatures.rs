//! Signatures that production's own `spec.verify` demands, verified by the user's `cosign` or `notation`.
#![cfg(unix)]

use insta::assert_snapshot;

use crate::fleet::*;
use crate::support::{Run, Sandbox};

/// A Secret in clear with the key of the tests.
const SECRET: &str = "---
apiVersion: v1
kind: Secret
metadata: {name: cosign-key, namespace: flux-system}
stringData:
  team.pub: |
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
    -----END PUBLIC KEY-----
";
const KEYED: &str = "{provider: cosign, secretRef: {name: cosign-key}}";
const KEYLESS: &str = "
    provider: cosign
    matchOIDCIdentity:
    - issuer: ^https://token\\.actions\\.githubusercontent\\.com$
      subject: ^https://github\\.com/acme/my-app/";
const NOTATION: &str = "{provider: notation, secretRef: {name: notation-trust}}";

/// Writes down what it was called with, and how; the last argument is the content.
const LOG: &str = r#"here=$(dirname "$0")/..
{ printf '%s\n' "$@"; echo; } >>"$here/asked"
env | sort >"$here/seen"
for last; do :; done
digest=${last##*@}"#;
/// What cosign 3 prints of a signature that holds.
const HOLDS: &str = r#"echo "Verification for $last --" >&2
echo
printf '[{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"%s"},"type":"https://sigstore.dev/cosign/sign/v1"},"optional":{}}]\n' "$last" "$digest""#;

/// Production demands a signature; whatever else is in its file.
fn demanding(verify: &str, more: &str) -> Sandbox {
    fleet().file(PIN, &format!("{}  verify: {verify}\n{more}", pin("v1.2.1")))
}

fn cosign(fleet: Sandbox, rest: &str) -> Sandbox {
    fleet.program("cosign", &format!("{LOG}\n{rest}"))
}

/// The arguments of each call, a line each.
fn asked(fleet: &Sandbox) -> Vec<String> {
    let text = std::fs::read_to_string(fleet.path("asked")).unwrap_or_default();
    let shown = fleet.shown(&text.replace(&digest_of("v1.2.3"), "[digest]"));
    let shown = regex::Regex::new(r"promote-git-\w+").expect("a pattern").replace_all(&shown, "[scratch]").into_owned();
    shown.split("\n\n").filter(|call| !call.is_empty()).map(|call| call.replace('\n', " ")).collect()
}

/// Nothing was promoted, with this exit code and these words.
fn refused(fleet: &Sandbox, exit: i32, words: &[&str]) -> Run {
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, exit, "{run}");
    assert!(fleet.branches().is_empty(), "{run}");
    for word in words {
        assert!(run.stderr.contains(word), "`{word}`: {run}");
    }
    run
}

#[test]
fn a_signature_by_a_key_that_the_repository_holds_lets_it_go() {
    let fleet = cosign(demanding(KEYED, SECRET), &format!("cat \"${{3#--key=}}\" >\"$here/key\"\n{HOLDS}"));
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    let row = run.stdout.lines().find(|line| line.starts_with("| Signature")).unwrap_or_default();
    assert_snapshot!(row, @"| Signature | signed by the key `team.pub` of Secret flux-system/cosign-key, says cosign |");
    assert_snapshot!(asked(&fleet)[0], @"verify --output=json --key=[sandbox]/tmp/[scratch]/0.pub --insecure-ignore-tlog=true --allow-http-registry=true -- [registry]/my-app-config@[digest]");
    let key = std::fs::read_to_string(fleet.path("key")).expect("the key");
    assert!(key.starts_with("-----BEGIN PUBLIC KEY-----\nMFkw"), "{key}");
    // It may find its registry's login, and sees no token.
    let seen = std::fs::read_to_string(fleet.path("seen")).expect("its environment");
    assert!(seen.contains("HOME=") && !seen.contains("TOKEN") && !seen.contains("canary"), "{seen}");
}

#[test]
fn plan_and_why_tell_the_signature() {
    let fleet = cosign(demanding(KEYED, SECRET), HOLDS);
    assert_snapshot!(fleet.promote(&["plan"]).stdout, @"
    my-app
      staging   v1.2.3             follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1 -> v1.2.3   pinned; may advance
    ");
    let why = fleet.promote(&["why", "my-app", "v1.2.3", "--env", "prod-eu"]);
    assert_snapshot!(why.stdout, @r#"
    yes: my-app v1.2.3 may go to prod-eu
      1  staging selects exactly this content now
         --> clusters/staging/my-app.yaml:10:13
         10 |     semver: ">=1.0.0 <2.0.0"
      2  signed by the key `team.pub` of Secret flux-system/cosign-key, says cosign
         --> clusters/prod-eu/my-app.yaml:11:22
         11 |   verify: {provider: cosign, secretRef: {name: cosign-key}}
    "#);
    let json = fleet.promote(&["plan", "-o", "json"]).json();
    let reasons = json["steps"][1]["reasons"].as_array().expect("reasons");
    assert!(reasons.iter().any(|reason| reason["code"] == "signature-holds"), "{json}");
}

#[test]
fn content_without_a_signature_is_blocked() {
    let fleet = cosign(demanding(KEYED, SECRET), "echo 'Error: no signatures found' >&2; exit 10");
    assert_snapshot!(fleet.promote(&["my-app", "v1.2.3"]), @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   pinned; may not move: prod-eu asks for a cosign signature, and none holds: cosign finds none by `team.pub` of Secret flux-system/cosign-key

    error: my-app v1.2.3 may not go to prod-eu
      1  prod-eu asks for a cosign signature, and none holds: cosign finds none by `team.pub` of Secret flux-system/cosign-key
         --> clusters/prod-eu/my-app.yaml:11:22
    help: promote why my-app v1.2.3 --env prod-eu
    --- exit 3
    ");
    assert!(fleet.branches().is_empty());
}

#[test]
fn a_signature_by_somebody_else_is_none() {
    let other = "echo 'Error: no matching signatures: none of the expected identities matched what was in the certificate' >&2; exit 12";
    let fleet = cosign(demanding(KEYLESS, ""), other);
    refused(&fleet, 3, &["none holds: cosign finds none by `^https://github\\.com/acme/my-app/`"]);
    assert_snapshot!(asked(&fleet)[0], @r#"
    verify --output=json --certificate-identity-regexp=^https://github\.com/acme/my-app/ --certificate-oidc-issuer-regexp=^https://token\.actions\.githubusercontent\.com$ --allow-http-registry=true -- [registry]/my-app-config@[digest]
    "#);
}

#[test]
fn each_identity_is_tried_and_one_is_enough() {
    let both = format!("{KEYLESS}\n    - {{issuer: '^https://gitlab\\.com$', subject: '^release-bot$'}}");
    let second =
        format!("case $* in *gitlab*) ;; *) echo 'Error: no matching signatures' >&2; exit 12 ;; esac\n{HOLDS}");
    let fleet = cosign(demanding(&both, ""), &second);
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("release-bot"), "{run}");
}

#[test]
fn whatever_is_no_clear_yes_about_this_digest_is_no_yes() {
    let other = HOLDS.replace("\"$digest\"", &digest_of("v1.2.2"));
    let cases = [
        (other.as_str(), 3, "none holds"),
        ("true", 7, "its answer is none that can be read"),
        ("echo '[]'", 7, "its answer is none that can be read"),
        ("echo 'Verified OK'", 7, "its answer is none that can be read"),
        ("echo '{\"critical\":'", 7, "its answer is none that can be read"),
        ("exit 1", 3, "failed with exit code 1"),
        ("kill -9 $$", 5, "was killed"),
        (
            "echo 'GET https://x/v2/: UNAUTHORIZED: authentication required' >&2; exit 1",
            4,
            "was refused by the registry",
        ),
        (
            "echo 'GET https://x/v2/: unexpected status code 500 Internal Server Error' >&2; exit 1",
            5,
            "could not reach",
        ),
    ];
    for (script, exit, word) in cases {
        let fleet = cosign(demanding(KEYED, SECRET), script);
        refused(&fleet, exit, &[word]);
    }
}

#[test]
fn what_the_program_prints_is_never_repeated() {
    let fleet = demanding(KEYED, SECRET);
    let secret = fleet.canaries[0].secret.clone();
    let login = format!("cat <<'END' >&2\nError: login with robot$ci:{secret} failed: something new\nEND\nexit 1");
    let fleet = cosign(fleet, &login);
    // The oracles look for the secret.
    refused(&fleet, 3, &["failed with exit code 1", "help: "]);
    fleet.promote(&["my-app", "v1.2.3", "--verbose"]);
}

#[test]
fn without_the_program_it_is_unknown_and_says_how_to_get_it() {
    let fleet = demanding(KEYED, SECRET);
    // Whatever this machine has besides: only what Git needs, and a program planted where it must not be found.
    std::fs::create_dir_all(fleet.path("tools")).expect("a folder");
    let wc = ["/usr/bin/wc", "/bin/wc"].into_iter().find(|path| std::path::Path::new(path).exists()).expect("wc");
    std::os::unix::fs::symlink(wc, fleet.path("tools/wc")).expect("a link");
    fleet.settle();
    std::fs::write(fleet.path("fleet/cosign"), "#!/bin/sh\ntouch planted\n").expect("a file");
    let path = format!(".::{}:{}", fleet.path("bin").display(), fleet.path("tools").display());
    let fleet = fleet.variable("PATH", &path);
    let run = refused(&fleet, 3, &["`cosign` is not in PATH", "help: install cosign"]);
    assert_snapshot!(run, @"
    --- stderr
    my-app   oci://registry.example.com/my-app-config   main [commit]

      staging   v1.2.3   follows >=1.0.0 <2.0.0
      prod-eu   v1.2.1   can't tell: prod-eu asks for a cosign signature, which can't be verified: `cosign` is not in PATH

    error: my-app in prod-eu: can't tell
      1  prod-eu asks for a cosign signature, which can't be verified: `cosign` is not in PATH
         --> clusters/prod-eu/my-app.yaml:11:22
    help: install cosign 3: https://docs.sigstore.dev/cosign/system_config/installation/
    --- exit 3
    ");
    assert!(!fleet.path("fleet/planted").exists());
    // A look at everything is not refused for it.
    let run = fleet.promote(&["plan"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_secret_that_cannot_be_read_is_named_and_the_user_may_supply_what_it_holds() {
    let encrypted = SECRET.replace("stringData:", "sops: {version: 3.9.0}\nstringData:");
    for (more, why) in [
        ("", "Secret `flux-system/cosign-key`, which is not in the repository"),
        (encrypted.as_str(), "which is encrypted (clusters/prod-eu/my-app.yaml:13)"),
        (
            &SECRET.replace("team.pub", "team.txt"),
            "Secret flux-system/cosign-key holds nothing that verifies a signature",
        ),
    ] {
        let fleet = cosign(demanding(KEYED, more), HOLDS);
        refused(&fleet, 3, &[why, "help: ", "verify-key"]);
        assert!(asked(&fleet).is_empty());
    }
    let fleet = cosign(demanding(KEYED, &encrypted), &format!("cat \"${{3#--key=}}\" >\"$here/key\"\n{HOLDS}"));
    std::fs::write(fleet.path("home/prod.pub"), "PUBLIC\n").expect("a file");
    let fleet = fleet.setting("promote.registry.example.com.verify-key", "~/prod.pub");
    let run = fleet.promote(&["my-app", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(std::fs::read_to_string(fleet.path("key")).expect("the key"), "PUBLIC\n");
}

#[test]
fn offline_it_is_unknown() {
    let fleet = cosign(demanding(KEYED, SECRET), HOLDS);
    fleet.settle();
    let run = fleet.promote(&["plan", "--offline"]);
    assert!(run.stdout.contains("can't tell"), "{run}");
    assert!(asked(&fleet).is_empty());
}

#[test]
fn notation_verifies_by_the_policy_and_certificates_of_the_secret() {
    let policy = r#"{"version":"1.0","trustPolicies":[{"name":"acme","registryScopes":["*"],"signatureVerification":{"level":"strict"},"trustStores":["ca:acme"],"trustedIdentities":["*"]}]}"#;
    let secret = format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: notation-trust, namespace: flux-system}}\nstringData:\n  trustpolicy.json: '{policy}'\n  acme.crt: CERTIFICATE\n"
    );
    let keep = "cp -r \"$XDG_CONFIG_HOME/notation\" \"$here/config\"";
    let verified = format!("{LOG}\n{keep}\necho \"Successfully verified signature for $last\"");
    let fleet = demanding(NOTATION, &secret).program("notation", &verified);
    let run = fleet.promote(&["my-app", "v1.2.3", "--dry-run"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stdout.contains("signed as the trust policy of Secret flux-system/notation-trust asks, says notation"),
        "{run}"
    );
    assert_snapshot!(asked(&fleet)[0], @"verify --insecure-registry -- [registry]/my-app-config@[digest]");
    let kept = |path: &str| std::fs::read_to_string(fleet.path("config").join(path)).unwrap_or_default();
    assert_eq!(
        (kept("trustpolicy.json"), kept("truststore/x509/ca/acme/0.pem")),
        (policy.to_owned(), "CERTIFICATE".to_owned())
    );
    for (script, exit, word) in [
        ("echo 'Error: signature verification failed for all the signatures associated' >&2; exit 1", 3, "none holds"),
        ("echo 'Error: no signature is associated with \"x\"' >&2; exit 1", 3, "none holds"),
        ("echo \"Trust policy is configured to skip signature verification for $last\"", 3, "skips this artifact"),
        ("echo 'Successfully verified signature for registry.example.com/x@sha256:00'", 7, "none that can be read"),
        ("true", 7, "none that can be read"),
    ] {
        let fleet = demanding(NOTATION, &secret).program("notation", &format!("{LOG}\n{script}"));
        refused(&fleet, exit, &[word]);
    }
}

#[test]
fn a_chart_template_demands_its_signature_too() {
    let chart = |version: &str, verify: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {{name: charts, namespace: flux-system}}\n\
             spec: {{type: oci, url: \"oci://registry.example.com/charts\"}}\n---\napiVersion: helm.toolkit.fluxcd.io/v2\n\
             kind: HelmRelease\nmetadata: {{name: web, namespace: web}}\nspec:\n  chart:\n    spec:\n      chart: web\n      \
             version: {version}\n      sourceRef: {{kind: HelmRepository, name: charts, namespace: flux-system}}\n{verify}"
        )
    };
    let demand = "      verify: {provider: cosign, secretRef: {name: cosign-key}}\n";
    let fleet = Sandbox::new()
        .file("promote.yaml", ONE)
        .file("clusters/staging/web.yaml", &chart("1.1.0", ""))
        .file("clusters/prod-eu/web.yaml", &format!("{}{SECRET}", chart("1.0.0", demand)))
        .artifact("charts/web", &["1.0.0", "1.1.0"]);
    let fleet = cosign(fleet, "echo 'Error: no signatures found' >&2; exit 10");
    let run = fleet.promote(&["web", "1.1.0", "--to", "production"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(
        run.stderr.contains("none holds: cosign finds none by `team.pub` of Secret flux-system/cosign-key"),
        "{run}"
    );
    assert!(asked(&fleet)[0].contains("/charts/web@sha256:"), "{:?}", asked(&fleet));
}

#[test]
fn other_demands_are_told_and_never_passed_over() {
    for (verify, why) in [
        ("{provider: sigstar}", "`sigstar` is no provider that is known here"),
        ("{provider: notation}", "it names no Secret with a trust policy"),
        ("{mode: HEAD}", "it names no provider"),
        ("{provider: cosign, matchOIDCIdentity: [{issuer: x}]}", "an identity of `matchOIDCIdentity` can't be told"),
    ] {
        let fleet = cosign(demanding(verify, ""), HOLDS);
        refused(&fleet, 3, &[why]);
    }
}
