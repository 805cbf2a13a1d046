//! Exports: started here, written in the background, downloaded as one archive.
//!
//! That an export was asked for and how it ended are events; how far it is and where its archive lies is known to this
//! process alone. Archives are kept for a while beside the data, and can be made again at any time.

use std::collections::HashMap;
use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query as Params, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ledger::ids::{TenantId, uuid_v7};
use ledger::readmodel::{Cell, Query};
use ledger_aggregates::values::{ExportId, ExportPurpose};
use ledger_projections::exports::{EXPORT, ExportRow};
use serde::Deserialize;
use tokio::io::AsyncReadExt;

use super::probes::Which;
use crate::api::{named, word};
use crate::auth::policy::Permission;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::posted::Posted;
use crate::console::render::PAGE_ROWS;
use crate::console::view::{At, Choice, Mark, Pager, spoken, state_mark};
use crate::console::viewer::Viewer;
use crate::error::{ApiError, CONFLICT};
use crate::history::export::{Progress, Request, run};

#[derive(Template)]
#[template(path = "exports.html")]
struct Exports {
    frame: Frame,
    purposes: Vec<Choice>,
    lines: Vec<Line>,
    may_export: bool,
    running: bool,
    pager: Pager,
}

struct Line {
    id: String,
    mark: Mark,
    at: At,
    purpose: String,
    redacted: bool,
    progress: Option<u64>,
    words: String,
    href: Option<String>,
}

/// An export to be made.
#[derive(Debug, Deserialize)]
pub struct NewExport {
    purpose: String,
    redacted: Option<String>,
    recipient: Option<String>,
}

/// The exports that are being written by this process.
#[derive(Debug, Default)]
pub struct Jobs(Mutex<HashMap<ExportId, Progress>>);

/// An export reads and writes a whole log: more at once would slow the ledger down.
const RUNNING_MAX: usize = 2;
/// Archives of a tenant that are kept; older ones give way.
const ARCHIVES_MAX: usize = 5;
/// Bytes that are read from an archive at once.
const CHUNK: usize = 64 << 10;
const PURPOSES: [ExportPurpose; 4] =
    [ExportPurpose::Audit, ExportPurpose::Regulator, ExportPurpose::Portability, ExportPurpose::Backup];

impl Jobs {
    fn set(&self, id: ExportId, progress: Progress) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, progress);
    }

    fn get(&self, id: ExportId) -> Option<Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    /// Takes a place among the running ones.
    fn begin(&self, id: ExportId) -> bool {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = jobs.len() < RUNNING_MAX;
        if free {
            jobs.insert(id, Progress { entries: 0, of: 0 });
        }
        free
    }

    fn end(&self, id: ExportId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// `GET /exports`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<Which>,
) -> Response {
    let made = build(&console, &viewer, &which).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, which: &Which) -> Result<Exports, ApiError> {
    let tenant = viewer.tenant();
    let query = Query::new(&EXPORT, tenant).order_by("requested_index").descending().limit(PAGE_ROWS);
    let found = console.rows::<ExportRow>(query, Some(&which.cursor)).await?;
    let lines: Vec<Line> = found.rows.into_iter().map(|row| line(console, tenant, row)).collect();
    Ok(Exports {
        frame: console.frame(viewer, "Exports").await?,
        purposes: PURPOSES
            .map(|purpose| Choice::new(purpose.as_str(), spoken(purpose.as_str()), "audit"))
            .into(),
        running: lines.iter().any(|line| line.progress.is_some()),
        lines,
        may_export: viewer.may(Permission::Manage),
        pager: Pager::new("/exports", &[], Some(&which.cursor), found.next),
    })
}

fn line(console: &Console, tenant: &TenantId, row: ExportRow) -> Line {
    let running = console.exports.get(row.export);
    let archived = archive(console, tenant, row.export).is_file();
    let words = match (&running, row.log_size, &row.failure) {
        (Some(Progress { entries, of }), ..) if *of > 0 => format!("{entries} of {of} entries"),
        (Some(_), ..) => "starting".to_owned(),
        (None, Some(size), _) if archived => format!("{size} entries"),
        (None, Some(size), _) => format!("{size} entries; written elsewhere, or no longer kept"),
        (None, None, Some(failure)) => spoken(failure.as_str()).to_lowercase(),
        (None, None, None) => "interrupted; start another one".to_owned(),
    };
    Line {
        mark: if running.is_some() { state_mark("running") } else { state_mark(&row.state) },
        at: row.requested_at.into(),
        purpose: spoken(row.purpose.as_str()),
        redacted: row.redacted,
        progress: running.map(|progress| (progress.entries * 100).checked_div(progress.of).unwrap_or(0)),
        words,
        href: archived.then(|| format!("/exports/{}/bundle", row.export)),
        id: row.export.to_string(),
    }
}

fn folder(console: &Console, tenant: &TenantId) -> PathBuf {
    console.app.config.data.dir.join("exports").join(tenant.as_str())
}

fn archive(console: &Console, tenant: &TenantId, id: ExportId) -> PathBuf {
    folder(console, tenant).join(format!("{id}.tar"))
}

/// `POST /exports`
pub async fn start(State(console): State<Arc<Console>>, Posted(viewer, form): Posted<NewExport>) -> Response {
    let outcome = begin(&console, &viewer, form).map(|()| "The export is being written.");
    console.done(&viewer, outcome, "/exports").await
}

fn begin(console: &Arc<Console>, viewer: &Viewer, form: NewExport) -> Result<(), ApiError> {
    viewer.needs(Permission::Manage)?;
    let purpose: ExportPurpose = word("/purpose", &form.purpose)?;
    let id = ExportId(uuid_v7(&*console.app.clock, &*console.app.entropy));
    if !console.exports.begin(id) {
        return Err(ApiError::new(CONFLICT, "two exports are being written already")
            .hint("start it when one has ended"));
    }
    let request = Request {
        id,
        out: folder(console, viewer.tenant()).join(id.to_string()),
        redact: form.redacted.is_some(),
        purpose: purpose.as_str().to_owned(),
        recipient: form.recipient,
        events: Vec::new(),
    };
    tokio::spawn(write(Arc::clone(console), viewer.clone(), request));
    Ok(())
}

/// Writes an export and packs it. Its end is recorded by the export itself.
async fn write(console: Arc<Console>, viewer: Viewer, request: Request) {
    let (id, out) = (request.id, request.out.clone());
    let tenant = viewer.tenant().clone();
    let written =
        run(&console.app, &viewer.caller, request, |progress| console.exports.set(id, progress)).await;
    let target = archive(&console, &tenant, id);
    let packed = match written {
        Ok(_) => {
            tokio::task::spawn_blocking(move || pack(&out, &target)).await.unwrap_or_else(|e| Err(e.into()))
        }
        Err(error) => Err(error),
    };
    if let Err(error) = packed {
        tracing::warn!(%error, %id, "the export could not be written");
    }
    console.exports.end(id);
}

/// One archive out of a bundle; the bundle and the oldest archives go.
fn pack(bundle: &FilePath, target: &FilePath) -> anyhow::Result<()> {
    let partial = target.with_extension("tar.partial");
    let mut builder = tar::Builder::new(fs::File::create(&partial)?);
    builder.follow_symlinks(false);
    builder.append_dir_all(bundle.file_name().unwrap_or_default(), bundle)?;
    builder.into_inner()?.sync_all()?;
    fs::rename(&partial, target)?;
    fs::remove_dir_all(bundle)?;
    let Some(folder) = target.parent() else { return Ok(()) };
    let mut kept: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "tar"))
        .collect();
    // Ids are UUIDv7: their names sort by age.
    kept.sort();
    for old in kept.iter().take(kept.len().saturating_sub(ARCHIVES_MAX)) {
        fs::remove_file(old)?;
    }
    Ok(())
}

/// `GET /exports/{id}/bundle`
pub async fn download(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Response {
    match open(&console, &viewer, &id).await {
        Ok((file, size)) => {
            let chunks = stream::unfold(file, |mut file| async move {
                let mut chunk = Vec::with_capacity(CHUNK);
                match (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await {
                    Ok(0) => None,
                    Ok(_) => Some((Ok(chunk), file)),
                    Err(error) => Some((Err(error), file)),
                }
            });
            let name = HeaderValue::from_str(&format!("attachment; filename=\"ledger-export-{id}.tar\""));
            let name = name.unwrap_or(HeaderValue::from_static("attachment"));
            let tar = HeaderValue::from_static("application/x-tar");
            let headers = [
                (header::CONTENT_TYPE, tar),
                (header::CONTENT_DISPOSITION, name),
                (header::CONTENT_LENGTH, size.into()),
            ];
            (headers, Body::from_stream(chunks)).into_response()
        }
        Err(error) => console.problem(&viewer, error).await,
    }
}

/// The archive of an export of this tenant: the id names a file only after the read models have said so.
async fn open(console: &Console, viewer: &Viewer, id: &str) -> Result<(tokio::fs::File, u64), ApiError> {
    let gone = || ApiError::not_found(format!("the archive of export {id}"));
    let export: ExportId = named("export", id)?;
    let row: Option<ExportRow> = console.row(viewer.tenant(), vec![Cell::of(&export)]).await?;
    row.ok_or_else(gone)?;
    let file = tokio::fs::File::open(archive(console, viewer.tenant(), export)).await.map_err(|_| gone())?;
    let size = file.metadata().await.map_err(ApiError::internal)?.len();
    Ok((file, size))
}
