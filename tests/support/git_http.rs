//! Git's own HTTP server on loopback: `git http-backend` behind a login, with a log of what it heard.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;

use super::forge::{Doorkeeper, Storm};
use super::sandbox::program;

/// A running server; it ends when it is dropped.
pub struct GitHttp {
    host: String,
    served: Arc<Served>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct Served {
    root: PathBuf,
    doorkeeper: Doorkeeper,
    log: Mutex<Vec<String>>,
    storm: Mutex<Option<Storm>>,
    /// How many more requests are told that it is down.
    down: AtomicUsize,
    /// Why it takes no push.
    refusal: Mutex<Option<String>>,
}

impl GitHttp {
    /// Serves the repositories below a folder to whoever gives the token as password.
    pub fn start(root: &Path, token: &str) -> Self {
        let token = token.to_owned();
        Self::start_for(root, Arc::new(move |password, _| password == token))
    }

    /// Serves them to whom somebody else lets in.
    pub fn start_for(root: &Path, doorkeeper: Doorkeeper) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let host = listener.local_addr().expect("an address").to_string();
        let served = Arc::new(Served {
            root: root.to_owned(),
            doorkeeper,
            log: Mutex::default(),
            storm: Mutex::default(),
            down: AtomicUsize::new(0),
            refusal: Mutex::default(),
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serving = Arc::clone(&served);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(serve(listener, serving, stopped));
        });
        Self { host, served, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.host.clone()
    }

    /// Answers 503 to so many requests from now on.
    pub fn go_down(&self, requests: usize) {
        self.served.down.store(requests, Ordering::SeqCst);
    }

    /// Lets some of all requests go wrong from now on.
    pub fn storm(&self, seed: u64, percent: u32) {
        *self.served.storm.lock().expect("the storm") = Some(Storm::new(seed, percent));
    }

    /// Lets it take no push any more, as forges do with what is archived: 403 and a sentence.
    pub fn refuse_pushes(&self, words: &str) {
        *self.served.refusal.lock().expect("the refusal") = Some(words.to_owned());
    }

    /// Returns each request so far: method, path, headers, and the body as far as it is text.
    pub fn requests(&self) -> Vec<String> {
        self.served.log.lock().expect("the log").clone()
    }
}

impl Drop for GitHttp {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

async fn serve(listener: std::net::TcpListener, served: Arc<Served>, mut stopped: tokio::sync::oneshot::Receiver<()>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.expect("a connection").0,
            _ = &mut stopped => return,
        };
        let served = Arc::clone(&served);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(|request| answer(Arc::clone(&served), request));
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

async fn answer(
    served: Arc<Served>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let heard = format!("{} {} {:?}\n{text}", parts.method, parts.uri, parts.headers);
    served.log.lock().expect("the log").push(heard);
    if !served.is_let_in(&parts) {
        let refused = hyper::Response::builder().status(401).header("www-authenticate", "Basic realm=\"Git\"");
        return refused.body(Full::default()).map_err(std::io::Error::other);
    }
    let refusal = served.refusal.lock().expect("the refusal").clone();
    if let Some(words) = refusal.filter(|_| parts.uri.to_string().contains("git-receive-pack")) {
        let refused = hyper::Response::builder().status(403).header("content-type", "text/plain; charset=utf-8");
        return refused.body(Full::new(Bytes::from(words))).map_err(std::io::Error::other);
    }
    let is_down = served.down.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    let strikes = served.storm.lock().expect("the storm").as_mut().and_then(Storm::strikes);
    if is_down || strikes.is_some_and(|how| how % 2 == 0) {
        return hyper::Response::builder().status(503).body(Full::default()).map_err(std::io::Error::other);
    }
    let answer = tokio::task::spawn_blocking(move || served.run(&parts, &body)).await.map_err(std::io::Error::other)?;
    if strikes.is_some() { Err(std::io::Error::other("lost on purpose")) } else { answer }
}

impl Served {
    /// Any user may come with the token, as forges let them.
    fn is_let_in(&self, parts: &hyper::http::request::Parts) -> bool {
        let pushes = parts.uri.to_string().ends_with("git-receive-pack");
        let given = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let decoded = given
            .strip_prefix("Basic ")
            .and_then(|encoded| base64::engine::general_purpose::STANDARD.decode(encoded).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        decoded
            .is_some_and(|login| login.split_once(':').is_some_and(|(_, password)| (self.doorkeeper)(password, pushes)))
    }

    fn run(
        &self,
        parts: &hyper::http::request::Parts,
        body: &Bytes,
    ) -> Result<hyper::Response<Full<Bytes>>, std::io::Error> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut child = Command::new(program("git"))
            .arg("http-backend")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_PROTOCOL", header("git-protocol"))
            .env("REQUEST_METHOD", parts.method.as_str())
            .env("PATH_INFO", parts.uri.path())
            .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
            .env("CONTENT_TYPE", header("content-type"))
            .env("CONTENT_LENGTH", body.len().to_string())
            .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
            .env("REMOTE_USER", "release-eng")
            .env("REMOTE_ADDR", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut input = child.stdin.take().expect("its input");
        let body = body.clone();
        // It may answer before it has read everything.
        let writer = std::thread::spawn(move || input.write_all(&body).ok());
        let output = child.wait_with_output()?;
        writer.join().ok();
        response(&output.stdout)
    }
}

/// Reads what a CGI program prints: headers, an empty line, the body.
fn response(printed: &[u8]) -> Result<hyper::Response<Full<Bytes>>, std::io::Error> {
    let end = printed.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(printed.len());
    let head = String::from_utf8_lossy(&printed[..end]).into_owned();
    let mut response = hyper::Response::builder();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        response = match name {
            "Status" => response.status(value.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(500)),
            _ => response.header(name, value),
        };
    }
    let body = printed.get(end + 4..).unwrap_or_default().to_vec();
    response.body(Full::new(Bytes::from(body))).map_err(std::io::Error::other)
}
