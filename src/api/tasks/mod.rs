//! `/v1/tasks`: what is to be done about a control that fails, or because somebody says so.

pub mod assign;
pub mod change;
pub mod claim;
pub mod close;
pub mod get;
pub mod list;
pub mod open;

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::task::{Task, TaskCommand};
use ledger_aggregates::values::TaskId;

use super::named;
use super::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Carries a command to the task of a path out. `verb` and `body` tell a repetition from another command.
async fn order(
    app: &Arc<App>,
    caller: &Caller,
    id: &str,
    headers: &HeaderMap,
    (verb, body): (&str, &[u8]),
    command: &TaskCommand,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let task: TaskId = named("task", id)?;
    let identity = [verb.as_bytes(), b"\n", body].concat();
    Changed::by::<Task>(app, (caller, headers), (task, task.stream()), &identity, command).await
}
