//! A promotion that fails at its Nth operation, for all N, harms nothing, and is finished by running it again.

#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use support::faults::{at_each_call_of_git, at_each_request_to_the_forge, at_each_request_to_the_registry};
use support::fleet::on_github;
use support::forge::What;
use support::registry::Fault;
use support::sandbox::GitFault;

const PROMOTE: &[&str] = &["my-app", "v1.2.3", "--to", "prod-eu"];

#[test]
fn git_fails() {
    at_each_call_of_git(on_github, GitFault::Fail, PROMOTE);
}

#[test]
fn git_does_its_work_and_the_answer_is_lost() {
    at_each_call_of_git(on_github, GitFault::Lose, PROMOTE);
}

#[test]
fn the_run_is_killed_before_a_call_of_git() {
    at_each_call_of_git(on_github, GitFault::Kill, PROMOTE);
}

#[test]
fn the_run_is_killed_after_a_call_of_git() {
    at_each_call_of_git(on_github, GitFault::KillAfter, PROMOTE);
}

#[test]
fn the_run_is_interrupted() {
    at_each_call_of_git(on_github, GitFault::Interrupt, PROMOTE);
}

#[test]
fn the_run_is_terminated() {
    at_each_call_of_git(on_github, GitFault::Terminate, PROMOTE);
}

#[test]
fn the_forge_cannot_be_read() {
    at_each_request_to_the_forge(on_github, "GET", &What::LoseRequest, PROMOTE);
}

#[test]
fn a_write_to_the_forge_does_not_arrive() {
    at_each_request_to_the_forge(on_github, "POST", &What::LoseRequest, PROMOTE);
}

#[test]
fn a_write_to_the_forge_arrives_and_its_answer_does_not() {
    at_each_request_to_the_forge(on_github, "POST", &What::LoseAnswer, PROMOTE);
}

#[test]
fn the_forge_is_down_for_a_write() {
    let down = What::Answer(503, Vec::new(), serde_json::json!({"message": "Service Unavailable"}));
    at_each_request_to_the_forge(on_github, "POST", &down, PROMOTE);
}

#[test]
fn the_registry_hangs_up() {
    at_each_request_to_the_registry(on_github, &Fault::Dropped, PROMOTE);
}

#[test]
fn the_registry_cuts_an_answer_short() {
    at_each_request_to_the_registry(on_github, &Fault::Truncated, PROMOTE);
}

#[test]
fn the_registry_says_nonsense() {
    let page =
        Fault::Answer(200, vec![("content-type".into(), "text/html".into())], b"<html>captive portal</html>".to_vec());
    at_each_request_to_the_registry(on_github, &page, PROMOTE);
}

#[test]
fn the_registry_refuses_the_login() {
    at_each_request_to_the_registry(on_github, &Fault::Answer(403, Vec::new(), Vec::new()), PROMOTE);
}

#[test]
fn the_registry_drips() {
    at_each_request_to_the_registry(on_github, &Fault::Dripping(Duration::from_millis(1)), PROMOTE);
}
