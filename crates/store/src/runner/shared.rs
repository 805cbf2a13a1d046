//! What the runner tells others: how far it is, and how it does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use ledger::ids::TenantId;
use ledger::readmodel::{LogState, Poisoned};
use tokio::sync::{Notify, watch};

use super::session::Folded;

/// How the runner does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunnerStatus {
    /// There are no read models yet: they are being built.
    Building {
        /// Events folded.
        done: u64,
        /// Events in the store when it began.
        total: u64,
    },
    /// What is appended is folded, here or in the process that is watched: see [`Role`].
    Following,
    /// Something failed; trying again.
    Retrying {
        /// What failed.
        reason: String,
    },
    /// Nothing is folded any more until someone acts.
    Stopped {
        /// Why.
        reason: String,
    },
}

/// Who folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This process.
    Folding,
    /// Another process, which is watched.
    Watching,
}

/// The read models were not as far as asked in the time given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the read models are not as far as asked: {folded} of {asked} after {waited_ms} ms")]
pub struct Behind {
    /// What was asked for.
    pub asked: u64,
    /// How far they are.
    pub folded: u64,
    /// How long they were waited for.
    pub waited_ms: u64,
}

pub(super) struct Shared {
    pub position: watch::Sender<u64>,
    pub status: watch::Sender<RunnerStatus>,
    pub role: watch::Sender<Role>,
    /// Someone waits: what was gathered is folded at once.
    pub hurry: Arc<Notify>,
    logs: RwLock<HashMap<TenantId, LogState>>,
    poisoned: Mutex<Vec<Poisoned>>,
}

impl Shared {
    pub fn new() -> Self {
        Self {
            position: watch::Sender::new(0),
            status: watch::Sender::new(RunnerStatus::Building { done: 0, total: 0 }),
            role: watch::Sender::new(Role::Watching),
            hurry: Arc::new(Notify::new()),
            logs: RwLock::new(HashMap::new()),
            poisoned: Mutex::new(Vec::new()),
        }
    }

    /// Says how the runner does, to those who listen only if it is something else than before.
    pub fn say(&self, status: RunnerStatus) {
        self.status.send_if_modified(|before| {
            let other = *before != status;
            *before = status;
            other
        });
    }

    /// Another generation is followed from here on.
    pub fn begin(&self, position: u64, logs: &HashMap<TenantId, LogState>, poisoned: Vec<Poisoned>) {
        self.logs.write().unwrap_or_else(PoisonError::into_inner).clone_from(logs);
        *self.poisoned.lock().unwrap_or_else(PoisonError::into_inner) = poisoned;
        self.position.send_replace(position);
    }

    /// A commit was made.
    pub fn advance(&self, folded: &Folded) {
        self.logs
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(folded.logs.iter().map(|(tenant, log)| (tenant.clone(), *log)));
        if !folded.poisoned.is_empty() {
            let mut poisoned = self.poisoned.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in &folded.poisoned {
                poisoned.retain(|known| !same_place(known, entry));
                poisoned.push(entry.clone());
            }
        }
        // Last, so that whoever is woken by it finds the rest up to date.
        self.position.send_replace(folded.position);
    }

    pub fn log(&self, tenant: &TenantId) -> LogState {
        self.logs.read().unwrap_or_else(PoisonError::into_inner).get(tenant).copied().unwrap_or_default()
    }

    pub fn poisoned(&self) -> Vec<Poisoned> {
        self.poisoned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `folded` reaches `asked`; it is looked at again after each commit.
    pub async fn wait(
        &self,
        asked: u64,
        within: Duration,
        folded: impl Fn(&Self) -> u64,
    ) -> Result<(), Behind> {
        let mut position = self.position.subscribe();
        if folded(self) < asked {
            self.hurry.notify_one();
        }
        let reached = tokio::time::timeout(within, position.wait_for(|_| folded(self) >= asked)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                let waited_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                Err(Behind { asked, folded: folded(self), waited_ms })
            }
        }
    }
}

fn same_place(a: &Poisoned, b: &Poisoned) -> bool {
    a.projection == b.projection && a.tenant == b.tenant && a.stream == b.stream
}
