//! HTTP/2: spoken where the registry offers it, and what its goodbye means.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// The server's settings, none; then GOAWAY: no stream was looked at, and nothing was wrong.
const GOODBYE: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Starts a registry of one manifest that speaks HTTP/2 and says goodbye to so many connections first.
async fn start(goodbyes: usize) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("localhost:{}", listener.local_addr().unwrap().port());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let tls = registry::certificate::acceptor_of_http2();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = tls.accept(stream).await else { continue };
            if count.fetch_add(1, Ordering::Relaxed) < goodbyes {
                let mut hello = [0; 24];
                stream.read_exact(&mut hello).await.ok();
                stream.write_all(GOODBYE).await.ok();
                stream.shutdown().await.ok();
                continue;
            }
            let service = hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                assert_eq!(request.version(), hyper::Version::HTTP_2);
                let answer = hyper::Response::builder().header("content-type", OCI_MANIFEST);
                answer.body(Full::new(Bytes::from(registry::flux_manifest("acme/my-app", "v1.2.3"))))
            });
            let talk = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(talk.serve_connection(TokioIo::new(stream), service));
        }
    });
    (host, connections)
}

#[tokio::test]
async fn a_registry_that_says_goodbye_is_asked_again_on_another_connection() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    registry::certificate::write_ca(&ca);
    for goodbyes in [0, 1, 2] {
        let (host, connections) = start(goodbyes).await;
        let own = HostSettings { ca: Some(ca.clone()), ..HostSettings::default() };
        let registries = registries(Settings { registries: [(host.clone(), own)].into(), ..Settings::default() });
        let app = OciRepository::parse(&format!("{host}/acme/my-app")).unwrap();
        let outcome = registries.manifest(&app, &tag("v1.2.3")).await;
        assert!(outcome.is_ok(), "{goodbyes}: {outcome:?}");
        assert_eq!(connections.load(Ordering::Relaxed), goodbyes + 1);
    }
}
