//! Folding the events of an export into the read models, in memory, with the server's own folds.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use ledger::ids::TenantId;
use ledger::readmodel::{
    DigestState, Folder, LogState, MemoryRows, Parsed, Parser, Poisoned, ProjectionDigest, RawEvent,
    WorkingSet, degrade,
};
use ledger::time::Timestamp;
use ledger_projections::{LedgerModels, LogEvent};

use crate::entries::{Export, ReplayError};
use crate::progress::Progress;

/// Events that travel together from the reading to the folding thread.
const BATCH: usize = 1024;
/// Batches that may wait between the threads: enough to even out, little enough to stay in the cache.
const QUEUE: usize = 4;

/// Read models made from an export.
pub struct Rebuilt {
    /// Whose log.
    pub tenant: TenantId,
    /// How far it was folded.
    pub log: LogState,
    /// Events that could not be folded.
    pub poisoned: Vec<Poisoned>,
    /// The digest of every projection, to be compared with the server's at the same size of the log.
    pub digests: Vec<ProjectionDigest>,
    working: WorkingSet<MemoryRows>,
}

impl Rebuilt {
    /// The rows.
    pub const fn rows(&self) -> &MemoryRows {
        self.working.source()
    }

    /// Is every digest over all rows that there should be?
    pub fn whole(&self) -> bool {
        self.digests.iter().all(|digest| matches!(digest.digest, DigestState::Whole(_)))
    }
}

/// Rebuilds the read models of an export: as of its end, or of the longest prefix whose running maximum of time is not
/// after `until`.
///
/// # Errors
/// [`ReplayError`] if entries cannot be read, or do not have the root of the checkpoint.
pub fn rebuild(
    bundle: &Path,
    until: Option<Timestamp>,
    progress: &dyn Progress,
) -> Result<Rebuilt, ReplayError> {
    let export = Export::open(bundle)?;
    rebuild_export(&export, until, progress)
}

/// As [`rebuild`], for an export that is open already.
///
/// # Errors
/// As [`rebuild`].
pub fn rebuild_export(
    export: &Export,
    until: Option<Timestamp>,
    progress: &dyn Progress,
) -> Result<Rebuilt, ReplayError> {
    let tenant = export.tenant()?;
    progress.begin("events", export.head.size);
    let (sender, receiver) = sync_channel(QUEUE);
    let folded = thread::scope(|scope| {
        let fold = scope.spawn(move || fold(&receiver, progress));
        let read = read(export, &tenant, until, sender);
        let folded = fold.join().expect("a fold that panics is caught and quarantined");
        read.map(|log| (log, folded))
    });
    progress.end();
    let (log, (poisoned, working)) = folded?;
    let mut digests = working.source().digests(&tenant);
    degrade(&mut digests, &tenant, &poisoned);
    Ok(Rebuilt { tenant, log, poisoned, digests, working })
}

type Batch = Vec<Parsed<LogEvent>>;

/// Reads and parses, and sends what is to be folded.
fn read(
    export: &Export,
    tenant: &TenantId,
    until: Option<Timestamp>,
    sender: SyncSender<Batch>,
) -> Result<LogState, ReplayError> {
    let mut parser = Parser::new(Arc::new(LedgerModels), HashMap::new());
    let mut log = LogState::default();
    let mut batch = Vec::with_capacity(BATCH);
    export.each(|index, entry| {
        let raw = RawEvent { tenant, index, header: &entry.header };
        let parsed =
            parser.parse(raw).map_err(|error| ReplayError::Entry { index, reason: error.to_string() })?;
        if until.is_some_and(|until| parsed.log.as_of > until) {
            return Ok(false);
        }
        log = parsed.log;
        batch.push(parsed);
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            // The other side only goes away by panicking, which its join will tell.
            return Ok(sender.send(full).is_ok());
        }
        Ok(true)
    })?;
    let _ = sender.send(batch);
    Ok(log)
}

fn fold(receiver: &Receiver<Batch>, progress: &dyn Progress) -> (Vec<Poisoned>, WorkingSet<MemoryRows>) {
    let schema = LedgerModels::schema();
    let mut folder = Folder::new(Arc::new(LedgerModels), Vec::new());
    let mut working = WorkingSet::new(schema.clone(), MemoryRows::new(schema.clone()));
    for batch in receiver {
        for parsed in &batch {
            folder.fold(parsed, &mut working).expect("rows in memory can always be read");
        }
        working.settle();
        progress.advance(batch.len() as u64);
    }
    (folder.poisoned(), working)
}
