//! `POST /v1/evidence/batch`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger_aggregates::evidence::Evidence;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::input::{EvidenceInput, read};
use super::submit::{EvidenceReceipt, conclude, prepare};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Done;
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
    let answers = take_all(&app, &caller, &batch.items).await?;
    let results = answers.into_iter().enumerate().map(|(at, answer)| item_answer(at, answer)).collect();
    Ok(Json(BatchAnswer { results }))
}

type Taken = Result<(Done, EvidenceReceipt), ApiError>;

/// All that can be commanded goes to the store in one append.
async fn take_all(app: &App, caller: &Caller, items: &[&RawValue]) -> Result<Vec<Taken>, ApiError> {
    let (mut expected, mut orders) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for item in items {
        let prepared = match read(item.get().as_bytes()) {
            Ok(submission) => prepare(app, caller, submission).await,
            Err(error) => Err(error),
        };
        expected.push(prepared.map(|(expected, order, command)| {
            orders.push((order, command));
            expected
        }));
    }
    let mut outcomes = app.commands::<Evidence, _>(&caller.tenant, &orders).await?.into_iter();
    let mut answers = Vec::with_capacity(items.len());
    for expected in expected {
        answers.push(match expected {
            Ok(expected) => match outcomes.next() {
                Some(Ok(done)) => conclude(app, caller, expected, &done).await.map(|receipt| (done, receipt)),
                Some(Err(error)) => Err(error),
                None => Err(ApiError::internal("an order without an outcome")),
            },
            Err(error) => Err(error),
        });
    }
    Ok(answers)
}

fn item_answer(at: usize, taken: Taken) -> ItemAnswer {
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
