//! What only the operator at the machine may ask, through the socket in the data directory: the API without a key, and
//! exports into a directory of his.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use ledger::bundle::BundleSummary;
use ledger::ids::{CommandId, SubjectId, TenantId, uuid_v7};
use ledger_aggregates::values::ExportId;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::subjects::erase::ErasedSubject;
use crate::app::App;
use crate::auth::principal::{Caller, Principal};
use crate::error::ApiError;
use crate::history::export::{Progress, Request, run};
use crate::http::body::Json;

/// Lines that wait for a slow reader: progress is dropped rather than the export held up.
const LINES_MAX: usize = 64;

/// The operator's routes: everything of the API, and exports.
pub fn router(app: &Arc<App>) -> Router {
    let operator = Arc::new(Principal::local_operator(TenantId::system()));
    let own = Router::new()
        .route("/local/export", post(export))
        .route("/local/rebuild", post(rebuild))
        .route("/local/erase", post(erase))
        .with_state(Arc::clone(app));
    own.merge(super::router::router(app)).layer(Extension(operator))
}

/// An export to be written by the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalExport {
    /// Whose log; the first tenant's without it.
    pub tenant: Option<TenantId>,
    /// The directory to make, absolute.
    pub out: PathBuf,
    /// Leave all disclosures and blobs out.
    pub redact: bool,
    /// What it is for.
    pub purpose: String,
    /// The events of an evidence pack; empty: the whole log.
    #[serde(default)]
    pub events: Vec<String>,
}

impl LocalExport {
    /// The export, under an id of its own.
    pub fn request(self, id: ExportId) -> Request {
        let Self { out, redact, purpose, events, .. } = self;
        Request { id, out, redact, purpose, recipient: None, events }
    }
}

/// One line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// How far it is.
    Progress(Progress),
    /// It is whole.
    Done(Summary),
    /// It was given up.
    Failed(String),
}

/// What was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    /// Whose log.
    pub tenant: TenantId,
    /// Entries of the log.
    pub entries: u64,
    /// Disclosed members.
    pub disclosures: u64,
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Summary {
    /// Of a bundle.
    pub fn of(tenant: &TenantId, bundle: &BundleSummary) -> Self {
        let tenant = tenant.clone();
        Self {
            tenant,
            entries: bundle.entries,
            disclosures: bundle.disclosures,
            files: bundle.files,
            bytes: bundle.bytes,
        }
    }
}

async fn export(
    State(app): State<Arc<App>>,
    Extension(operator): Extension<Arc<Principal>>,
    Json(body): Json<LocalExport>,
) -> Result<Response, ApiError> {
    let tenant = body.tenant.clone().unwrap_or_else(|| app.first_tenant());
    let caller = Caller { principal: operator, tenant };
    let id = ExportId(uuid_v7(&*app.clock, &*app.entropy));
    let request = body.request(id);
    let (send, receive) = mpsc::channel::<Bytes>(LINES_MAX);
    tokio::spawn(async move {
        let progress = |progress| drop(send.try_send(line(&Line::Progress(progress))));
        let last = match run(&app, &caller, request, progress).await {
            Ok(summary) => Line::Done(Summary::of(&caller.tenant, &summary)),
            Err(error) => Line::Failed(format!("{error:#}")),
        };
        // The asker may be gone; the export is recorded all the same.
        let _ = send.send(line(&last)).await;
    });
    let lines = futures_util::stream::unfold(receive, |mut receive| async {
        receive.recv().await.map(|bytes| (Ok::<_, std::convert::Infallible>(bytes), receive))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

/// A data subject to be erased.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalErasure {
    /// In whose log; the first tenant's without it.
    pub tenant: Option<TenantId>,
    /// The subject's opaque id.
    pub subject: SubjectId,
}

impl LocalErasure {
    /// Erases, as the operator at the machine.
    ///
    /// # Errors
    /// What [`App::erase`] says.
    pub async fn run(self, app: &App) -> Result<ErasedSubject, ApiError> {
        let principal = Arc::new(Principal::local_operator(TenantId::system()));
        let caller = Caller { principal, tenant: self.tenant.unwrap_or_else(|| app.first_tenant()) };
        let id =
            CommandId::new(uuid_v7(&*app.clock, &*app.entropy).to_string()).map_err(ApiError::internal)?;
        let erased = app.erase(&caller, id, &self.subject).await?;
        Ok(ErasedSubject { subject: self.subject.to_string(), members: erased.members, receipt: None })
    }
}

async fn erase(
    State(app): State<Arc<App>>,
    Json(body): Json<LocalErasure>,
) -> Result<axum::Json<ErasedSubject>, ApiError> {
    body.run(&app).await.map(axum::Json)
}

/// Rebuilds the read models beside the current ones and compares their digests.
async fn rebuild(State(app): State<Arc<App>>) -> Result<axum::Json<serde_json::Value>, ApiError> {
    let report = app.views.rebuild(|_| {}).await?;
    Ok(axum::Json(
        serde_json::json!({ "position": report.position, "compared": report.compared, "differing": report.differing }),
    ))
}

fn line(line: &Line) -> Bytes {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes.into()
}
