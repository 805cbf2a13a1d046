//! A task up to its first change: what it reads is read, and the request that would change something is shown instead of
//! sent.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ledger::ids::{TenantId, uuid_v7};
use ledger_aggregates::values::{IntegrationId, IntentId};
use ledger_connectors::drive::{End, Journal, JournalError, Sending, drive};
use ledger_connectors::protocol::{
    Block, Document as RichText, Effect, Fact, Intent, Outcome, Plan, Repeat, Span, Task, Ticket,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::live::Live;
use super::operate::{Shown, brought_up, refused, shown, wanted};
use crate::app::App;
use crate::error::{ApiError, CONFLICT};

/// Whose the exchanges of a rehearsal are: of no intent and no run.
const NAME: &str = "rehearsal";

/// A ticket that nobody wants, to see how one would be opened.
#[derive(Debug, Clone)]
pub struct Sample {
    /// One line.
    pub title: String,
    /// What it is about.
    pub text: String,
    /// How severe it is.
    pub severity: String,
}

impl Sample {
    fn task(&self, app: &App, tenant: &TenantId, integration: &IntegrationId) -> Task {
        let facts = json!({ "severity": self.severity, "integration": integration.as_str() });
        let ticket = Ticket {
            title: self.title.clone(),
            text: RichText(vec![Block::Paragraph(vec![Span::text(&self.text)])]),
            facts: facts.as_object().cloned().unwrap_or_default(),
            url: None,
        };
        // The key of no obligation: were the request sent by hand, nothing here would take its ticket for one of ours.
        let key = uuid_v7(&*app.clock, &*app.entropy).to_string();
        Task::Perform(Intent {
            id: format!("intent-{key}"),
            key,
            tenant: tenant.to_string(),
            ticket: None,
            effect: Effect::Open(ticket),
        })
    }
}

/// Lets requests pass that change nothing, and keeps the first other one back.
#[derive(Default)]
struct UpToChange(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    reads: Vec<Plan>,
    change: Option<Plan>,
}

#[async_trait]
impl Journal for UpToChange {
    async fn sending(&self, sending: &Sending) -> Result<(), JournalError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sending.plan.repeat == Repeat::Safe {
            kept.reads.push(sending.plan.clone());
            return Ok(());
        }
        kept.change = Some(sending.plan.clone());
        // Nothing is sent whose journal could not be written.
        Err(JournalError("it would change something".to_owned()))
    }

    async fn facts(&self, _facts: Vec<Fact>) -> Result<(), JournalError> {
        Ok(())
    }
}

/// The request that would open a ticket in an integration. What it needs to know is read there, with every exchange
/// recorded; nothing that changes anything is sent.
///
/// # Errors
/// `not-found`; `conflict`: why no ticket would be opened; else the store.
pub async fn open_ticket(
    app: &Arc<App>,
    tenant: &TenantId,
    integration: &IntegrationId,
    sample: &Sample,
) -> Result<Shown, ApiError> {
    let live = brought_up(app, tenant, integration).await?;
    let rehearsed = rehearse(&live, &sample.task(app, tenant, integration)).await?;
    rehearsed.change.ok_or_else(|| ApiError::new(CONFLICT, "nothing would be sent"))
}

/// A piece of work as it would be carried out, as far as that can be known without changing anything.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Rehearsed {
    /// What was read for it, in order: these requests were sent.
    pub reads: Vec<Shown>,
    /// The first request that changes something, which was not sent; what follows depends on its answer. Absent: it is as
    /// the work wants it already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Shown>,
}

/// The requests that a piece of work would send now. What it needs to know is read there, with every exchange recorded;
/// nothing that changes anything is sent.
///
/// # Errors
/// `not-found`; `conflict`: why it cannot be carried out; else the store.
pub async fn work(app: &Arc<App>, tenant: &TenantId, intent: IntentId) -> Result<Rehearsed, ApiError> {
    let (integration, payload) = wanted(app, tenant, intent).await?;
    let live = brought_up(app, tenant, &integration).await?;
    rehearse(&live, &Task::Perform(payload)).await
}

async fn rehearse(live: &Live, task: &Task) -> Result<Rehearsed, ApiError> {
    let journal = UpToChange::default();
    let end = drive(task, NAME, None, &live.instance, &live.connection, &journal).await;
    let kept = journal.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let change = match (&kept.change, end) {
        (Some(plan), _) => Some(shown(live, plan).await?),
        (None, Ok(End::Done(Outcome::Failed(failure)))) => return Err(refused(&failure)),
        (None, Ok(End::Later(later))) => return Err(refused(&later.failure)),
        (None, Ok(_)) => None,
        (None, Err(error)) => return Err(ApiError::internal(error)),
    };
    let mut reads = Vec::with_capacity(kept.reads.len());
    for plan in &kept.reads {
        reads.push(shown(live, plan).await?);
    }
    Ok(Rehearsed { reads, change })
}
