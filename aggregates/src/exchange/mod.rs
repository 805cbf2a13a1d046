//! Exchanges: every request to another system with its answer, one stream each. It is recorded once and never changes.

mod event;
#[cfg(test)]
mod tests;

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;
use serde_json::Value;

pub use event::*;

use crate::values::{ExchangePurpose, HttpMethod, IntegrationId, IntentId, RunId};

/// The aggregate of one exchange.
#[derive(Debug)]
pub struct Exchange;

/// What a connection says about an error, cut to a page.
const ERROR_CHARS_MAX: usize = 4_000;

/// What may be asked of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub enum ExchangeCommand {
    /// Record it.
    Record(Box<RecordExchange>),
}

/// An exchange to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordExchange {
    /// With which system.
    pub integration: IntegrationId,
    /// What it was for.
    pub purpose: ExchangePurpose,
    /// The intent that it served.
    pub intent: Option<IntentId>,
    /// The run that it served.
    pub run: Option<RunId>,
    /// Which request of its task it was, counted from 1.
    pub step: u32,
    /// The method.
    pub method: HttpMethod,
    /// The status of the answer; none: there was no answer.
    pub status: Option<u16>,
    /// Is it known that the request never left?
    pub unsent: bool,
    /// The size of the request's body.
    pub request_bytes: u64,
    /// The size of the answer's body.
    pub response_bytes: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// SHA-256 of the request's body, in hexadecimal.
    pub request_digest: Option<String>,
    /// SHA-256 of the answer's body, in hexadecimal.
    pub response_digest: Option<String>,
    /// Where it went.
    pub url: String,
    /// The headers of both, without what is secret.
    pub headers: Option<Value>,
    /// The bodies of both, where they are kept.
    pub bodies: Option<Value>,
    /// Why there was no answer.
    pub error: Option<String>,
}

/// What is known about an exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExchangeState {
    /// Nothing.
    #[default]
    Absent,
    /// It is recorded.
    Recorded,
}

crate::refusals! {
    /// Why a command to an exchange is refused.
    ExchangeRefusal {
        /// The id is taken.
        AlreadyRecorded {} => Conflict, "exchange-exists", "",
            "an exchange with this id is recorded already", "record another under its own id";
    }
}

impl Aggregate for Exchange {
    const CATEGORY: &'static str = "exchange";
    type State = ExchangeState;
    type Command = ExchangeCommand;
    type Event = ExchangeEvent;
    type Error = ExchangeRefusal;

    fn decide(
        state: &ExchangeState,
        command: &ExchangeCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<ExchangeEvent>, ExchangeRefusal> {
        let ExchangeCommand::Record(e) = command;
        if *state == ExchangeState::Recorded {
            return Err(ExchangeRefusal::AlreadyRecorded {});
        }
        let cut = |text: &String| text.chars().take(ERROR_CHARS_MAX).collect::<String>();
        let recorded = ExchangeRecorded {
            integration: e.integration.clone(),
            purpose: e.purpose,
            intent: e.intent,
            run: e.run,
            step: e.step,
            method: e.method,
            status: e.status.map(u32::from),
            unsent: e.unsent,
            request_bytes: e.request_bytes,
            response_bytes: e.response_bytes,
            duration_ms: e.duration_ms,
            started_at: e.started_at,
            request_digest: e.request_digest.clone().map(BodyDigest).into(),
            response_digest: e.response_digest.clone().map(BodyDigest).into(),
            url: Some(ExchangeUrl(e.url.clone())).into(),
            headers: e.headers.clone().into(),
            bodies: e.bodies.clone().into(),
            error: e.error.as_ref().map(cut).into(),
        };
        Ok(vec![recorded.into()])
    }

    fn evolve(_state: ExchangeState, _event: &ExchangeEvent) -> ExchangeState {
        ExchangeState::Recorded
    }
}
