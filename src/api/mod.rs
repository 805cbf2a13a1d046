//! The REST API: one file an operation, each added with the permission that it needs.

pub mod adapters;
pub mod alerts;
pub mod blobs;
pub mod controls;
pub mod credentials;
pub mod events;
pub mod evidence;
pub mod exchanges;
pub mod frameworks;
pub mod guard;
pub mod inbound;
pub mod integrations;
pub mod intents;
pub mod keys;
pub mod local;
pub mod meta;
pub mod openapi;
pub mod page;
pub mod probes;
pub mod receipt;
pub mod rotate_key;
pub mod router;
pub mod routes;
pub mod secrets;
pub mod subjects;
pub mod tasks;
pub mod tenants;
pub mod tickets;
pub mod tlog;

use std::fmt::Display;
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};
use ledger::clock::{Clock, Entropy};
use ledger::ids::{CommandId, uuid_v7};

pub use receipt::Receipt;

use crate::error::{ApiError, INVALID, MALFORMED, NOT_FOUND};

/// The header that makes a command repeatable.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Reads one word of a body; what does not fit is named by its pointer.
///
/// # Errors
/// `invalid`
pub fn word<T: FromStr<Err: Display>>(pointer: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|error: T::Err| {
        ApiError::new(INVALID, format!("{pointer}: {error}")).at(pointer, error.to_string())
    })
}

/// Reads an id out of a path: one that breaks the rules names nothing.
///
/// # Errors
/// `not-found`
pub fn named<T: FromStr>(what: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::new(NOT_FOUND, format!("there is no {what} of this name")))
}

/// The command's id: the client's Idempotency-Key, or a new one.
///
/// # Errors
/// `malformed`
pub fn command_id(
    headers: &HeaderMap,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<CommandId, ApiError> {
    let text = match headers.get(IDEMPOTENCY_KEY) {
        None => uuid_v7(clock, entropy).to_string(),
        Some(value) => value.to_str().unwrap_or_default().to_owned(),
    };
    CommandId::new(&text)
        .map_err(|error| ApiError::new(MALFORMED, format!("the header Idempotency-Key: {error}")))
}
