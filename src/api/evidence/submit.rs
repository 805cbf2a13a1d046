//! `POST /v1/evidence`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ledger::event::Header;
use ledger_aggregates::evidence::{Evidence, EvidenceCommand};
use ledger_aggregates::values::{CheckResult, EvidenceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::{EvidenceInput, Submission, read};
use crate::api::{Receipt, blobs};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::{Done, Order};
use crate::error::{ApiError, INVALID};
use crate::http::body::Canonical;

/// What the sender keeps: the committed entry, signed by the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceReceipt {
    /// The evidence's id.
    pub evidence: String,
    /// The result that counts: a pass of nothing counts as inconclusive.
    pub recorded_result: String,
    /// Where and what was committed.
    #[serde(flatten)]
    pub receipt: Receipt,
}

/// Hand in evidence.
///
/// The same id with the same body gives the first receipt again, so a request whose answer was lost is sent again as it was.
#[utoipa::path(post, path = "/v1/evidence", tag = "evidence", request_body = EvidenceInput,
    responses((status = 201, description = "Committed, durably", body = EvidenceReceipt),
              (status = 200, description = "Was committed before: the first receipt", body = EvidenceReceipt)))]
pub async fn submit(
    State(app): State<Arc<App>>,
    caller: Caller,
    Canonical(body): Canonical,
) -> Result<(StatusCode, Json<EvidenceReceipt>), ApiError> {
    let (done, receipt) = take(&app, &caller, read(body.as_bytes())?).await?;
    Ok((done.status(), Json(receipt)))
}

/// Commands one submission.
///
/// # Errors
/// What is refused, with its pointer.
pub async fn take(
    app: &App,
    caller: &Caller,
    submission: Submission,
) -> Result<(Done, EvidenceReceipt), ApiError> {
    let (expected, order, command) = prepare(app, caller, submission).await?;
    let done = app.command::<Evidence>(&order, &command).await?;
    let receipt = conclude(app, caller, expected, &done).await?;
    Ok((done, receipt))
}

/// What the receipt of a submission says if it is committed now.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    id: EvidenceId,
    result: CheckResult,
}

/// Checks what a submission refers to, and makes an order of it.
///
/// # Errors
/// What is refused, with its pointer.
pub async fn prepare(
    app: &App,
    caller: &Caller,
    submission: Submission,
) -> Result<(Expected, Order, EvidenceCommand), ApiError> {
    let Submission { id, command_id, mut command, blobs: files, identity } = submission;
    command.probe = caller.speaks_for(command.probe)?;
    known_controls(app, caller, &command.controls)?;
    command.blobs = blobs::resolve(app, &caller.tenant, files).await?;
    let order = Order::new(caller, id.stream(), command_id, &identity).creates();
    let expected = Expected { id, result: command.recorded_result() };
    Ok((expected, order, EvidenceCommand::Submit(Box::new(command))))
}

/// The receipt of a submission that was carried out.
///
/// # Errors
/// The store cannot be read.
pub async fn conclude(
    app: &App,
    caller: &Caller,
    expected: Expected,
    done: &Done,
) -> Result<EvidenceReceipt, ApiError> {
    let receipt = app.receipt(&caller.tenant, done).await?;
    let recorded_result = match &done.event {
        Some(_) => expected.result.to_string(),
        None => recorded(&receipt.header()?)?,
    };
    Ok(EvidenceReceipt { evidence: expected.id.to_string(), recorded_result, receipt })
}

fn known_controls(
    app: &App,
    caller: &Caller,
    controls: &[ledger_aggregates::values::ControlRef],
) -> Result<(), ApiError> {
    match controls.iter().position(|control| !app.catalogue.knows(&caller.tenant, control)) {
        None => Ok(()),
        Some(at) => {
            let detail = format!("the tenant has no control {}", controls[at]);
            Err(ApiError::new(INVALID, format!("/controls/{at}: {detail}"))
                .at(format!("/controls/{at}"), detail)
                .hint("import its framework first (PUT /v1/frameworks/{id} or POST /v1/frameworks/starter), or see GET /v1/controls"))
        }
    }
}

/// The header's word, so that a repetition is told what counted the first time.
fn recorded(header: &[u8]) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Public {
        #[serde(default)]
        result: String,
    }
    let header = Header::parse_trusted(header).map_err(ApiError::internal)?;
    let data: Public = serde_json::from_slice(header.data).map_err(ApiError::internal)?;
    Ok(data.result)
}
