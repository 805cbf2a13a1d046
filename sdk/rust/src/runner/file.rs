//! Probe files: JSON that says what to look at, where, how often, and which controls it bears on.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::collector::{CollectError, Registry};
use super::schedule::{Schedule, ScheduleError};
use crate::evidence::ControlRef;

/// How long a run may take unless the file says otherwise.
const TIMEOUT_SECONDS: u64 = 300;
/// The largest probe file: they are written by hand.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A probe, written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeFile {
    /// Its name on this machine: 1 to 64 of a-z, 0-9, `.`, `_`, `-`.
    pub name: String,
    /// What looks: `linux-host`, `command`, …
    pub what: String,
    /// What is looked at, as an opaque reference that everyone may read.
    #[serde(default = "default_target")]
    pub target_ref: String,
    /// The name of what is looked at; confidential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// When the daemon runs it, in UTC: `minute hour day month weekday`.
    #[serde(default = "default_schedule")]
    pub schedule: String,
    /// After how many seconds the next result is due; follows from the schedule if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cadence_seconds: Option<u32>,
    /// Only controls of these frameworks are named. The ledger refuses evidence for a framework that it has not.
    #[serde(default = "default_frameworks")]
    pub frameworks: Vec<String>,
    /// The controls of single checks, instead of those that the collector names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub controls: BTreeMap<String, Vec<ControlRef>>,
    /// How long a run may take.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// What the collector needs to know.
    #[serde(default)]
    pub options: Value,
}

fn default_target() -> String {
    "default".to_owned()
}

fn default_schedule() -> String {
    "0 * * * *".to_owned()
}

fn default_frameworks() -> Vec<String> {
    vec!["starter".to_owned()]
}

const fn default_timeout() -> u64 {
    TIMEOUT_SECONDS
}

/// Why a probe file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system refuses.
    #[error("cannot {action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The refusal.
        error: io::Error,
    },
    /// It is not a probe file.
    #[error("{path} is not a probe file: {reason}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It names a collector that is not there.
    #[error("there is no probe {what:?}; there are: {known}")]
    Unknown {
        /// What it names.
        what: String,
        /// What there is.
        known: String,
    },
    /// A member breaks its rule.
    #[error("probe {name}: {member}: {rule}")]
    Member {
        /// The probe.
        name: String,
        /// The member.
        member: &'static str,
        /// What it must be.
        rule: String,
    },
    /// Its schedule.
    #[error("probe {name}: {error}")]
    Schedule {
        /// The probe.
        name: String,
        /// What is wrong.
        error: ScheduleError,
    },
    /// Its options.
    #[error("probe {name}: {error}")]
    Options {
        /// The probe.
        name: String,
        /// What is wrong.
        error: CollectError,
    },
    /// Two probes of one name.
    #[error("two probes are named {name}")]
    Twice {
        /// The name.
        name: String,
    },
    /// A directory without probe files.
    #[error("{path} holds no probe file (*.json); make one with init")]
    None {
        /// The directory.
        path: PathBuf,
    },
}

impl ProbeFile {
    /// A probe of `what` with its defaults.
    pub fn of(what: &str, options: Value) -> Self {
        Self {
            name: what.to_owned(),
            what: what.to_owned(),
            target_ref: default_target(),
            target: None,
            schedule: default_schedule(),
            cadence_seconds: None,
            frameworks: default_frameworks(),
            controls: BTreeMap::new(),
            timeout_seconds: TIMEOUT_SECONDS,
            options,
        }
    }

    /// Checks everything that can be checked without running it.
    ///
    /// # Errors
    /// [`FileError`] names the member and the rule.
    pub fn validate(&self, registry: &Registry) -> Result<(), FileError> {
        let wrong = |member, rule: &str| {
            Err(FileError::Member { name: self.name.clone(), member, rule: rule.to_owned() })
        };
        for (member, id) in [("name", &self.name), ("target_ref", &self.target_ref)] {
            if !is_id(id) {
                return wrong(member, "1 to 64 of a-z, 0-9, '.', '_' and '-'");
            }
        }
        if !(1..=86_400).contains(&self.timeout_seconds) {
            return wrong("timeout_seconds", "1 to 86400");
        }
        if self.cadence_seconds == Some(0) {
            return wrong("cadence_seconds", "at least 1");
        }
        if self.frameworks.is_empty() {
            return wrong("frameworks", "at least one");
        }
        let ids = self.controls.values().flatten().flat_map(|c| [&c.framework, &c.control]);
        if !self.frameworks.iter().chain(ids).all(|id| is_id(id)) {
            return wrong("controls", "ids of 1 to 64 of a-z, 0-9, '.', '_' and '-'");
        }
        self.schedule()?;
        let collector = registry
            .get(&self.what)
            .ok_or_else(|| FileError::Unknown { what: self.what.clone(), known: registry.names() })?;
        let planned = collector.plan(&self.options);
        planned.map(drop).map_err(|error| FileError::Options { name: self.name.clone(), error })
    }

    /// Its schedule.
    ///
    /// # Errors
    /// [`FileError::Schedule`]
    pub fn schedule(&self) -> Result<Schedule, FileError> {
        self.schedule.parse().map_err(|error| FileError::Schedule { name: self.name.clone(), error })
    }

    /// How long a run may take.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

fn is_id(text: &str) -> bool {
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(lower)
}

/// Reads a probe file, or all `*.json` of a directory, and checks them.
///
/// # Errors
/// [`FileError`] of the first that is wrong: nothing runs by half.
pub fn load(path: &Path, registry: &Registry) -> Result<Vec<ProbeFile>, FileError> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |error| FileError::Io { action, path, error }
    };
    let mut paths = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(failed("list", path))?.flatten().map(|entry| entry.path());
        paths = entries.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
        paths.sort();
        if paths.is_empty() {
            return Err(FileError::None { path: path.to_owned() });
        }
    }
    let mut files: Vec<ProbeFile> = Vec::new();
    for path in paths {
        if fs::metadata(&path).map_err(failed("read", &path))?.len() > FILE_BYTES_MAX {
            return Err(FileError::Form { path, reason: "it is larger than 1 MiB".to_owned() });
        }
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        let file: ProbeFile = serde_json::from_slice(&bytes)
            .map_err(|error| FileError::Form { path: path.clone(), reason: error.to_string() })?;
        file.validate(registry)?;
        if files.iter().any(|other| other.name == file.name) {
            return Err(FileError::Twice { name: file.name });
        }
        files.push(file);
    }
    Ok(files)
}

/// Writes a probe file for `what` into `directory`, to be changed by hand; an existing one is kept.
///
/// # Errors
/// [`FileError::Unknown`], or [`FileError::Io`] if there is one already.
pub fn init(directory: &Path, what: &str, registry: &Registry) -> Result<PathBuf, FileError> {
    let collector = registry
        .get(what)
        .ok_or_else(|| FileError::Unknown { what: what.to_owned(), known: registry.names() })?;
    let file = json!({
        "name": what,
        "what": what,
        "target_ref": "default",
        "target": "the name of what is looked at",
        "schedule": "0 * * * *",
        "frameworks": ["starter"],
        "timeout_seconds": TIMEOUT_SECONDS,
        "options": collector.template(),
    });
    let path = directory.join(format!("{what}.json"));
    let failed = |error| FileError::Io { action: "create", path: path.clone(), error };
    fs::create_dir_all(directory).map_err(failed)?;
    let failed = |error| FileError::Io { action: "create", path: path.clone(), error };
    let mut out = fs::File::create_new(&path).map_err(failed)?;
    let mut text = serde_json::to_string_pretty(&file).expect("the template is JSON");
    text.push('\n');
    let failed = |error| FileError::Io { action: "write", path: path.clone(), error };
    io::Write::write_all(&mut out, text.as_bytes()).map_err(failed)?;
    Ok(path)
}
