//! Writing an evidence pack: some events of a log, each with its proof under one checkpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use ledger::anchor::AnchorFile;
use ledger::bundle::{BundleSummary, DisclosedLine, PackWriter};
use ledger::checkpoint::Checkpoint;
use ledger::disclosure::Disclosure;
use ledger::epochs::key_stream;
use ledger::event::Header;
use ledger::ids::{StreamId, TenantId};
use ledger::readmodel::{Cell, TypedRow};
use ledger_aggregates::values::{EvidenceId, HashText};
use ledger_projections::subjects::{ERASED_MEMBER, ErasedMemberRow};
use ledger_replay::DirectorySink;
use ledger_store::bootstrap::OpenLog;
use ledger_store::{Read, StoredCheckpoint, StoredEvent};
use sha2::{Digest, Sha256};

use super::export::{Plan, bundle_policy, head_to_export, latest_anchor, meta};
use super::{disclose, proof};
use crate::app::App;

/// Events in one pack: each has a proof of its own, and from here on an export of the log is smaller.
const EVENTS_MAX: usize = 10_000;

/// The events of a pack by index.
type Events = BTreeMap<u64, StoredEvent>;

/// Writes the pack that `plan` asks for into a new directory.
///
/// # Errors
/// A word that names no event, the store, or the directory.
pub(super) async fn write_to(app: &App, plan: &Plan<'_>, partial: &Path) -> Result<BundleSummary> {
    let tenant = plan.tenant;
    let log = app.log(tenant).map_err(|_| anyhow!("there is no tenant {tenant}"))?;
    let mut events = asked_for(app, tenant, &plan.request.events).await?;
    let members = disclose::open(&*app.side, &app.keyring, tenant, &in_order(&events)).await?;
    add_erasures(app, tenant, &mut events, &members).await?;
    // Without the log's key events nobody could tell whose signatures count.
    let keys = key_stream(tenant)?;
    stream(app, tenant, &keys, &mut events).await?;
    let last = events.keys().next_back().copied().unwrap_or(0);

    let kept = head_to_export(app, plan).await?;
    let (checkpoint, anchor) = anchored(app, &log, kept, last).await?;
    let mut writer = PackWriter::new(DirectorySink::create(partial)?, checkpoint.note.clone());
    for index in events.keys() {
        writer.event(&proof::proof_under(&*app.store, tenant, *index, checkpoint.clone()).await?)?;
    }
    if !plan.request.redact {
        disclosures(app, tenant, members, &mut writer).await?;
    }
    if let Some((index, anchor)) = anchor {
        writer.anchor(index, &anchor)?;
    }
    let policy = bundle_policy(app, &log);
    let (sink, summary) = writer.finish(&policy, meta(app, plan), log.keys.checkpoint_signer())?;
    sink.close()?;
    Ok(summary)
}

fn in_order(events: &Events) -> Vec<StoredEvent> {
    events.values().cloned().collect()
}

/// The events that the words name: an index each, or the id of evidence, which means all events of its stream.
async fn asked_for(app: &App, tenant: &TenantId, words: &[String]) -> Result<Events> {
    let mut events = Events::new();
    for word in words {
        if let Ok(index) = word.parse::<u64>() {
            let event = proof::event(&*app.store, tenant, index).await?;
            events.insert(index, event);
        } else {
            let id: EvidenceId = word
                .parse()
                .map_err(|_| anyhow!("{word:?} is neither the index of an event nor the id of evidence"))?;
            if stream(app, tenant, &id.stream(), &mut events).await? == 0 {
                bail!("tenant {tenant} has no evidence {word}");
            }
        }
        if events.len() > EVENTS_MAX {
            bail!("a pack takes at most {EVENTS_MAX} events; export the whole log");
        }
    }
    Ok(events)
}

/// Adds all events of a stream; gives their number.
async fn stream(app: &App, tenant: &TenantId, stream: &StreamId, into: &mut Events) -> Result<u64> {
    let (mut next, mut count) = (0, 0);
    loop {
        let page = app.store.read(Read::stream(tenant, stream, next)).await?;
        let end = page.end || page.next <= next;
        next = page.next;
        for event in page.events {
            count += 1;
            into.insert(event.index, event);
        }
        if end {
            return Ok(count);
        }
    }
}

/// Adds the events that say why a member of the pack cannot be read any more.
async fn add_erasures(
    app: &App,
    tenant: &TenantId,
    events: &mut Events,
    members: &BTreeMap<u64, Vec<Disclosure>>,
) -> Result<()> {
    let mut erasures = BTreeSet::new();
    for event in events.values() {
        let header = Header::parse_trusted(&event.header)?;
        let readable = members.get(&event.index).into_iter().flatten();
        let readable: BTreeSet<[u8; 32]> = readable
            .map(|member| Ok(Sha256::digest(disclose::text(member)?).into()))
            .collect::<Result<_>>()?;
        for digest in header.sd.iter().filter(|digest| !readable.contains(*digest)) {
            let digest = HashText::new(ledger::b64::encode_url(digest)).context("a digest")?;
            let row = app.row(&ERASED_MEMBER, tenant, vec![Cell::of(&digest)]).await;
            let row = row.map_err(|error| anyhow!("{}", error.detail))?;
            erasures.extend(row.and_then(|row| ErasedMemberRow::from_row(&row)).map(|row| row.index));
        }
    }
    for index in erasures {
        events.insert(index, proof::event(&*app.store, tenant, index).await?);
    }
    Ok(())
}

/// The head of the pack. Where an anchor covers all its events, it is the checkpoint that was anchored: it states less than
/// the newest one, but the system log and its witnesses vouch for it.
async fn anchored(
    app: &App,
    log: &OpenLog,
    kept: StoredCheckpoint,
    last: u64,
) -> Result<(StoredCheckpoint, Option<(u64, AnchorFile)>)> {
    let Some((index, anchor)) = latest_anchor(app, log, &kept).await? else { return Ok((kept, None)) };
    let checkpoint: Checkpoint = anchor.checkpoint.parse()?;
    if checkpoint.size <= last {
        return Ok((kept, None));
    }
    let note = checkpoint.sign(log.keys.checkpoint_signer())?.to_string();
    Ok((StoredCheckpoint { size: checkpoint.size, note }, Some((index, anchor))))
}

async fn disclosures(
    app: &App,
    tenant: &TenantId,
    members: BTreeMap<u64, Vec<Disclosure>>,
    writer: &mut PackWriter<DirectorySink>,
) -> Result<()> {
    let mut blobs = Vec::new();
    for (index, members) in members {
        for member in members {
            writer.disclosure(&DisclosedLine { disclosure: disclose::text(&member)?, index })?;
            if member.name == "blobs" {
                blobs.extend(crate::api::blobs::ids_in(&member.value));
            }
        }
    }
    for id in blobs {
        if let Some(bytes) = crate::api::blobs::open(app, tenant, &id).await? {
            writer.blob(&bytes)?;
        }
    }
    Ok(())
}
