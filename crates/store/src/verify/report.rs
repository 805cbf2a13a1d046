//! What a verification has found.

use std::fmt;

use ledger::ids::TenantId;
use ledger::merkle::Hash;

/// Failures that are kept; more are counted.
const FAILURES_MAX: usize = 1000;

/// The outcome of verifying a whole store.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// Events that were read.
    pub events: u64,
    /// The logs, as the events make them.
    pub logs: Vec<VerifiedLog>,
    /// What is wrong, in commit order, what concerns whole logs last. The first names the first bad event.
    pub failures: Vec<Failure>,
    /// How many failures there are, kept or not.
    pub failed: u64,
}

/// A log as its events make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLog {
    /// Whose.
    pub tenant: TenantId,
    /// Its number of entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Commit order of the event. `None`: it concerns no single event.
    pub position: Option<u64>,
    /// Whose log.
    pub tenant: Option<TenantId>,
    /// Its place in the log.
    pub index: Option<u64>,
    /// Its stream and revision, as far as they can be read.
    pub stream: Option<(String, u64)>,
    /// What is wrong.
    pub reason: String,
}

impl Verification {
    /// Does everything hold?
    pub fn holds(&self) -> bool {
        self.failed == 0
    }

    /// Notes what is wrong.
    pub fn fail(&mut self, failure: Failure) {
        self.failed += 1;
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(failure);
        }
    }
}

impl Failure {
    /// A failure of the store as a whole.
    pub fn of_store(reason: impl Into<String>) -> Self {
        Self { position: None, tenant: None, index: None, stream: None, reason: reason.into() }
    }

    /// A failure of a log as a whole.
    pub fn of_log(tenant: &TenantId, reason: impl Into<String>) -> Self {
        Self { tenant: Some(tenant.clone()), ..Self::of_store(reason) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tenant) = &self.tenant {
            write!(f, "tenant {tenant}, ")?;
        }
        if let Some(index) = self.index {
            write!(f, "index {index}, ")?;
        }
        if let Some(position) = self.position {
            write!(f, "position {position}, ")?;
        }
        if let Some((stream, seq)) = &self.stream {
            write!(f, "stream {stream} revision {seq}, ")?;
        }
        write!(f, "{}", self.reason)
    }
}
