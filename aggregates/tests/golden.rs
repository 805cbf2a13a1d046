//! The bytes of every event type are for ever: what was written once must be read for as long as there are logs.
//!
//! `tests/golden/<type>.json` holds one event of each type. A file is written once, when its type is new, from what this test prints, and never again:
//! no test writes them. A changed shape is a new version of the type with an upcaster; the old file stays.

mod samples;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ledger::canonical::to_canonical;
use ledger::domain::{Class, DomainEvent, EventBody};
use ledger_aggregates::{AnyEvent, all_schemas};
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden_files() -> BTreeMap<String, String> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    files
        .map(|path| {
            let event_type = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (event_type, fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn bytes_of(event: &AnyEvent) -> String {
    let EventBody { public, withheld } = event.encode();
    let withheld: Vec<Value> = withheld
        .into_iter()
        .map(|w| match w.class {
            Class::Public => panic!("{} is public and yet withheld", w.name),
            Class::Confidential => json!({ "class": "confidential", "name": w.name, "value": w.value }),
            Class::Personal(subject) => {
                json!({ "class": "personal", "name": w.name, "subject": subject.as_str(), "value": w.value })
            }
        })
        .collect();
    let line = to_canonical(&json!({ "data": public, "withheld": withheld })).unwrap();
    format!("{}\n", std::str::from_utf8(line.as_bytes()).unwrap())
}

fn data(file: &str) -> Map<String, Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    file["data"].as_object().unwrap().clone()
}

#[test]
fn every_type_is_written_as_its_golden_file_says() {
    let (files, mut differ) = (golden_files(), Vec::new());
    for event in samples::all() {
        let (event_type, bytes) = (event.event_type(), bytes_of(&event));
        if files.get(event_type) != Some(&bytes) {
            differ.push(format!("{event_type}.json should be:\n{bytes}"));
        }
    }
    assert!(differ.is_empty(), "a written type never changes; give it a new version\n{}", differ.join("\n"));
}

#[test]
fn every_type_has_a_golden_file() {
    let files = golden_files();
    for schema in all_schemas() {
        assert!(files.contains_key(schema.event_type), "{} has no golden file", schema.event_type);
    }
}

/// Also those of versions that are no longer written.
#[test]
fn every_golden_file_can_be_read() {
    for (event_type, file) in golden_files() {
        let event = AnyEvent::decode(&event_type, &data(&file)).unwrap();
        let event = event.unwrap_or_else(|| panic!("{event_type} is not known any more"));
        if event.event_type() == event_type {
            let again = event.encode();
            assert_eq!(again.public, data(&file), "{event_type} is not read and written alike");
            assert!(again.withheld.is_empty(), "{event_type} makes up withheld members");
        }
    }
}

#[test]
fn a_sample_sets_every_member() {
    for event in samples::all() {
        let body = event.encode();
        let schema = all_schemas().find(|s| s.event_type == event.event_type()).unwrap();
        for member in schema.members {
            let there = body.public.contains_key(member.name)
                || body.withheld.iter().any(|withheld| withheld.name == member.name);
            assert!(there, "the sample of {} lacks {}", schema.event_type, member.name);
        }
    }
}

/// Reading is strict, member by member: a stored event that does not fit is a fault to be named, not passed over.
#[test]
fn what_does_not_fit_its_type_is_named() {
    for (event_type, file) in golden_files() {
        let whole = data(&file);
        let schema = all_schemas().find(|s| s.event_type == event_type).unwrap();
        for member in schema.members {
            let mut wrong = whole.clone();
            wrong.insert(member.name.to_owned(), json!([[]]));
            let error = AnyEvent::decode(&event_type, &wrong).unwrap_err();
            assert!(error.reason.contains(member.name), "{error}");
            if member.required {
                let mut missing = whole.clone();
                missing.remove(member.name);
                let error = AnyEvent::decode(&event_type, &missing).unwrap_err();
                assert!(error.reason.contains(member.name), "{error}");
            }
        }
        let mut unknown = whole.clone();
        unknown.insert("surprise".to_owned(), json!(1));
        let error = AnyEvent::decode(&event_type, &unknown).unwrap_err();
        assert!(error.reason.contains("surprise"), "{error}");
    }
}
