//! Somebody else's registry of OCI 1.1, which pages and lists referrers as the specification says.

use super::*;

/// The server's process, stopped when dropped.
struct Ferro {
    process: std::process::Child,
    host: String,
}

impl Ferro {
    /// Starts the program that `FERRO` names, if there is one.
    async fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("FERRO") else {
            println!("skipped: FERRO does not name a ferro-oci-server");
            return None;
        };
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = free.local_addr().unwrap().to_string();
        drop(free);
        let process = std::process::Command::new(program)
            .env("FERRO_OCI_LISTEN", &host)
            .env("RUST_LOG", "off")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let ferro = Self { process, host };
        // It is there once it answers; the client itself tries until then.
        let settings = http::Settings { attempts: 1_000, backoff: Duration::from_millis(50), ..patient() };
        let url = format!("http://{}/v2/", ferro.host).parse().unwrap();
        Http::new(settings).unwrap().send(http::Request::get(url, 4096)).await.unwrap();
        Some(ferro)
    }
}

impl Drop for Ferro {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Sends what pushes something and expects 201.
async fn push(http: &Http, method: reqwest::Method, url: String, media_type: &str, body: Vec<u8>) {
    let mut request = http::Request::post(url.parse().unwrap(), body, 4096);
    request.method = method;
    request.headers.insert("content-type", media_type.parse().unwrap());
    let response = http.send(request).await.unwrap();
    assert_eq!(response.status.as_u16(), 201, "{}", response.excerpt());
}

async fn push_manifest(http: &Http, host: &str, reference: &str, bytes: &[u8]) {
    let url = format!("http://{host}/v2/acme/my-app/manifests/{reference}");
    push(http, reqwest::Method::PUT, url, OCI_MANIFEST, bytes.to_vec()).await;
}

/// Pushes blobs and a manifest that names them, and returns the manifest.
async fn push_artifact(http: &Http, host: &str, tag: &str) -> Vec<u8> {
    let blobs = [b"{}".as_slice(), b"layer"];
    for blob in blobs {
        let url = format!("http://{host}/v2/acme/my-app/blobs/uploads/?digest={}", registry::digest(blob));
        push(http, reqwest::Method::POST, url, "application/octet-stream", blob.to_vec()).await;
    }
    let part = |media_type: &str, blob: &[u8]| serde_json::json!({"mediaType": media_type, "size": blob.len(), "digest": registry::digest(blob)});
    let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": part("application/vnd.cncf.flux.config.v1+json", blobs[0]),
        "layers": [part("application/vnd.cncf.flux.content.v1.tar+gzip", blobs[1])],
        "annotations": {"org.opencontainers.image.revision": "v1.0.0@sha1:0123"}});
    let bytes = manifest.to_string().into_bytes();
    push_manifest(http, host, tag, &bytes).await;
    bytes
}

#[tokio::test]
async fn pages_of_a_real_registry_are_followed_also_when_the_last_one_is_exactly_full() {
    let Some(ferro) = Ferro::start().await else { return };
    let (host, http) = (ferro.host.clone(), Http::new(patient()).unwrap());
    let manifest = push_artifact(&http, &host, "v1.0.0").await;
    let app = OciRepository::parse(&format!("{host}/acme/my-app")).unwrap();
    let mut pushed = 1;
    for upto in [1_000, 1_001] {
        for number in pushed..upto {
            push_manifest(&http, &host, &format!("v1.{number}.0"), &manifest).await;
        }
        pushed = upto;
        assert_eq!(anonymous().tags(&app).await.unwrap().len(), upto);
    }
}

#[tokio::test]
async fn a_manifest_and_its_referrers_are_read_from_a_real_registry() {
    let Some(ferro) = Ferro::start().await else { return };
    let (host, http) = (ferro.host.clone(), Http::new(patient()).unwrap());
    let manifest = push_artifact(&http, &host, "v1.0.0").await;
    let app = OciRepository::parse(&format!("{host}/acme/my-app")).unwrap();
    let registries = anonymous();
    let found = registries.manifest(&app, &tag("v1.0.0")).await.unwrap();
    assert_eq!((found.digest.to_string(), found.revision()), (registry::digest(&manifest), Some("v1.0.0@sha1:0123")));
    assert_eq!(registries.referrers(&app, &found.digest).await.unwrap(), []);
    let part = serde_json::json!({"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
        "digest": registry::digest(b"{}")});
    let signature = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/x-sig",
        "config": part, "layers": [part],
        "subject": {"mediaType": OCI_MANIFEST, "size": manifest.len(), "digest": registry::digest(&manifest)}});
    let bytes = signature.to_string().into_bytes();
    push_manifest(&http, &host, &registry::digest(&bytes), &bytes).await;
    let referrers = registries.referrers(&app, &found.digest).await.unwrap();
    assert_eq!(referrers.len(), 1);
    assert_eq!(referrers[0].descriptor.digest, registry::digest(&bytes));
    let absent = registries.manifest(&app, &tag("v9.9.9")).await;
    assert_eq!(code(&absent), ("not-found", Exit::Refused));
}
