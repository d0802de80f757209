//! The rules of the house, read from `cargo metadata` and the sources: what `docs/architecture.md` promises of
//! the crates is true of the crates.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that run as an actor.
const ACTORS: [&str; 7] = [
    "dns-wire",
    "zone-store",
    "event-consumer",
    "event-producer",
    "resolver-bridge",
    "metric-agent",
    "admin-api",
];

/// What everybody may stand on: nouns and verbs.
const COMMON: [&str; 2] = ["zone-model", "messages"];

fn metadata() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .other_options(["--locked".to_owned(), "--offline".to_owned()])
        .exec()
        .expect("cargo metadata")
}

fn package<'m>(metadata: &'m Metadata, name: &str) -> &'m Package {
    metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == name)
        .unwrap_or_else(|| panic!("no crate {name}"))
}

/// The crates of the workspace that a crate depends on, outside of its tests.
fn ours(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let all: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let dependencies = package(metadata, name).dependencies.iter();
    dependencies
        .filter(|dependency| {
            dependency.kind != DependencyKind::Development && all.contains(dependency.name.as_str())
        })
        .map(|dependency| dependency.name.clone())
        .collect()
}

fn sources(package: &Package) -> Vec<PathBuf> {
    let root = package.manifest_path.parent().expect("a manifest has a folder").join("src");
    let (mut folders, mut files) = (vec![root.into_std_path_buf()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "rs" => files.push(path),
                _ => {}
            }
        }
    }
    assert!(!files.is_empty(), "{} has no sources", package.name);
    files
}

/// The lines of a file that are code: no comments.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a source file");
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect()
}

fn mentions(path: &Path, word: &str) -> bool {
    code(path).iter().any(|line| line.contains(word))
}

/// Every actor stands on the nouns and the verbs alone; only the binary, the command line, the examples and
/// the tests know two actors at once.
#[test]
fn the_dependency_graph_is_a_star() {
    let metadata = metadata();
    for actor in ACTORS {
        let allowed: BTreeSet<String> = COMMON.map(str::to_owned).into();
        let uses = ours(&metadata, actor);
        assert!(uses.is_subset(&allowed), "{actor} depends on {uses:?}, and may on {allowed:?} alone");
    }
    assert_eq!(ours(&metadata, "zone-model"), BTreeSet::new(), "zone-model stands on nothing");
    assert_eq!(ours(&metadata, "messages"), BTreeSet::from(["zone-model".to_owned()]));
    let outer = ["stream-dns", "command-line", "settings", "examples", "stream-dns-tests"];
    for package in &metadata.packages {
        let name = package.name.as_str();
        let actors = ours(&metadata, name).into_iter().filter(|own| ACTORS.contains(&own.as_str())).count();
        assert!(actors < 2 || outer.contains(&name), "{name} knows {actors} actors");
    }
}

/// actix stands in the crate `messages` and in each crate's module `actor`; admin-api may use its web framework.
#[test]
fn actix_stays_in_its_shells() {
    let metadata = metadata();
    for package in &metadata.packages {
        let name = package.name.as_str();
        if !package.manifest_path.as_str().contains("/crates/") || name == "messages" {
            continue;
        }
        for path in sources(package) {
            let module = [path.file_name(), path.parent().and_then(Path::file_name)];
            if module[0].is_some_and(|file| file == "actor.rs") || module[1].is_some_and(|own| own == "actor")
            {
                continue;
            }
            let allowed = |word: &&&str| name == "admin-api" && word.starts_with("actix_web");
            for word in
                ["actix::", "actix_rt::", "actix_web::", "#[actix"].iter().filter(|word| !allowed(word))
            {
                assert!(!mentions(&path, word), "{} uses {word} outside of the module actor", path.display());
            }
        }
    }
    let model = package(&metadata, "zone-model");
    assert!(
        model.dependencies.iter().all(|own| !own.name.starts_with("actix")),
        "zone-model knows no actors"
    );
}

/// Each actor crate has an actor that handles a message of the crate `messages`.
#[test]
fn every_actor_crate_has_its_actor() {
    let metadata = metadata();
    let verbs = message_names(&metadata);
    for actor in ACTORS {
        let root = package(&metadata, actor).manifest_path.parent().expect("a folder").join("src/actor.rs");
        let text = code(root.as_std_path()).join("\n");
        assert!(text.contains("impl Actor for "), "{actor} has no actor in {root}");
        let handled: Vec<&String> =
            verbs.iter().filter(|verb| text.contains(&format!("Handler<{verb}> for"))).collect();
        assert!(handled.iter().any(|verb| *verb != "Shutdown"), "{actor} handles {handled:?}");
        assert!(handled.iter().any(|verb| *verb == "Shutdown"), "{actor} is not stopped by a message");
    }
}

/// Only metric-agent calls the `metrics` facade; everybody else sends `Measured`.
#[test]
fn one_crate_calls_the_metrics_facade() {
    let metadata = metadata();
    for package in &metadata.packages {
        let uses =
            package.dependencies.iter().any(|own| own.name == "metrics" || own.name.starts_with("metrics-"));
        assert_eq!(uses, package.name.as_str() == "metric-agent", "{}", package.name);
    }
}

/// A message carries no type of a library behind an actor.
#[test]
fn messages_know_no_library_behind_an_actor() {
    let metadata = metadata();
    let messages = package(&metadata, "messages");
    for library in ["hickory", "rdkafka", "redb", "serde", "notify"] {
        assert!(
            messages.dependencies.iter().all(|own| !own.name.starts_with(library)),
            "messages uses {library}"
        );
        for path in sources(messages) {
            assert!(!mentions(&path, library), "{} mentions {library}", path.display());
        }
    }
}

/// The messages that `docs/architecture.md` names exist, and each that exists is named there.
#[test]
fn the_documented_messages_are_the_real_ones() {
    let metadata = metadata();
    let verbs = message_names(&metadata);
    let page = fs::read_to_string(metadata.workspace_root.join("docs/architecture.md")).expect("the page");
    let marked: BTreeSet<String> = page
        .lines()
        // Who sends it to whom stands in the second column, which other tables do not have.
        .filter(|line| line.split('|').nth(2).is_some_and(|way| way.contains('→')))
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.chars().next().is_some_and(char::is_uppercase))
        .collect();
    assert_eq!(marked, verbs, "the table of messages in docs/architecture.md");
}

/// What the two sequences of `docs/architecture.md` name, a query's and an event's, is in the code by that
/// name.
#[test]
fn the_documented_sequences_name_real_things() {
    let metadata = metadata();
    let page = fs::read_to_string(metadata.workspace_root.join("docs/architecture.md")).expect("the page");
    let mut code_of_all = String::new();
    for package in
        metadata.packages.iter().filter(|package| package.manifest_path.as_str().contains("/crates/"))
    {
        for path in sources(package) {
            code_of_all += &code(&path).join("\n");
        }
    }
    for heading in ["## A query", "## An event"] {
        let (_, section) = page.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
        let sequence = section.split("```").nth(1).expect("a sequence");
        let words = sequence.split(|letter: char| !letter.is_alphanumeric());
        let names: BTreeSet<&str> = words.filter(|word| is_type_name(word)).collect();
        assert!(names.len() >= 3, "{heading} names {names:?}");
        for name in names {
            let is_there = ["struct", "enum", "trait"].iter().any(|kind| {
                let declared = format!("{kind} {name}");
                code_of_all.match_indices(&declared).any(|(at, _)| {
                    !code_of_all[at + declared.len()..].starts_with(|next: char| next.is_alphanumeric())
                })
            });
            let is_variant = code_of_all.contains(&format!("    {name}("))
                || code_of_all.contains(&format!("    {name},"));
            assert!(is_there || is_variant, "{heading} names {name}, which is nothing");
        }
    }
}

/// Whether a word is written like a type: `Resolve`, `QueryName`.
fn is_type_name(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.any(char::is_lowercase)
}

/// The binary holds configuration, wiring, signals and drain, and stays small.
#[test]
fn the_binary_is_thin() {
    let metadata = metadata();
    let lines: usize = sources(package(&metadata, "stream-dns"))
        .iter()
        .map(|path| fs::read_to_string(path).expect("a source file").lines().count())
        .sum();
    assert!(lines <= 500, "bins/stream-dns has {lines} lines");
}

/// The types of the crate `messages` that are sent: those that derive `Message`.
fn message_names(metadata: &Metadata) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in sources(package(metadata, "messages")) {
        let mut message = false;
        for line in code(&path) {
            if line.starts_with("#[derive(") {
                message = line.contains("Message");
            }
            if let Some(rest) = line.strip_prefix("pub struct ").filter(|_| message) {
                names.insert(
                    rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or("").to_owned(),
                );
                message = false;
            }
        }
    }
    assert!(names.len() > 10, "the crate messages has {names:?}");
    names
}
