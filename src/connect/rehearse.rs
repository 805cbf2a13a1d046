//! A task up to its first change: what it reads is read, and the request that would change something is shown instead of
//! sent.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ledger::ids::{TenantId, uuid_v7};
use ledger_aggregates::values::IntegrationId;
use ledger_connectors::drive::{End, Journal, JournalError, Sending, drive};
use ledger_connectors::protocol::{
    Block, Document as RichText, Effect, Fact, Intent, Outcome, Plan, Repeat, Span, Task, Ticket,
};
use serde_json::json;

use super::operate::{Shown, brought_up, refused, shown};
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
struct UpToChange(Mutex<Option<Plan>>);

#[async_trait]
impl Journal for UpToChange {
    async fn sending(&self, sending: &Sending) -> Result<(), JournalError> {
        if sending.plan.repeat == Repeat::Safe {
            return Ok(());
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sending.plan.clone());
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
    let (task, journal) = (sample.task(app, tenant, integration), UpToChange::default());
    let end = drive(&task, NAME, None, &live.instance, &live.connection, &journal).await;
    let kept = journal.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (kept, end) {
        (Some(plan), _) => shown(&live, &plan).await,
        (None, Ok(End::Done(Outcome::Failed(failure)))) => Err(refused(&failure)),
        (None, Ok(End::Later(later))) => Err(refused(&later.failure)),
        (None, Ok(_)) => Err(ApiError::new(CONFLICT, "nothing would be sent")),
        (None, Err(error)) => Err(ApiError::internal(error)),
    }
}
