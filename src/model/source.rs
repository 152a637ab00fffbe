//! Flux objects that choose a version, and all of them together.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    AppName, Artifact, Choice, EnvironmentName, FieldName, Finding, Form, Place, Reference, RepoPath, Slot, Unknown,
    Verify,
};

/// The kinds of Flux objects that choose a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// `OCIRepository`.
    OciRepository,
    /// `HelmRelease` with a chart template.
    HelmRelease,
    /// `HelmChart`.
    HelmChart,
    /// `GitRepository`.
    GitRepository,
    /// An image of kustomize, a Flux `Kustomization`, or a `HelmRelease`'s values.
    Image,
}

/// Which object of an environment: kind, namespace and name as Flux sees them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    /// Its kind.
    pub kind: SourceKind,
    /// Its namespace, if one is known.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A Flux object that says where an artifact is and which version to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The environment that reconciles it.
    pub environment: EnvironmentName,
    /// The object.
    pub id: SourceId,
    /// The app it belongs to.
    pub app: AppName,
    /// Where its versions are, or why that can't be told.
    pub artifact: Result<Artifact, Unknown>,
    /// What it asks for.
    pub reference: Reference,
    /// What that chooses.
    pub choice: Choice,
    /// Whether tags stand for Helm charts, where `_` is `+` (`layerSelector.mediaType`).
    pub helm_layer: bool,
    /// The signature that is demanded, if one is.
    pub verify: Option<Verify>,
    /// Where `suspend: true` stands.
    pub suspended: Option<Place>,
    /// Where the object begins.
    pub place: Place,
}

/// A written version, reached by an environment or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenValue {
    /// Where it is written.
    pub slot: Slot,
    /// Which document of the file, from 0.
    pub document: usize,
    /// Kind, namespace and name of the object as written there.
    pub kind: String,
    /// See `kind`.
    pub namespace: Option<String>,
    /// See `kind`.
    pub name: Option<String>,
    /// The field of the object as written there: `spec.ref.tag`.
    pub field: String,
    /// The whole scalar's decoded text.
    pub text: String,
    /// `tag`, `semver`, `digest`, `version`, `commit`, `branch`, `image` or `variable`.
    pub kind_of_value: &'static str,
    /// What shadows it, if Flux obeys another field.
    pub shadowed_by: Option<Place>,
    /// The sources and fields it decides: index into [`Inventory::sources`], and the field.
    pub decides: Vec<(usize, FieldName)>,
    /// The environments that read the file; empty where none does.
    pub environments: Vec<EnvironmentName>,
}

/// Per environment, every source with its effective reference and the slots that decide it; [`Inventory::new`] makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// In order of environment, then as Flux reaches them; their apps never change.
    pub sources: Vec<Source>,
    /// Every written version, in order of path and position.
    pub written: Vec<WrittenValue>,
    /// What people should know.
    pub findings: Vec<Finding>,
    /// The files that each environment was read from.
    pub read: BTreeMap<EnvironmentName, HashSet<RepoPath>>,
    /// Where the sources of each app stand.
    by_app: HashMap<AppName, Vec<usize>>,
}

impl SourceKind {
    /// Returns the kind as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OciRepository => "OCIRepository",
            Self::HelmRelease => "HelmRelease",
            Self::HelmChart => "HelmChart",
            Self::GitRepository => "GitRepository",
            Self::Image => "Image",
        }
    }

    /// Returns where a field stands in an object of this kind: `spec.ref.tag`.
    pub fn path_of(self, field: FieldName) -> String {
        match (self, field) {
            (Self::OciRepository | Self::GitRepository, field) => format!("spec.ref.{}", field.key()),
            (Self::HelmRelease, FieldName::Version) => "spec.chart.spec.version".to_owned(),
            (Self::HelmChart, FieldName::Version) => "spec.version".to_owned(),
            (_, field) => field.key().to_owned(),
        }
    }
}

impl WrittenValue {
    /// Returns the text of the slot itself: of the part that it names, else of the whole scalar.
    pub fn slot_text(&self) -> &str {
        match self.slot.spans.as_slice() {
            [_, .., part] if part.form == Form::Part => self.text.get(part.range()).unwrap_or(&self.text),
            _ => &self.text,
        }
    }
}

impl Inventory {
    /// Makes an inventory of sources whose apps are told, and of written values in order of path and position.
    pub fn new(
        sources: Vec<Source>,
        written: Vec<WrittenValue>,
        findings: Vec<Finding>,
        read: BTreeMap<EnvironmentName, HashSet<RepoPath>>,
    ) -> Self {
        let mut by_app: HashMap<AppName, Vec<usize>> = HashMap::new();
        for (at, source) in sources.iter().enumerate() {
            match by_app.get_mut(&source.app) {
                Some(places) => places.push(at),
                None => drop(by_app.insert(source.app.clone(), vec![at])),
            }
        }
        Self { sources, written, findings, read, by_app }
    }

    /// Returns the written values of a file.
    pub fn written_in(&self, path: &RepoPath) -> &[WrittenValue] {
        let begin = self.written.partition_point(|written| written.slot.path() < path);
        let rest = self.written.get(begin..).unwrap_or_default();
        rest.get(..rest.partition_point(|written| written.slot.path() == path)).unwrap_or_default()
    }

    /// Returns the written value at a slot.
    pub fn written_at(&self, slot: &Slot) -> Option<&WrittenValue> {
        self.written_in(slot.path()).iter().find(|written| written.slot == *slot)
    }

    /// Returns the sources of an app in an environment.
    pub fn sources_of<'a>(
        &'a self,
        app: &'a AppName,
        environment: &'a EnvironmentName,
    ) -> impl Iterator<Item = &'a Source> {
        let places = self.by_app.get(app).map(Vec::as_slice).unwrap_or_default();
        let sources = places.iter().filter_map(|at| self.sources.get(*at));
        sources.filter(move |source| source.environment == *environment)
    }
}
