//! A GitHub App in the test forge: signatures are verified with its public key, tokens do what they were asked for and
//! end when they are told to.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::state::State;
use super::{Asked, Reply};

/// The App, as it is installed on the one repository.
pub struct App {
    pub id: u64,
    pub slug: String,
    key: DecodingKey,
    /// Its number; none: it isn't installed.
    pub installation: Option<u64>,
    pub is_suspended: bool,
    /// What the repository's owner granted.
    pub permissions: BTreeMap<String, String>,
    /// After how many uses each token ends, in the order in which they are given; those beyond don't.
    pub ends: Vec<usize>,
    /// Whether every token ends at once.
    pub gives_dead_tokens: bool,
    /// How long a token lives, in seconds.
    pub lifetime: i64,
    /// The tokens so far.
    pub given: Vec<Given>,
}

/// A token, and what it may do.
pub struct Given {
    pub token: String,
    pub permissions: BTreeMap<String, String>,
    left: Option<usize>,
}

impl App {
    /// Installs an App that may write contents and pull requests; `key` is its public key as PEM.
    pub fn new(key: &str) -> Self {
        let permissions = [("contents", "write"), ("metadata", "read"), ("pull_requests", "write")];
        Self {
            id: 4242,
            slug: "fleet-app".to_owned(),
            key: DecodingKey::from_rsa_pem(key.as_bytes()).expect("a public key"),
            installation: Some(77),
            is_suspended: false,
            permissions: permissions.map(|(name, level)| (name.to_owned(), level.to_owned())).into(),
            ends: Vec::new(),
            gives_dead_tokens: false,
            lifetime: 3600,
            given: Vec::new(),
        }
    }

    /// Returns the nth token that it is given, from 1.
    pub fn token(nth: usize) -> String {
        format!("ghs_canaryInstallation{nth:04}")
    }

    /// Takes one use of a token, and tells whether it may do that.
    pub fn admits(&mut self, token: &str, permission: &str, level: &str) -> Result<(), u16> {
        let given = self.given.iter_mut().find(|given| given.token == token).ok_or(401_u16)?;
        match &mut given.left {
            Some(0) => return Err(401),
            Some(left) => *left -= 1,
            None => {}
        }
        let held = given.permissions.get(permission).map(String::as_str);
        let is_enough = held == Some("write") || held == Some("read") && level == "read";
        if is_enough { Ok(()) } else { Err(403) }
    }
}

/// What the claims of a signature say.
#[derive(serde::Deserialize)]
struct Claims {
    iss: Value,
    iat: i64,
    exp: i64,
}

/// Answers what an App asks as itself; none if it is something else.
pub fn answer(state: &mut State, asked: &Asked<'_>, authorization: Option<&str>) -> Option<Reply> {
    let (owner, name) = state.repository.split_once('/').map(|(owner, name)| (owner.to_owned(), name.to_owned()))?;
    let number = match (asked.method, asked.segments.as_slice()) {
        ("GET", ["repos", _, _, "installation"]) => None,
        ("POST", ["app", "installations", number, "access_tokens"]) => Some(number.parse::<u64>().ok()?),
        _ => return None,
    };
    let now = jiff::Timestamp::now().as_second() + state.clock;
    let Some(app) = &mut state.app else { return Some(message(404, "Integration not found")) };
    if let Err(refusal) = signed(app, authorization, now) {
        return Some(refusal);
    }
    let is_here = asked.segments.get(1..3) == Some(&[owner.as_str(), name.as_str()]);
    match (number, app.installation) {
        (None, Some(_)) if is_here => Some(Reply::of(200, installation(state))),
        (Some(asked_for), Some(installed)) if asked_for == installed => Some(give(app, asked, &name, now)),
        _ => Some(message(404, "Not Found")),
    }
}

/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>
fn signed(app: &App, authorization: Option<&str>, now: i64) -> Result<(), Reply> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let decoded = jsonwebtoken::decode::<Claims>(token, &app.key, &validation);
    let claims = decoded.map_err(|_| message(401, "A JSON web token could not be decoded"))?.claims;
    if claims.iss != json!(app.id) && claims.iss != json!(format!("Iv1.{}", app.id)) {
        return Err(message(404, "Integration not found"));
    }
    if claims.iat > now {
        let text = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
        return Err(message(401, text));
    }
    if claims.exp > now + 600 {
        return Err(message(401, "'Expiration time' claim ('exp') is too far in the future"));
    }
    if claims.exp <= now {
        let text = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the \
                    assertion expires";
        return Err(message(401, text));
    }
    Ok(())
}

fn installation(state: &State) -> Value {
    let app = state.app.as_ref().expect("an App");
    let (owner, id) = (state.repository.split('/').next().unwrap_or_default(), app.installation);
    let suspended = if app.is_suspended { json!("2026-11-23T07:00:00Z") } else { Value::Null };
    json!({
        "id": id, "app_id": app.id, "app_slug": app.slug, "target_id": 1, "target_type": "Organization",
        "account": super::github::person(state, owner), "single_file_name": null, "repository_selection": "selected",
        "access_tokens_url": state.url, "html_url": state.url, "repositories_url": state.url, "events": [],
        "permissions": app.permissions, "created_at": "2026-11-23T07:00:00Z", "updated_at": "2026-11-23T07:00:00Z",
        "suspended_by": null, "suspended_at": suspended,
    })
}

fn give(app: &mut App, asked: &Asked<'_>, repository: &str, now: i64) -> Reply {
    if app.is_suspended {
        return message(403, "This installation has been suspended");
    }
    if asked.body["repositories"] != json!([repository]) {
        return message(422, "There is at least one repository that does not exist or is not accessible");
    }
    let wanted: BTreeMap<String, String> =
        serde_json::from_value(asked.body["permissions"].clone()).unwrap_or_default();
    let granted = |(name, level): (&String, &String)| {
        let granted = app.permissions.get(name);
        granted.is_some_and(|granted| granted == level || granted == "write")
    };
    if wanted.is_empty() || !wanted.iter().all(granted) {
        return message(422, "The permissions requested are not granted to this installation.");
    }
    let nth = app.given.len() + 1;
    let left = if app.gives_dead_tokens { Some(0) } else { app.ends.get(nth - 1).copied() };
    let token = App::token(nth);
    let expires = jiff::Timestamp::from_second(now + app.lifetime).expect("a time").to_string();
    app.given.push(Given { token: token.clone(), permissions: wanted.clone(), left });
    Reply::of(
        201,
        json!({"token": token, "expires_at": expires, "permissions": wanted, "repository_selection": "selected"}),
    )
}

fn message(status: u16, text: &str) -> Reply {
    let documentation = "https://docs.github.com/rest";
    Reply::of(status, json!({"message": text, "documentation_url": documentation, "status": status.to_string()}))
}
