//! One run of an integration: a poll that reads what has changed, or a look whether the connection works.
//!
//! A poll begins where the last whole one ended, with the adapter's overlap, so that what is read twice is the rule; facts
//! are the same over deliveries and are recorded once. A run that is not whole moves no cursor, and nothing follows from
//! what it did not see.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ledger::ids::{CommandId, TenantId, uuid_v7};
use ledger::time::Timestamp;
use ledger_aggregates::run::{Run, RunCommand, RunState};
use ledger_aggregates::values::{IntegrationId, RunGap, RunId, RunKind, RunTrigger, ValueMac};
use ledger_connectors::drive::{End, Journal, JournalError, Later, Sending, drive};
use ledger_connectors::protocol::{Fact, Failure, FailureKind, Health, Outcome, Task};
use serde_json::{Value, json};

use super::attempt::{Verdict, told_to_people, word};
use super::live::Live;
use super::marks::Marks;
use super::record::{PART, Whose};
use super::{health, models, observe, webhooks};
use crate::app::App;
use crate::commands::Order;
use crate::error::ApiError;

/// A run to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it does.
    pub what: RunKind,
    /// What starts it.
    pub trigger: RunTrigger,
    /// When it was due; a run that nobody scheduled is due when it is asked for.
    pub due: Timestamp,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Made {
    /// It was made before.
    Before,
    /// Everything was read.
    Whole {
        /// How many facts.
        facts: u32,
        /// What a look at the connection found.
        health: Option<Health>,
    },
    /// It could not be done, or not wholly.
    Broken(Failure),
}

/// What becomes durable while a run goes on.
struct RunJournal<'a> {
    app: &'a Arc<App>,
    tenant: &'a TenantId,
    integration: &'a IntegrationId,
    run: RunId,
    pages: AtomicU32,
    facts: AtomicU32,
    /// The marks of what was read.
    seen: Mutex<HashSet<ValueMac>>,
}

impl RunJournal<'_> {
    async fn order(&self, command: &RunCommand) -> Result<(), ApiError> {
        let id = CommandId::new(uuid_v7(&*self.app.clock, &*self.app.entropy).to_string());
        let order = Order::system(PART, self.tenant, self.run.stream(), id.map_err(ApiError::internal)?);
        self.app.command::<Run>(&order, command).await.map(drop)
    }
}

#[async_trait]
impl Journal for RunJournal<'_> {
    /// A run changes nothing at the other side: it may begin anew at any time.
    async fn sending(&self, _sending: &Sending) -> Result<(), JournalError> {
        Ok(())
    }

    async fn facts(&self, facts: Vec<Fact>) -> Result<(), JournalError> {
        let failed = |error: ApiError| JournalError(error.to_string());
        observe::facts(self.app, self.tenant, self.integration, &facts, None).await.map_err(failed)?;
        let marks = Marks::of(self.app, self.tenant);
        let seen = facts.iter().map(|fact| marks.text(&fact.remote.id)).collect::<Result<Vec<_>, _>>();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend(seen.map_err(failed)?);
        let page = self.pages.fetch_add(1, Ordering::Relaxed) + 1;
        let count = u32::try_from(facts.len()).unwrap_or(u32::MAX);
        self.facts.fetch_add(count, Ordering::Relaxed);
        self.order(&RunCommand::ReadPage { page, facts: count }).await.map_err(failed)
    }
}

/// Makes a run, unless it has been made.
///
/// # Errors
/// The store: the run is made again, from its beginning.
pub async fn make(
    app: &Arc<App>,
    tenant: &TenantId,
    integration: &IntegrationId,
    live: &Live,
    wanted: &Wanted,
) -> Result<Made, ApiError> {
    let run = RunId::of(tenant, integration, wanted.what, wanted.due);
    let (pages, facts, seen) = (AtomicU32::new(0), AtomicU32::new(0), Mutex::default());
    let journal = RunJournal { app, tenant, integration, run, pages, facts, seen };
    if app.state::<Run>(tenant, &run.stream()).await? == RunState::Ended {
        return Ok(Made::Before);
    }
    let start = RunCommand::Start {
        integration: integration.clone(),
        what: wanted.what,
        trigger: wanted.trigger,
        due: Some(wanted.due),
    };
    journal.order(&start).await?;
    let task = match wanted.what {
        RunKind::Health => Some(Task::Health {}),
        RunKind::Poll => Some(Task::Poll { cursor: models::cursor(app, tenant, integration).await? }),
        // Every ticket anew: what a search has missed is found.
        RunKind::Reconcile => Some(Task::Poll { cursor: None }),
        what @ (RunKind::Subscribe | RunKind::Unsubscribe) => {
            webhooks::task(app, tenant, integration, what).await?
        }
    };
    let name = Whose::Run(run).name();
    let end = match &task {
        Some(task) => drive(task, &name, None, &live.instance, &live.connection, &journal).await,
        None => Ok(no_address()),
    };
    let end = end.map_err(|error| ApiError::internal(&error))?;
    let (mut command, made) = conclude(&end, &journal);
    if let (RunKind::Reconcile, RunCommand::Finish { detail, .. }) = (wanted.what, &mut command) {
        *detail = Some(read_the_rest(&journal).await?);
    }
    journal.order(&command).await?;
    match wanted.what {
        // Whether messages come is told by an alert of its own: the integration works without them.
        RunKind::Subscribe => return Ok(made),
        RunKind::Unsubscribe => {
            app.connect.end(tenant, integration);
            return Ok(made);
        }
        RunKind::Health | RunKind::Poll | RunKind::Reconcile => {}
    }
    health::note(app, tenant, integration, &verdict(&made)).await?;
    Ok(made)
}

fn no_address() -> End {
    let failure = Failure::new(FailureKind::NeedsConfiguration, "the ledger does not know its own address")
        .hint("its operator sets [server] public_url (LEDGER_SERVER_PUBLIC_URL)");
    End::Done(Outcome::Failed(failure))
}

/// Asks for each ticket that a whole reconciliation did not come upon to be read by itself: it is gone, or no search finds
/// it, and only a look at it can say which. What was found.
async fn read_the_rest(journal: &RunJournal<'_>) -> Result<Value, ApiError> {
    let RunJournal { app, tenant, integration, run, .. } = journal;
    let seen = std::mem::take(&mut *journal.seen.lock().unwrap_or_else(PoisonError::into_inner));
    let standing = models::standing(app, tenant, integration).await?;
    let mut asked = 0_u64;
    for (ticket, remote) in &standing {
        if !seen.contains(remote) {
            observe::read(app, tenant, integration, *ticket, &run.to_string(), None).await?;
            asked += 1;
        }
    }
    Ok(json!({ "tickets": standing.len(), "read_by_themselves": asked }))
}

fn conclude(end: &End, journal: &RunJournal<'_>) -> (RunCommand, Made) {
    let facts = journal.facts.load(Ordering::Relaxed);
    match end {
        End::Done(Outcome::Polled { cursor }) => (
            RunCommand::Finish { cursor: Some(cursor.clone()), detail: None },
            Made::Whole { facts, health: None },
        ),
        End::Done(Outcome::Subscribed { state, expires_at }) => (
            RunCommand::Finish { cursor: Some(webhooks::kept(state, *expires_at)), detail: None },
            Made::Whole { facts, health: None },
        ),
        End::Done(Outcome::Unsubscribed {}) => {
            (RunCommand::Finish { cursor: None, detail: None }, Made::Whole { facts, health: None })
        }
        End::Done(Outcome::Health(found)) => match found.findings.first() {
            None => {
                let detail = json!({ "account": found.account, "product": found.product });
                let made = Made::Whole { facts, health: Some(found.clone()) };
                (RunCommand::Finish { cursor: None, detail: Some(detail) }, made)
            }
            // It answers, and what is configured does not fit it.
            Some(finding) => {
                let all: Vec<String> = found.findings.iter().map(told_to_people).collect();
                let detail: Value =
                    json!({ "account": found.account, "product": found.product, "findings": found.findings });
                let failure = Failure {
                    message: all.join("; "),
                    kind: FailureKind::NeedsConfiguration,
                    ..finding.clone()
                };
                let failure = Failure { hint: None, field: None, offered: Vec::new(), ..failure };
                (RunCommand::Finish { cursor: None, detail: Some(detail) }, Made::Broken(failure))
            }
        },
        End::Done(Outcome::Failed(failure)) => (fail(failure), Made::Broken(failure.clone())),
        End::Done(Outcome::Succeeded { .. } | Outcome::Absent {}) => {
            let failure = Failure::new(FailureKind::Adapter, "the adapter answered another task");
            (fail(&failure), Made::Broken(failure))
        }
        End::Uncertain { reason } => {
            let failure = Failure::new(FailureKind::Unavailable, reason.clone());
            (broken_off(&failure, facts), Made::Broken(failure))
        }
        End::Later(Later { failure, .. }) => (broken_off(failure, facts), Made::Broken(failure.clone())),
    }
}

fn fail(failure: &Failure) -> RunCommand {
    RunCommand::Fail { reason: word(failure.kind), detail: Some(told_to_people(failure)) }
}

/// Something was read: it is inconclusive. Nothing was: it could not be done.
fn broken_off(failure: &Failure, facts: u32) -> RunCommand {
    let detail = Some(told_to_people(failure));
    match failure.kind {
        FailureKind::RateLimited => RunCommand::BreakOff { reason: RunGap::RateLimited, detail },
        _ if facts > 0 => RunCommand::BreakOff { reason: RunGap::Page, detail },
        kind => RunCommand::Fail { reason: word(kind), detail },
    }
}

fn verdict(made: &Made) -> Verdict {
    match made {
        Made::Before => Verdict::Silent,
        Made::Whole { .. } => Verdict::Well,
        Made::Broken(failure) => Verdict::Ill(failure.clone()),
    }
}
