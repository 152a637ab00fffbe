//! Fleets that are made up: one version, written in any way that YAML has, in any place that Flux takes it from.
//!
//! The bytes of each version's scalar stand between marks until the file is finished, so that what may change is known
//! without any parser.

use proptest::prelude::*;

use crate::repository::Repository;

const BEGIN: char = '\u{e000}';
const END: char = '\u{e001}';

pub const NOW: &str = "v1.2.3";
pub const DIGEST: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// Where the version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    Manifest,
    TagAndDigest,
    Chart,
    MergeInline,
    MergeFile,
    OperationInline,
    OperationFile,
    FluxMerge,
    FluxOperation,
    Variable,
    Default,
    ConfigMap,
    EnvFile,
    NewTag,
    /// Tag and digest in one scalar.
    ImageTag,
    /// Name, tag and digest in one scalar.
    Image,
}

impl Layout {
    pub const ALL: [Self; 16] = [
        Self::Manifest,
        Self::TagAndDigest,
        Self::Chart,
        Self::MergeInline,
        Self::MergeFile,
        Self::OperationInline,
        Self::OperationFile,
        Self::FluxMerge,
        Self::FluxOperation,
        Self::Variable,
        Self::Default,
        Self::ConfigMap,
        Self::EnvFile,
        Self::NewTag,
        Self::ImageTag,
        Self::Image,
    ];

    pub fn is_inside_a_scalar(self) -> bool {
        matches!(self, Self::MergeInline | Self::OperationInline | Self::FluxMerge | Self::FluxOperation)
    }
}

/// How the scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Style {
    Plain,
    Single,
    Double,
    /// Its first character as `\xNN`.
    Escaped,
    /// In double quotes, over two lines.
    Continued,
    Literal(&'static str),
    Folded(&'static str),
    Tagged,
    Anchored,
}

impl Style {
    pub const ALL: [Self; 18] = [
        Self::Plain,
        Self::Single,
        Self::Double,
        Self::Escaped,
        Self::Continued,
        Self::Literal("-"),
        Self::Literal(""),
        Self::Literal("+"),
        Self::Literal("2-"),
        Self::Literal("-2"),
        Self::Literal("3+"),
        Self::Folded("-"),
        Self::Folded(""),
        Self::Folded("+"),
        Self::Folded("2-"),
        Self::Folded("3"),
        Self::Tagged,
        Self::Anchored,
    ];

    fn is_block(self) -> bool {
        matches!(self, Self::Literal(_) | Self::Folded(_))
    }
}

/// What makes replacing it unsafe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trap {
    None,
    /// An alias stands for it.
    Aliased,
    /// It is an alias itself.
    Alias,
    Merged,
    Twice,
    OwnTag,
}

impl Trap {
    pub const ALL: [Self; 6] = [Self::None, Self::Aliased, Self::Alias, Self::Merged, Self::Twice, Self::OwnTag];

    /// The code of the refusal.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Aliased | Self::Alias => Some("aliased-value"),
            Self::Merged => Some("merge-key"),
            Self::Twice => Some("duplicate-key"),
            Self::OwnTag => Some("custom-tag"),
        }
    }
}

/// How a patch stands inside a kustomization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    Literal(&'static str),
    /// On one line, between others.
    Folded(&'static str),
    Double,
    Single,
}

impl Around {
    const ALL: [Self; 9] = [
        Self::Literal(""),
        Self::Literal("-"),
        Self::Literal("+"),
        Self::Literal("2"),
        Self::Literal("4-"),
        Self::Folded("-"),
        Self::Folded("2"),
        Self::Double,
        Self::Single,
    ];
}

/// A made-up file.
#[derive(Clone, Debug)]
pub struct Made {
    pub layout: Layout,
    pub style: Style,
    pub trap: Trap,
    pub around: Around,
    pub is_flow: bool,
    pub comment: bool,
    pub noise: Vec<String>,
    pub documents_before: Vec<String>,
    pub documents_after: Vec<String>,
    pub line_break: &'static str,
    pub byte_order_mark: bool,
    pub final_newline: bool,
}

/// One scalar that is to change: its bytes in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    pub start: usize,
    pub end: usize,
}

/// A repository, its one interesting file, and the scalars in that.
pub struct Fleet {
    pub repository: Repository,
    pub path: String,
    pub marked: Vec<Marked>,
}

/// YAML that means nothing to Flux: scalars, flow and block collections, comments, anchors and aliases.
///
/// No anchor's name stands twice in a document: the reader that checks the leaves mistakes one anchor for another then
/// (serde_yaml numbers anchors by how many names it knows). `direct.rs` holds what an edit does with such names.
fn noise() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("v1.2.3"),
        Just("'v1.2.3'"),
        Just("\"\\u0076\\x31.2.3 \\\"v1.2.3\\\"\""),
        Just("'it''s v1.2.3'"),
        Just("1.10"),
        Just("0o7"),
        Just("~"),
        Just("2026-01-01"),
        Just("\u{fc}\u{6f22}\u{1f600} # v1.2.3"),
        Just("sha256:2222222222222222222222222222222222222222222222222222222222222222"),
        Just("\"a: b # c\""),
        Just("!own v1.2.3"),
        Just("[v1.2.3, 'v1.2.3', {a: v1.2.3, \"b\": [*a0]}, ] # c"),
        Just("{a: {b: {c: v1.2.3}}, ? d : e}"),
        Just("|\n    v1.2.3\n\n    tag: v1.2.3\n"),
        Just("|2-\n      v1.2.3\n    # no comment\n"),
        Just(">+\n    v1.2.3\n    v1.2.3\n\n      more\n\n"),
        Just("plain over\n    lines v1.2.3 # c"),
        Just("\"quoted over\n    lines \\\n    v1.2.3\""),
        Just("\n  - v1.2.3\n  - - v1.2.3\n    - tag: v1.2.3\n  # c\n  -\n    tag: v1.2.3"),
        Just("\n    tag: v1.2.3 # tag: v1.2.3\n    \"tags\": v1.2.3"),
        Just("*a0"),
        Just("&b0 {tag: v1.2.3}"),
    ];
    proptest::collection::vec(scalar, 0..4).prop_map(|values| {
        let mut text = String::from("x0: &a0 v1.2.3\n");
        for (index, value) in values.iter().enumerate() {
            let value = value.trim_end_matches('\n');
            let space = if value.starts_with('\n') { "" } else { " " };
            let value = value.replace("&b0", &format!("&b{index}"));
            text.push_str(&format!("x{}:{space}{value}\n", index + 1));
        }
        text
    })
}

fn document() -> impl Strategy<Value = String> {
    let source = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: bystander}\nspec:\n  \
                  url: oci://registry.example.com/bystander\n  ref:\n    tag: v1.2.3 # v1.2.3\n";
    prop_oneof![
        3 => noise().prop_map(|noise| format!("# tag: v1.2.3\n{noise}")),
        1 => Just(source.to_owned()),
        1 => Just("# nothing but a comment\n".to_owned()),
        1 => Just("[v1.2.3, [v1.2.3]]\n".to_owned()),
        1 => Just("{{ helm }}: {{ template\n".to_owned()),
    ]
}

pub fn made() -> impl Strategy<Value = Made> {
    let select = |bias: Trap| proptest::sample::select(Trap::ALL.to_vec()).prop_map(move |trap| (bias, trap));
    let trap = (select(Trap::None), 0..10u8).prop_map(|((none, trap), dice)| if dice < 6 { none } else { trap });
    let what = (
        proptest::sample::select(Layout::ALL.to_vec()),
        proptest::sample::select(Style::ALL.to_vec()),
        trap,
        proptest::sample::select(Around::ALL.to_vec()),
        proptest::bool::weighted(0.2),
        any::<bool>(),
    );
    let beside = (
        proptest::collection::vec(noise(), 2),
        proptest::collection::vec(document(), 0..2),
        proptest::collection::vec(document(), 0..2),
        prop_oneof![3 => Just("\n"), 1 => Just("\r\n")],
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.7),
    );
    (what, beside).prop_map(|(what, beside)| {
        let (layout, style, trap, around, is_flow, comment) = what;
        let (noise, documents_before, documents_after, line_break, byte_order_mark, final_newline) = beside;
        let made = Made {
            layout,
            style,
            trap,
            around,
            is_flow,
            comment,
            noise,
            documents_before,
            documents_after,
            line_break,
            byte_order_mark,
            final_newline,
        };
        made.possible()
    })
}

impl Made {
    /// Leaves out what YAML, or the place, does not allow.
    fn possible(mut self) -> Self {
        let in_one_line = self.layout.is_inside_a_scalar() && matches!(self.around, Around::Folded(_));
        self.is_flow |= in_one_line;
        if self.layout == Layout::EnvFile {
            (self.style, self.trap, self.is_flow) = (Style::Plain, Trap::None, false);
        }
        // The marker that makes an image of it is a comment behind it.
        if self.layout == Layout::Image {
            (self.is_flow, self.comment) = (false, true);
            if self.style.is_block() || self.trap != Trap::OwnTag {
                self.trap = Trap::None;
            }
            if self.style.is_block() {
                self.style = Style::Double;
            }
        }
        if self.is_flow && (self.style.is_block() || self.style == Style::Continued) {
            self.style = Style::Double;
        }
        // A line break in single quotes takes the spaces at the beginning of a line away, so no block stands in it.
        if self.layout.is_inside_a_scalar() && self.around == Around::Single {
            self.is_flow = true;
            if self.style.is_block() || self.style == Style::Continued {
                self.style = Style::Double;
            }
        }
        // Braces need quotes between braces.
        if self.layout == Layout::Default && self.is_flow && !matches!(self.style, Style::Single | Style::Escaped) {
            self.style = Style::Double;
        }
        // A second `&` or `!` would be a mistake.
        if self.trap != Trap::None && matches!(self.style, Style::Tagged | Style::Anchored) {
            self.style = Style::Plain;
        }
        self
    }

    /// The texts of the scalars, without what a block adds.
    fn texts(&self) -> Vec<String> {
        match self.layout {
            Layout::TagAndDigest | Layout::NewTag => vec![NOW.to_owned(), DIGEST.to_owned()],
            Layout::Default => vec![format!("${{UNSET:-{NOW}}}")],
            Layout::ImageTag => vec![format!("{NOW}@{DIGEST}")],
            Layout::Image => vec![format!("registry.example.com:5000/side:{NOW}@{DIGEST}")],
            _ => vec![NOW.to_owned()],
        }
    }

    fn text(&self) -> String {
        self.texts().swap_remove(0)
    }

    /// One key with the scalar as its value, and whatever makes a trap of it, each line indented.
    fn entry(&self, key: &str, text: &str, indent: usize) -> String {
        let space = " ".repeat(indent);
        let unused = format!("&unused-{key} ");
        let (anchor, tag) = match (self.trap, self.style) {
            (Trap::Aliased | Trap::Alias, _) => ("&here ", ""),
            (Trap::OwnTag, _) => ("", "!own "),
            (_, Style::Tagged) => ("", "!!str "),
            (_, Style::Anchored) => (unused.as_str(), ""),
            _ => ("", ""),
        };
        let mark = |raw: String| format!("{BEGIN}{raw}{END}");
        let block = |sign: char, indicators: &str| {
            let deeper = indicators.chars().find_map(|char| char.to_digit(10)).unwrap_or(2) as usize;
            format!("{sign}{indicators}\n{space}{}{}", " ".repeat(deeper), mark(text.to_owned()))
        };
        let raw = match self.style {
            Style::Plain | Style::Tagged | Style::Anchored => mark(text.to_owned()),
            Style::Single => mark(format!("'{text}'")),
            Style::Double => mark(format!("\"{text}\"")),
            Style::Escaped => {
                let first = text.chars().next().map_or(0, |char| char as u32);
                mark(format!("\"\\x{first:02x}{}\"", text.chars().skip(1).collect::<String>()))
            }
            Style::Continued => {
                let (one, two) = text.split_at(2);
                mark(format!("\"{one}\\\n{space}  {two}\""))
            }
            Style::Literal(indicators) => block('|', indicators),
            Style::Folded(indicators) => block('>', indicators),
        };
        let comment = match self.comment && !self.style.is_block() && !self.is_flow {
            true if self.layout == Layout::Image => " # {\"$imagepolicy\": \"flux-system:side\"}",
            true => "   # v1.2.3 'as is'",
            false => "",
        };
        let value = format!("{anchor}{tag}{raw}{comment}");
        if self.is_flow {
            return match self.trap {
                Trap::None | Trap::OwnTag => format!("{key}: {value}"),
                Trap::Aliased => format!("{key}: {value}, z: *here"),
                Trap::Alias => format!("a: {value}, {key}: *here"),
                Trap::Merged => format!("<<: {{{key}: {value}}}"),
                Trap::Twice => format!("{key}: v0.0.1, {key}: {value}"),
            };
        }
        match self.trap {
            Trap::None | Trap::OwnTag => format!("{space}{key}: {value}\n"),
            Trap::Aliased => format!("{space}{key}: {value}\n{space}z: *here\n"),
            Trap::Alias => format!("{space}a: {value}\n{space}{key}: *here\n"),
            Trap::Merged if self.style.is_block() || self.style == Style::Continued => {
                format!("{space}<<:\n{}", indented(&format!("{space}{key}: {value}\n"), 2))
            }
            Trap::Merged => format!("{space}<<:\n{space}  {key}: {value}\n"),
            Trap::Twice => format!("{space}{key}: v0.0.1\n{space}{key}: {value}\n"),
        }
    }

    /// A mapping of such keys under a key.
    fn under(&self, parent: &str, keys: &[&str], indent: usize) -> String {
        let texts = self.texts();
        let space = " ".repeat(indent);
        let mut entries = Vec::new();
        for (index, (key, text)) in keys.iter().zip(&texts).enumerate() {
            // One trap is enough: an anchor's name may stand once.
            let one = if index == 0 { self.clone() } else { Self { trap: Trap::None, ..self.clone() } };
            entries.push(one.entry(key, text, indent + 2));
        }
        if self.is_flow {
            return format!("{space}{parent}: {{{}}}\n", entries.join(", "));
        }
        format!("{space}{parent}:\n{}", entries.concat())
    }

    fn noise(&self, at: usize, indent: usize) -> String {
        let mut text = self.noise.get(at).cloned().unwrap_or_default();
        for name in ["&a", "*a", "&b"] {
            text = text.replace(name, &format!("{name}{at}"));
        }
        indented(&text, indent)
    }

    /// An `OCIRepository` with something as its `ref`.
    fn source(&self, reference: &str) -> String {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: my-app\n  annotations:\n{}\
             spec:\n  url: oci://registry.example.com/my-app\n{reference}{}",
            self.noise(0, 4),
            "  interval: 5m # v1.2.3\n"
        )
    }

    fn patch(&self) -> String {
        if self.is_flow {
            let tag = self.under("ref", &["tag"], 0);
            return format!(
                "{{apiVersion: source.toolkit.fluxcd.io/v1, kind: OCIRepository, metadata: {{name: my-app}}, spec: \
                 {{{}}}}}\n",
                tag.trim_end()
            );
        }
        format!(
            "# tag: v1.2.3\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: my-app\n  \
             annotations:\n{}spec:\n{}",
            self.noise(0, 4),
            self.under("ref", &["tag"], 2)
        )
    }

    fn operations(&self) -> String {
        let entry = self.entry("value", &self.text(), 2);
        if self.is_flow {
            return format!(
                "!!seq [{{op: add, path: /metadata/annotations, value: {{v: v1.2.3}}}}, {{op: replace, path: /spec/ref/tag, {entry}}}]\n"
            );
        }
        format!(
            "- op: add\n  path: /metadata/labels\n  value:\n{}- op: replace # v1.2.3\n  path: /spec/ref/tag\n{entry}",
            self.noise(0, 4)
        )
    }

    /// A text inside a scalar, as the value of `patch:`.
    fn inside(&self, text: &str, indent: usize) -> String {
        let space = " ".repeat(indent);
        match self.around {
            Around::Literal(indicators) => {
                let deeper = indicators.chars().find_map(|char| char.to_digit(10)).unwrap_or(2) as usize;
                format!("{space}patch: |{indicators}\n{}", indented(text, indent + deeper))
            }
            Around::Folded(indicators) => {
                let deeper = indicators.chars().find_map(|char| char.to_digit(10)).unwrap_or(2) as usize;
                format!("{space}patch: >{indicators}\n{}", indented(text, indent + deeper))
            }
            Around::Double => {
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                format!("{space}patch: \"{escaped}\"\n")
            }
            Around::Single => format!("{space}patch: '{}'\n", text.trim_end().replace('\'', "''")),
        }
    }

    fn kustomization(&self, patch: &str) -> String {
        format!(
            "resources:\n- source.yaml # v1.2.3\nopenapi:\n{}patches:\n- target: {{kind: OCIRepository, name: my-app}}\n{patch}",
            self.noise(1, 2)
        )
    }

    fn flux_kustomization(&self, rest: &str) -> String {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  annotations:\n{}\
             spec:\n  path: ./apps\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{rest}",
            self.noise(1, 4)
        )
    }

    /// Finishes a file: documents around it, line breaks, byte-order mark, final newline.
    fn file(&self, text: &str, may_have_neighbours: bool) -> (String, Vec<Marked>) {
        let mut whole = String::new();
        if may_have_neighbours {
            for document in &self.documents_before {
                whole.push_str(&format!("---\n{document}"));
            }
            if !self.documents_before.is_empty() {
                whole.push_str("---\n");
            }
        }
        whole.push_str(text);
        if may_have_neighbours {
            for document in &self.documents_after {
                whole.push_str(&format!("--- # v1.2.3\n{document}"));
            }
        }
        let mut whole = whole.replace('\n', self.line_break);
        if !self.final_newline {
            whole = whole.trim_end_matches(['\r', '\n']).to_owned();
        }
        if self.byte_order_mark {
            whole.insert(0, '\u{feff}');
        }
        let (mut plain, mut marked) = (String::new(), Vec::new());
        for char in whole.chars() {
            match char {
                BEGIN => marked.push(Marked { start: plain.len(), end: 0 }),
                END => marked.last_mut().expect("a beginning").end = plain.len(),
                char => plain.push(char),
            }
        }
        (plain, marked)
    }

    /// Writes the fleet.
    pub fn fleet(&self) -> Fleet {
        let base = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: my-app}\nspec:\n  url: \
                    oci://registry.example.com/my-app\n  ref: {tag: TAG}\n";
        let apps = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\nspec:\n  \
                    path: ./apps\n  sourceRef: {kind: GitRepository, name: flux-system}\n";
        let other = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: other}\nspec:\n  url: \
                     oci://registry.example.com/other\n  ref: {tag: v1.2.3}\n";
        let mut files = vec![("clusters/production/other.yaml", other.to_owned())];
        let pinned = base.replace("TAG", NOW);
        let with_variable = base.replace("TAG", "\"${VERSION}\"");
        let substituted =
            format!("{apps}  postBuild:\n    substituteFrom:\n    - {{kind: ConfigMap, name: versions}}\n");
        let (path, text, may_have_neighbours) = match self.layout {
            Layout::Manifest => ("clusters/production/my-app.yaml", self.source(&self.under("ref", &["tag"], 2)), true),
            Layout::Default => {
                files.push((
                    "clusters/production/apps.yaml",
                    format!("{apps}  postBuild:\n    substitute: {{OTHER: x}}\n"),
                ));
                ("apps/source.yaml", self.source(&self.under("ref", &["tag"], 2)), true)
            }
            Layout::TagAndDigest => {
                ("clusters/production/my-app.yaml", self.source(&self.under("ref", &["tag", "digest"], 2)), true)
            }
            Layout::Chart => {
                let repository = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts}\n\
                                  spec: {url: 'oci://registry.example.com/charts', type: oci}\n";
                files.push(("clusters/production/charts.yaml", repository.to_owned()));
                let text = format!(
                    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: my-app\n  annotations:\n\
                     {}spec:\n  chart:\n{}      chart: my-app\n      sourceRef: {{kind: HelmRepository, name: charts}}\n",
                    self.noise(0, 4),
                    // A flow mapping is closed before the other keys.
                    if self.is_flow {
                        let entry = self.entry("version", &self.text(), 0);
                        format!(
                            "    spec: {{{entry}, chart: my-app, sourceRef: {{kind: HelmRepository, name: charts}}}}\n\
                             \u{20}   x:\n"
                        )
                    } else {
                        self.under("spec", &["version"], 4)
                    }
                );
                ("clusters/production/my-app.yaml", text, true)
            }
            Layout::MergeInline | Layout::OperationInline => {
                let merge = self.layout == Layout::MergeInline;
                files.push(("clusters/production/apps.yaml", apps.to_owned()));
                files.push(("apps/source.yaml", pinned));
                let patch = if merge { self.patch() } else { self.operations() };
                ("apps/kustomization.yaml", self.kustomization(&self.inside(&patch, 2)), false)
            }
            Layout::MergeFile | Layout::OperationFile => {
                let merge = self.layout == Layout::MergeFile;
                files.push(("clusters/production/apps.yaml", apps.to_owned()));
                files.push(("apps/source.yaml", pinned));
                files.push(("apps/kustomization.yaml", self.kustomization("  path: patch.yaml\n").replace(BEGIN, "")));
                ("apps/patch.yaml", if merge { self.patch() } else { self.operations() }, false)
            }
            Layout::FluxMerge | Layout::FluxOperation => {
                let merge = self.layout == Layout::FluxMerge;
                files.push(("apps/source.yaml", pinned));
                let patch = if merge { self.patch() } else { self.operations() };
                let patches = format!(
                    "  patches:\n  - target:\n      kind: OCIRepository\n{}  interval: 5m\n",
                    self.inside(&patch, 4)
                );
                ("clusters/production/apps.yaml", self.flux_kustomization(&patches), true)
            }
            Layout::Variable => {
                files.push(("apps/source.yaml", with_variable));
                let rest = format!("  postBuild:\n{}", self.under("substitute", &["VERSION"], 4));
                ("clusters/production/apps.yaml", self.flux_kustomization(&rest), true)
            }
            Layout::ConfigMap => {
                files.push(("apps/source.yaml", with_variable));
                files.push(("clusters/production/apps.yaml", substituted));
                let text = format!(
                    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: versions\n  annotations:\n{}{}",
                    self.noise(0, 4),
                    self.under("data", &["VERSION"], 0)
                );
                ("clusters/production/versions.yaml", text, true)
            }
            Layout::EnvFile => {
                files.push(("apps/source.yaml", with_variable));
                files.push(("clusters/production/apps.yaml", substituted));
                let generator = "resources: [apps.yaml, other.yaml]\nconfigMapGenerator:\n- name: versions\n  envs: \
                                 [versions.env]\ngeneratorOptions: {disableNameSuffixHash: true}\n";
                files.push(("clusters/production/kustomization.yaml", generator.to_owned()));
                let text = format!(
                    "# VERSION=v1.2.3\nOTHER=v1.2.3\n\nVERSION={BEGIN}{NOW}{END}\nXVERSION=\"v1.2.3\" # v1.2.3\n"
                );
                ("clusters/production/versions.env", text, false)
            }
            Layout::NewTag => {
                files.push(("clusters/production/apps.yaml", apps.to_owned()));
                files.push((
                    "apps/deployment.yaml",
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {spec: {containers: [{image: side}]}}}\n".to_owned(),
                ));
                let image = if self.is_flow {
                    let texts = self.texts();
                    let calm = Self { trap: Trap::None, ..self.clone() };
                    format!(
                        "- {{name: side, newName: registry.example.com/side, {}, {}}}\n",
                        self.entry("newTag", &texts[0], 0),
                        calm.entry("digest", &texts[1], 0)
                    )
                } else {
                    let entries = self.under("x", &["newTag", "digest"], 0);
                    format!(
                        "- name: side\n  newName: registry.example.com/side\n{}",
                        entries.trim_start_matches("x:\n")
                    )
                };
                let text = format!("resources: [deployment.yaml]\nopenapi:\n{}images:\n{image}", self.noise(0, 2));
                ("apps/kustomization.yaml", text, false)
            }
            Layout::ImageTag | Layout::Image => {
                let values = match self.layout {
                    Layout::Image => self.under("side", &["image"], 4),
                    _ if self.is_flow => format!(
                        "    side: {{repository: registry.example.com/side, {}}}\n",
                        self.entry("tag", &self.text(), 0)
                    ),
                    _ => format!(
                        "    side:\n      repository: registry.example.com/side\n{}",
                        self.entry("tag", &self.text(), 6)
                    ),
                };
                let text = format!(
                    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: my-app\n  annotations:\n\
                     {}spec:\n  chartRef: {{kind: OCIRepository, name: other}}\n  values:\n{values}",
                    self.noise(0, 4)
                );
                ("clusters/production/my-app.yaml", text, true)
            }
        };
        let (text, marked) = self.file(&text, may_have_neighbours);
        files.push((path, text));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        Fleet { repository: Repository::new(&files), path: path.to_owned(), marked }
    }
}

/// Indents every line that is not empty.
fn indented(text: &str, by: usize) -> String {
    let line = |line: &str| match line.trim_end_matches('\n').is_empty() {
        true => line.to_owned(),
        false => format!("{}{line}", " ".repeat(by)),
    };
    text.split_inclusive('\n').map(line).collect()
}
