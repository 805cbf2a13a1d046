//! Keeps read models up to date: follows the store, folds in batches, commits rows and position together, rebuilds.
//!
//! ```text
//!   event store ──pages──▶ feed thread (read, parse) ──batches──▶ fold thread (fold, commit) ──▶ current generation
//!                                                                  │                             ▲
//!              rebuild thread: the same, and a thread that writes, into a new generation ──settled──▶ switch
//! ```
//!
//! - What fails is tried again from what is stored, with a growing pause; what cannot get better stops the runner and
//!   says so in its [`RunnerStatus`].
//! - An event that a projection cannot fold is quarantined and told to [`RunnerOptions::on_poison`]; the rest goes on.
//!   It is mended by a rebuild with a program that can fold it.
//! - A rebuild never causes effects: it only folds.
//! - Where several processes have the same read models, one folds ([`RunnerOptions::folds`]). The others watch: they read
//!   how far it is from the store, and take over when they are told to. Who is fenced off steps back to watching.

mod build;
mod feed;
mod follow;
mod pipeline;
mod session;
mod shared;
#[cfg(test)]
mod tests;
mod views;
mod watch;
#[cfg(test)]
mod watch_tests;

pub use build::{BuildProgress, RebuildReport};
pub use shared::{Behind, Role, RunnerStatus};
pub use views::{TypedPage, Views};

use std::sync::Arc;
use std::time::Duration;

use ledger::readmodel::{FeedError, Poisoned, SourceError};
use tokio::sync::watch as told;

use crate::error::StoreError;
use crate::views::ViewError;

/// Events of one commit at most, while following: the batch that is in hand when the process dies is folded again.
const FOLLOW_BATCH_EVENTS: usize = 4_096;
/// Events of one commit at most, while building: larger ones sort more rows at a time.
const BUILD_BATCH_EVENTS: usize = 16_384;
/// Events of one read.
const PAGE_EVENTS: usize = 4_096;
/// Parsed pages that wait for the fold: enough to keep both threads busy, few enough to stay small.
const PAGES_WAITING: usize = 2;
/// While events keep coming, a commit gathers those of so long: half of what a commit costs is paid for each, whatever
/// it holds. Whoever waits for a read model ends the wait.
const GATHER: Duration = Duration::from_millis(10);
/// The first pause after a failure; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// How soon a watching process looks again while there are events that are not folded; it doubles up to [`LOOK_MAX`]
/// while nothing moves.
const LOOK_MIN: Duration = Duration::from_millis(5);
/// How long a watching process waits at most before it looks again while there are events that are not folded.
const LOOK_MAX: Duration = Duration::from_millis(200);
/// How often it is looked whether another process has published other read models, when nothing else happens.
const LOOK_IDLE: Duration = Duration::from_secs(1);
/// A process that is to fold and was fenced off takes the read models back when nothing was folded for so long although
/// there is something to fold: whoever fenced it off has gone, or should not have.
const STALLED: Duration = Duration::from_secs(5);
/// The longest pause after a failure.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What the runner does besides folding.
#[derive(Clone)]
pub struct RunnerOptions {
    /// Called when an event is quarantined, after that is stored. May be called twice for one event, after a crash.
    pub on_poison: Arc<dyn Fn(&Poisoned) + Send + Sync>,
    /// Does this process fold? While it says no, the runner watches another process do so. Each new yes, even after a
    /// yes, is a new grant: the runner claims the read models, whoever had them.
    ///
    /// It is what keeps two processes from taking the read models from each other in turn. That they never both write is
    /// kept by the store, whatever is told here.
    pub folds: told::Receiver<bool>,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self { on_poison: Arc::new(|_| {}), folds: told::channel(true).1 }
    }
}

/// Why folding stopped.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Events(#[from] StoreError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Views(#[from] ViewError),
    #[error("the runner was stopped")]
    Stopped,
}

impl From<SourceError> for RunError {
    fn from(error: SourceError) -> Self {
        Self::Views(error.into())
    }
}

impl RunError {
    /// Can it get better by itself?
    const fn retryable(&self) -> bool {
        match self {
            Self::Events(error) => error.retryable(),
            // Another process goes on: this one watches, or builds once more.
            Self::Views(ViewError::Fenced { .. }) => true,
            Self::Views(error) => error.retryable(),
            Self::Feed(_) | Self::Stopped => false,
        }
    }
}

/// Starts a named thread. A machine without threads left cannot run the ledger at all.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.expect("the operating system gives a thread");
}
