//! What only the operator at the machine may ask, through the socket in the data directory: the API without a key, and
//! exports and backups into a directory of his.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use ledger::bundle::BundleSummary;
use ledger::ids::{CommandId, SubjectId, TenantId, uuid_v7};
use ledger_aggregates::values::ExportId;
use ledger_store::Custody;
use ledger_store::copy::Holding;
use serde::{Deserialize, Serialize};

use super::subjects::erase::ErasedSubject;
use crate::app::App;
use crate::auth::principal::{Caller, Principal};
use crate::error::{ApiError, CONFLICT};
use crate::history::export::{Progress, Request, run};
use crate::http::body::Json;
use crate::http::lines;
use crate::runtime::place::{Carried, Place, snapshot_to, word};

/// The operator's routes: everything of the API, exports and backups.
pub fn router(app: &Arc<App>) -> Router {
    let operator = Arc::new(Principal::local_operator(TenantId::system()));
    let own = Router::new()
        .route("/local/export", post(export))
        .route("/local/backup", post(backup))
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
    Ok(lines::answer(async move |teller| {
        let progress = |Progress { entries, of }| teller.far("exporting", entries, of);
        let bundle = run(&app, &caller, request, progress).await?;
        Ok(Summary::of(&caller.tenant, &bundle))
    }))
}

/// A backup to be written by the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalBackup {
    /// The directory to make, absolute.
    pub out: PathBuf,
}

async fn backup(State(app): State<Arc<App>>, Json(body): Json<LocalBackup>) -> Result<Response, ApiError> {
    let portable = app.portable.clone().ok_or_else(|| {
        ApiError::new(CONFLICT, "a log on EventStoreDB is not backed up by the ledger")
            .hint("use that server's own backup, and back up the side store")
    })?;
    let from = Holding { events: Arc::clone(&app.store), side: Arc::clone(&app.side), portable };
    Ok(lines::answer(async move |teller| {
        let to = Place::Directory(body.out);
        let mut progress = |step, done, of| teller.far(word(step), done, of);
        let source = app.config.place();
        snapshot_to(&from, &source, (&to, &app.config), &Custody::Backup, &mut progress)
            .await
            .map(Carried::from)
    }))
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
