//! Catalogs in OSCAL: an own small one for every way in which they are built, and published ones where they are at hand.

use std::fs;
use std::path::PathBuf;

use ledger::domain::{Aggregate, DecideCtx, DomainEvent};
use ledger_aggregates::framework::oscal::{OscalError, parse};
use ledger_aggregates::framework::{Catalog, Framework, FrameworkCommand, FrameworkState, starter};
use ledger_aggregates::values::ControlId;
use serde_json::{Value, json};

fn small() -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/small-catalog.json");
    fs::read(path).unwrap()
}

fn prose<'a>(catalog: &'a Catalog, id: &str) -> (&'a str, &'a str) {
    let prose = &catalog.prose[&ControlId::new(id).unwrap()];
    (&prose.statement, &prose.guidance)
}

/// Imports a catalog and gives how many events that takes.
fn import(catalog: Catalog) -> usize {
    let ctx = DecideCtx { now: "2026-03-01".parse().unwrap() };
    let (count, command) = (catalog.controls.len(), FrameworkCommand::Import(Box::new(catalog)));
    let events = Framework::decide(&FrameworkState::default(), &command, &ctx).unwrap();
    for event in &events {
        assert!(serde_json::to_vec(&event.encode().public).unwrap().len() < 32_000);
    }
    let state = events.iter().fold(FrameworkState::default(), Framework::evolve);
    assert_eq!(state.controls.len(), count);
    events.len()
}

#[test]
fn groups_controls_and_enhancements_are_followed() {
    let catalog = parse(&small()).unwrap();
    assert_eq!(catalog.title.as_str(), "A small catalog for tests");
    assert_eq!(catalog.version.as_str(), "1.0-draft");
    let groups: Vec<&str> = catalog.groups.iter().map(|g| g.id.as_str()).collect();
    assert_eq!(groups, ["ac"]);
    let controls: Vec<_> = catalog
        .controls
        .iter()
        .map(|c| {
            (c.id.as_str(), c.title.as_str(), c.group.as_ref().map(ControlId::as_str), c.parent.is_some())
        })
        .collect();
    assert_eq!(
        controls,
        [
            ("ac-1", "Doors are locked", Some("ac"), false),
            ("ac-1.1", "Windows too", Some("ac"), true),
            ("x-1", "Loose", None, false),
            ("top-1", "At the top", None, false),
        ]
    );
    import(catalog);
}

#[test]
fn parameters_are_put_into_the_text() {
    let catalog = parse(&small()).unwrap();
    let (statement, guidance) = prose(&catalog, "ac-1");
    assert_eq!(
        statement,
        "In [the organisation]:\n  a. Doors are locked [selection: within [time]; at once];\n    1. also back doors.\n  \
         b. Locks are checked [daily].\n  {{ insert: param, unknown }} {{ open"
    );
    // A parameter that inserts itself ends.
    assert!(guidance.starts_with("A lock without a key is no lock. [selection: [selection: "), "{guidance}");
    assert!(guidance.len() < 200, "{guidance}");
}

#[test]
fn what_is_no_catalog_is_refused_with_its_place() {
    let refuse = |value: Value| parse(value.to_string().as_bytes()).unwrap_err();
    assert!(matches!(parse(b"{").unwrap_err(), OscalError::NotACatalog { .. }));
    assert!(refuse(json!({ "profile": {} })).to_string().contains("catalog"));
    let metadata = json!({ "title": "T", "version": "1" });
    let catalog = |controls: Value| json!({ "catalog": { "metadata": metadata, "controls": controls } });
    let cases = [
        (json!([{ "id": "a b", "title": "T" }]), "/catalog/controls/0/id"),
        (json!([{ "id": "a", "title": "" }]), "/catalog/controls/0/title"),
        (json!([{ "id": "a", "title": "mail a@example.org" }]), "/catalog/controls/0/title"),
        (
            json!([{ "id": "a", "title": "T", "controls": [{ "id": "é", "title": "T" }] }]),
            "/catalog/controls/0/controls/0/id",
        ),
    ];
    for (controls, pointer) in cases {
        let error = refuse(catalog(controls));
        assert_eq!(error.pointer(), pointer, "{error}");
        assert!(!error.hint().is_empty());
    }
    let long = json!([{ "id": "a", "title": "T".repeat(300) }]);
    let catalog = parse(catalog(long).to_string().as_bytes()).unwrap();
    assert_eq!(catalog.controls[0].title.as_str().chars().count(), 200);
}

#[test]
fn the_starter_catalogue_is_imported() {
    import(starter::catalog());
}

/// Published catalogs are too large to stand here: `LEDGER_TEST_DATA` names the folder that has them.
#[test]
fn published_catalogs_are_imported_whole() {
    let Some(folder) = std::env::var_os("LEDGER_TEST_DATA").map(PathBuf::from) else {
        eprintln!("skipped: LEDGER_TEST_DATA does not name a folder with OSCAL catalogs");
        return;
    };
    let nist = "oscal/NIST_SP-800-53_rev5_LOW-baseline-resolved-profile_catalog.json";
    for (path, controls, groups) in [
        (nist, 149, 18),
        ("frameworks/nist-ai-rmf-1.0.oscal-catalog.json", 72, 19),
        ("oscal/basic-catalog.json", 4, 2),
    ] {
        let catalog = parse(&fs::read(folder.join(path)).unwrap()).unwrap();
        assert_eq!((catalog.controls.len(), catalog.groups.len()), (controls, groups), "{path}");
        for control in &catalog.controls {
            let (statement, guidance) = prose(&catalog, control.id.as_str());
            assert!(!statement.is_empty(), "{} of {path} has no statement", control.id);
            let left = [statement, guidance].iter().any(|text| text.contains("insert: param"));
            assert!(!left, "{} of {path}: {statement}", control.id);
        }
        import(catalog);
    }
}

/// The starter catalogue maps to ids that exist where they are published.
#[test]
fn the_starter_catalogue_maps_to_what_there_is() {
    let Some(folder) = std::env::var_os("LEDGER_TEST_DATA").map(PathBuf::from) else {
        eprintln!("skipped: LEDGER_TEST_DATA does not name a folder with OSCAL catalogs");
        return;
    };
    let ai = parse(&fs::read(folder.join("frameworks/nist-ai-rmf-1.0.oscal-catalog.json")).unwrap()).unwrap();
    for control in starter::catalog().controls {
        for to in control.maps_to.iter().filter(|to| to.framework.as_str() == "nist-ai-rmf") {
            assert!(ai.controls.iter().any(|c| c.id == to.control), "{} maps to {to}", control.id);
        }
    }
}
