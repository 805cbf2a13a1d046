//! Reading settings to tell about them: everything that is wrong at once, instead of the first thing.

use std::path::Path;

use super::{Config, DEFAULTS, set_from_env};

/// What begins with `LEDGER_` and is no setting: the key of client verbs, secrets of configurations, tests.
const OTHER_USES: [&str; 4] = ["LEDGER_API_KEY", super::SECRET_PREFIX, "LEDGER_TEST_", "LEDGER_PROBE_"];

/// What was found in file and environment.
#[derive(Debug, Default)]
pub struct Examined {
    /// The settings, if all of them can be used.
    pub config: Option<Config>,
    /// Settings that differ from their defaults, with their values; no password among them.
    pub changed: Vec<String>,
    /// What cannot be used, in words.
    pub wrong: Vec<String>,
    /// Variables that look like settings and set nothing.
    pub ignored: Vec<String>,
}

/// Reads `file` and the environment.
pub(super) fn examine(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Examined {
    let mut found = Examined::default();
    let defaults: toml::Table = DEFAULTS.parse().unwrap_or_default();
    let mut table = defaults.clone();
    let text = file.map(|path| (path, std::fs::read_to_string(path)));
    match text {
        None => {}
        Some((path, Err(error))) => {
            found.wrong.push(format!("cannot read the configuration {}: {error}", path.display()));
        }
        Some((path, Ok(text))) => match text.parse::<toml::Table>() {
            Ok(over) => overlay(&mut table, over, &mut found.wrong),
            Err(error) => found.wrong.push(format!("{} is not TOML: {}", path.display(), error.message())),
        },
    }
    for (name, value) in env {
        if OTHER_USES.iter().any(|other| name.starts_with(other)) {
            continue;
        }
        match set_from_env(&mut table, &name, value) {
            Err(error) => found.wrong.push(format!("{error:#}")),
            Ok(()) if !names_a_section(&table, &name) => found.ignored.push(name),
            Ok(()) => {}
        }
    }
    for (section, settings) in &table {
        for (key, value) in settings.as_table().into_iter().flatten() {
            if defaults.get(section).and_then(|settings| settings.get(key)) != Some(value) {
                found.changed.push(format!("{section}.{key} = {}", shown(section, key, value)));
            }
        }
    }
    if !found.wrong.is_empty() {
        return found;
    }
    match table.try_into::<Config>() {
        Ok(config) => match config.checked() {
            Ok(config) => found.config = Some(config),
            Err(error) => found.wrong.push(error.to_string()),
        },
        Err(error) => {
            found.wrong.push(format!("a setting has a value of the wrong kind: {}", error.message()))
        }
    }
    found
}

fn names_a_section(table: &toml::Table, name: &str) -> bool {
    let rest = name.trim_start_matches("LEDGER_").to_ascii_lowercase();
    rest.split_once('_').is_some_and(|(section, _)| table.contains_key(section))
}

/// Every setting that is known is taken; every other is named.
fn overlay(table: &mut toml::Table, over: toml::Table, wrong: &mut Vec<String>) {
    for (section, settings) in over {
        match (table.get_mut(&section), settings) {
            (Some(toml::Value::Table(known)), toml::Value::Table(settings)) => {
                for (key, value) in settings {
                    match known.get_mut(&key) {
                        Some(slot) => *slot = value,
                        None => wrong.push(format!("unknown setting {section}.{key}")),
                    }
                }
            }
            (Some(_), _) => wrong.push(format!("{section} is a section, not a setting")),
            (None, _) => wrong.push(format!("unknown setting {section}")),
        }
    }
}

/// A URL may hold a password.
fn shown(section: &str, key: &str, value: &toml::Value) -> String {
    match value {
        toml::Value::String(url) if section == "store" && ["url", "side"].contains(&key) => {
            super::store::without_password(url)
        }
        toml::Value::String(url) if section == "queue" && key == "url" => super::queue::shown(url),
        toml::Value::String(text) => format!("{text:?}"),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(yes) => yes.to_string(),
        // No setting is of another kind; what is will be refused.
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, env: &[(&str, &str)]) -> Examined {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        examine(Some(file.path()), env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let found = of("[server]\nlistne = 1\n[sever]\nx = 1\n", &[("LEDGER_SERVER_LISTNE", "x")]);
        let wrong = found.wrong.join("\n");
        for name in ["server.listne", "sever", "LEDGER_SERVER_LISTNE"] {
            assert!(wrong.contains(name), "{wrong}");
        }
        assert!(found.config.is_none());
        assert!(of("[server]\nlisten = \"x\"\n", &[]).config.is_none());
        assert!(of("[server]\npublic_url = \"x\"\n", &[]).wrong[0].contains("public_url"));
        assert!(of("no toml", &[]).wrong[0].contains("is not TOML"));
    }

    #[test]
    fn what_differs_is_told_without_passwords_and_what_sets_nothing_is_named() {
        let env = [
            ("LEDGER_STORE_URL", "postgres://ledger:hidden@db/ledger"),
            ("LEDGER_QUEUE_URL", "nats://hidden@queue"),
            ("LEDGER_SEVER_LISTEN", "x"),
            ("LEDGER_SECRET_JIRA", "x"),
            ("LEDGER_API_KEY", "x"),
        ];
        let found = of("[log]\nlevel = \"debug\"\n[server]\nallow_plain = false\n", &env);
        let queue = "queue.url = nats://queue:4222";
        assert_eq!(
            found.changed,
            ["log.level = \"debug\"", queue, "store.url = postgres://ledger@db/ledger"]
        );
        assert_eq!(found.ignored, ["LEDGER_SEVER_LISTEN"]);
        assert!(found.config.is_some() && found.wrong.is_empty());
        assert!(of("", &[]).changed.is_empty());
    }
}
