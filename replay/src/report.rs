//! What a verification found.

use std::sync::Mutex;

use serde::Serialize;

/// Failures that are kept with their reasons; beyond it they are only counted, so that a wholly foreign export does not
/// fill the memory.
pub const FAILURES_MAX: usize = 10_000;

/// The outcome of a verification.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Does everything hold?
    pub ok: bool,
    /// Whose log.
    pub tenant: String,
    /// The log's name.
    pub origin: String,
    /// Entries that the checkpoint commits to.
    pub size: u64,
    /// The root that it commits to, base64.
    pub root: String,
    /// When it was exported, as the manifest says.
    pub exported_at: String,
    /// Why it was exported, as the manifest says.
    pub purpose: String,
    /// What was left out on purpose, as the manifest says.
    pub redactions: Vec<String>,
    /// On whose word the log is believed.
    pub trust: Trust,
    /// What was looked at.
    pub counts: Counts,
    /// What became of the older checkpoint that was given.
    pub since: Option<Since>,
    /// Erasures that the log records.
    pub erasures: Vec<Erasure>,
    /// Ranges that the log itself marks as doubtful.
    pub disputes: Vec<String>,
    /// What the reader should know but is no failure.
    pub notes: Vec<String>,
    /// Everything that does not hold, by index; at most [`FAILURES_MAX`].
    pub failures: Vec<Failure>,
    /// How many there are.
    pub failures_total: u64,
    /// How long it took.
    pub seconds: f64,
}

/// On whose word the log is believed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Trust {
    /// Did the trust file come from outside of the export?
    pub pinned: bool,
    /// Where the trust file came from.
    pub policy: String,
    /// Did the trust file pin the genesis, and does it fit?
    pub genesis_pinned: bool,
    /// The key that signed the checkpoint, as a vkey.
    pub log_key: String,
    /// The witnesses that cosigned the checkpoint, or the system checkpoint of an anchor.
    pub witnesses: Vec<String>,
    /// The entries that a witnessed checkpoint or anchor covers: no fork below that can stay unseen.
    pub witnessed_size: u64,
    /// The entries that a believed anchor in the system log covers.
    pub anchored_size: u64,
}

/// What was looked at.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Entries read.
    pub entries: u64,
    /// Streams whose chains were followed.
    pub streams: u64,
    /// Signatures that verify.
    pub signatures: u64,
    /// Files whose digest is that of the manifest.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Confidential and personal members that the headers commit to.
    pub members: u64,
    /// Those of them that are disclosed and fit.
    pub disclosed: u64,
    /// Those that the log says are erased.
    pub erased: u64,
    /// The rest: left out of this export.
    pub redacted: u64,
    /// Blobs whose content fits.
    pub blobs: u64,
    /// Anchors that hold.
    pub anchors: u64,
    /// Events of types that this version does not know.
    pub unknown_types: u64,
}

/// What became of an older checkpoint.
#[derive(Debug, Clone, Serialize)]
pub struct Since {
    /// Its size.
    pub size: u64,
    /// Is the export an extension of it?
    pub consistent: bool,
}

/// Members that were erased: their digests stay in the headers, what stood under them is gone.
#[derive(Debug, Clone, Serialize)]
pub struct Erasure {
    /// The index of the event that records it.
    pub index: u64,
    /// How many members it names.
    pub members: u64,
}

/// One thing that does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Failure {
    /// The entry's index in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The event's stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The event's place in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// What does not hold.
    pub reason: String,
}

impl Failure {
    /// Of a file as a whole.
    pub fn file(path: &str, reason: impl ToString) -> Self {
        Self { file: Some(path.to_owned()), reason: reason.to_string(), ..Self::default() }
    }

    /// Of an entry whose header cannot be read.
    pub fn entry(index: u64, reason: impl ToString) -> Self {
        Self { index: Some(index), reason: reason.to_string(), ..Self::default() }
    }

    /// Of the export as a whole.
    pub fn general(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), ..Self::default() }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut place = Vec::new();
        place.extend(self.index.map(|index| format!("index {index}")));
        place.extend(self.stream.as_ref().map(|stream| format!("stream {stream}")));
        place.extend(self.seq.map(|seq| format!("seq {seq}")));
        place.extend(self.file.clone());
        if place.is_empty() {
            return f.write_str(&self.reason);
        }
        write!(f, "{}: {}", place.join(", "), self.reason)
    }
}

/// Where threads put failures.
#[derive(Debug, Default)]
pub struct Failures(Mutex<(Vec<Failure>, u64)>);

impl Failures {
    /// Notes a failure.
    pub fn push(&self, failure: Failure) {
        let mut inner = self.0.lock().expect("no thread panics while it holds this");
        inner.1 += 1;
        if inner.0.len() < FAILURES_MAX {
            inner.0.push(failure);
        }
    }

    /// Notes the failure of a result, and goes on.
    pub fn ok<T, E: ToString>(&self, result: Result<T, E>, at: impl FnOnce(String) -> Failure) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.push(at(error.to_string()));
                None
            }
        }
    }

    /// The failures in order, and how many there are.
    pub fn take(&self) -> (Vec<Failure>, u64) {
        let mut inner = self.0.lock().expect("no thread panics while it holds this");
        let (mut failures, total) = std::mem::take(&mut *inner);
        failures.sort();
        (failures, total)
    }
}
