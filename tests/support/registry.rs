//! A registry on loopback that is as strict as real ones, and as odd as we ask it to be.
//!
//! [`Registry::start`] serves in a thread of its own until it is dropped. By default it behaves as distribution 2.8.2:
//! every tag in one page, `404` for an OCI manifest that the `Accept` header doesn't name, errors as JSON. It logs
//! every request ([`Registry::requests`]) and breaks the ones it is told to ([`Registry::fault`]).
//!
//! Any test takes it with `#[path = "support/registry.rs"] mod registry;`.
#![allow(dead_code)] // Each test crate uses its own part of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

#[path = "certificate.rs"]
pub mod certificate;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

type Body = UnsyncBoxBody<Bytes, std::io::Error>;
type Answer = Result<Response<Body>, std::io::Error>;

/// How a tag list is cut into pages.
#[derive(Clone, Debug, Default)]
pub enum Pages {
    /// Everything at once, whatever `n` and `last` say: distribution 2.8.2.
    #[default]
    Whole,
    /// At most so many, `Link` with `last=` and an absolute path: GHCR, zot.
    Last(usize),
    /// At most so many, `Link` with a token that says nothing: Quay, ECR.
    Opaque(usize),
    /// At most so many, `Link` relative to the list.
    Relative(usize),
    /// At most so many, `Link` with scheme and host: Artifactory.
    Absolute(usize),
    /// Refuses an `n` over this with 400, then pages as `Opaque`.
    Refusing(usize),
    /// At most so many, and no `Link`: `last` is the only way on. Nexus.
    Unlinked(usize),
    /// As many as are asked for, no `Link`, and `last` means nothing.
    Deaf,
    /// Pages as `Last`, of which only the first is for everybody: Docker Hub.
    Closed(usize),
    /// Everything, with this text as `Link`.
    Link(String),
    /// One tag a page; the next page's link is the same as this one's.
    Same,
    /// One tag a page; the third page's link is the first page again.
    Circle,
    /// The same tags on every page, each with a fresh cursor.
    Endless,
    /// A new tag on every page, for ever.
    Growing,
}

/// Who is let in.
#[derive(Clone, Debug, Default)]
pub enum Login {
    /// Everybody.
    #[default]
    None,
    /// This user, by `Basic`.
    Basic { user: String, password: String },
    /// Whoever has a token of the token server.
    Token {
        /// The realm of the challenge; none: this registry's own `/token`.
        realm: Option<String>,
        /// Who gets tokens; none: everybody.
        user: Option<(String, String)>,
        /// The identity token that is exchanged for tokens.
        identity: Option<String>,
        /// How many requests a token lasts; 0: for ever.
        lasts: usize,
        expires_in: u64,
    },
}

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer instead: status, headers, body.
    Answer(u16, Vec<(String, String)>, Vec<u8>),
    /// The true answer with this header besides, or instead.
    Header(String, String),
    /// The true answer's headers with this body.
    Body(Vec<u8>),
    /// Half of the true answer's body, then the end of the connection.
    Truncated,
    /// The end of the connection, before any answer.
    Dropped,
    /// Nothing at all, with the connection open.
    Silent,
    /// The true answer, one byte every few milliseconds.
    Dripping(Duration),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    /// Path and query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    pages: Pages,
    login: Login,
    /// By number of the request, the first is 1; 0 means every one.
    faults: Vec<(usize, Option<String>, Fault)>,
    seen: Vec<Seen>,
    /// What a tag points at once so many requests have come: repository, tag, digest.
    moves: Vec<(usize, [String; 3])>,
    /// By path: media type and bytes.
    files: BTreeMap<String, (String, Vec<u8>)>,
    /// Whether there is the API for referrers of OCI 1.1.
    referrers: bool,
    tokens: BTreeMap<String, usize>,
}

#[derive(Default, Clone)]
struct Repository {
    /// In the order of pushing; a list is served in this order.
    tags: Vec<(String, String)>,
    /// By digest: media type and bytes.
    manifests: BTreeMap<String, (String, Vec<u8>)>,
}

/// The server; it ends when dropped.
pub struct Registry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _stop: oneshot::Sender<Infallible>,
}

impl Registry {
    /// Starts an empty registry that lets everybody in.
    pub fn start() -> Self {
        Self::serving(None)
    }

    /// Starts one that speaks TLS with the certificate of `support/certificate.rs`.
    pub fn start_tls() -> Self {
        Self::serving(Some(certificate::acceptor()))
    }

    fn serving(tls: Option<TlsAcceptor>) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                tell.send(address).unwrap();
                tokio::select! {
                    () = serve(listener, address, tls, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address: told.recv().unwrap(), state, _stop: stop }
    }

    /// Sets how lists are cut.
    pub fn pages(self, pages: Pages) -> Self {
        self.lock().pages = pages;
        self
    }

    /// Sets who is let in.
    pub fn login(self, login: Login) -> Self {
        self.lock().login = login;
        self
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Pushes an artifact as `flux push artifact` makes it and returns its digest.
    pub fn artifact(&self, repository: &str, tag: &str) -> String {
        self.push(repository, tag, OCI_MANIFEST, &flux_manifest(repository, tag))
    }

    /// Pushes an index with one manifest and returns the index's digest.
    pub fn index(&self, repository: &str, tag: &str) -> String {
        let inner = flux_manifest(repository, tag);
        let digest = self.put(repository, OCI_MANIFEST, &inner);
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
            {"mediaType": OCI_MANIFEST, "digest": digest, "size": inner.len(),
             "platform": {"architecture": "amd64", "os": "linux"}}]});
        self.push(repository, tag, OCI_INDEX, index.to_string().as_bytes())
    }

    /// Pushes any bytes under a tag and returns their digest.
    pub fn push(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> String {
        let digest = self.put(repository, media_type, bytes);
        self.tag(repository, tag, &digest);
        digest
    }

    /// Stores a manifest without a tag and returns its digest.
    pub fn put(&self, repository: &str, media_type: &str, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        let mut state = self.lock();
        let repository = state.repositories.entry(repository.to_owned()).or_default();
        repository.manifests.insert(digest.clone(), (media_type.to_owned(), bytes.to_vec()));
        digest
    }

    /// Points a tag at a digest, as a second push would.
    pub fn tag(&self, repository: &str, tag: &str, digest: &str) {
        self.lock().point(repository, tag, digest);
    }
}

impl State {
    fn point(&mut self, repository: &str, tag: &str, digest: &str) {
        let tags = &mut self.repositories.entry(repository.to_owned()).or_default().tags;
        match tags.iter_mut().find(|(name, _)| name == tag) {
            Some((_, old)) => digest.clone_into(old),
            None => tags.push((tag.to_owned(), digest.to_owned())),
        }
    }

    /// Moves the tags whose time has come before the `number`th request is answered.
    fn move_on(&mut self, number: usize) {
        let (due, later) = std::mem::take(&mut self.moves).into_iter().partition(|(after, _)| *after < number);
        self.moves = later;
        let due: Vec<(usize, [String; 3])> = due;
        for (_, [repository, tag, digest]) in due {
            self.point(&repository, &tag, &digest);
        }
    }
}

impl Registry {
    /// Points a tag at another digest once so many requests have been answered.
    pub fn tag_after(&self, requests: usize, repository: &str, tag: &str, digest: &str) {
        self.lock().moves.push((requests, [repository, tag, digest].map(str::to_owned)));
    }

    /// Adds tags to the list for which there is no manifest: what only lists needs no more.
    pub fn tags<T: AsRef<str>>(&self, repository: &str, tags: impl IntoIterator<Item = T>) {
        let mut state = self.lock();
        let list = &mut state.repositories.entry(repository.to_owned()).or_default().tags;
        list.extend(tags.into_iter().map(|tag| (tag.as_ref().to_owned(), String::new())));
    }

    /// Serves a file outside of the registry's API, such as a Helm repository's `/charts/index.yaml`.
    pub fn file(&self, path: &str, media_type: &str, bytes: impl Into<Vec<u8>>) {
        self.lock().files.insert(path.to_owned(), (media_type.to_owned(), bytes.into()));
    }

    /// Has the API for referrers, which distribution 2.8.2 lacks.
    pub fn with_referrers(self) -> Self {
        self.lock().referrers = true;
        self
    }

    /// Breaks the answer to the `nth` request from the start, the first is 1; 0 breaks every one.
    pub fn fault(&self, nth: usize, fault: Fault) {
        self.lock().faults.push((nth, None, fault));
    }

    /// Breaks every answer to a path that contains a text.
    pub fn fault_at(&self, path: &str, fault: Fault) {
        self.lock().faults.push((0, Some(path.to_owned()), fault));
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Returns every request so far.
    pub fn requests(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// Returns method and path of every request so far.
    pub fn paths(&self) -> Vec<String> {
        self.lock().seen.iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Returns `sha256:…` of bytes.
pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Returns a manifest as `flux push artifact` makes it.
pub fn flux_manifest(repository: &str, tag: &str) -> Vec<u8> {
    let config = br#"{"created":"2026-01-01T00:00:00Z","architecture":"","os":"","config":{}}"#;
    let layer = format!("layer of {repository}:{tag}");
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.cncf.flux.config.v1+json", "size": config.len(), "digest": digest(config)},
        "layers": [{"mediaType": "application/vnd.cncf.flux.content.v1.tar+gzip", "size": layer.len(),
                    "digest": digest(layer.as_bytes())}],
        "annotations": {
            "org.opencontainers.image.created": "2026-01-01T00:00:00Z",
            "org.opencontainers.image.source": format!("https://git.example/{repository}.git"),
            "org.opencontainers.image.revision": format!("{tag}@sha1:0123456789abcdef0123456789abcdef01234567"),
        },
    })
    .to_string()
    .into_bytes()
}

async fn serve(listener: TcpListener, address: SocketAddr, tls: Option<TlsAcceptor>, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            match tls {
                None => talk(stream, address, state).await,
                Some(tls) => {
                    // A client that doesn't trust us ends here.
                    if let Ok(stream) = tls.accept(stream).await {
                        talk(stream, address, state).await;
                    }
                }
            }
        });
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, address: SocketAddr, state: Arc<Mutex<State>>) {
    let service = service_fn(move |request| answer(request, address, Arc::clone(&state)));
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A client that hangs up, or a fault that does, ends only this connection.
    connection.await.ok();
}

async fn answer(request: Request<Incoming>, address: SocketAddr, state: Arc<Mutex<State>>) -> Answer {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let seen = Seen { method: parts.method, path, headers: parts.headers, body };
    let (plain, fault) = {
        let mut state = state.lock().unwrap();
        state.seen.push(seen.clone());
        let number = state.seen.len();
        state.move_on(number);
        let hit = |(nth, path, _): &&(usize, Option<String>, Fault)| {
            (*nth == 0 || *nth == number) && path.as_ref().is_none_or(|path| seen.path.contains(path))
        };
        let fault = state.faults.iter().find(hit).map(|(_, _, fault)| fault.clone());
        (route(&mut state, &seen, address), fault)
    };
    spoil(plain, fault).await
}

/// A whole answer, before any fault.
struct Plain {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Plain {
    fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    fn error(status: u16, code: &str) -> Self {
        let message = code.to_lowercase().replace('_', " ");
        Self::json(status, &serde_json::json!({"errors": [{"code": code, "message": message, "detail": null}]}))
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

async fn spoil(plain: Plain, fault: Option<Fault>) -> Answer {
    let plain = plain.with("docker-distribution-api-version", "registry/2.0");
    match fault {
        None => build(plain, None),
        Some(Fault::Answer(status, headers, body)) => build(Plain { status, headers, body }, None),
        Some(Fault::Header(name, value)) => build(plain.with(&name, value), None),
        Some(Fault::Body(body)) => build(Plain { body, ..plain }, None),
        Some(Fault::Dropped) => Err(std::io::Error::other("dropped")),
        Some(Fault::Silent) => std::future::pending().await,
        Some(Fault::Truncated) => {
            let half: Vec<_> = plain.body[..plain.body.len() / 2].chunks(16).map(Bytes::copy_from_slice).collect();
            let frames = half.into_iter().map(|chunk| Ok(Frame::data(chunk)));
            let cut = std::iter::once(Err(std::io::Error::other("cut")));
            let length = plain.body.len();
            let body = StreamBody::new(stream::iter(frames.chain(cut)));
            build(plain.with("content-length", length.to_string()), Some(body.boxed_unsync()))
        }
        Some(Fault::Dripping(pause)) => {
            let frames = stream::unfold(plain.body.clone().into_iter(), move |mut rest| async move {
                tokio::time::sleep(pause).await;
                let byte = rest.next()?;
                Some((Ok(Frame::data(Bytes::copy_from_slice(&[byte]))), rest))
            });
            build(plain, Some(StreamBody::new(frames).boxed_unsync()))
        }
    }
}

fn build(plain: Plain, body: Option<Body>) -> Answer {
    let mut builder = Response::builder().status(StatusCode::from_u16(plain.status).unwrap());
    for (name, value) in &plain.headers {
        builder = builder.header(name, value);
    }
    let whole = || Full::new(Bytes::from(plain.body)).map_err(|never| match never {}).boxed_unsync();
    builder.body(body.unwrap_or_else(whole)).map_err(std::io::Error::other)
}

fn route(state: &mut State, seen: &Seen, address: SocketAddr) -> Plain {
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    let query: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if path == "/token" {
        return token(state, seen, &query);
    }
    let rest = path.strip_prefix("/v2/");
    if let Some(refusal) = challenge(state, seen, address, rest.unwrap_or_default()) {
        return refusal;
    }
    let Some(rest) = rest else {
        return match state.files.get(path) {
            Some((kind, bytes)) => {
                Plain { status: 200, headers: vec![("content-type".into(), kind.clone())], body: bytes.clone() }
            }
            None => Plain { status: 404, headers: vec![], body: b"404 page not found".to_vec() },
        };
    };
    if seen.method != Method::GET && seen.method != Method::HEAD {
        return Plain::error(405, "UNSUPPORTED");
    }
    if rest.is_empty() {
        return Plain::json(200, &serde_json::json!({}));
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return list(state, name, &query, address);
    }
    if let (true, Some((name, subject))) = (state.referrers, rest.rsplit_once("/referrers/")) {
        return referrers(state, name, subject);
    }
    match rest.rsplit_once("/manifests/") {
        Some((name, reference)) => manifest(state, seen, name, reference),
        None => Plain::error(404, "NAME_UNKNOWN"),
    }
}

fn authorization<'a>(seen: &'a Seen, scheme: &str) -> Option<&'a str> {
    seen.headers.get("authorization")?.to_str().ok()?.strip_prefix(scheme)?.strip_prefix(' ')
}

fn is_user(seen: &Seen, user: &str, password: &str) -> bool {
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    authorization(seen, "Basic") == Some(&expected)
}

fn challenge(state: &mut State, seen: &Seen, address: SocketAddr, rest: &str) -> Option<Plain> {
    let refuse = |challenge: String| Some(Plain::error(401, "UNAUTHORIZED").with("www-authenticate", challenge));
    match &state.login {
        Login::None => None,
        Login::Basic { user, password } if is_user(seen, user, password) => None,
        Login::Basic { .. } => refuse("Basic realm=\"promote\"".to_owned()),
        Login::Token { realm, lasts, .. } => {
            let realm = realm.clone().unwrap_or_else(|| format!("http://{address}/token"));
            let lasts = *lasts;
            let name =
                rest.rsplit_once("/manifests/").map(|(name, _)| name).or_else(|| rest.strip_suffix("/tags/list"));
            // `/v2/` itself takes any token, as distribution does.
            let scope = name.map(|name| format!("repository:{name}:pull")).unwrap_or_default();
            let uses = authorization(seen, "Bearer").filter(|token| token.ends_with(&scope)).and_then(|token| {
                let uses = state.tokens.get_mut(token)?;
                *uses += 1;
                Some(*uses)
            });
            match uses {
                Some(uses) if lasts == 0 || uses <= lasts => None,
                _ => refuse(format!("Bearer realm=\"{realm}\",service=\"registry.test\",scope=\"{scope},push\"")),
            }
        }
    }
}

fn token(state: &mut State, seen: &Seen, query: &BTreeMap<String, String>) -> Plain {
    let Login::Token { user, identity, expires_in, .. } = &state.login else {
        return Plain::error(404, "UNSUPPORTED");
    };
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
    let asked = if seen.method == Method::POST { &form } else { query };
    let known = match (user, identity) {
        (None, None) => true,
        _ if seen.method == Method::POST => {
            identity.is_some()
                && form.get("refresh_token") == identity.as_ref()
                && form.get("grant_type").is_some_and(|kind| kind == "refresh_token")
        }
        (Some((user, password)), _) => is_user(seen, user, password),
        (None, Some(_)) => false,
    };
    if !known {
        return Plain::error(401, "UNAUTHORIZED");
    }
    let scope = asked.get("scope").map(String::as_str).unwrap_or_default();
    let (issued, expires_in) = (format!("token-{}-{scope}", state.tokens.len()), *expires_in);
    state.tokens.insert(issued.clone(), 0);
    let mut body = serde_json::json!({"token": issued, "access_token": issued});
    if expires_in > 0 {
        body["expires_in"] = expires_in.into();
    }
    Plain::json(200, &body)
}

fn list(state: &State, name: &str, query: &BTreeMap<String, String>, address: SocketAddr) -> Plain {
    let Some(repository) = state.repositories.get(name) else { return Plain::error(404, "NAME_UNKNOWN") };
    let all = repository.tags.as_slice();
    let answer = |tags: &[&str]| {
        let tags = if tags.is_empty() { serde_json::Value::Null } else { tags.into() };
        Plain::json(200, &serde_json::json!({"name": name, "tags": tags}))
    };
    let page = |tags: &[(String, String)]| answer(&tags.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>());
    let path = format!("/v2/{name}/tags/list");
    let next = |plain: Plain, target: String| plain.with("link", format!("<{target}>; rel=\"next\""));
    let asked: usize = query.get("n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let cursor: usize = query.get("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
    match &state.pages {
        Pages::Whole => page(all),
        Pages::Link(link) => page(all).with("link", link.clone()),
        Pages::Deaf => page(&all[..asked.min(all.len())]),
        Pages::Closed(_) if query.contains_key("last") => Plain::error(403, "DENIED"),
        Pages::Refusing(max) if asked != usize::MAX && asked > *max => Plain::error(400, "PAGINATION_NUMBER_INVALID"),
        Pages::Last(max)
        | Pages::Opaque(max)
        | Pages::Relative(max)
        | Pages::Absolute(max)
        | Pages::Refusing(max)
        | Pages::Unlinked(max)
        | Pages::Closed(max) => {
            let size = asked.min(*max).max(1);
            let start = match query.get("last") {
                Some(last) => all.iter().position(|(tag, _)| tag == last).map_or(all.len(), |at| at + 1),
                None => cursor,
            };
            let end = (start + size).min(all.len());
            let tags = page(&all[start.min(end)..end]);
            if end == all.len() {
                return tags;
            }
            let last = &all[end - 1].0;
            match &state.pages {
                Pages::Unlinked(_) => tags,
                Pages::Last(_) | Pages::Closed(_) => next(tags, format!("{path}?last={last}&n={size}")),
                Pages::Relative(_) => next(tags, format!("list?last={last}&n={size}")),
                Pages::Absolute(_) => next(tags, format!("http://{address}{path}?last={last}&n={size}")),
                _ => next(tags, format!("{path}?cursor={end}&n={size}")),
            }
        }
        Pages::Same => next(page(all), format!("{path}?n=1000")),
        Pages::Circle => {
            let at = cursor % 3;
            next(answer(&[["a", "b", "c"][at]]), format!("{path}?cursor={}", (at + 1) % 3))
        }
        Pages::Endless => next(page(all), format!("{path}?cursor={}", cursor + 1)),
        Pages::Growing => next(answer(&[&format!("1.0.{cursor}")]), format!("{path}?cursor={}", cursor + 1)),
    }
}

fn referrers(state: &State, name: &str, subject: &str) -> Plain {
    let manifests = state.repositories.get(name).map(|repository| repository.manifests.clone()).unwrap_or_default();
    let listed: Vec<serde_json::Value> = manifests
        .into_iter()
        .filter_map(|(digest, (media_type, bytes))| {
            let manifest: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
            (manifest["subject"]["digest"] == subject).then(|| {
                serde_json::json!({"mediaType": media_type, "digest": digest, "size": bytes.len(),
                    "artifactType": manifest["artifactType"], "annotations": manifest["annotations"]})
            })
        })
        .collect();
    Plain::json(200, &serde_json::json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}))
        .with("content-type", OCI_INDEX)
}

fn manifest(state: &State, seen: &Seen, name: &str, reference: &str) -> Plain {
    let Some(repository) = state.repositories.get(name) else { return Plain::error(404, "NAME_UNKNOWN") };
    let tagged = repository.tags.iter().find(|(tag, _)| tag == reference).map(|(_, digest)| digest.as_str());
    let digest = tagged.unwrap_or(reference);
    let Some((media_type, bytes)) = repository.manifests.get(digest) else {
        return Plain::error(404, "MANIFEST_UNKNOWN");
    };
    let accepts = |value: &hyper::header::HeaderValue| value.to_str().is_ok_and(|text| text.contains(media_type));
    if media_type.contains("oci") && !seen.headers.get_all("accept").iter().any(accepts) {
        return Plain::error(404, "MANIFEST_UNKNOWN");
    }
    let body = if seen.method == Method::HEAD { Vec::new() } else { bytes.clone() };
    let etag = format!("\"{digest}\"");
    Plain { status: 200, headers: vec![("content-type".into(), media_type.clone())], body }
        .with("docker-content-digest", digest)
        .with("etag", etag)
}
