//! `POST /v1/evidence/batch`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::input::{EvidenceInput, read};
use super::submit::{EvidenceReceipt, take};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, INVALID};
use crate::http::body::{Canonical, shape};
use crate::http::request;

/// Items of one batch: with 4 MiB a body this keeps a request's work below a tenth of a second.
pub const ITEMS_MAX: usize = 500;

/// Many pieces of evidence.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch<'a> {
    /// At most 500.
    #[serde(borrow)]
    #[schema(value_type = Vec<EvidenceInput>)]
    items: Vec<&'a RawValue>,
}

/// What became of each item, in order.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer {
    results: Vec<ItemAnswer>,
}

/// What became of one item.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemAnswer {
    /// The status that the item alone would have had.
    status: u16,
    /// Its receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<EvidenceReceipt>,
    /// Why it was refused (RFC 9457).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    problem: Option<Box<RawValue>>,
}

/// Hand in many pieces of evidence. Each is accepted or refused on its own.
#[utoipa::path(post, path = "/v1/evidence/batch", tag = "evidence", request_body = Batch,
    responses((status = 200, description = "What became of each", body = BatchAnswer)))]
pub async fn batch(
    State(app): State<Arc<App>>,
    caller: Caller,
    Canonical(body): Canonical,
) -> Result<Json<BatchAnswer>, ApiError> {
    let batch: Batch<'_> = shape(body.as_bytes())?;
    if batch.items.len() > ITEMS_MAX {
        let detail = format!("{} items, the most is {ITEMS_MAX}", batch.items.len());
        return Err(ApiError::new(INVALID, detail.clone()).at("/items", detail));
    }
    // Together in flight, so that they share commits.
    let results =
        join_all(batch.items.iter().enumerate().map(|(at, item)| one(&app, &caller, at, item))).await;
    Ok(Json(BatchAnswer { results }))
}

async fn one(app: &App, caller: &Caller, at: usize, item: &RawValue) -> ItemAnswer {
    let taken = match read(item.get().as_bytes()) {
        Ok(submission) => take(app, caller, submission).await,
        Err(error) => Err(error),
    };
    match taken {
        Ok((done, receipt)) => {
            ItemAnswer { status: done.status().as_u16(), receipt: Some(receipt), problem: None }
        }
        Err(error) => {
            let error = error.below(&format!("/items/{at}"));
            let problem = serde_json::from_slice(&error.to_json(&request::id())).ok();
            ItemAnswer { status: error.code.status, receipt: None, problem }
        }
    }
}
