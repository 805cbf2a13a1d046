//! The queue as it stands, from the read models, so that the log need not be gone through from its beginning.

use ledger_store::runner::RunnerStatus;

use super::models;
use super::queue::{NEVER, Queue};
use crate::app::App;
use crate::error::ApiError;

/// The queue as the read models have it, and the position from which it follows the log. Read models that are being built
/// say nothing: the log is followed from its beginning then, which takes longer and is as good.
pub async fn restore(app: &App) -> (Queue, u64) {
    if !matches!(*app.views.status().borrow(), RunnerStatus::Following) {
        return (Queue::default(), 0);
    }
    let position = *app.views.position().borrow();
    match open(app).await {
        Ok(queue) => (queue, position),
        Err(error) => {
            tracing::warn!(detail = %error.detail, "the queue is made from the whole log, since the read models cannot be asked");
            (Queue::default(), 0)
        }
    }
}

async fn open(app: &App) -> Result<Queue, ApiError> {
    let mut queue = Queue::default();
    for log in app.side.logs().await? {
        for row in models::open(app, &log.tenant).await? {
            let key = (log.tenant.clone(), row.integration.clone());
            let parked = row.state.as_str() == "parked";
            let due = if parked { Some(NEVER) } else { row.due };
            queue.insert(key, row.intent, (row.requested_index, row.changed_index), due);
        }
    }
    Ok(queue)
}
