//! No forge: branches are pushed, and the text of the pull request is printed.

use std::time::Duration;

use url::Url;

use super::{
    Access, Account, Answer, Approvals, Comment, Error, Forge, Kind, OwnerError, Patience, Proposal, PullRequest,
    Review, Told,
};
use crate::model::BranchRules;

/// No forge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nowhere;

fn answer<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Forge for Nowhere {
    fn kind(&self) -> Kind {
        Kind::None
    }

    fn page(&self) -> Option<Url> {
        None
    }

    fn token_origin(&self) -> Option<&'static str> {
        None
    }

    fn identity(&self) -> Answer<'_, Option<Account>> {
        answer(None)
    }

    fn of_branch<'a>(&'a self, _: &'a str) -> Answer<'a, Vec<PullRequest>> {
        answer(Vec::new())
    }

    fn open_ones(&self) -> Answer<'_, Vec<PullRequest>> {
        answer(Vec::new())
    }

    fn ended_ones(&self, _: usize) -> Answer<'_, Vec<PullRequest>> {
        answer(Vec::new())
    }

    fn access(&self) -> Answer<'_, Access> {
        answer(Access { push: None, archived: false })
    }

    fn branch_rules<'a>(&'a self, _: &'a str) -> Answer<'a, BranchRules> {
        answer(BranchRules::hidden("without a forge nobody can tell"))
    }

    fn owner_errors<'a>(&'a self, _: &'a str) -> Answer<'a, Vec<OwnerError>> {
        answer(Vec::new())
    }

    fn told(&self) -> Told {
        Told::default()
    }

    fn read(&self, number: u64) -> Answer<'_, PullRequest> {
        Box::pin(std::future::ready(Err(Error::NoRepository { remote: format!("pull request {number}") })))
    }

    fn files(&self, _: u64) -> Answer<'_, Vec<String>> {
        answer(Vec::new())
    }

    fn reviews(&self, _: u64) -> Answer<'_, Vec<Review>> {
        answer(Vec::new())
    }

    fn comments(&self, _: u64) -> Answer<'_, Vec<Comment>> {
        answer(Vec::new())
    }

    fn approvals<'a>(&'a self, _: &'a str) -> Answer<'a, Approvals> {
        answer(Approvals::Unreadable("no forge is asked".to_owned()))
    }

    fn create<'a>(&'a self, _: &'a Proposal) -> Answer<'a, Option<PullRequest>> {
        answer(None)
    }

    fn add_labels<'a>(&'a self, _: u64, _: &'a [String]) -> Answer<'a, ()> {
        answer(())
    }

    fn ask_reviewers<'a>(&'a self, _: u64, _: &'a [String], _: &'a [String]) -> Answer<'a, ()> {
        answer(())
    }

    fn comment<'a>(&'a self, _: u64, _: &'a str) -> Answer<'a, ()> {
        answer(())
    }

    fn close(&self, _: u64) -> Answer<'_, ()> {
        answer(())
    }

    fn patience(&self) -> Patience {
        Patience { read_back: Duration::ZERO, ..Patience::default() }
    }
}
