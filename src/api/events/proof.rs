//! `GET /v1/events/{index}/proof`

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;

use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::history::proof;

/// The event's entry, its path to a signed checkpoint, and the checkpoint: a C2SP `.tlog-proof` file.
///
/// Any tlog verifier can check it with the tenant's trust file. An entry that was just committed waits for its checkpoint.
#[utoipa::path(get, path = "/v1/events/{index}/proof", tag = "events", params(("index" = u64, Path, description = "The event's number in the log")),
    responses((status = 200, description = "The proof", content_type = "text/plain"), (status = 404, description = "The log is shorter")))]
pub async fn proof(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(index): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let index: u64 = crate::api::named("event", &index)?;
    let proof = proof::tlog_proof(&*app.store, &*app.side, &caller.tenant, index).await?;
    let name = format!("attachment; filename=\"{}-{index}.tlog-proof\"", caller.tenant);
    Ok((
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)],
        proof.encode(),
    ))
}
