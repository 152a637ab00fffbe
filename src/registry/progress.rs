//! What a terminal may show while registries are read.

use std::fmt;
use std::sync::Arc;

use crate::model::OciRepository;

/// Something that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A question that is not answered yet.
    Asking {
        /// About what.
        artifact: &'a OciRepository,
    },
    /// Another page of a tag list.
    Listing {
        /// Whose list.
        artifact: &'a OciRepository,
        /// How many tags so far.
        tags: usize,
    },
    /// A manifest.
    Resolved {
        /// Whose manifest.
        artifact: &'a OciRepository,
    },
}

impl fmt::Display for Progress<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listing { artifact, tags } => write!(formatter, "{artifact}: {tags} tags"),
            Self::Asking { artifact } | Self::Resolved { artifact } => write!(formatter, "{artifact}"),
        }
    }
}

/// Who is told of progress; nobody by default.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<Told>>);

type Told = dyn Fn(Progress<'_>) + Send + Sync;

impl Watch {
    /// Has a function called for each progress, from whichever thread made it.
    pub fn new(told: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    pub(super) fn tell(&self, progress: Progress<'_>) {
        if let Some(told) = &self.0 {
            told(progress);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Watch(…)" } else { "Watch" })
    }
}
