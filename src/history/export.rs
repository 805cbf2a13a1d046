//! Writing the bundle of a tenant: its whole history up to and including the event that asked for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ledger::anchor::{AnchorFile, AnchorTree};
use ledger::bundle::{BundleMeta, BundleSummary, BundleWriter, DisclosedLine};
use ledger::checkpoint::Checkpoint;
use ledger::event::Header;
use ledger::ids::{CommandId, TenantId};
use ledger::policy::Policy;
use ledger_aggregates::export::{Export, ExportCommand};
use ledger_aggregates::values::{ExportFailure, ExportId};
use ledger_replay::DirectorySink;
use ledger_store::bootstrap::OpenLog;
use ledger_store::{Direction, Filter, Read, StoredCheckpoint, StoredEvent};
use serde::{Deserialize, Serialize};

use super::{disclose, proof};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Order;
use crate::runtime::anchor::anchor;
use crate::runtime::witness;

/// Events read at once: bounds the memory of an export.
const PAGE_EVENTS: usize = 2_000;

/// An export to be made.
#[derive(Debug, Clone)]
pub struct Request {
    /// The id under which it is recorded.
    pub id: ExportId,
    /// The directory to make.
    pub out: PathBuf,
    /// Leave all disclosures and blobs out.
    pub redact: bool,
    /// What it is for: audit, regulator, portability or backup.
    pub purpose: String,
    /// Who gets it (confidential).
    pub recipient: Option<String>,
    /// The events of an evidence pack, by index or as ids of evidence; empty: the whole log.
    pub events: Vec<String>,
}

/// What an export should hold.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub tenant: &'a TenantId,
    pub request: &'a Request,
    /// The entry that asked for it: the bundle goes at least so far.
    pub requested_at: u64,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Progress {
    /// Entries written.
    pub entries: u64,
    /// Entries in all.
    pub of: u64,
}

/// What a verifier of this log must be given out of band: its genesis, its key, and the key of the system log, without
/// which the anchors prove nothing.
pub fn trust_file(app: &App, log: &OpenLog) -> Policy {
    let system = app.log(&TenantId::system()).ok().filter(|system| system.info.tenant != log.info.tenant);
    let logs = [Some(log), system.as_ref()].into_iter().flatten();
    let policy =
        Policy::of_logs(Some(log.genesis.0), logs.map(|log| log.keys.checkpoint_signer().verifier().clone()));
    // Witnesses cosign the system log, and a single proof of a tenant's log has no anchor: no quorum is asked for here.
    match &app.witnesses {
        Some(witnesses) => policy.with_witnesses(witnesses.policy()).without_quorum(),
        None => policy,
    }
}

/// The trust file of a bundle, which has what a quorum can be held against.
pub(super) fn bundle_policy(app: &App, log: &OpenLog) -> Policy {
    let policy = trust_file(app, log);
    match &app.witnesses {
        Some(witnesses) => policy.with_witnesses(witnesses.policy()),
        None => policy,
    }
}

/// Records the request, writes the bundle, records the outcome. The bundle holds its own request.
///
/// # Errors
/// The directory exists or cannot be written; the store failed; disclosures do not open.
pub async fn run(
    app: &App,
    caller: &Caller,
    request: Request,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<BundleSummary> {
    let purpose = request.purpose.parse().map_err(|error| anyhow!("purpose: {error}"))?;
    let partial = prepare(&request.out)?;
    let id = request.id;
    let asked =
        ExportCommand::Request { purpose, redacted: request.redact, recipient: request.recipient.clone() };
    let requested_at = record(app, caller, id, "request", &asked).await?;
    let plan = Plan { tenant: &caller.tenant, request: &request, requested_at };
    let written = if plan.request.events.is_empty() {
        write_to(app, &plan, &partial, &mut progress).await
    } else {
        super::pack::write_to(app, &plan, &partial).await
    };
    let written = written.and_then(|summary| {
        let named = fs::rename(&partial, &request.out);
        named.with_context(|| format!("cannot give the bundle its name {}", request.out.display()))?;
        Ok(summary)
    });
    let ended = match &written {
        Ok(summary) => ExportCommand::Complete {
            log_size: summary.entries,
            files: u32::try_from(summary.files).unwrap_or(u32::MAX),
        },
        Err(error) => {
            ExportCommand::Fail { reason: ExportFailure::Target, detail: Some(format!("{error:#}")) }
        }
    };
    if written.is_err() {
        // What is half written is of no use and may hold what should be nowhere.
        let _ = fs::remove_dir_all(&partial);
    }
    record(app, caller, id, "end", &ended).await?;
    written
}

async fn record(
    app: &App,
    caller: &Caller,
    id: ExportId,
    step: &str,
    command: &ExportCommand,
) -> Result<u64> {
    let command_id = CommandId::new(format!("export-{id}-{step}"))?;
    let order = Order::new(caller, id.stream(), command_id.clone(), command_id.as_str().as_bytes());
    let done = app.command::<Export>(&order, command).await.map_err(|error| anyhow!("{}", error.detail))?;
    done.first_index.ok_or_else(|| anyhow!("the export was not recorded"))
}

fn prepare(out: &Path) -> Result<PathBuf> {
    if out.exists() {
        bail!("{} exists already; name a directory that does not", out.display());
    }
    let name = out.file_name().ok_or_else(|| anyhow!("{} is not the name of a directory", out.display()))?;
    let mut partial = name.to_owned();
    partial.push(".partial");
    let partial = out.with_file_name(partial);
    match fs::remove_dir_all(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::create_dir_all(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
    Ok(partial)
}

async fn write_to(
    app: &App,
    plan: &Plan<'_>,
    partial: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<BundleSummary> {
    let log = app.log(plan.tenant).map_err(|_| anyhow!("there is no tenant {}", plan.tenant))?;
    let kept = head_to_export(app, plan).await?;
    let mut writer = BundleWriter::new(DirectorySink::create(partial)?);
    let mut pages = Pages::new(app, plan.tenant, kept.size);
    while let Some(events) = pages.next().await? {
        for event in &events {
            writer.entry(&proof::entry(event)?)?;
        }
        progress(Progress { entries: pages.next, of: kept.size });
    }
    if !plan.request.redact {
        disclosures(app, plan.tenant, kept.size, &mut writer).await?;
    }
    if let Some((index, anchor)) = latest_anchor(app, &log, &kept).await? {
        writer.anchor(index, &anchor)?;
    }
    let policy = bundle_policy(app, &log);
    let (sink, summary) =
        writer.finish(&kept.note, &policy, meta(app, plan), log.keys.checkpoint_signer())?;
    sink.close()?;
    Ok(summary)
}

/// What the manifest says besides the files.
pub(super) fn meta(app: &App, plan: &Plan<'_>) -> BundleMeta {
    let withheld = if plan.request.redact { &["confidential", "personal"][..] } else { &[] };
    BundleMeta {
        tenant: plan.tenant.clone(),
        time: app.clock.now(),
        purpose: plan.request.purpose.clone(),
        redactions: withheld.iter().map(|&class| class.to_owned()).collect(),
    }
}

/// How long an export waits for the witnesses; without their cosignatures it is written all the same.
const WITNESSES_WAIT: Duration = Duration::from_secs(10);

/// The checkpoint that the bundle goes up to. With witnesses: one that they have cosigned, or that is anchored in a
/// checkpoint of the system log that they have cosigned.
pub(super) async fn head_to_export(app: &App, plan: &Plan<'_>) -> Result<StoredCheckpoint> {
    let kept = proof::covering(&*app.side, plan.tenant, plan.requested_at).await?;
    let Some(witnesses) = &app.witnesses else { return Ok(kept) };
    let system = TenantId::system();
    if *plan.tenant != system {
        anchor(app).await?;
    }
    let needed = app.store.log_head(&system).await?.map_or(0, |head| head.size);
    match tokio::time::timeout(WITNESSES_WAIT, witness::covering(app, witnesses, needed)).await {
        Ok(latest) if *plan.tenant == system => Ok(latest),
        // What was anchored is not larger than what is signed by now.
        Ok(_) => Ok(app.side.checkpoint(plan.tenant).await?.unwrap_or(kept)),
        Err(_) => {
            tracing::warn!(
                "the witnesses have not cosigned in time: the bundle does not reach its own quorum"
            );
            Ok(kept)
        }
    }
}

/// The events of a log up to a size, page by page.
struct Pages<'a> {
    app: &'a App,
    tenant: &'a TenantId,
    next: u64,
    size: u64,
}

impl<'a> Pages<'a> {
    const fn new(app: &'a App, tenant: &'a TenantId, size: u64) -> Self {
        Self { app, tenant, next: 0, size }
    }

    async fn next(&mut self) -> Result<Option<Vec<StoredEvent>>> {
        if self.next >= self.size {
            return Ok(None);
        }
        let limit = usize::try_from(self.size - self.next).unwrap_or(PAGE_EVENTS).min(PAGE_EVENTS);
        let page = self.app.store.read(Read::log(self.tenant, self.next).limit(limit)).await?;
        if page.next <= self.next {
            bail!("the log of {} ends at {} of {} entries", self.tenant, self.next, self.size);
        }
        self.next = page.next;
        Ok(Some(page.events))
    }
}

async fn disclosures(
    app: &App,
    tenant: &TenantId,
    size: u64,
    writer: &mut BundleWriter<DirectorySink>,
) -> Result<()> {
    let mut blobs = Vec::new();
    let mut pages = Pages::new(app, tenant, size);
    while let Some(events) = pages.next().await? {
        for (index, members) in disclose::open(&*app.side, &app.keyring, tenant, &events).await? {
            for member in &members {
                writer.disclosure(&DisclosedLine { disclosure: disclose::text(member)?, index })?;
                if member.name == "blobs" {
                    blobs.extend(crate::api::blobs::ids_in(&member.value));
                }
            }
        }
    }
    for id in blobs {
        // A blob that was erased stays named by its disclosure; the verifier reports it so.
        if let Some(bytes) = crate::api::blobs::open(app, tenant, &id).await? {
            writer.blob(&bytes)?;
        }
    }
    Ok(())
}

/// The newest anchor that carries a checkpoint of this log no larger than the exported one.
pub(super) async fn latest_anchor(
    app: &App,
    log: &OpenLog,
    kept: &StoredCheckpoint,
) -> Result<Option<(u64, AnchorFile)>> {
    let Some(slot) = log.info.slot else { return Ok(None) };
    let system = TenantId::system();
    let only = Filter { types: vec![ledger::anchor::ANCHORED.to_owned()], ..Filter::default() };
    let mut query = Read::log(&system, u64::MAX).backward().filter(only).limit(8);
    query.direction = Direction::Backward;
    // A proof under what the witnesses have cosigned, if there are any: the newest anchors may be ahead of them.
    let cosigned = witness::latest(app).await;
    let ahead = |event: &StoredEvent| cosigned.as_ref().is_some_and(|cosigned| event.index >= cosigned.size);
    for event in app.store.read(query).await?.events.into_iter().filter(|event| !ahead(event)) {
        let Some(set) = anchor_set(app, &event).await? else { continue };
        let Some(leaf) = set.leaves.iter().find(|leaf| leaf.slot == slot) else { continue };
        let Ok(checkpoint) = leaf.text.parse::<Checkpoint>() else { continue };
        if checkpoint.size > kept.size {
            continue;
        }
        let last = set.leaves.iter().map(|leaf| leaf.slot).max().unwrap_or(slot);
        let texts =
            (0..=last).map(|n| set.leaves.iter().find(|leaf| leaf.slot == n).map(|leaf| leaf.text.as_str()));
        let path =
            AnchorTree::new(texts).path(u64::from(slot)).map_err(|error| anyhow!("anchor: {error}"))?;
        let under = match &cosigned {
            Some(cosigned) => cosigned.clone(),
            None => proof::covering(&*app.side, &system, event.index).await?,
        };
        let proof = proof::proof_under(&*app.store, &system, event.index, under).await?;
        return Ok(Some((event.index, AnchorFile::new(&leaf.text, u64::from(slot), &path, &proof))));
    }
    Ok(None)
}

async fn anchor_set(app: &App, event: &StoredEvent) -> Result<Option<ledger_store::AnchorSet>> {
    let header = Header::parse_trusted(&event.header)?;
    let data: ledger::anchor::AnchorData = serde_json::from_slice(header.data)?;
    let root = ledger::b64::decode_array::<32>(&data.root).context("an anchored root is 32 bytes")?;
    Ok(app.side.anchor(&root).await?)
}
