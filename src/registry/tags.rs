//! Every tag of a repository, page after page.

use std::collections::HashSet;

use serde::Deserialize;
use url::Url;

use crate::http::{Origin, Response};

use super::error::Subject;
use super::link::{self, Next};
use super::{Error, Progress, Session};

/// How many bytes a page may have.
const PAGE_CAP: usize = 8 * 1024 * 1024;
/// How many pages a list may have.
const PAGES: usize = 2_000;
/// What to ask for, until the registry accepts one: Quay takes 100 at most, some take no number at all.
const QUERIES: [&str; 3] = ["tags/list?n=1000", "tags/list?n=100", "tags/list"];

#[derive(Deserialize)]
struct Page {
    name: Option<String>,
    tags: Option<Vec<String>>,
}

/// How a page was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// It is the first: nobody knows whether the registry names a next page.
    First,
    /// The one before it named it.
    Link,
    /// The one before it was as long as pages are, named none, and was asked for what follows its last tag.
    Last,
    /// The registry gave the same again; it is asked for one tag more.
    More,
}

/// Lists every tag, in the registry's order, each once.
pub(super) async fn list(session: &Session<'_>) -> Result<Vec<String>, Error> {
    let incomplete = |reason: String| Error::Pages { artifact: session.artifact.clone(), reason };
    session.watch(Progress::Asking { artifact: &session.artifact });
    let mut response = first(session).await?;
    let mut by = By::First;
    let (mut tags, mut known, mut visited) = (Vec::new(), HashSet::new(), HashSet::new());
    for _ in 0..PAGES {
        visited.insert(response.url.clone());
        let page = page(session, &response, (visited.len() > 1).then_some(tags.len())).await?;
        let (length, last, before) = (page.len(), page.last().cloned(), tags.len());
        for tag in page {
            if known.insert(tag.clone()) {
                tags.push(tag);
            }
        }
        session.watch(Progress::Listing { artifact: &session.artifact, tags: tags.len() });
        let adds = tags.len() > before;
        let url = match link::next(&response.headers) {
            Next::Unreadable => return Err(incomplete("the link to the next page can't be read".to_owned())),
            Next::Page(target) => {
                let url = followed(&response.url, &target).map_err(incomplete)?;
                if !adds {
                    return Err(incomplete("a page adds nothing and names another one".to_owned()));
                }
                by = By::Link;
                url
            }
            Next::None => match (by, last) {
                (By::First | By::Last, Some(last)) if adds && may_be_cut(&response.url, length) => {
                    by = By::Last;
                    after(&response.url, &last)
                }
                (By::Last, Some(_)) if !adds => {
                    by = By::More;
                    of_length(&response.url, tags.len() + 1)
                }
                (By::More, _) if adds => {
                    return Err(incomplete(format!("it is cut after {before} tags, and no page follows")));
                }
                _ => return Ok(tags),
            },
        };
        if visited.contains(&url) {
            return Err(incomplete("its pages go in a circle".to_owned()));
        }
        response = session.connection.get_url(url, "application/json", PAGE_CAP).await?;
    }
    Err(incomplete(format!("it has more than {PAGES} pages")))
}

/// Tells whether a page without a link may not be the last: it is as long as was asked for, or as long as registries
/// that name no next page make one (Nexus, Artifactory behind some proxies).
fn may_be_cut(url: &Url, length: usize) -> bool {
    let asked = url.query_pairs().find_map(|(name, value)| (name == "n").then(|| value.parse().ok())?);
    asked == Some(length) || [100, 1_000].contains(&length)
}

/// Returns the URL of what follows a tag in the same list.
fn after(url: &Url, last: &str) -> Url {
    let mut next = url.clone();
    let n = url.query_pairs().find_map(|(name, value)| (name == "n").then(|| value.into_owned()));
    next.query_pairs_mut().clear().extend_pairs(n.map(|n| ("n", n))).append_pair("last", last);
    next
}

/// Returns the URL of the list's first so many tags.
fn of_length(url: &Url, length: usize) -> Url {
    let mut next = url.clone();
    next.query_pairs_mut().clear().append_pair("n", &length.to_string());
    next
}

async fn first(session: &Session<'_>) -> Result<Response, Error> {
    let mut response = session.get(QUERIES[0], "application/json", PAGE_CAP).await?;
    for query in &QUERIES[1..] {
        if !matches!(response.status.as_u16(), 400 | 422) {
            break;
        }
        response = session.get(query, "application/json", PAGE_CAP).await?;
    }
    Ok(response)
}

/// Reads a page; `so_far` are the tags of the pages before it, if there are any.
async fn page(session: &Session<'_>, response: &Response, so_far: Option<usize>) -> Result<Vec<String>, Error> {
    match (response.status.as_u16(), so_far) {
        (200, _) => {}
        (status @ 400..=499, Some(tags)) if !matches!(status, 401 | 403) => {
            let reason = format!("what follows the first {tags} tags is refused with status {status}");
            return Err(Error::Pages { artifact: session.artifact.clone(), reason });
        }
        (_, Some(tags)) => return Err(session.refusal(response, Subject::Page(tags)).await),
        (_, None) => return Err(session.refusal(response, Subject::Repository).await),
    }
    let page: Page = serde_json::from_slice(&response.bytes).map_err(|_| Error::answer(response, "no list of tags"))?;
    match page {
        Page { tags: Some(tags), .. } => Ok(tags),
        // distribution answers `"tags": null` for a repository whose tags were all deleted.
        Page { tags: None, name: Some(_) } => Ok(Vec::new()),
        Page { tags: None, name: None } => Err(Error::answer(response, "no list of tags")),
    }
}

/// Returns the URL of the next page, which must be the same list at the same origin.
pub(super) fn followed(current: &Url, target: &str) -> Result<Url, String> {
    let mut next = current.join(target).map_err(|_| "the link to the next page is no URL".to_owned())?;
    next.set_fragment(None);
    if Origin::of(&next) != Origin::of(current) || !next.username().is_empty() || next.password().is_some() {
        return Err(format!("its next page is at another place, `{}`", Origin::of(&next)));
    }
    if next.path() != current.path() {
        return Err(format!("its next page is another list, `{}`", next.path()));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_same_list_at_the_same_origin() {
        let current = Url::parse("https://reg.example/v2/a/b/tags/list?n=2").unwrap();
        let follow = |target: &str| followed(&current, target).map(|url| url.to_string()).ok();
        let expected = Some("https://reg.example/v2/a/b/tags/list?last=x&n=2".to_owned());
        for target in [
            "/v2/a/b/tags/list?last=x&n=2",
            "?last=x&n=2",
            "list?last=x&n=2",
            "https://reg.example/v2/a/b/tags/list?last=x&n=2",
            "https://reg.example:443/v2/a/b/tags/list?last=x&n=2#top",
            "//reg.example/v2/a/b/tags/list?last=x&n=2",
        ] {
            assert_eq!(follow(target), expected, "{target}");
        }
        for target in [
            "https://evil.example/v2/a/b/tags/list?last=x",
            "//evil.example/v2/a/b/tags/list?last=x",
            r"\\evil.example/v2/a/b/tags/list",
            r"/\evil.example/v2/a/b/tags/list",
            "https://reg.example:444/v2/a/b/tags/list?last=x",
            "http://reg.example/v2/a/b/tags/list?last=x",
            "https://u:p@reg.example/v2/a/b/tags/list?last=x",
            "/v2/other/tags/list?last=x",
            "/v2/a/b/../c/tags/list",
            "/v2/a%2Fb/tags/list?last=x",
            "/v2/a/b/manifests/latest",
            "https://",
        ] {
            assert_eq!(follow(target), None, "{target}");
        }
    }
}
