//! From Flux objects to sources: where the artifact is, what is asked for, what that chooses.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::choice::{self, Tags};
use super::files::Files;
use super::resource::Resource;
use super::text::Spot;
use super::tree::{Leaf, Tree};
use super::values;
use super::verify;
use super::walk::{Applied, Reconciled, Standing};
use crate::model::{
    AppName, Artifact, Choice, Demand, EnvironmentName, FieldName, FindingCode, OciRepository, Place, Reference, Slot,
    Source, SourceId, SourceKind, Unknown, Verify,
};

/// The media type whose tags Flux reads as chart versions, `_` for `+`.
const HELM_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Kind, namespace and name of what a `chartRef` names.
type ChartName<'a> = (&'a str, Option<&'a str>, &'a str);

/// A source, and the spots of its fields.
pub(super) struct Found {
    pub source: Source,
    pub spots: Vec<(FieldName, Vec<Spot>)>,
}

impl Found {
    /// Takes over what the Kustomizations on the way to it say.
    fn stand(&mut self, standing: &Standing) {
        if self.source.suspended.is_none() {
            self.source.suspended.clone_from(&standing.suspended);
        }
        if let Some(unknown) = &standing.unknown {
            self.source.choice = Choice::Unknown((**unknown).clone());
        }
    }

    /// Returns what tells an image from others: itself, and the places that decide it.
    fn decided_image(&self) -> DecidedImage {
        let fields = self.source.reference.fields.iter();
        (self.source.id.clone(), fields.map(|(name, value)| (*name, value.deciding_slot().cloned())).collect())
    }
}

type DecidedImage = (SourceId, Vec<(FieldName, Option<Slot>)>);

/// All objects of one environment, to find those that others name.
pub(super) struct Objects<'a> {
    pub environment: &'a EnvironmentName,
    pub reconciled: &'a Reconciled,
    pub files: &'a Files<'a>,
}

impl Objects<'_> {
    /// Returns every source, in order.
    pub fn sources(&self) -> Vec<Found> {
        let applied = self.reconciled.objects.iter();
        let sources = applied.filter_map(|applied| {
            let mut found = self.source(&applied.object)?;
            found.stand(&applied.standing);
            Some(found)
        });
        let mut sources: Vec<Found> = sources.collect();
        let mut images: HashSet<DecidedImage> = HashSet::new();
        for applied in self.reconciled.objects.iter().filter(|applied| applied.object.is_flux("HelmRelease")) {
            let of_release = self.values_images(applied);
            sources.extend(of_release.into_iter().filter(|found| images.insert(found.decided_image())));
        }
        for (image, standing) in &self.reconciled.images {
            let fields = [(FieldName::Digest, &image.digest), (FieldName::Tag, &image.tag)];
            let fields = fields.into_iter().filter_map(|(name, leaf)| Some((name, leaf.clone()?))).collect();
            let place = image.spot.as_ref().map(Spot::place);
            let mut found = self.image(None, &image.name, fields, place);
            found.iter_mut().for_each(|found| found.stand(standing));
            sources.extend(found.filter(|found| images.insert(found.decided_image())));
        }
        self.suspend_charts(&mut sources);
        sources.iter().for_each(|found| self.note(&found.source));
        sources
    }

    /// A chart whose every release is suspended has no effect until one is resumed.
    fn suspend_charts(&self, sources: &mut [Found]) {
        let mut releases: HashMap<ChartName<'_>, Vec<Option<Place>>> = HashMap::new();
        for applied in self.reconciled.objects.iter().filter(|applied| applied.object.is_flux("HelmRelease")) {
            let Some(reference) = applied.object.tree.at(&["spec", "chartRef"]) else { continue };
            let text = |key: &str| reference.text(&[key]);
            let namespace = text("namespace").or(applied.object.namespace());
            let key = (text("kind").unwrap_or_default(), namespace, text("name").unwrap_or_default());
            let suspended = suspension(&applied.object).or_else(|| applied.standing.suspended.clone());
            releases.entry(key).or_default().push(suspended);
        }
        for found in sources.iter_mut().filter(|found| found.source.suspended.is_none()) {
            let id = &found.source.id;
            let Some(places) = releases.get(&(id.kind.as_str(), id.namespace.as_deref(), id.name.as_str())) else {
                continue;
            };
            if let Some(Some(place)) = places.first().filter(|_| places.iter().all(Option::is_some)) {
                found.source.suspended = Some(place.clone());
            }
        }
    }

    /// The images in the values of a release.
    fn values_images(&self, applied: &Applied) -> Vec<Found> {
        let Some(values) = applied.object.tree.at(&["spec", "values"]) else { return Vec::new() };
        let mut sources = Vec::new();
        let mut images = Vec::new();
        values::images(values, &mut images);
        for image in images {
            let known =
                |leaf: &Option<Rc<Leaf>>| leaf.as_ref().and_then(|leaf| leaf.text.as_deref().ok()).map(str::to_owned);
            let name = match (known(&image.registry), known(&image.name), image.marker) {
                (Some(registry), Some(name), _) => format!("{registry}/{name}"),
                (None, Some(name), _) => name,
                (_, None, Some(marker)) => marker,
                (_, None, None) => continue,
            };
            let place = Some(applied.object.place());
            if let Some(mut found) = self.image(applied.object.namespace(), &name, image.fields, place) {
                found.source.suspended = suspension(&applied.object);
                found.stand(&applied.standing);
                sources.push(found);
            }
        }
        sources
    }

    fn image(
        &self,
        namespace: Option<&str>,
        name: &str,
        fields: Vec<(FieldName, Rc<Leaf>)>,
        place: Option<Place>,
    ) -> Option<Found> {
        let fields: Vec<_> =
            fields.into_iter().map(|(name, leaf)| (name, resolved(SourceKind::Image, &leaf))).collect();
        let mut reference = Reference { fields: fields.iter().map(|(name, leaf)| (*name, leaf.value())).collect() };
        // Tag and digest of an image are one reference, no one hides the other.
        reference.fields.sort_by_key(|(name, _)| *name);
        let first = fields.first()?;
        let place = place.or_else(|| first.1.chain.last().map(Spot::place))?;
        let artifact = OciRepository::parse(name).map(Artifact::Oci).map_err(|error| Unknown {
            code: FindingCode::InvalidArtifact,
            message: error.to_string(),
            place: Some(place.clone()),
        });
        let id = SourceId { kind: SourceKind::Image, namespace: namespace.map(str::to_owned), name: name.to_owned() };
        let source = Source {
            environment: self.environment.clone(),
            id,
            app: AppName::nameless(),
            artifact,
            choice: choice::choose(SourceKind::Image, &reference, Tags::Verbatim),
            reference,
            helm_layer: false,
            verify: None,
            suspended: None,
            place,
        };
        Some(Found { source, spots: fields.into_iter().map(|(name, leaf)| (name, leaf.chain.clone())).collect() })
    }

    fn source(&self, object: &Resource) -> Option<Found> {
        const REF: [(FieldName, &[&str]); 4] = [
            (FieldName::Digest, &["spec", "ref", "digest"]),
            (FieldName::Semver, &["spec", "ref", "semver"]),
            (FieldName::SemverFilter, &["spec", "ref", "semverFilter"]),
            (FieldName::Tag, &["spec", "ref", "tag"]),
        ];
        const GIT_REF: [(FieldName, &[&str]); 5] = [
            (FieldName::Semver, &["spec", "ref", "semver"]),
            (FieldName::Tag, &["spec", "ref", "tag"]),
            (FieldName::Commit, &["spec", "ref", "commit"]),
            (FieldName::Name, &["spec", "ref", "name"]),
            (FieldName::Branch, &["spec", "ref", "branch"]),
        ];
        if object.is_flux("OCIRepository") {
            let artifact = self.text(object, &["spec", "url"]).and_then(|url| self.oci(object, &url));
            Some(self.found(object, SourceKind::OciRepository, artifact, &REF))
        } else if object.is_flux("GitRepository") {
            let artifact = self.text(object, &["spec", "url"]).and_then(|url| self.git(object, url));
            Some(self.found(object, SourceKind::GitRepository, artifact, &GIT_REF))
        } else if object.is_flux("HelmRelease") {
            self.chart(object, SourceKind::HelmRelease, &["spec", "chart", "spec"])
        } else if object.is_flux("HelmChart") {
            self.chart(object, SourceKind::HelmChart, &["spec"])
        } else {
            None
        }
    }

    fn chart(&self, object: &Resource, kind: SourceKind, base: &[&str]) -> Option<Found> {
        let chart = object.tree.at(base)?;
        chart.field("chart")?;
        let reference = chart.field("sourceRef");
        let repository_kind = reference.and_then(|reference| reference.text(&["kind"])).unwrap_or("HelmRepository");
        if repository_kind != "HelmRepository" {
            if let Some(version) = chart.leaf(&["version"]) {
                let message = format!("Flux ignores the version of a chart from a {repository_kind}");
                self.say(FindingCode::ShadowedField, message, version);
            }
            return None;
        }
        let artifact = self.chart_artifact(object, chart);
        let version: Vec<&str> = base.iter().copied().chain(["version"]).collect();
        Some(self.found(object, kind, artifact, &[(FieldName::Version, &version)]))
    }

    fn chart_artifact(&self, object: &Resource, chart: &Tree) -> Result<Artifact, Unknown> {
        let name = self.text_of(object, chart, "chart")?;
        let reference = chart.field("sourceRef").unwrap_or(chart);
        let repository = self.text_of(object, reference, "name")?;
        let namespace = reference.text(&["namespace"]).or(object.namespace());
        let Some(repository) = self.reconciled.named("HelmRepository", namespace, &repository) else {
            let message = format!("HelmRepository `{repository}` is not found in {}", self.environment);
            let unknown = Unknown { code: FindingCode::SourceMissing, message, place: Some(object.place()) };
            self.files.say(unknown.code, unknown.message.clone(), unknown.place.clone());
            return Err(unknown);
        };
        let url = self.text(repository, &["spec", "url"])?;
        let url = url.trim_end_matches('/');
        if url.starts_with("oci://") {
            return self.oci(repository, &format!("{url}/{name}"));
        }
        Ok(Artifact::HelmChart { repository: url.to_owned(), chart: name })
    }

    fn found(
        &self,
        object: &Resource,
        kind: SourceKind,
        artifact: Result<Artifact, Unknown>,
        fields: &[(FieldName, &[&str])],
    ) -> Found {
        let given: Vec<(FieldName, Rc<Leaf>)> = fields
            .iter()
            .filter_map(|(name, path)| given(object, path).map(|leaf| (*name, resolved(kind, leaf))))
            .collect();
        let mut reference = Reference { fields: given.iter().map(|(name, leaf)| (*name, leaf.value())).collect() };
        choice::note_shadows(kind, &mut reference);
        let helm_layer = object.tree.text(&["spec", "layerSelector", "mediaType"]) == Some(HELM_LAYER);
        let verify = self.verify(kind, object, &artifact);
        let source = Source {
            environment: self.environment.clone(),
            id: SourceId { kind, namespace: object.namespace().map(str::to_owned), name: object.name().to_owned() },
            // Which app it belongs to is told when all sources are known.
            app: AppName::nameless(),
            artifact,
            choice: choice::choose(kind, &reference, if helm_layer { Tags::Charts } else { Tags::Verbatim }),
            reference,
            helm_layer,
            verify,
            suspended: suspension(object),
            place: object.place(),
        };
        Found { source, spots: given.into_iter().map(|(name, leaf)| (name, leaf.chain.clone())).collect() }
    }

    /// The signature that Flux demands before it takes the artifact.
    fn verify(&self, kind: SourceKind, object: &Resource, artifact: &Result<Artifact, Unknown>) -> Option<Verify> {
        let template = object.tree.at(&["spec", "chart", "spec"]);
        let (tree, namespace) = match kind {
            // Flux makes the HelmChart in the namespace of its source, and looks for the Secret there.
            SourceKind::HelmRelease => {
                let namespace = template.and_then(|chart| chart.text(&["sourceRef", "namespace"]));
                (template?.field("verify")?, namespace.or(object.namespace()))
            }
            _ => (object.tree.at(&["spec", "verify"])?, object.namespace()),
        };
        let mut verify = verify::demanded(kind, tree, namespace, object, self.reconciled)?;
        if matches!(artifact, Ok(Artifact::HelmChart { .. })) {
            verify.demand = Demand::Unsupported("Flux verifies no chart of a Helm repository over HTTP".to_owned());
        }
        Some(verify)
    }

    /// Notes what people should know about a source.
    fn note(&self, source: &Source) {
        let name = &source.id.name;
        for (field, value) in &source.reference.fields {
            if let Some(by) = value.shadowed_by {
                let message = format!("Flux ignores `{}` of `{name}`: `{}` takes precedence", field.key(), by.key());
                self.files.say(
                    FindingCode::ShadowedField,
                    message,
                    value.deciding_slot().map(|slot| slot.place.clone()),
                );
            }
            if let Err(unknown) = &value.text {
                self.files.say(unknown.code, unknown.message.clone(), unknown.place.clone());
            }
        }
        if let Some(place) = &source.suspended {
            let message = format!("`{name}` is suspended: a change has no effect until it is resumed");
            self.files.say(FindingCode::Suspended, message, Some(place.clone()));
        }
        if let Choice::Unknown(unknown) = &source.choice {
            self.files.say(unknown.code, unknown.message.clone(), unknown.place.clone());
        }
    }

    fn oci(&self, object: &Resource, url: &str) -> Result<Artifact, Unknown> {
        let parsed = url.parse::<OciRepository>().map(Artifact::Oci);
        parsed.map_err(|error| self.no_artifact(object, error.to_string()))
    }

    /// Flux takes no other scheme (`^(http|https|ssh)://`), and logins only from Secrets.
    fn git(&self, object: &Resource, url: String) -> Result<Artifact, Unknown> {
        let name = object.name();
        let problem = match url.split_once("://") {
            Some(("https" | "http", rest)) if user_of(rest).is_some() => "holds a user name or password",
            Some(("ssh", rest)) if user_of(rest).is_some_and(|user| user.contains(':')) => "holds a password",
            Some(("https" | "http" | "ssh", _)) => return Ok(Artifact::Git { url }),
            _ => "is none of `https://`, `http://` and `ssh://`",
        };
        // The URL is not repeated: it may hold a password.
        Err(self.no_artifact(object, format!("the URL of GitRepository `{name}` {problem}")))
    }

    fn no_artifact(&self, object: &Resource, message: String) -> Unknown {
        let place = object.tree.leaf(&["spec", "url"]).map(|leaf| place_of(leaf, object));
        let unknown = Unknown { code: FindingCode::InvalidArtifact, message, place };
        self.files.say(unknown.code, unknown.message.clone(), unknown.place.clone());
        unknown
    }

    fn text(&self, object: &Resource, path: &[&str]) -> Result<String, Unknown> {
        let (last, parents) = path.split_last().unwrap_or((&"", &[]));
        match object.tree.at(parents) {
            Some(parent) => self.text_of(object, parent, last),
            None => Err(self.lacks(object, last)),
        }
    }

    fn text_of(&self, object: &Resource, parent: &Tree, key: &str) -> Result<String, Unknown> {
        match parent.leaf(&[key]).map(|leaf| &leaf.text) {
            Some(Ok(text)) => Ok(text.to_string()),
            Some(Err(unknown)) => Err((**unknown).clone()),
            None => Err(self.lacks(object, key)),
        }
    }

    fn lacks(&self, object: &Resource, key: &str) -> Unknown {
        let message = format!("{} `{}` has no `{key}`", object.kind(), object.name());
        let unknown = Unknown { code: FindingCode::InvalidObject, message, place: Some(object.place()) };
        self.files.say(unknown.code, unknown.message.clone(), unknown.place.clone());
        unknown
    }

    fn say(&self, code: FindingCode, message: String, leaf: &Leaf) {
        self.files.say(code, message, leaf.chain.last().map(Spot::place));
    }
}

/// A text that is still a template is unknown: something that is not seen here fills it in.
fn resolved(kind: SourceKind, leaf: &Rc<Leaf>) -> Rc<Leaf> {
    let Ok(text) = &leaf.text else { return Rc::clone(leaf) };
    let small_integer = text.len() < 7 && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(other) = leaf.retyped().filter(|_| kind != SourceKind::Image || !small_integer) {
        let message = format!("`{text}` without quotes is {other}, where Flux wants a string");
        let place = leaf.chain.last().map(Spot::place);
        let unknown = Unknown { code: FindingCode::InvalidReference, message, place };
        return Rc::new(Leaf { text: Err(Rc::new(unknown)), ..(**leaf).clone() });
    }
    let code = if text.contains("${") {
        FindingCode::UnresolvedVariable
    } else if ["{{", "<<", "$("].iter().any(|mark| text.contains(mark)) {
        FindingCode::UnsupportedTemplate
    } else {
        return Rc::clone(leaf);
    };
    let message = format!("`{text}` is filled in by something that is not seen here");
    let unknown = Unknown { code, message, place: leaf.chain.last().map(Spot::place) };
    Rc::new(Leaf { text: Err(Rc::new(unknown)), ..(**leaf).clone() })
}

/// Returns the leaf at a path, unless it is null or empty, which Flux takes for not given.
fn given<'a>(object: &'a Resource, path: &[&str]) -> Option<&'a Rc<Leaf>> {
    object.tree.leaf(path).filter(|leaf| leaf.text.as_deref() != Ok(""))
}

/// Returns what stands before the host of a URL without its scheme.
fn user_of(rest: &str) -> Option<&str> {
    let authority = rest.split('/').next().unwrap_or_default();
    authority.rsplit_once('@').map(|(user, _)| user)
}

/// Returns where `suspend: true` stands.
fn suspension(object: &Resource) -> Option<Place> {
    let leaf = object.tree.leaf(&["spec", "suspend"]).filter(|leaf| leaf.text.as_deref() == Ok("true"))?;
    Some(place_of(leaf, object))
}

fn place_of(leaf: &Leaf, object: &Resource) -> Place {
    leaf.chain.last().map_or_else(|| object.place(), Spot::place)
}
