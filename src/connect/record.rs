//! Every request and its answer becomes an event before anyone acts on the answer.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use ledger::ids::{CommandId, TenantId, uuid_v7};
use ledger_aggregates::exchange::{self, ExchangeCommand, RecordExchange};
use ledger_aggregates::values::{ExchangeId, ExchangePurpose, HttpMethod, IntegrationId, IntentId, RunId};
use ledger_connectors::egress::{Exchange, Purpose, RecordError, Recorder};
use serde_json::{Value, json};

use crate::app::App;
use crate::commands::Order;

/// The part of the ledger that orders what this module orders.
pub const PART: &str = "dispatcher";
/// So much of a body is kept where bodies are kept; its digest covers all of it.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The exchanges of one connection.
pub struct ExchangeLog {
    app: Weak<App>,
    tenant: TenantId,
    integration: IntegrationId,
    bodies: bool,
}

/// Whose task a request was a step of, as the exchange's purpose names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// An intent's.
    Intent(IntentId),
    /// A run's.
    Run(RunId),
}

impl Whose {
    /// The name in the purpose: the id of the stream.
    pub fn name(self) -> String {
        match self {
            Self::Intent(id) => id.stream().to_string(),
            Self::Run(id) => id.stream().to_string(),
        }
    }

    fn read(name: &str) -> Option<Self> {
        let (category, id) = name.split_once('-')?;
        match category {
            "intent" => id.parse().ok().map(Self::Intent),
            "run" => id.parse().ok().map(Self::Run),
            _ => None,
        }
    }
}

impl ExchangeLog {
    /// An empty one.
    pub fn new(app: &Arc<App>, tenant: &TenantId, integration: &IntegrationId, bodies: bool) -> Self {
        Self { app: Arc::downgrade(app), tenant: tenant.clone(), integration: integration.clone(), bodies }
    }

    fn command(&self, exchange: &Exchange) -> ExchangeCommand {
        let (purpose, whose, step) = match &exchange.purpose {
            Purpose::Task { id, step } => (ExchangePurpose::Task, Whose::read(id), *step),
            Purpose::Token => (ExchangePurpose::Token, None, 1),
        };
        let digest = |body: &[u8]| {
            let digest = Exchange::digest(body);
            digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let bodies = self.bodies.then(
            || json!({ "request": kept(&exchange.request_body), "response": kept(&exchange.response_body) }),
        );
        ExchangeCommand::Record(Box::new(RecordExchange {
            integration: self.integration.clone(),
            purpose,
            intent: match whose {
                Some(Whose::Intent(id)) => Some(id),
                _ => None,
            },
            run: match whose {
                Some(Whose::Run(id)) => Some(id),
                _ => None,
            },
            step,
            // The methods are those of the protocol.
            method: exchange.method.parse().unwrap_or(HttpMethod::Post),
            status: exchange.status,
            unsent: exchange.unsent,
            request_bytes: exchange.request_body.len() as u64,
            response_bytes: exchange.response_body.len() as u64,
            duration_ms: u64::try_from(exchange.duration.as_millis()).unwrap_or(u64::MAX),
            started_at: exchange.started_at,
            request_digest: Some(digest(&exchange.request_body)),
            response_digest: exchange.status.map(|_| digest(&exchange.response_body)),
            url: exchange.url.clone(),
            headers: Some(json!({
                "request": exchange.request_headers, "response": exchange.response_headers,
            })),
            bodies,
            error: exchange.error.clone(),
        }))
    }
}

/// A body as text, cut to its bound; bytes that are no text are told by their number alone.
pub fn kept(body: &[u8]) -> Value {
    match std::str::from_utf8(body) {
        Ok(text) if text.len() <= BODY_BYTES_MAX => json!({ "text": text }),
        Ok(text) => {
            let end = (0..=BODY_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            json!({ "text": &text[..end], "cut_from_bytes": text.len() })
        }
        Err(_) => json!({ "bytes": body.len() }),
    }
}

#[async_trait]
impl Recorder for ExchangeLog {
    async fn record(&self, exchange: Exchange) -> Result<(), RecordError> {
        let app = self.app.upgrade().ok_or_else(|| RecordError("the server is stopping".into()))?;
        let id = ExchangeId(uuid_v7(&*app.clock, &*app.entropy));
        let failed = |error: &dyn std::fmt::Display| RecordError(error.to_string());
        let command_id = CommandId::new(id.to_string()).map_err(|error| failed(&error))?;
        let order = Order::system(PART, &self.tenant, id.stream(), command_id).creates();
        app.command::<exchange::Exchange>(&order, &self.command(&exchange)).await.map_err(|e| failed(&e))?;
        Ok(())
    }
}
