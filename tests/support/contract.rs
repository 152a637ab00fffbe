//! A forge's own API description (OpenAPI 3.0 or Swagger 2.0), read as JSON Schema: what requests and answers may be.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// The calls that one forge describes.
pub struct Contract {
    document: Value,
    /// What the description calls the place of the shared schemas.
    shared: (&'static str, Value),
    prefix: String,
    operations: Vec<Operation>,
    validators: Mutex<BTreeMap<String, Arc<jsonschema::Validator>>>,
}

struct Operation {
    method: String,
    path: String,
    query: Vec<String>,
    request: Option<Value>,
    answers: BTreeMap<String, Option<Value>>,
}

impl Contract {
    /// Reads `../shared/contracts/NAME.json`, if it is there; with PROMOTE_REQUIRE_SHARED=1 it must be.
    pub fn load(name: &'static str) -> Option<Arc<Self>> {
        // Schemas take long to prepare, and every test starts a forge.
        static READ: Mutex<BTreeMap<&str, Option<Arc<Contract>>>> = Mutex::new(BTreeMap::new());
        let mut read = READ.lock().expect("the contracts");
        read.entry(name).or_insert_with(|| Self::load_once(name).map(Arc::new)).clone()
    }

    fn load_once(name: &str) -> Option<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../shared/contracts/{name}.json"));
        let Ok(text) = std::fs::read_to_string(&path) else {
            let required = std::env::var("PROMOTE_REQUIRE_SHARED").is_ok_and(|value| value == "1");
            assert!(!required, "{} must be there", path.display());
            println!("{} is not there: only the test forge's own checks hold", path.display());
            return None;
        };
        let contract = Self::read(serde_json::from_str(&text).expect("the contract is JSON"));
        super::shared::read(&format!("contracts/{name}.json"), contract.operations.len(), "operations");
        Some(contract)
    }

    fn read(document: Value) -> Self {
        let swagger = document.get("swagger").is_some();
        let shared = if swagger {
            ("definitions", converted(&document["definitions"]))
        } else {
            ("components", json!({"schemas": converted(&document["components"]["schemas"])}))
        };
        let prefix = document["basePath"].as_str().unwrap_or_default().to_owned();
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                    continue;
                }
                let parameters: Vec<&Value> = [&methods["parameters"], &operation["parameters"]]
                    .into_iter()
                    .filter_map(Value::as_array)
                    .flatten()
                    .map(|parameter| resolved(&document, parameter))
                    .collect();
                let named = |place: &str| {
                    parameters.iter().filter(|parameter| parameter["in"] == *place).copied().collect::<Vec<_>>()
                };
                let request = match named("body").first() {
                    Some(body) => Some(body["schema"].clone()),
                    None => resolved(&document, &operation["requestBody"])["content"]["application/json"]
                        .get("schema")
                        .cloned(),
                };
                let answer = |answer: &Value| {
                    let answer = resolved(&document, answer);
                    answer.get("schema").or_else(|| answer["content"]["application/json"].get("schema")).map(converted)
                };
                let answers = operation["responses"].as_object().expect("responses");
                operations.push(Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    query: named("query").iter().filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect(),
                    request: request.as_ref().map(converted),
                    answers: answers.iter().map(|(status, one)| (status.clone(), answer(one))).collect(),
                });
            }
        }
        Self { document, shared, prefix, operations, validators: Mutex::default() }
    }

    /// Tells what is wrong with a request; `path` has its query.
    pub fn check_request(&self, method: &str, path: &str, body: &[u8]) -> Result<(), String> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let operation = self.operation(method, path)?;
        for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
            let name = name.trim_end_matches("[]");
            if !operation.query.iter().any(|known| known.trim_end_matches("[]") == name) {
                return Err(format!("{method} {path} takes no `{name}` in its query"));
            }
        }
        let Some(schema) = &operation.request else {
            return if body.is_empty() { Ok(()) } else { Err(format!("{method} {path} takes no body")) };
        };
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("{method} {path}: {error}"))?;
        let names = self.names(schema);
        for name in body.as_object().into_iter().flat_map(serde_json::Map::keys) {
            // A schema passes fields that it does not know, so a misspelt one would never be refused.
            if !names.contains(name) {
                return Err(format!("{method} {path} takes no `{name}` in its body; it takes {names:?}"));
            }
        }
        self.validate(&format!("{method} {} request", operation.path), schema, &body)
    }

    /// Tells what is wrong with an answer.
    pub fn check_answer(&self, method: &str, path: &str, status: u16, body: &Value) -> Result<(), String> {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let operation = self.operation(method, path)?;
        // What any server may answer needs no description.
        if matches!(status, 401 | 403 | 404 | 429 | 500..) && !operation.answers.contains_key(&status.to_string()) {
            return Ok(());
        }
        match operation.answers.get(&status.to_string()).or_else(|| operation.answers.get("default")) {
            None => Err(format!("{method} {path} never answers {status}")),
            Some(None) => Ok(()),
            Some(Some(schema)) => {
                // Swagger 2.0 has no word for null, and those who use it answer it for what is absent.
                let plain = if self.shared.0 == "definitions" { without_nulls(body) } else { body.clone() };
                self.validate(&format!("{method} {} {status}", operation.path), schema, &plain)
            }
        }
    }

    fn operation(&self, method: &str, path: &str) -> Result<&Operation, String> {
        let below = path.strip_prefix(self.prefix.as_str()).unwrap_or(path);
        let fits = |pattern: &str| {
            let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), below.split('/').collect());
            pattern.len() == path.len()
                && pattern.iter().zip(&path).all(|(pattern, segment)| pattern.starts_with('{') || pattern == segment)
        };
        // A literal path comes before one with a variable.
        let mut found: Vec<&Operation> =
            self.operations.iter().filter(|one| one.method == method && fits(&one.path)).collect();
        found.sort_by_key(|one| one.path.matches('{').count());
        found.first().copied().ok_or_else(|| format!("{method} {path} is not in the contract"))
    }

    fn validate(&self, key: &str, schema: &Value, value: &Value) -> Result<(), String> {
        let mut validators = self.validators.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let validator = validators.entry(key.to_owned()).or_insert_with(|| {
            let root = json!({"allOf": [schema], self.shared.0: self.shared.1});
            let options = jsonschema::options().with_draft(jsonschema::Draft::Draft4).build(&root);
            Arc::new(options.expect("the contract's schema"))
        });
        let errors: Vec<String> = validator
            .iter_errors(value)
            .take(5)
            .map(|error| {
                format!("{} at `{}`", error.to_string().chars().take(300).collect::<String>(), error.instance_path())
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(format!("{key}: {}", errors.join("; "))) }
    }

    /// Returns the names of the fields that a schema knows.
    fn names(&self, schema: &Value) -> Vec<String> {
        let schema = resolved(&self.document, schema);
        let own = schema["properties"].as_object().into_iter().flat_map(|fields| fields.keys().cloned());
        let parts = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
        own.chain(parts.flat_map(|part| self.names(part))).collect()
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.trim_start_matches('#');
            resolved(document, document.pointer(pointer).unwrap_or_else(|| panic!("{reference} is missing")))
        }
        None => value,
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Array(all) => all.iter().map(without_nulls).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
        }
        other => other.clone(),
    }
}

/// Turns a schema of OpenAPI into one of JSON Schema: `nullable` is a type of its own there.
fn converted(schema: &Value) -> Value {
    match schema {
        Value::Array(all) => Value::Array(all.iter().map(converted).collect()),
        Value::Object(fields) => {
            let nullable =
                ["nullable", "x-nullable"].into_iter().any(|key| fields.get(key) == Some(&Value::Bool(true)));
            let kept = fields.iter().filter(|(key, _)| {
                // Examples may hold anything, even `$ref`.
                !matches!(
                    key.as_str(),
                    "nullable" | "x-nullable" | "example" | "examples" | "discriminator" | "description"
                ) || fields.get(key.as_str()).is_some_and(Value::is_object)
            });
            let plain = Value::Object(kept.map(|(key, value)| (key.clone(), converted(value))).collect());
            if nullable { json!({"anyOf": [plain, {"type": "null"}]}) } else { plain }
        }
        other => other.clone(),
    }
}
