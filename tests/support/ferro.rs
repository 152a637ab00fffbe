//! Somebody else's registry of OCI 1.1 on loopback, in this process: it pages and lists referrers as the specification
//! says, and nobody here wrote it.
#![allow(dead_code)] // Each test crate uses its own part of it.

use promote::http::{self, Http};

use super::registry::{OCI_MANIFEST, digest};

/// A running registry; it ends when it is dropped.
pub struct Ferro {
    host: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Ferro {
    /// Starts one without content.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let host = listener.local_addr().expect("an address").to_string();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let memory = ferro_oci_server::Config::from_raw(None, None).blob_store().expect("memory");
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let serving = axum::serve(listener, ferro_oci_server::build_app(memory));
                tokio::select! {
                    ended = serving.into_future() => ended.expect("a server"),
                    _ = stopped => {}
                }
            });
        });
        Self { host, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.host.clone()
    }

    /// Pushes blobs and a manifest that names them to `acme/my-app`, and returns the manifest.
    pub async fn push_artifact(&self, http: &Http, tag: &str) -> Vec<u8> {
        let blobs = [b"{}".as_slice(), b"layer"];
        for blob in blobs {
            let url = format!("blobs/uploads/?digest={}", digest(blob));
            self.push(http, reqwest::Method::POST, &url, "application/octet-stream", blob.to_vec()).await;
        }
        let part = |media_type: &str, blob: &[u8]| serde_json::json!({"mediaType": media_type, "size": blob.len(), "digest": digest(blob)});
        let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": part("application/vnd.cncf.flux.config.v1+json", blobs[0]),
            "layers": [part("application/vnd.cncf.flux.content.v1.tar+gzip", blobs[1])],
            "annotations": {"org.opencontainers.image.revision": "v1.0.0@sha1:0123"}});
        let bytes = manifest.to_string().into_bytes();
        self.push_manifest(http, tag, &bytes).await;
        bytes
    }

    /// Pushes a manifest under a tag or its digest.
    pub async fn push_manifest(&self, http: &Http, reference: &str, bytes: &[u8]) {
        let url = format!("manifests/{reference}");
        self.push(http, reqwest::Method::PUT, &url, OCI_MANIFEST, bytes.to_vec()).await;
    }

    /// Sends what pushes something and expects 201.
    async fn push(&self, http: &Http, method: reqwest::Method, rest: &str, media_type: &str, body: Vec<u8>) {
        let url = format!("http://{}/v2/acme/my-app/{rest}", self.host);
        let mut request = http::Request::post(url.parse().expect("a URL"), body, 4096);
        request.method = method;
        request.headers.insert("content-type", media_type.parse().expect("a media type"));
        let response = http.send(request).await.expect("an answer");
        assert_eq!(response.status.as_u16(), 201, "{}", response.excerpt());
    }
}

impl Drop for Ferro {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
