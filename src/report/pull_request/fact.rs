//! The table of facts, which says "not known" aloud.

use jiff::Timestamp;
use serde::Serialize;

use super::promotion::{Before, Content, Direction, Kept, Move, Promotion, Shelved};
use super::wording::{capitalised, length, listed, moment, shortened};
use crate::model::Evidence;
use crate::report::inert::{self, Within};

/// A row of the table.
#[derive(Serialize)]
pub(super) struct Fact {
    label: String,
    value: String,
}

pub(super) fn facts(promotion: &Promotion, one: &Move) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |label: String, value: String| facts.push(Fact { label, value });
    let stage = inert::inline(one.stage.as_str());
    match &one.reference {
        Some(Shelved::InRegistry(reference)) => {
            add(format!("In {stage}'s registry"), format!("yes, {}", inert::code(reference, Within::Cell)));
        }
        Some(Shelved::InRepository(url, tag)) => {
            let (url, tag) = (inert::code(url, Within::Cell), inert::code(tag.as_str(), Within::Cell));
            add(format!("In {stage}'s Git repository"), format!("yes, {tag} of {url}"));
        }
        None => {}
    }
    add("Content".to_owned(), content(one));
    for before in &one.before {
        let name = inert::inline(before.name.as_str());
        add(format!("In {name}"), seen(before, promotion.now));
        let nobody = format!("**not known**: nobody reports {name}'s health to promote");
        add(format!("Worked in {name}"), nobody);
    }
    if one.before.is_empty() && promotion.direction == Direction::Forward {
        add("Tried before".to_owned(), "**not known**: no earlier stage has this app".to_owned());
    }
    if let Some(signature) = &one.signature {
        add("Signature".to_owned(), inert::message(signature, Within::Cell));
    }
    if !one.rules.is_empty() {
        add("Rules".to_owned(), one.rules.iter().map(kept).collect::<Vec<_>>().join(", "));
    }
    for note in &promotion.notes {
        add("Note".to_owned(), inert::message(note, Within::Cell));
    }
    if promotion.can_be_judged {
        let again = "`promote check --pull-request` with its number asks all of this again; whether a required check \
                     does is **not known**";
        add("Before you merge".to_owned(), again.to_owned());
    }
    facts
}

fn kept(rule: &Kept) -> String {
    let code = rule.code.as_deref().map_or(String::new(), |code| format!(" {}", inert::code(code, Within::Cell)));
    format!("{}{code}", inert::inline(&rule.text))
}

fn content(one: &Move) -> String {
    let Some(digest) = &one.to.digest else {
        return "**not known**: no digest could be read".to_owned();
    };
    let digest = inert::code(&shortened(digest), Within::Cell);
    let same: Vec<&Before> = one.before.iter().filter(|before| before.content == Content::Same).collect();
    let names = |all: &[&Before]| listed(all.iter().map(|before| inert::inline(before.name.as_str())));
    let unlike: Vec<&Before> = one.before.iter().filter(|before| before.content == Content::NotKnown).collect();
    let mut text = digest;
    if !same.is_empty() {
        text += &format!(", the same that {} selected", names(&same));
    }
    if !unlike.is_empty() {
        text += &format!(", **not known** whether {} had the same", names(&unlike));
    }
    text
}

fn seen(before: &Before, now: Timestamp) -> String {
    let asked = before.asked.map(|asked| format!("{} asked", length(asked)));
    let known = match (&before.evidence, &before.seen) {
        (Evidence::Admitted, None) => "its range admits it; **not known** whether it ever ran there".to_owned(),
        (Evidence::Selected, None) => "it chooses exactly this now; **not known** since when".to_owned(),
        (_, Some((first, left))) => {
            let age = format!("{} ago", length(now.duration_since(*first)));
            let inside = [Some(age), asked.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ");
            let left = left.map_or(String::new(), |left| format!(", left {}", moment(left)));
            format!("first seen {} ({inside}){left}", moment(*first))
        }
    };
    let asked = asked.filter(|_| before.seen.is_none()).map_or(String::new(), |asked| format!(" ({asked})"));
    let stands = before.now.as_ref().map_or(String::new(), |now| {
        format!(". {} is on {} now", capitalised(&inert::inline(before.name.as_str())), inert::inline(now.as_str()))
    });
    format!("{known}{asked}{stands}")
}
