//! A forge for tests, on loopback: strict about what it is asked, stateful, and able to fail at a chosen moment.
//!
//! Whatever is outside the closed list of routes, or is not as the forge's own API description says, is a violation;
//! `assert_clean` fails the test then. The routes for approving, merging and rules are such, on purpose.

#![allow(dead_code, unused_imports)]

mod app;
mod forgejo;
mod github;
mod gitlab;
mod state;
mod storm;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;

pub use self::app::App;
pub use self::state::{Comment, Pull, PullState, Review, Rules, State};
pub use self::storm::Storm;
use super::contract::Contract;

/// A running forge; it ends when it is dropped.
pub struct Forge {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    kind: Kind,
    contract: Option<Arc<Contract>>,
    state: Mutex<State>,
    log: Mutex<Vec<Logged>>,
    violations: Mutex<Vec<String>>,
    faults: Mutex<Vec<Fault>>,
    storm: Mutex<Option<Storm>>,
    /// How many changes are under way, and how many were at most.
    changes: (AtomicUsize, AtomicUsize),
}

/// The kinds of forges it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    GitHub,
    GitLab,
    Forgejo,
}

/// Who lets Git in: a password, and whether it wants to push.
pub type Doorkeeper = Arc<dyn Fn(&str, bool) -> bool + Send + Sync>;

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Logged {
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub status: u16,
}

/// A fault, once.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Empty: any.
    pub method: &'static str,
    /// How the path ends, without its query.
    pub path: &'static str,
    /// How many such requests go well before.
    pub after: usize,
    pub what: What,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum What {
    /// The request is dropped before anything is done.
    LoseRequest,
    /// All is done, and the answer is dropped.
    LoseAnswer,
    /// This is answered instead.
    Answer(u16, Vec<(&'static str, &'static str)>, Value),
    /// All goes well, but somebody does something before.
    Meanwhile(Action),
}

/// What somebody does while a request is on its way.
#[derive(Clone)]
pub struct Action(Arc<dyn Fn() + Send + Sync>);

impl Action {
    pub fn new(action: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(action))
    }
}

impl std::fmt::Debug for Action {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Action")
    }
}

/// What a route answers.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

/// A request, read.
pub struct Asked<'a> {
    pub method: &'a str,
    /// Below the API, split, decoded by nobody.
    pub segments: Vec<&'a str>,
    pub query: Vec<(String, String)>,
    pub body: Value,
}

impl Asked<'_> {
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Answers the part of a list that the asked page has; the name of its size, the size unasked, the greatest size.
    pub fn page(&self, all: Vec<Value>, (name, usual, most): (&str, usize, usize)) -> Reply {
        let number =
            |name: &str, default: usize| self.query(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let (size, page) = (number(name, usual).min(most), number("page", 1).max(1));
        let more = all.len() > page * size;
        let mut headers = vec![("x-total-count", all.len().to_string())];
        if name == "per_page" {
            headers.push(("x-next-page", if more { (page + 1).to_string() } else { String::new() }));
        } else if all.len() > size {
            let relation = if more { "next" } else { "prev" };
            headers.push(("link", format!("<http://127.0.0.1/?page={}>; rel=\"{relation}\"", page + 1)));
        }
        let shown = all.into_iter().skip((page - 1) * size).take(size).collect();
        Reply { status: 200, headers, body: Value::Array(shown) }
    }
}

impl Reply {
    pub fn of(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }
}

impl Forge {
    /// Starts a GitHub with one repository, whose branches are those of the bare repository.
    pub fn github(repository: &str, bare: Option<&Path>, token: &str) -> Self {
        Self::start(Kind::GitHub, repository, bare, token)
    }

    /// Starts a GitLab with one project.
    pub fn gitlab(repository: &str, bare: Option<&Path>, token: &str) -> Self {
        Self::start(Kind::GitLab, repository, bare, token)
    }

    /// Starts a Forgejo with one repository.
    pub fn forgejo(repository: &str, bare: Option<&Path>, token: &str) -> Self {
        Self::start(Kind::Forgejo, repository, bare, token)
    }

    fn start(kind: Kind, repository: &str, bare: Option<&Path>, token: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let name = match kind {
            Kind::GitHub => "github",
            Kind::GitLab => "gitlab",
            Kind::Forgejo => "forgejo",
        };
        let shared = Arc::new(Shared {
            kind,
            contract: Contract::load(name),
            state: Mutex::new(State::new(&url, repository, bare, token)),
            log: Mutex::default(),
            violations: Mutex::default(),
            faults: Mutex::default(),
            storm: Mutex::default(),
            changes: Default::default(),
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(serve(listener, serving, stopped));
        });
        Self { url, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns which forge it is.
    pub fn kind(&self) -> Kind {
        self.shared.kind
    }

    /// Returns where its API is.
    pub fn api(&self) -> String {
        match self.shared.kind {
            Kind::GitHub => self.url.clone(),
            Kind::GitLab => format!("{}/api/v4", self.url),
            Kind::Forgejo => format!("{}/api/v1", self.url),
        }
    }

    /// Returns what it holds, to look at or to change as its people would.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("the state")
    }

    /// Returns who lets Git in: a password, and whether it wants to push.
    pub fn doorkeeper(&self) -> Doorkeeper {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |password, pushes| {
            let level = if pushes { "write" } else { "read" };
            shared.state.lock().expect("the state").admits(password, "contents", level).is_ok()
        })
    }

    /// Returns every request so far.
    pub fn requests(&self) -> Vec<Logged> {
        self.shared.log.lock().expect("the log").clone()
    }

    /// Returns the requests that change something, as `POST /path`.
    pub fn writes(&self) -> Vec<String> {
        let log = self.requests();
        log.iter().filter(|one| one.method != "GET").map(|one| format!("{} {}", one.method, one.path)).collect()
    }

    /// Returns how often somebody tried to open a pull request.
    pub fn openings(&self) -> usize {
        let opens = |write: &&String| write.starts_with("POST ") && write.ends_with(self.pulls_path());
        self.writes().iter().filter(opens).count()
    }

    /// Returns how the path of the pull requests ends.
    pub fn pulls_path(&self) -> &'static str {
        if self.shared.kind == Kind::GitLab { "/merge_requests" } else { "/pulls" }
    }

    /// Returns the pull requests so far.
    pub fn pulls(&self) -> Vec<Pull> {
        self.state().pulls.clone()
    }

    /// Lets something go wrong, once.
    pub fn fail(&self, method: &'static str, path: &'static str, what: What) {
        self.fail_after(0, method, path, what);
    }

    /// Lets something go wrong, once, after as many such requests went well.
    pub fn fail_after(&self, after: usize, method: &'static str, path: &'static str, what: What) {
        self.shared.faults.lock().expect("the faults").push(Fault { method, path, after, what });
    }

    /// Lets some of all requests go wrong from now on.
    pub fn storm(&self, seed: u64, percent: u32) {
        *self.shared.storm.lock().expect("the storm") = Some(Storm::new(seed, percent));
    }

    /// Returns how many changes were under way at the same time, at most.
    pub fn writes_at_once(&self) -> usize {
        self.shared.changes.1.load(Ordering::SeqCst)
    }

    /// Tells whether everything that was to go wrong did.
    pub fn is_through(&self) -> bool {
        self.shared.faults.lock().expect("the faults").is_empty()
    }

    /// Returns what it was asked against its rules.
    pub fn violations(&self) -> Vec<String> {
        self.shared.violations.lock().expect("the violations").clone()
    }

    /// Fails the test if it was asked anything outside the closed list, or against the contract.
    pub fn assert_clean(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "the forge was asked against its rules:\n{}", violations.join("\n"));
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>, mut stopped: tokio::sync::oneshot::Receiver<()>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.expect("a connection").0,
            _ = &mut stopped => return,
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(|request| answer(&shared, request));
            // A dropped answer ends the connection with an error, as it should.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    shared: &Shared,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, std::io::Error> {
    let _change = (request.method() != hyper::Method::GET).then(|| Change::begin(shared));
    if _change.is_some() {
        // Whoever comes at the same time is let in before this one is answered.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let method = parts.method.as_str().to_owned();
    let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let log = |status: u16| {
        let body = String::from_utf8_lossy(&body).into_owned();
        let logged = Logged { method: method.clone(), path: path.clone(), headers: headers.clone(), body, status };
        shared.log.lock().expect("the log").push(logged);
    };
    let fault = shared.fault(&method, &path);
    match &fault {
        Some(What::LoseRequest) => {
            log(0);
            return Err(std::io::Error::other("lost on purpose"));
        }
        Some(What::Answer(status, headers, body)) => {
            log(*status);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            return Ok(written(*status, &headers, body));
        }
        Some(What::Meanwhile(Action(action))) => action(),
        Some(What::LoseAnswer) | None => {}
    }
    let reply = shared.reply(&method, &path, &headers, &body);
    log(reply.status);
    if matches!(fault, Some(What::LoseAnswer)) {
        return Err(std::io::Error::other("lost on purpose"));
    }
    Ok(written(reply.status, &reply.headers, &reply.body))
}

/// A change that is under way.
struct Change<'a>(&'a Shared);

impl<'a> Change<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let now = shared.changes.0.fetch_add(1, Ordering::SeqCst) + 1;
        shared.changes.1.fetch_max(now, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.0.changes.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn written(status: u16, headers: &[(&'static str, String)], body: &Value) -> hyper::Response<Full<Bytes>> {
    let mut response =
        hyper::Response::builder().status(status).header("content-type", "application/json; charset=utf-8");
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    response.body(Full::new(Bytes::from(body))).expect("a response")
}

impl Shared {
    fn fault(&self, method: &str, path: &str) -> Option<What> {
        if let Some(how) = self.storm.lock().expect("the storm").as_mut().and_then(Storm::strikes) {
            let down = |status| What::Answer(status, Vec::new(), serde_json::json!({"message": "Server Error"}));
            return Some(match how % 4 {
                0 => What::LoseRequest,
                1 => What::LoseAnswer,
                2 => down(502),
                _ => down(503),
            });
        }
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let mut faults = self.faults.lock().expect("the faults");
        let index = faults
            .iter()
            .position(|fault| (fault.method.is_empty() || fault.method == method) && path.ends_with(fault.path))?;
        if faults[index].after == 0 {
            return Some(faults.remove(index).what);
        }
        faults[index].after -= 1;
        None
    }

    fn violate(&self, text: String) {
        self.violations.lock().expect("the violations").push(text);
    }

    fn reply(&self, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Reply {
        let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let mut state = self.state.lock().expect("the state");
        let base = match self.kind {
            Kind::GitHub => "",
            Kind::GitLab => "/api/v4",
            Kind::Forgejo => "/api/v1",
        };
        let below = path.strip_prefix(base).unwrap_or("/");
        let (bare_path, query) = below.split_once('?').unwrap_or((below, ""));
        let asked = Asked {
            method,
            segments: bare_path.trim_start_matches('/').split('/').collect(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            body: serde_json::from_slice(body).unwrap_or(Value::Null),
        };
        if let Some(contract) = &self.contract
            && let Err(violation) =
                contract.check_request(method, if self.kind == Kind::GitLab { below } else { path }, body)
        {
            self.violate(violation);
        }
        let reply = match self.kind {
            Kind::GitHub => github::answer(&mut state, &asked, header("authorization")),
            Kind::GitLab => gitlab::answer(&mut state, &asked, header("authorization")),
            Kind::Forgejo => forgejo::answer(&mut state, &asked, header("authorization")),
        };
        let Some(mut reply) = reply else {
            self.violate(format!("{method} {path} is outside the closed list"));
            return Reply::of(404, serde_json::json!({"message": "Not Found"}));
        };
        if state.clock != 0 {
            let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(state.clock);
            let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).expect("a date");
            reply.headers.push(("date", date));
        }
        if let Some(contract) = &self.contract
            && let Err(violation) = contract.check_answer(
                method,
                if self.kind == Kind::GitLab { below } else { path },
                reply.status,
                &reply.body,
            )
        {
            self.violate(format!("the test forge's own answer: {violation}"));
        }
        reply
    }
}
