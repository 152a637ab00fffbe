//! Helm repositories over HTTP: the versions in their `index.yaml`.
//!
//! An index may have tens of megabytes, of which three fields a version are wanted. It is read as a stream of YAML
//! events, once for all charts of the repository, so that memory holds the text and what is kept of it, and no tree.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use url::Url;

use crate::http;
use crate::model::Digest;

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::{Error, Shared};

/// How many bytes an index may have: Helm's own limit in Flux.
const CAP: usize = 50 * 1024 * 1024;

/// One version of a chart, as the index has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartVersion {
    /// The version's text.
    pub version: String,
    /// When it was packed, as written.
    pub created: Option<String>,
    /// The package's digest, where it is a SHA-256.
    pub digest: Option<Digest>,
}

/// Every chart of a Helm repository.
pub(super) struct ChartIndex {
    charts: HashMap<String, Arc<[ChartVersion]>>,
}

impl ChartIndex {
    /// Returns a chart's versions in the index's order.
    pub(super) fn versions(&self, chart: &str) -> Option<Arc<[ChartVersion]>> {
        self.charts.get(chart).cloned()
    }

    fn parse(text: &str) -> Result<Self, NoIndex> {
        let mut charts = HashMap::new();
        let mut events = Events { parser: Parser::new_from_str(text) };
        if !matches!(events.next_node()?, Event::MappingStart(..)) {
            return Err(NoIndex);
        }
        let mut found = false;
        while let Some(key) = events.next_key()? {
            if key.as_deref() == Some("entries") {
                found = true;
                events.entries(&mut charts)?;
            } else {
                events.skip()?;
            }
        }
        if found { Ok(Self { charts }) } else { Err(NoIndex) }
    }
}

/// Fetches and reads a repository's index.
pub(super) async fn fetch(shared: &Shared, repository: &str) -> Result<Arc<ChartIndex>, Error> {
    let base = repository.trim_end_matches('/');
    let unusable = || Error::Http(http::Error::Scheme { url: base.to_owned() });
    let url = Url::parse(&format!("{base}/index.yaml")).map_err(|_| unusable())?;
    let endpoint = Arc::new(Endpoint::of(&url, &shared.settings).ok_or_else(unusable)?);
    let path = Url::parse(base).ok().map(|url| url.path().trim_matches('/').to_owned());
    let connection = Connection { shared, path, endpoint, login: Arc::default() };
    let response = connection.get_url(url, "application/yaml, text/yaml, */*;q=0.5", CAP).await?;
    match response.status.as_u16() {
        200 => {}
        404 => return Err(Error::NoIndex { repository: base.to_owned() }),
        status @ (401 | 403) => {
            let login = Box::new(connection.login.used().await);
            return Err(Error::IndexDenied { repository: base.to_owned(), status, login });
        }
        _ => return Err(Error::answer(&response, "nothing that a Helm repository answers")),
    }
    let bytes = response.bytes.clone();
    // Tens of megabytes take a while, in which other answers must be read.
    let index = tokio::task::spawn_blocking(move || {
        std::str::from_utf8(&bytes).map_err(|_| NoIndex).and_then(ChartIndex::parse)
    });
    match index.await {
        Ok(Ok(index)) => Ok(Arc::new(index)),
        _ => Err(Error::answer(&response, "no index of charts")),
    }
}

/// What is read is no index.
#[derive(Debug, PartialEq, Eq)]
struct NoIndex;

impl From<ScanError> for NoIndex {
    fn from(_: ScanError) -> Self {
        Self
    }
}

struct Events<I> {
    parser: I,
}

impl<'a, I: Iterator<Item = Result<(Event<'a>, Span), ScanError>>> Events<I> {
    /// Returns the next event that is part of a node.
    fn next_node(&mut self) -> Result<Event<'a>, NoIndex> {
        loop {
            match self.parser.next().ok_or(NoIndex)??.0 {
                Event::StreamStart | Event::DocumentStart(..) | Event::Comment(..) => {}
                Event::StreamEnd | Event::DocumentEnd => return Err(NoIndex),
                event => return Ok(event),
            }
        }
    }

    /// Returns the next key of a mapping, empty if it is no text; none at the mapping's end.
    fn next_key(&mut self) -> Result<Option<Option<Cow<'a, str>>>, NoIndex> {
        match self.next_node()? {
            Event::MappingEnd => Ok(None),
            Event::Scalar(text, ..) => Ok(Some(Some(text))),
            other => {
                self.skip_from(&other)?;
                Ok(Some(None))
            }
        }
    }

    /// Reads the next value as a text; null, a list and a mapping are none.
    fn text(&mut self) -> Result<Option<String>, NoIndex> {
        match self.next_node()? {
            Event::Scalar(text, ScalarStyle::Plain, ..) if matches!(&*text, "" | "~" | "null" | "Null" | "NULL") => {
                Ok(None)
            }
            Event::Scalar(text, ..) => Ok(Some(text.into_owned())),
            other => self.skip_from(&other).map(|()| None),
        }
    }

    fn skip(&mut self) -> Result<(), NoIndex> {
        let first = self.next_node()?;
        self.skip_from(&first)
    }

    /// Passes over the rest of a node.
    fn skip_from(&mut self, first: &Event<'a>) -> Result<(), NoIndex> {
        let mut depth = usize::from(is_start(first));
        while depth > 0 {
            match self.next_node()? {
                event if is_start(&event) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn entries(&mut self, charts: &mut HashMap<String, Arc<[ChartVersion]>>) -> Result<(), NoIndex> {
        let first = self.next_node()?;
        if !matches!(first, Event::MappingStart(..)) {
            return self.skip_from(&first);
        }
        while let Some(key) = self.next_key()? {
            let versions = self.versions()?;
            if let Some(name) = key {
                charts.insert(name.into_owned(), versions.into());
            }
        }
        Ok(())
    }

    fn versions(&mut self) -> Result<Vec<ChartVersion>, NoIndex> {
        let mut versions = Vec::new();
        let first = self.next_node()?;
        if !matches!(first, Event::SequenceStart(..)) {
            return self.skip_from(&first).map(|()| versions);
        }
        loop {
            match self.next_node()? {
                Event::SequenceEnd => return Ok(versions),
                Event::MappingStart(..) => versions.extend(self.version()?),
                other => self.skip_from(&other)?,
            }
        }
    }

    /// Reads one version; one without a version's text is passed over, as Flux does.
    fn version(&mut self) -> Result<Option<ChartVersion>, NoIndex> {
        let (mut version, mut created, mut digest) = (None, None, None);
        while let Some(key) = self.next_key()? {
            match key.as_deref() {
                Some("version") => version = self.text()?.filter(|text| !text.is_empty()),
                Some("created") => created = self.text()?,
                Some("digest") => digest = self.text()?,
                _ => self.skip()?,
            }
        }
        // Helm writes the digits alone.
        let parse = |text: String| text.parse().or_else(|_| format!("sha256:{text}").parse()).ok();
        Ok(version.map(|version| ChartVersion { version, created, digest: digest.and_then(parse) }))
    }
}

fn is_start(event: &Event<'_>) -> bool {
    matches!(event, Event::MappingStart(..) | Event::SequenceStart(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(text: &str, chart: &str) -> Option<Vec<(String, Option<String>)>> {
        let index = ChartIndex::parse(text).ok()?;
        let versions = index.versions(chart)?;
        Some(versions.iter().map(|entry| (entry.version.clone(), entry.created.clone())).collect())
    }

    #[test]
    fn versions_are_read_in_the_index_s_order_whatever_stands_around_them() {
        let text = r#"
apiVersion: v1
# made by hand
entries:
  other: []
  app:
  - dependencies: [{name: common, version: 9.9.9}]
    annotations: {images: "- version: 8.8.8"}
    version: 1.2.3
    created: "2026-01-01T00:00:00Z"
    digest: 9e41f3d2000000000000000000000000000000000000000000000000000b7c07
  - {version: "1.10"}
  - {version: null, created: x}
  - {name: without}
  - text
  -
    description: |
      version: 7.7.7
    version: v1.0.0
generated: "2026-01-01T00:00:00Z"
"#;
        let expected = [("1.2.3", Some("2026-01-01T00:00:00Z")), ("1.10", None), ("v1.0.0", None)];
        let expected = expected.map(|(version, created)| (version.to_owned(), created.map(str::to_owned)));
        assert_eq!(versions(text, "app"), Some(expected.to_vec()));
        assert_eq!(versions(text, "other"), Some(vec![]));
        assert_eq!(versions(text, "absent"), None);
    }

    #[test]
    fn an_index_may_be_json_and_may_be_empty() {
        assert_eq!(versions(r#"{"entries":{"a":[{"version":"1.0.0"}]}}"#, "a").map(|all| all.len()), Some(1));
        assert!(ChartIndex::parse("apiVersion: v1\nentries: {}\n").is_ok());
        assert!(ChartIndex::parse("apiVersion: v1\nentries:\n").is_ok());
    }

    #[test]
    fn what_is_no_index_is_refused() {
        for text in ["", "<html>login</html>", "apiVersion: v1", "- a", "entries: {a: [", "entries:\n\t- a"] {
            assert_eq!(ChartIndex::parse(text).err(), Some(NoIndex), "{text}");
        }
    }
}
