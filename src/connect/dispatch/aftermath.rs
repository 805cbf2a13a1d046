//! What an attempt means for its integration.

use std::sync::Arc;
use std::time::Duration;

use ledger_connectors::protocol::{Failure, FailureKind};

use super::super::attempt::{Ended, Verdict};
use super::super::queue::Key;
use super::super::{health, observe};
use super::{HOLD, REST};
use crate::app::App;
use crate::error::ApiError;

/// What an attempt means for its integration; for how long the integration is left alone because of it.
pub(super) async fn aftermath(app: &Arc<App>, key: &Key, ended: Result<Ended, ApiError>) -> Option<Duration> {
    let (tenant, integration) = key;
    let Ended { verdict, facts, .. } = match ended {
        Ok(ended) => ended,
        Err(error) => {
            tracing::warn!(%integration, detail = %error.detail, "an attempt could not be recorded; it is resumed from its journal");
            return Some(REST);
        }
    };
    if let Err(error) = observe::facts(app, tenant, integration, &facts, None).await {
        tracing::warn!(%integration, detail = %error.detail, "what an attempt found out could not be recorded");
    }
    let hold = match &verdict {
        Verdict::Ill(failure) if is_everyones(failure) => Some(HOLD),
        _ => None,
    };
    if let Err(error) = health::note(app, tenant, integration, &verdict).await {
        tracing::warn!(%integration, detail = %error.detail, "an integration's health could not be recorded");
    }
    hold
}

/// Every other piece of work would fail in the same way.
fn is_everyones(failure: &Failure) -> bool {
    failure.kind == FailureKind::Unauthenticated
}
