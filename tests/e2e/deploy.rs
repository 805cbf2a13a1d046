//! The examples of a deployment: what they start, and how it is set, is what this binary knows.

use std::fs;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, Yaml};

use super::server::ledger_with;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy")
}

/// What an example starts, and how it is set.
#[derive(Debug)]
struct Started {
    place: String,
    words: Vec<String>,
    settings: Vec<(String, String)>,
}

fn text<'a>(node: &'a Yaml<'_>) -> &'a str {
    node.as_str().unwrap_or_else(|| panic!("a text is needed: {node:?}"))
}

/// The variables of a service, those that are merged in (`<<`) among them.
fn variables(of: &Yaml<'_>) -> Vec<(String, String)> {
    let pairs = of.as_mapping().unwrap_or_else(|| panic!("variables with values are needed: {of:?}"));
    let one = |(name, value): (&Yaml<'_>, &Yaml<'_>)| match text(name) {
        "<<" => variables(value),
        name => vec![(name.to_owned(), text(value).to_owned())],
    };
    pairs.iter().flat_map(one).collect()
}

/// The services of the compose file whose image is the ledger's.
fn composed() -> Vec<Started> {
    let file = fs::read_to_string(folder().join("compose.yaml")).unwrap();
    let documents = Yaml::load_from_str(&file).expect("the compose file is YAML");
    let [document] = &documents[..] else { panic!("one document") };
    let services = document.as_mapping_get("services").and_then(Yaml::as_mapping).expect("services");
    let of = |(name, service): (&Yaml<'_>, &Yaml<'_>)| {
        let command = service.as_mapping_get("command").and_then(Yaml::as_sequence)?;
        let mut words = command.iter().map(|word| text(word).to_owned());
        let started = words.next()?;
        let settings = service.as_mapping_get("environment").map(variables).unwrap_or_default();
        (started == "ledger").then(|| Started {
            place: format!("service {}", text(name)),
            words: words.collect(),
            settings,
        })
    };
    services.iter().filter_map(of).collect()
}

/// The command lines of a unit: those of `ExecStart` and the like.
fn unit(name: &str) -> Vec<Started> {
    let file = fs::read_to_string(folder().join(name)).unwrap();
    let value = |line: &str, of: &str| line.strip_prefix(of).map(str::to_owned);
    let settings: Vec<(String, String)> = file
        .lines()
        .filter_map(|line| value(line, "Environment="))
        .map(|pair| pair.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())).expect("name=value"))
        .collect();
    let line = |line: &str| {
        let command = ["ExecStart=", "ExecStartPre="].iter().find_map(|of| value(line, of))?;
        let mut words = command.split_whitespace().map(|word| word.replace("%i", "1"));
        assert!(words.next().is_some_and(|program| program.ends_with("/ledger")), "{name}: {command}");
        Some(Started { place: name.to_owned(), words: words.collect(), settings: settings.clone() })
    };
    file.lines().filter_map(line).collect()
}

/// What the binary says against a command line and its settings; nothing is started.
fn refused(started: &Started) -> Option<String> {
    let words: Vec<&str> = started.words.iter().map(String::as_str).chain(["--help"]).collect();
    let settings: Vec<(&str, &str)> =
        started.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let help = ledger_with(&words, &settings);
    if !help.status.success() {
        return Some(format!("{}: {}", started.place, String::from_utf8_lossy(&help.stderr)));
    }
    // Help is given before settings are read; a verb that only prints reads them.
    let read = ledger_with(&["config"], &settings);
    let known = String::from_utf8(read.stdout).unwrap();
    let unknown = settings.iter().filter(|(name, _)| !is_setting(&known, name));
    let unknown: Vec<&str> = unknown.map(|(name, _)| *name).collect();
    match read.status.success() && unknown.is_empty() {
        true => None,
        false => Some(format!("{}: {unknown:?} {}", started.place, String::from_utf8_lossy(&read.stderr))),
    }
}

/// Is it `LEDGER_<section>_<setting>` of what `ledger config` prints?
fn is_setting(known: &str, name: &str) -> bool {
    let Some((section, key)) = name.strip_prefix("LEDGER_").and_then(|rest| rest.split_once('_')) else {
        return false;
    };
    let known: toml::Table = known.parse().unwrap();
    let section = known.get(&section.to_ascii_lowercase()).and_then(toml::Value::as_table);
    section.is_some_and(|settings| settings.contains_key(&key.to_ascii_lowercase()))
}

#[test]
fn what_the_examples_start_is_known_to_the_binary() {
    let units = ["ledger.service", "ledger-worker@.service"];
    let composed = composed();
    let all: Vec<Started> = composed.into_iter().chain(units.into_iter().flat_map(unit)).collect();
    let count = |verb: &str| all.iter().filter(|started| started.words[0] == verb).count();
    // Two of each in the compose file, one of each as a unit, and the migration before them.
    assert_eq!((count("serve"), count("worker")), (3, 3), "{all:#?}");
    assert!(count("migrate") >= 1 && all.iter().all(|started| !started.settings.is_empty()));
    let refused: Vec<String> = all.iter().filter_map(refused).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn a_word_or_a_setting_that_is_not_known_would_be_found() {
    let of = |words: &[&str], setting: &str| Started {
        place: "planted".to_owned(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        settings: vec![(setting.to_owned(), "info".to_owned())],
    };
    assert_eq!(refused(&of(&["serve", "--api-only"], "LEDGER_LOG_LEVEL")), None);
    for (words, setting) in [
        (&["serve", "--api-onyl"][..], "LEDGER_LOG_LEVEL"),
        (&["wroker"], "LEDGER_LOG_LEVEL"),
        (&["serve"], "LEDGER_LOG_LEVLE"),
        (&["serve"], "LEDGER_LGO_LEVEL"),
    ] {
        assert!(refused(&of(words, setting)).is_some(), "{words:?} {setting}");
    }
    assert!(Yaml::load_from_str("services:\n  a: [\n").is_err());
}
