//! Messages of the other side: verified on their raw bytes before anything is read of them, then taken as hints. What they
//! say is read again; what is read is believed.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::ids::TenantId;
use ledger_aggregates::values::IntegrationId;
use ledger_connectors::protocol::{Call, Reply};
use serde_json::json;

use super::live::{Idle, live};
use super::observe;
use super::record::kept;
use super::signed::is_signed;
use crate::app::App;
use crate::error::{ApiError, INVALID, UNAUTHENTICATED, UNAVAILABLE};

/// What proves who sent a message is the host's matter: no adapter sees it.
const NOT_FOR_ADAPTERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Message {
    /// The headers, lower case.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// Takes a message: what it hints at is asked for, durably, before this returns. How many tickets of ours it concerned.
///
/// # Errors
/// `not-found`: no such integration, or one that takes no messages; `unauthenticated`: nobody it knows signed it; `invalid`:
/// it makes no sense; `unavailable`: send it again.
pub async fn take(
    app: &Arc<App>,
    tenant: &TenantId,
    integration: &IntegrationId,
    message: Message,
) -> Result<usize, ApiError> {
    // One answer for what is not there and for what takes no messages: neither is told to strangers.
    let nothing = || ApiError::not_found("this inbound address");
    let alive = live(app, tenant, integration).await.map_err(|idle| match idle {
        Idle::Unknown | Idle::Still(_) | Idle::Misfits(_) => nothing(),
        Idle::Store(error) => error,
    })?;
    let inbound = alive.document.inbound.as_ref().ok_or_else(nothing)?;
    let now = app.clock.now();
    let mut verified = false;
    for reference in &inbound.secrets {
        if let Some(secret) = app.secret(tenant, reference).await? {
            verified |= is_signed(inbound.scheme, secret.expose().as_bytes(), &message, now);
        }
    }
    if !verified {
        return Err(ApiError::new(
            UNAUTHENTICATED,
            "the message is not signed with a secret of this integration",
        )
        .hint(
            "both sides must hold the same secret, and the signature must be over the body as it is sent",
        ));
    }
    app.connect.hears(tenant, integration, now);
    let body = String::from_utf8(message.body).map_err(|_| ApiError::new(INVALID, "the body is no text"))?;
    let kept = json!({ "received_at": now, "body": kept(body.as_bytes()) });
    let mut headers = message.headers;
    headers.retain(|name, _| !NOT_FOR_ADAPTERS.contains(&name.as_str()));
    let call = Call::Inbound { headers, body, received_at: now };
    match alive.instance.call(call).await {
        Ok(Reply::Facts(facts)) => observe::facts(app, tenant, integration, &facts, Some(&kept)).await,
        Ok(Reply::Refused(failure)) => Err(ApiError::new(INVALID, failure.message)),
        Ok(_) => Err(ApiError::new(INVALID, "the adapter does not know this message")),
        Err(error) => {
            tracing::warn!(%integration, %error, "a message could not be read");
            Err(ApiError::new(UNAVAILABLE, "the message could not be read just now").retry_after(30))
        }
    }
}
