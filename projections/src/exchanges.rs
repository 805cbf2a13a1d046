//! Exchanges: every request to another system, by integration and by what it served.

use ledger::read_model;
use ledger::readmodel::{FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::exchange::ExchangeEvent;
use ledger_aggregates::values::{ExchangeId, ExchangePurpose, HttpMethod, IntegrationId, IntentId, RunId};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Exchanges. Newest first: order by `index`, descending.
    pub table EXCHANGE = "exchange" (growing);
    /// One exchange.
    pub row ExchangeRow {
        key {
            /// Its id.
            exchange: Id as ExchangeId,
        }
        /// With which system.
        integration: Text as IntegrationId,
        /// `answered`, `failed` (no answer) or `unsent`.
        outcome: Symbol as Text,
        /// What it was for.
        purpose: Symbol as ExchangePurpose,
        /// The intent that it served.
        intent: Id as Option<IntentId>,
        /// The run that it served.
        run: Id as Option<RunId>,
        /// Which request of its task it was.
        step: Int as u64,
        /// The method.
        method: Symbol as HttpMethod,
        /// The status of the answer.
        status: Int as Option<u64>,
        /// The size of the request's body.
        request_bytes: Int as u64,
        /// The size of the answer's body.
        response_bytes: Int as u64,
        /// How long it took, in milliseconds.
        duration_ms: Int as u64,
        /// When it began.
        started_at: Time as Timestamp,
        /// Log index of the event, which discloses the rest.
        index: Int as u64,
    }
    index [index];
    index [integration, index];
    sparse index [intent];
    sparse index [run];
}

static DEF: ProjectionDef = ProjectionDef { name: "exchanges", version: 1, tables: &[&EXCHANGE] };

/// The projection.
#[derive(Debug)]
pub struct Exchanges;

impl Projection for Exchanges {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(ExchangeEvent::Recorded(e)) = event.exchange()? else { return Ok(()) };
        let outcome = match e.status {
            Some(_) => "answered",
            None if e.unsent => "unsent",
            None => "failed",
        };
        rows.store(&ExchangeRow {
            exchange: aggregate_id(event, ExchangeId::from_stream)?,
            integration: e.integration.clone(),
            outcome: outcome.into(),
            purpose: e.purpose,
            intent: e.intent,
            run: e.run,
            step: e.step.into(),
            method: e.method,
            status: e.status.map(u64::from),
            request_bytes: e.request_bytes,
            response_bytes: e.response_bytes,
            duration_ms: e.duration_ms,
            started_at: e.started_at,
            index: event.index,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{given, tenant};

    #[test]
    fn an_exchange_tells_whether_it_was_answered() {
        let mut data = json!({ "integration": "jira-1", "purpose": "task", "step": 1, "method": "POST",
            "status": 201, "unsent": false, "request_bytes": 5, "response_bytes": 7, "duration_ms": 9,
            "started_at": "2026-03-01T00:00:00.000000Z" });
        let on = "exchange-01900000-0000-7000-8000-000000000001";
        let row = given(&[(on, "exchange.recorded", data.clone())]).only::<ExchangeRow>(&tenant("t"));
        assert_eq!((&*row.outcome, row.status, row.method), ("answered", Some(201), HttpMethod::Post));
        data.as_object_mut().unwrap().remove("status");
        let row = given(&[(on, "exchange.recorded", data)]).only::<ExchangeRow>(&tenant("t"));
        assert_eq!(row.outcome, "failed");
    }
}
