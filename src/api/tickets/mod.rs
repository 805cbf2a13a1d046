//! `/v1/tickets`: tickets in other systems, kept in step both ways.

pub mod get;
pub mod list;
pub mod recreate;
pub mod relink;
pub mod resolve;
mod timeline;
pub mod waive;

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::ticket::{Ticket, TicketCommand};
use ledger_aggregates::values::TicketId;

use super::named;
use super::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Carries a command to the ticket of a path out. `verb` and `body` tell a repetition from another command.
async fn order(
    app: &Arc<App>,
    caller: &Caller,
    id: &str,
    headers: &HeaderMap,
    (verb, body): (&str, &[u8]),
    command: &TicketCommand,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let ticket: TicketId = named("ticket", id)?;
    let identity = [verb.as_bytes(), b"\n", body].concat();
    Changed::by::<Ticket>(app, (caller, headers), (ticket, ticket.stream()), &identity, command).await
}
