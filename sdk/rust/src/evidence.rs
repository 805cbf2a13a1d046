//! What a probe hands in: the result of one check, mapped to controls.

use std::collections::BTreeMap;

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most controls that one piece of evidence may bear on.
pub const CONTROLS_MAX: usize = 32;
/// The most findings listed in one piece of evidence; a check that finds more says how many in its summary.
pub const FINDINGS_MAX: usize = 500;
/// The largest piece of evidence as JSON: a quarter of what the server reads, so that batches make sense.
pub const EVIDENCE_BYTES_MAX: usize = 512 * 1024;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// The control holds.
    Pass,
    /// The control does not hold.
    Fail,
    /// The check does not apply to the target.
    NotApplicable,
    /// The check ran and can say neither; nothing checked is inconclusive.
    Inconclusive,
    /// The check itself failed.
    Error,
}

impl CheckResult {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotApplicable => "not_applicable",
            Self::Inconclusive => "inconclusive",
            Self::Error => "error",
        }
    }
}

/// A control of a framework that the ledger has imported.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlRef {
    /// The framework's id, in lower case: `nist-800-53`.
    pub framework: String,
    /// The control's id, in lower case: `ac-6`.
    pub control: String,
}

impl ControlRef {
    /// A control by its two ids.
    pub fn new(framework: impl Into<String>, control: impl Into<String>) -> Self {
        Self { framework: framework.into(), control: control.into() }
    }
}

/// A file that was uploaded before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobRef {
    /// Its id, as the upload gave it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
}

/// One finding: names and values, for example `object`, `detail`, `remediation`.
pub type Finding = BTreeMap<String, String>;

/// The result of one check.
///
/// `title`, `summary`, `target`, `findings` and `blobs` are confidential: the ledger keeps them encrypted and outside
/// the log. Everything else can be read by everyone who may see the log, so keep names out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The evidence's id and idempotency key; a new UUIDv7 if absent. Set it to repeat a submission safely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What was checked: `linux-host/sshd`; 1 to 120 of a-z, 0-9, `.`, `_`, `/`, `-`.
    pub check: String,
    /// The probe; the one of the configuration if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// What was looked at, as an opaque reference; `default` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_ref: Option<String>,
    /// The controls that it bears on, 1 to 32.
    pub controls: Vec<ControlRef>,
    /// What was found.
    pub result: CheckResult,
    /// How many things were checked.
    pub checked: u32,
    /// How many things could not be checked.
    #[serde(default)]
    pub skipped: u32,
    /// When the observation began; the time of submission if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_from: Option<Timestamp>,
    /// When the observation ended; the time of submission if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_to: Option<Timestamp>,
    /// When it was handed to this library. Set by it, once, so that every retry sends the same bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// After how many seconds the next result is due at the latest; then the control turns stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cadence_seconds: Option<u32>,
    /// A headline.
    pub title: String,
    /// What was found, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The name of what was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What was found, in detail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Files that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<BlobRef>,
}

/// Evidence that the ledger would refuse, so that it is refused before it is spooled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// A member breaks its rule.
    #[error("{member} {value:?}: {rule}")]
    Member {
        /// Which.
        member: &'static str,
        /// What it holds, cut to 80 characters.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// It is too large.
    #[error(
        "the evidence has {bytes} bytes as JSON, more than {EVIDENCE_BYTES_MAX}: attach large parts as blobs"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl Evidence {
    /// Evidence of a check with its result; add at least one control and what was checked.
    pub fn new(check: impl Into<String>, title: impl Into<String>, result: CheckResult) -> Self {
        Self {
            id: None,
            check: check.into(),
            probe: None,
            target_ref: None,
            controls: Vec::new(),
            result,
            checked: 0,
            skipped: 0,
            observed_from: None,
            observed_to: None,
            sent_at: None,
            cadence_seconds: None,
            title: title.into(),
            summary: None,
            target: None,
            findings: Vec::new(),
            blobs: Vec::new(),
        }
    }

    /// Adds a control.
    #[must_use]
    pub fn control(mut self, framework: &str, control: &str) -> Self {
        self.controls.push(ControlRef::new(framework, control));
        self
    }

    /// Sets how many things were checked.
    #[must_use]
    pub fn checked(mut self, checked: u32) -> Self {
        self.checked = checked;
        self
    }

    /// Sets how many things could not be checked.
    #[must_use]
    pub fn skipped(mut self, skipped: u32) -> Self {
        self.skipped = skipped;
        self
    }

    /// Sets what was found, in words.
    #[must_use]
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = Some(summary.into());
        self
    }

    /// Adds a finding.
    #[must_use]
    pub fn finding<'a>(mut self, members: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        self.findings.push(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        self
    }

    /// Sets what was looked at: an opaque reference that everyone may read, and a name that is confidential.
    #[must_use]
    pub fn target(mut self, reference: impl Into<String>, name: impl Into<String>) -> Self {
        self.target_ref = Some(reference.into());
        self.target = Some(name.into());
        self
    }

    /// Sets after how many seconds the next result is due at the latest.
    #[must_use]
    pub fn cadence_seconds(mut self, seconds: u32) -> Self {
        self.cadence_seconds = Some(seconds);
        self
    }

    /// Fills in what the author left out. `sent_at` is set here and never again.
    pub(crate) fn complete(mut self, id: Uuid, now: Timestamp, probe: Option<&str>) -> Self {
        self.id.get_or_insert(id);
        self.probe = self.probe.or_else(|| probe.map(str::to_owned));
        let to = *self.observed_to.get_or_insert(now);
        self.observed_from.get_or_insert(to);
        self.sent_at = Some(now);
        self
    }

    /// Checks what the ledger would check.
    ///
    /// # Errors
    /// The member and the rule that it breaks.
    pub fn validate(&self) -> Result<(), EvidenceError> {
        const ID: &str = "1 to 64 of a-z, 0-9, '.', '_' and '-'";
        require("check", &self.check, "1 to 120 of a-z, 0-9, '.', '_', '/' and '-'", |text| {
            text.len() <= 120 && text.bytes().all(|b| lower_id(b) || b == b'/')
        })?;
        for (member, id) in [("probe", &self.probe), ("target_ref", &self.target_ref)] {
            require(member, id.as_deref().unwrap_or("x"), ID, is_id)?;
        }
        require("controls", &self.controls.len().to_string(), "1 to 32 of them", |_| {
            (1..=CONTROLS_MAX).contains(&self.controls.len())
        })?;
        for control in &self.controls {
            require("framework", &control.framework, ID, is_id)?;
            require("control", &control.control, ID, is_id)?;
        }
        require("title", &self.title, "must not be empty", |text| !text.trim().is_empty())?;
        require(
            "findings",
            &self.findings.len().to_string(),
            "at most 500: say in the summary how many there are",
            |_| self.findings.len() <= FINDINGS_MAX,
        )?;
        if let (Some(from), Some(to)) = (self.observed_from, self.observed_to) {
            require("observed_from", &from.to_string(), "must not lie after observed_to", |_| from <= to)?;
        }
        Ok(())
    }
}

fn require(
    member: &'static str,
    value: &str,
    rule: &'static str,
    holds: impl FnOnce(&str) -> bool,
) -> Result<(), EvidenceError> {
    if !value.is_empty() && holds(value) {
        return Ok(());
    }
    Err(EvidenceError::Member { member, value: value.chars().take(80).collect(), rule })
}

fn is_id(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(lower_id)
}

const fn lower_id(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests;
