//! What a queue server handed out too often: it is parked in the ledger, with words for whoever looks.

use std::sync::Arc;

use ledger::ids::TenantId;
use ledger_aggregates::intent::{Intent, IntentCommand, IntentState, Phase, Sent};
use ledger_aggregates::values::{EffectPurpose, FailureWord, IntentId, RepeatRule};
use ledger_connectors::protocol::{Failure, FailureKind};
use ledger_queue_nats::{Queue, QueueError, Stuck};
use serde_json::Map;

use super::super::attempt::parked;
use super::super::journal::IntentJournal;
use super::super::stream::state_of;
use super::key_of;
use crate::app::App;
use crate::error::ApiError;

/// So much is parked in one turn.
const TURN_MAX: usize = 100;

/// Parks what is stuck, and takes it out of the queue.
pub(super) async fn park(app: &Arc<App>, server: &Queue) -> Result<(), QueueError> {
    for stuck in server.stuck(TURN_MAX).await? {
        let key = key_of(&stuck.piece.lane).zip(stuck.piece.id.parse().ok());
        let parked = match &key {
            Some(((tenant, _), intent)) => park_one(app, tenant, *intent, &stuck).await,
            // No work of this ledger.
            None => Ok(()),
        };
        match parked {
            Ok(()) => server.unstick(&stuck).await?,
            Err(error) => {
                tracing::warn!(intent = %stuck.piece.id, detail = %error.detail, "work that is stuck cannot be parked");
                server.leave_stuck(&stuck).await;
            }
        }
    }
    Ok(())
}

async fn park_one(app: &App, tenant: &TenantId, intent: IntentId, stuck: &Stuck) -> Result<(), ApiError> {
    // A tenant that there is not has no work.
    if app.log(tenant).is_err() {
        return Ok(());
    }
    let now = app.clock.now();
    let told = app.told::<Intent>(tenant, &intent.stream()).await?;
    let IntentState::Open(work) = state_of::<Intent>(&told) else { return Ok(()) };
    let doubtful = match work.phase {
        Phase::Parked { .. } => return Ok(()),
        // How its last attempt ended is in the log after all: it is offered again in its time.
        Phase::Due { not_before: Some(later) } if later > now => return Ok(()),
        Phase::Uncertain { not_before, .. } if not_before > now => return Ok(()),
        // A request may have been carried out: whoever replays it must have it looked up first.
        Phase::Attempting(Sent { unsent: false, repeat: RepeatRule::Once, .. }) => true,
        _ => false,
    };
    let times = stuck.times;
    let words = format!("the queue handed it out {times} times, and how that ended was never recorded");
    let journal = IntentJournal::new(app, tenant, intent, EffectPurpose::Perform);
    let ordered = async {
        if doubtful {
            let detail = Some(words.clone());
            journal.order(&IntentCommand::Doubt { not_before: now, detail }).await?;
        }
        let failure = Failure::new(FailureKind::Adapter, words.clone()).hint(
            "look in the logs of the workers for what happened when they attempted it, mend that, then replay it: `ledger work replay`",
        );
        journal.order(&parked(&failure, FailureWord::Adapter, Vec::new(), Map::new())).await
    };
    match ordered.await {
        Ok(()) => {
            tracing::warn!(%intent, times, "work that the queue handed out too often is parked");
            Ok(())
        }
        // Somebody was faster: it is over, or parked already.
        Err(error) if error.code.status < 500 => Ok(()),
        Err(error) => Err(error),
    }
}
