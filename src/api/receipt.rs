//! What a client keeps of a command: the committed entry, signed by the log, and its place.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use ledger::domain::Aggregate;
use ledger::event::{Header, parse_entry};
use ledger::ids::{StreamId, TenantId, uuid_v7};
use ledger_aggregates::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{command_id, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::{Done, Order};
use crate::error::ApiError;
use crate::history::proof;

/// Proof of what was committed. With the tenant's trust file it can be checked without the ledger.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The event's id.
    pub event: String,
    /// Whose log.
    pub tenant: String,
    /// The event's stream.
    pub stream: String,
    /// Its revision in the stream.
    pub seq: u64,
    /// Its number in the tenant's log.
    pub index: u64,
    /// The log entry: a DSSE envelope, base64. `GET /v1/events/{index}/proof` proves its place.
    pub entry: String,
    /// Was it committed by an earlier request with the same id?
    pub duplicate: bool,
}

impl Receipt {
    /// The receipt of a committed entry.
    ///
    /// # Errors
    /// The entry cannot be read.
    pub fn of(tenant: &TenantId, index: u64, entry: &[u8], duplicate: bool) -> Result<Self, ApiError> {
        let parsed = parse_entry(entry).map_err(ApiError::internal)?;
        let header = Header::parse_trusted(&parsed.header).map_err(ApiError::internal)?;
        Ok(Self {
            event: header.id.to_string(),
            tenant: tenant.to_string(),
            stream: header.stream.to_string(),
            seq: header.seq,
            index,
            entry: ledger::b64::encode(entry),
            duplicate,
        })
    }

    /// The header of the event.
    ///
    /// # Errors
    /// The entry cannot be read.
    pub fn header(&self) -> Result<Vec<u8>, ApiError> {
        let entry = ledger::b64::decode(&self.entry).map_err(ApiError::internal)?;
        Ok(parse_entry(&entry).map_err(ApiError::internal)?.header.to_vec())
    }
}

/// The answer to a command that changes one thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Changed {
    /// The thing's id.
    pub id: String,
    /// What was committed; absent where there was nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

impl Changed {
    /// The answer for a thing.
    ///
    /// # Errors
    /// The receipt cannot be made.
    pub async fn of(
        app: &Arc<App>,
        tenant: &TenantId,
        id: impl ToString,
        done: &Done,
    ) -> Result<(StatusCode, Json<Self>), ApiError> {
        let receipt = match done.first_index {
            None => None,
            Some(_) => Some(app.receipt(tenant, done).await?),
        };
        Ok((done.status(), Json(Self { id: id.to_string(), receipt })))
    }
}

impl Changed {
    /// Carries out what a client commands one thing to do, under the request's id, and answers.
    ///
    /// # Errors
    /// What the aggregate refuses, or the store.
    pub async fn by<A: Aggregate<Error: Refusal>>(
        app: &Arc<App>,
        (caller, headers): (&Caller, &HeaderMap),
        (id, stream): (impl ToString, StreamId),
        identity: &[u8],
        command: &A::Command,
    ) -> Result<(StatusCode, Json<Self>), ApiError> {
        let command_id = command_id(headers, &*app.clock, &*app.entropy)?;
        let order = Order::new(caller, stream, command_id, identity);
        let done = app.command::<A>(&order, command).await?;
        Self::of(app, &caller.tenant, id, &done).await
    }
}

/// The id that a body gives to a new thing, or a new UUID.
///
/// # Errors
/// `invalid`
pub fn own_or_new<T: FromStr<Err: Display>>(app: &App, id: Option<&str>) -> Result<T, ApiError> {
    match id {
        Some(text) => word("/id", text),
        None => word("/id", &uuid_v7(&*app.clock, &*app.entropy).to_string()),
    }
}

impl App {
    /// The receipt of what was done; of a repetition that of the first time.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn receipt(&self, tenant: &TenantId, done: &Done) -> Result<Receipt, ApiError> {
        let index = done.first_index.ok_or_else(|| ApiError::internal("a receipt for nothing"))?;
        if let Some(event) = &done.event {
            return Ok(Receipt {
                event: event.id.to_string(),
                tenant: tenant.to_string(),
                stream: event.stream.to_string(),
                seq: event.seq,
                index,
                entry: ledger::b64::encode(event.entry()),
                duplicate: false,
            });
        }
        let event = proof::event(&*self.store, tenant, index).await?;
        Receipt::of(tenant, index, &proof::entry(&event)?, done.duplicate)
    }
}
