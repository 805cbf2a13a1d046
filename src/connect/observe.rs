//! What was found out at the other side becomes what the ledger knows of its tickets.
//!
//! Only tickets that the ledger has asked for are looked at; whatever else a poll reads is the other side's own. Each fact
//! is ordered under an id that follows from it, so a second delivery of the same fact changes nothing.

use ledger::ids::TenantId;
use ledger_aggregates::intent::{Intent, IntentCommand, IntentEvent};
use ledger_aggregates::ticket::{Observation, Ticket, TicketCommand, TicketValues, limits};
use ledger_aggregates::values::{EffectKind, IntegrationId, IntentId, TicketId};
use ledger_connectors::protocol::{self, Effect, Fact, FactKind, KnownTicket, Snapshot};
use serde_json::Value;

use super::marks::Marks;
use super::record::PART;
use super::stream::Told;
use super::{command_id, models};
use crate::app::App;
use crate::commands::Order;
use crate::error::ApiError;

/// The member of what a reading intent does that holds the message which caused it.
const MESSAGE: &str = "message";

/// What an intent does; none: it was erased. The message that caused it is the ledger's own, not the adapter's.
pub fn payload(requested: &Told<IntentEvent>) -> Option<protocol::Intent> {
    let mut payload: Value = requested.member("payload")?;
    payload.as_object_mut()?.remove(MESSAGE);
    serde_json::from_value(payload).ok()
}

/// Applies facts, in order; a `message` that they came with is kept with what it causes. How many concerned tickets of ours.
///
/// # Errors
/// The store: all of them are given again.
pub async fn facts(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    facts: &[Fact],
    message: Option<&Value>,
) -> Result<usize, ApiError> {
    let mut ours = 0;
    for fact in facts {
        let marks = Marks::of(app, tenant);
        let remote = marks.text(&fact.remote.id)?;
        let Some(ticket) = models::ticket(app, tenant, integration, &remote).await? else { continue };
        ours += 1;
        let command = match &fact.kind {
            FactKind::Seen(snapshot) => {
                TicketCommand::Observe(Box::new(observation(&marks, fact, snapshot)?))
            }
            FactKind::Commented { id, text } => TicketCommand::Comment {
                // By its receipt: a comment of ours has recorded the same.
                comment: marks.text(fact.receipts.first().map_or(id, |receipt| &receipt.0))?,
                at: fact.at,
                text: text.clone(),
                who: fact.by.clone(),
            },
            // Somebody says so: it is read, and what is read is believed.
            FactKind::Hint {} | FactKind::GoneHint {} => {
                read(app, tenant, integration, ticket, &fact.dedupe, message).await?;
                continue;
            }
        };
        order(app, tenant, ticket, &fact.dedupe, &command).await?;
    }
    Ok(ours)
}

fn observation(marks: &Marks<'_>, fact: &Fact, snapshot: &Snapshot) -> Result<Observation, ApiError> {
    let mut seen = marks.seen(snapshot, limits::FIELDS_MAX)?;
    seen.at = fact.at;
    Ok(Observation {
        seen,
        receipts: marks.receipts(&fact.receipts, limits::RECEIPTS_MAX)?,
        values: snapshot.fields.clone(),
        vendor_status: Some(snapshot.vendor_status.clone()),
        who: fact.by.clone(),
    })
}

/// Orders something of a ticket because of a fact. What the ticket refuses is no longer its matter.
async fn order(
    app: &App,
    tenant: &TenantId,
    ticket: TicketId,
    dedupe: &str,
    command: &TicketCommand,
) -> Result<(), ApiError> {
    let id = command_id("fact", &[tenant.as_str(), &ticket.to_string(), dedupe]);
    let order = Order::system(PART, tenant, ticket.stream(), id);
    match app.command::<Ticket>(&order, command).await {
        Ok(_) => Ok(()),
        Err(error) if error.code.status < 500 => {
            tracing::debug!(%ticket, detail = %error.detail, "a fact was refused");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Asks for a ticket to be read, once for each hint.
///
/// # Errors
/// The store.
pub async fn read(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    ticket: TicketId,
    hint: &str,
    message: Option<&Value>,
) -> Result<IntentId, ApiError> {
    let intent = IntentId::of(tenant, "hint", ticket, hint);
    let Some(payload) = reading(app, tenant, ticket, intent).await? else { return Ok(intent) };
    let mut payload = serde_json::to_value(payload).map_err(ApiError::internal)?;
    if let (Some(message), Some(members)) = (message, payload.as_object_mut()) {
        members.insert(MESSAGE.into(), message.clone());
    }
    let command = IntentCommand::Request {
        integration: integration.clone(),
        kind: EffectKind::Read,
        ticket: Some(ticket),
        number: None,
        payload,
    };
    let id = command_id("hint", &[tenant.as_str(), &intent.to_string()]);
    let order = Order::system(PART, tenant, intent.stream(), id);
    match app.command::<Intent>(&order, &command).await {
        Ok(_) => Ok(intent),
        Err(error) if error.code.status < 500 => Ok(intent),
        Err(error) => Err(error),
    }
}

/// The intent that reads a ticket; none: it is not there yet.
async fn reading(
    app: &App,
    tenant: &TenantId,
    ticket: TicketId,
    intent: IntentId,
) -> Result<Option<protocol::Intent>, ApiError> {
    let mut values = TicketValues::default();
    for told in app.told::<Ticket>(tenant, &ticket.stream()).await? {
        values.fold(&told.event, &told.members);
    }
    let remote = values.remote.clone().and_then(|remote| serde_json::from_value(remote).ok());
    Ok(remote.map(|remote| protocol::Intent {
        id: intent.to_string(),
        key: ticket.to_string(),
        tenant: tenant.to_string(),
        ticket: Some(KnownTicket { remote, base: values.base() }),
        effect: Effect::Read {},
    }))
}
