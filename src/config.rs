//! Settings: the documented defaults, overlaid by a file, overlaid by `LEDGER_*` variables.
//!
//! This is the only module that reads the environment.

mod examine;
mod queue;
mod store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

pub use examine::Examined;
pub use queue::Queue;
pub use store::{ReadModelsPlace, Store, StoreUrl, without_password};

/// The documented defaults, in the binary.
pub const DEFAULTS: &str = include_str!("ledger.default.toml");

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How it serves.
    pub server: Server,
    /// Where it keeps its data.
    pub data: Data,
    /// Where the events are.
    pub store: Store,
    /// The queue between workers.
    pub queue: Queue,
    /// How keys are wrapped.
    pub keys: Keys,
    /// What the ledger is called.
    pub ledger: Identity,
    /// Who cosigns.
    pub witness: Witness,
    /// Where integrations may send requests.
    pub egress: Egress,
    /// What it logs.
    pub log: Log,
}

/// Where integrations may send requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Networks that are not public and that integrations may unlock, or parts of them, separated by commas.
    pub networks: String,
}

/// How it serves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The address to serve on.
    pub listen: SocketAddr,
    /// Where people reach the console; empty: nowhere that could be told to others.
    pub public_url: String,
    /// The PEM file of the certificate chain; empty: plain HTTP.
    pub tls_cert: PathBuf,
    /// The PEM file of its private key.
    pub tls_key: PathBuf,
    /// Serve plain HTTP on an address that others can reach.
    pub allow_plain: bool,
    /// The largest body of a request but a blob, in bytes.
    pub body_bytes_max: usize,
    /// The largest blob, in bytes.
    pub blob_bytes_max: usize,
    /// How long a request may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// How many requests may be served at once.
    pub in_flight_max: usize,
}

/// Where it keeps its data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The data directory.
    pub dir: PathBuf,
    /// The head file; empty: in the data directory.
    pub head_file: PathBuf,
    /// The erasure list; empty: in the data directory.
    pub erasure_list: PathBuf,
}

/// How keys are wrapped.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The file of the key-encryption key; empty: in the data directory.
    pub kek_file: PathBuf,
}

/// What the ledger is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The ledger's name; empty: derived from the system key.
    pub name: String,
    /// The region of this store.
    pub region: String,
    /// Serve hash tiles and checkpoints without a key.
    pub public_tiles: bool,
}

/// Who cosigns the system log's checkpoints.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// The trust file that names the witnesses; empty: none.
    pub policy: PathBuf,
    /// How long a witness may take to answer, in milliseconds.
    pub timeout_ms: u64,
    /// The PEM file of certificates trusted for `https`; empty: the system's.
    pub ca_file: PathBuf,
}

/// What it logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The least severe level to write.
    pub level: String,
    /// Text or JSON lines.
    pub format: LogFormat,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Config {
    /// Reads the settings: defaults, then `file`, then the environment.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown setting or a value of the wrong kind, each named.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        Self::overlay(file, std_env())
    }

    /// Reads the settings to tell about them: everything that is wrong, not the first thing alone.
    pub fn examine(file: Option<&Path>) -> Examined {
        examine::examine(file, std_env())
    }

    fn overlay(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let mut table: toml::Table = DEFAULTS.parse().context("the built-in defaults are TOML")?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the configuration {}", path.display()))?;
            let over: toml::Table =
                text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
            merge(&mut table, over, "")?;
        }
        for (name, value) in env {
            set_from_env(&mut table, &name, value)?;
        }
        let config: Self = table.try_into().context("a setting has a value of the wrong kind")?;
        config.checked()
    }

    /// What the kind of a value does not tell.
    fn checked(self) -> Result<Self> {
        self.server.check_public_url()?;
        self.queue.place()?;
        Ok(self)
    }

    /// The defaults, on the store that these settings name.
    ///
    /// # Errors
    /// Never: the built-in defaults can be read.
    pub fn bare(&self) -> Result<Self> {
        Ok(Self { store: self.store.clone(), ..Self::overlay(None, std::iter::empty())? })
    }

    /// Where the ledger lies, for people.
    pub fn place(&self) -> String {
        if self.store.url.is_empty() { self.data.dir.display().to_string() } else { self.store.shown() }
    }

    /// The same settings for another data directory.
    pub fn in_dir(&self, dir: &Path) -> Self {
        let mut config = self.clone();
        dir.clone_into(&mut config.data.dir);
        config
    }

    /// The head file's path.
    pub fn head_file(&self) -> PathBuf {
        or_in_dir(&self.data.head_file, &self.data.dir, "head")
    }

    /// The erasure list's path.
    pub fn erasure_list(&self) -> PathBuf {
        or_in_dir(&self.data.erasure_list, &self.data.dir, "erasures")
    }

    /// The path of the key-encryption key.
    pub fn kek_file(&self) -> PathBuf {
        or_in_dir(&self.keys.kek_file, &self.data.dir, "kek")
    }
}

impl Server {
    /// The address of a page of the console, if people can reach it.
    pub fn page(&self, path: &str) -> Option<String> {
        let base = self.public_url.trim_end_matches('/');
        (!base.is_empty()).then(|| format!("{base}/{path}"))
    }

    /// It stands in tickets of other systems: nothing but a place.
    fn check_public_url(&self) -> Result<()> {
        let url = &self.public_url;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let is_place = |rest: &str| {
            !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || "?#@\"<>".contains(c))
        };
        if !url.is_empty() && !rest.is_some_and(is_place) {
            bail!(
                "server.public_url = {url:?}: an address such as \"https://ledger.example.org\" is needed, without a query or a user"
            )
        }
        Ok(())
    }
}

fn or_in_dir(path: &Path, dir: &Path, name: &str) -> PathBuf {
    if path.as_os_str().is_empty() { dir.join(name) } else { path.to_owned() }
}

/// The API key of the client verbs: `LEDGER_API_KEY`.
pub fn api_key() -> Option<String> {
    std_env().find(|(name, _)| name == "LEDGER_API_KEY").map(|(_, key)| key).filter(|key| !key.is_empty())
}

/// Variables that a configuration may refer to begin so: no other is given away.
pub const SECRET_PREFIX: &str = "LEDGER_SECRET_";

/// A secret that a configuration refers to by the name of its variable, `LEDGER_SECRET_…`.
pub fn secret(variable: &str) -> Option<String> {
    let allowed = variable.starts_with(SECRET_PREFIX);
    std_env()
        .find(|(name, _)| allowed && name == variable)
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "this is the one module that reads the environment")]
fn std_env() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("LEDGER_"))
}

fn merge(into: &mut toml::Table, over: toml::Table, at: &str) -> Result<()> {
    for (name, value) in over {
        match (into.get_mut(&name), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(value)) => {
                merge(inner, value, &format!("{at}{name}."))?;
            }
            (Some(slot), value) => *slot = value,
            (None, _) => bail!("unknown setting {at}{name}; `ledger config` prints all settings"),
        }
    }
    Ok(())
}

/// `LEDGER_SERVER_LISTEN` sets `[server] listen`; variables of other uses (tests, no such section) are left alone.
fn set_from_env(table: &mut toml::Table, name: &str, value: String) -> Result<()> {
    let rest = name.trim_start_matches("LEDGER_").to_ascii_lowercase();
    let Some((section, key)) = rest.split_once('_') else { return Ok(()) };
    let Some(toml::Value::Table(settings)) = table.get_mut(section) else { return Ok(()) };
    let Some(slot) = settings.get_mut(key) else {
        bail!("{name}: there is no setting {key} in [{section}]; `ledger config` prints all settings")
    };
    *slot = match slot {
        toml::Value::Integer(_) => toml::Value::Integer(
            value.parse().with_context(|| format!("{name}={value}: a whole number is needed"))?,
        ),
        toml::Value::Boolean(_) => toml::Value::Boolean(
            value.parse().with_context(|| format!("{name}={value}: true or false is needed"))?,
        ),
        _ => toml::Value::String(value),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_env(pairs: &[(&str, &str)]) -> Result<Config> {
        Config::overlay(None, pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_defaults_load_and_the_environment_overlays_them() {
        let config = with_env(&[("LEDGER_SERVER_LISTEN", "127.0.0.1:9"), ("LEDGER_TEST_LONG", "1")]).unwrap();
        assert_eq!(config.server.listen.port(), 9);
        assert_eq!(config.head_file(), Path::new("ledger-data/head"));
    }

    #[test]
    fn a_public_address_makes_pages_and_nothing_else_does() {
        let at = |url| with_env(&[("LEDGER_SERVER_PUBLIC_URL", url)]);
        assert_eq!(at("").unwrap().server.page("tasks/1"), None);
        for url in ["https://l.example/grc", "https://l.example/grc/"] {
            assert_eq!(
                at(url).unwrap().server.page("tasks/1").as_deref(),
                Some("https://l.example/grc/tasks/1")
            );
        }
        for url in
            ["l.example", "ftp://l.example", "https://", "https://u:p@l.example", "https://l.example?q"]
        {
            let error = at(url).unwrap_err().to_string();
            assert!(error.contains("server.public_url"), "{error}");
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let unknown = with_env(&[("LEDGER_SERVER_PORT", "9")]).unwrap_err();
        assert!(unknown.to_string().contains("LEDGER_SERVER_PORT"), "{unknown}");
        let wrong = with_env(&[("LEDGER_SERVER_ALLOW_PLAIN", "maybe")]).unwrap_err();
        assert!(wrong.to_string().contains("true or false"), "{wrong}");
    }

    #[test]
    fn a_file_overlays_and_its_unknown_settings_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "[ledger]\nregion = \"eu\"\n").unwrap();
        assert_eq!(Config::overlay(Some(&file), std::iter::empty()).unwrap().ledger.region, "eu");
        std::fs::write(&file, "[ledger]\nregoin = \"eu\"\n").unwrap();
        let error = Config::overlay(Some(&file), std::iter::empty()).unwrap_err();
        assert!(error.to_string().contains("ledger.regoin"), "{error}");
    }
}
