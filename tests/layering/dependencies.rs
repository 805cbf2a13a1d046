//! Who links what, from the resolved dependency graph of `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Runtimes, HTTP and databases: what the pure part must not link, however far down.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "h2",
    "hyper",
    "hyper-util",
    "libsqlite3-sys",
    "mio",
    "postgres",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "tonic",
    "ureq",
];

/// The pure part.
const PURE: &[&str] = &["ledger", "ledger-aggregates", "ledger-projections", "ledger-replay"];

/// What each crate of the workspace may use of the workspace.
const ARROWS: &[(&str, &[&str])] = &[
    ("ledger", &[]),
    ("ledger-aggregates", &["ledger"]),
    ("ledger-projections", &["ledger", "ledger-aggregates"]),
    ("ledger-replay", &["ledger", "ledger-aggregates", "ledger-projections"]),
    ("ledger-probe", &["ledger"]),
    ("ledger-store", &["ledger"]),
    ("ledger-store-sqlite", &["ledger", "ledger-store"]),
    ("ledger-store-postgres", &["ledger", "ledger-store", "ledger-tls"]),
    ("ledger-tls", &[]),
    ("ledger-store-eventstore", &["ledger", "ledger-store", "ledger-store-sqlite"]),
    ("ledger-queue-nats", &["ledger-tls"]),
    ("ledger-sandbox", &[]),
    ("ledger-fakes", &["ledger"]),
    ("ledger-fakes-eventstore", &[]),
    ("ledger-probes", &["ledger", "ledger-probe", "ledger-tls"]),
    ("ledger-connectors", &["ledger", "ledger-sandbox"]),
];

/// The platform that tests are built on, as the compiler names it.
fn host() -> String {
    let told = Command::new("rustc").arg("-vV").output().expect("rustc runs").stdout;
    let told = String::from_utf8(told).expect("text");
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).expect("it names its host");
    host.to_owned()
}

/// The names of what each package links, directly. Build and test dependencies are not linked.
struct Graph {
    direct: BTreeMap<String, BTreeSet<String>>,
    names: BTreeMap<String, String>,
    workspace: BTreeMap<String, String>,
}

impl Graph {
    fn read() -> Self {
        // What only other platforms link was never downloaded on a fresh machine.
        let cargo = Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--format-version",
                "1",
                "--offline",
                "--locked",
                "--filter-platform",
                &host(),
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
        Self::from_metadata(&serde_json::from_slice(&cargo.stdout).expect("cargo prints JSON"))
    }

    fn from_metadata(metadata: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let list = |value: &Value| value.as_array().expect("a list").clone();
        let names: BTreeMap<String, String> =
            list(&metadata["packages"]).iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect();
        let linked = |dep: &Value| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        let direct = list(&metadata["resolve"]["nodes"])
            .iter()
            .map(|node| {
                let deps = list(&node["deps"])
                    .iter()
                    .filter(|dep| linked(dep))
                    .map(|dep| text(&dep["pkg"]))
                    .collect();
                (text(&node["id"]), deps)
            })
            .collect();
        let workspace = list(&metadata["workspace_members"])
            .iter()
            .map(|id| (names[&text(id)].clone(), text(id)))
            .collect();
        Self { direct, names, workspace }
    }

    /// Everything that a crate of the workspace links, however far down.
    fn linked(&self, crate_name: &str) -> BTreeSet<String> {
        let mut open = vec![self.workspace[crate_name].clone()];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            open.extend(self.direct[&id].iter().filter(|dep| seen.insert((*dep).clone())).cloned());
        }
        seen.iter().map(|id| self.names[id].clone()).collect()
    }

    /// The crates of the workspace that a crate uses directly.
    fn uses(&self, crate_name: &str) -> BTreeSet<String> {
        let direct = &self.direct[&self.workspace[crate_name]];
        direct
            .iter()
            .map(|id| self.names[id].clone())
            .filter(|name| self.workspace.contains_key(name))
            .collect()
    }
}

#[test]
fn the_pure_part_links_no_runtime_no_http_and_no_database() {
    let graph = Graph::read();
    for name in PURE {
        let linked = graph.linked(name);
        assert!(linked.len() > 5, "{name} links next to nothing: the graph is not read rightly");
        for impure in IMPURE {
            assert!(!linked.contains(*impure), "{name} links {impure}");
        }
    }
    // The control: the server links what the pure part must not, and the same walk finds it.
    let server = graph.linked("integration-ledger");
    for impure in ["tokio", "axum", "hyper", "rusqlite"] {
        assert!(server.contains(impure), "{impure} is not found where it is");
    }
}

#[test]
fn arrows_point_inward() {
    let graph = Graph::read();
    let arrows: BTreeMap<&str, BTreeSet<String>> =
        ARROWS.iter().map(|(name, to)| (*name, to.iter().map(|&to| to.to_owned()).collect())).collect();
    for name in graph.workspace.keys().filter(|name| *name != "integration-ledger") {
        let allowed = arrows
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} has no place in the layers: give it one in ARROWS"));
        let uses = graph.uses(name);
        assert!(uses.is_subset(allowed), "{name} uses {uses:?}, may use {allowed:?}");
    }
}

/// The control of the reader: links are followed, build and test dependencies are not.
#[test]
fn a_planted_dependency_is_found() {
    let node = |id: &str, deps: &[(&str, Value)]| {
        let deps: Vec<Value> = deps
            .iter()
            .map(|(pkg, kind)| serde_json::json!({ "pkg": pkg, "dep_kinds": [{ "kind": kind }] }))
            .collect();
        serde_json::json!({ "id": id, "deps": deps })
    };
    let names = ["pure", "middle", "tokio", "only-in-tests"];
    let metadata = serde_json::json!({
        "packages": names.map(|name| serde_json::json!({ "id": name, "name": name })),
        "workspace_members": ["pure"],
        "resolve": { "nodes": [
            node("pure", &[("middle", Value::Null), ("only-in-tests", "dev".into())]),
            node("middle", &[("tokio", Value::Null)]),
            node("tokio", &[]),
            node("only-in-tests", &[]),
        ] },
    });
    let linked = Graph::from_metadata(&metadata).linked("pure");
    assert_eq!(linked, BTreeSet::from(["middle".to_owned(), "tokio".to_owned()]));
}
