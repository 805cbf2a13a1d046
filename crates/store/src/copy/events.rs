//! Events in position order, in the appends that they came in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ledger::disclosure::SealedDisclosure;
use ledger::event::{EventHash, Header, SealedEvent, entry_bytes};
use ledger::ids::{CommandId, TenantId};
use ledger::merkle::leaf_hash;

use super::{CopyError, Holding, Progress, Step};
use crate::append::{Append, CommandReceipt, CommandRecord, KeyChange, Verdict};
use crate::read::{Read, StoredEvent};

/// The most events that are read, and stored in one commit: a sync, or a round trip, is shared by so many.
const BATCH_EVENTS: usize = 4000;

/// An event on its way.
struct Piece {
    event: SealedEvent,
    position: u64,
    index: u64,
    command: Option<CommandId>,
    change: Option<KeyChange>,
    /// The record of the command that it is the first event of.
    record: Option<CommandReceipt>,
}

/// Carries the events after those that have arrived, up to a position at the end of an append. Gives their number.
pub(super) async fn carry(
    from: &Holding,
    to: &Holding,
    total: u64,
    progress: Progress<'_>,
) -> Result<u64, CopyError> {
    let arrived = to.position().await?;
    if arrived > total {
        return Err(CopyError::Target(format!("it has {arrived} events, the source {total}")));
    }
    let mut pieces: VecDeque<Piece> = VecDeque::new();
    let mut next = arrived + 1;
    while next <= total || !pieces.is_empty() {
        let page = from.events.read(Read::all(next).limit(BATCH_EVENTS)).await?;
        let events: Vec<StoredEvent> = page.into_iter().take_while(|e| e.position <= total).collect();
        if events.first().is_none_or(|event| event.position != next) {
            return Err(CopyError::Source(format!("position {next} of {total} is missing")));
        }
        next += events.len() as u64;
        pieces.extend(read(from, events).await?);
        let appends = whole(&mut pieces, next > total)?;
        if !appends.is_empty() {
            store(to, appends).await?;
        }
        progress(Step::Carrying, next - 1, total);
    }
    Ok(total - arrived)
}

/// Parses a page, and adds what lies beside its events.
async fn read(from: &Holding, events: Vec<StoredEvent>) -> Result<Vec<Piece>, CopyError> {
    let mut pieces = events.into_iter().map(piece).collect::<Result<Vec<Piece>, CopyError>>()?;
    let (mut indexes, mut ids) =
        (BTreeMap::<TenantId, Vec<u64>>::new(), BTreeMap::<TenantId, BTreeSet<CommandId>>::new());
    for piece in &pieces {
        let tenant = &piece.event.tenant;
        indexes.entry(tenant.clone()).or_default().push(piece.index);
        ids.entry(tenant.clone()).or_default().extend(piece.command.clone());
    }
    let mut disclosures = BTreeMap::<(TenantId, u64), Vec<SealedDisclosure>>::new();
    for (tenant, indexes) in indexes {
        for kept in from.side.disclosures(&tenant, &indexes).await? {
            disclosures.entry((tenant.clone(), kept.index)).or_default().push(kept.disclosure);
        }
    }
    let mut records = BTreeMap::<(TenantId, CommandId), CommandReceipt>::new();
    for (tenant, ids) in ids {
        let ids: Vec<CommandId> = ids.into_iter().collect();
        let found = from.portable.commands(&tenant, &ids).await?;
        records.extend(found.into_iter().map(|(id, receipt)| ((tenant.clone(), id), receipt)));
    }
    for piece in &mut pieces {
        let tenant = piece.event.tenant.clone();
        piece.event.disclosures = disclosures.remove(&(tenant.clone(), piece.index)).unwrap_or_default();
        let record = piece.command.clone().and_then(|id| records.get(&(tenant, id)));
        piece.record = record.filter(|record| record.first_index == piece.index).copied();
    }
    Ok(pieces)
}

fn piece(stored: StoredEvent) -> Result<Piece, CopyError> {
    let place = || format!("position {}, tenant {} index {}", stored.position, stored.tenant, stored.index);
    let bad = |what: &dyn std::fmt::Display| CopyError::Source(format!("{}: {what}", place()));
    let header = Header::parse(&stored.header).map_err(|error| bad(&error))?;
    if header.tenant != stored.tenant || *header.event_type != *stored.event_type {
        return Err(bad(&"it is of another tenant or type than its header says"));
    }
    let change = KeyChange::of(&header.stream, &header.event_type, header.data, header.kid);
    let change = change.map_err(|error| bad(&error))?;
    let event = SealedEvent {
        id: header.id,
        tenant: header.tenant,
        stream: header.stream,
        seq: header.seq,
        prev: header.prev,
        time: header.time,
        event_type: header.event_type.into_owned().into(),
        kid: header.kid,
        header: stored.header.clone(),
        signature: stored.signature,
        hash: EventHash::of(&stored.header),
        leaf: leaf_hash(&entry_bytes(&stored.header, &stored.signature, header.kid)),
        disclosures: Vec::new(),
    };
    let (position, index) = (stored.position, stored.index);
    Ok(Piece { event, position, index, command: header.cmd, change, record: None })
}

/// Where the events of an append must come to lie.
struct Place {
    first_index: u64,
    position: u64,
}

/// Takes the appends off the front whose events are all there. At the end of the source there are no others.
fn whole(pieces: &mut VecDeque<Piece>, end: bool) -> Result<Vec<(Append, Place)>, CopyError> {
    let mut appends = Vec::new();
    while let Some(first) = pieces.front() {
        // Appends without a record were one event each, or are as good as that.
        let count = first.record.map_or(1, |record| record.last_index - record.first_index + 1);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > pieces.len() {
            if end {
                let what = format!("a command at position {} breaks off", first.position);
                return Err(CopyError::Source(what));
            }
            break;
        }
        let taken: Vec<Piece> = pieces.drain(..count).collect();
        appends.push(append(taken)?);
    }
    Ok(appends)
}

fn append(pieces: Vec<Piece>) -> Result<(Append, Place), CopyError> {
    let (first_index, at) = (pieces[0].index, pieces[0].position);
    let position = pieces[pieces.len() - 1].position;
    let record = pieces[0].record.zip(pieces[0].command.clone());
    let change = pieces.iter().rev().find_map(|piece| piece.change);
    let events = pieces.into_iter().map(|piece| piece.event).collect();
    let bad = |error: crate::InvalidAppend| CopyError::Source(format!("position {at}: {error}"));
    let mut append = Append::new(events).map_err(bad)?;
    if let Some((receipt, id)) = record {
        append = append.with_command(CommandRecord { id, body_mac: receipt.body_mac });
    }
    if let Some(change) = change {
        append = append.with_key_change(change);
    }
    Ok((append, Place { first_index, position }))
}

/// Stores appends, and expects each to come to lie where it was.
async fn store(to: &Holding, appends: Vec<(Append, Place)>) -> Result<(), CopyError> {
    let (appends, places): (Vec<Append>, Vec<Place>) = appends.into_iter().unzip();
    let verdicts = to.portable.append_in_order(appends).await?;
    for (verdict, place) in verdicts.iter().zip(&places) {
        let as_it_was = matches!(verdict, Verdict::Committed { first_index, position, .. }
            if (*first_index, *position) == (place.first_index, place.position));
        if !as_it_was {
            return Err(CopyError::Differs(format!(
                "what lies at position {} (index {}) became {verdict:?}",
                place.position, place.first_index
            )));
        }
    }
    Ok(())
}
