//! An evidence pack: some events of a log, each with its own path to the checkpoint.
//!
//! It shows that each of its events is in the log, signed by a key that the log's key events introduce, and what of
//! it is disclosed. Nothing is said about entries that are not in it, later revocations of keys among them.

use std::collections::{BTreeSet, HashMap};

use ledger::bundle::{EVENTS, event_index};
use ledger::clock::{OsEntropy, Stopwatch};
use ledger::epochs::Epochs;
use ledger::event::{Entry, EventHash, Header, parse_entry};
use ledger::keys::PublicKey;
use ledger::merkle::Hash;
use ledger::tlog_proof::{PROOF_BYTES_MAX, TlogProof};

use super::chunk::{Seen, Work, of};
use super::disclosures::{self, BlobRefs, Lines};
use super::files::{FileTable, belongs_to_pack};
use super::fold::{Folded, check_genesis, erased_by, is_erasure, told};
use super::head::Head;
use super::heads::StreamKeyer;
use super::schema::SchemaCheck;
use super::{Options, UsageError, anchors, blobs};
use crate::directory::{Directory, Listing};
use crate::progress::Progress;
use crate::report::{Counts, Erasure, Failure, Failures, Report};

/// A pack has proofs, and no tiles: with both it is an export with files that do not belong there.
pub fn is_pack(listing: &Listing) -> bool {
    let below = |directory: &str| listing.files.iter().any(|path| path.starts_with(directory));
    below(EVENTS) && !below("tile/")
}

/// Verifies a pack.
pub fn verify(
    options: &Options,
    directory: &Directory,
    listing: Listing,
    progress: &dyn Progress,
) -> Result<Report, UsageError> {
    if let Some(path) = &options.since {
        let reason =
            "an evidence pack has no tree to hold it against; ask for an export of the log".to_owned();
        return Err(UsageError::Since { path: path.clone(), reason });
    }
    let watch = Stopwatch::start();
    let failures = Failures::default();
    let head = Head::read(directory, options, &failures)?;
    let files = FileTable::read(directory, listing, &head, &failures);
    head.check_files(&files, &failures);
    let found = anchors::read(directory, &files, &failures);
    let work = Work {
        directory,
        files: &files,
        failures: &failures,
        progress,
        tenant: files.tenant(),
        size: head.size(),
        strict: options.strict,
        keyer: StreamKeyer::new(&OsEntropy),
        blobs: BlobRefs::default(),
    };
    let entries = read_proofs(&work, &head);
    let events = work.read_headers(&entries);
    let lines = Lines::open(directory, &files, &failures);
    let mut fold = Fold::new(&head, &failures);
    let (folded, lines) = fold.events(&events, lines);
    let mut counts = Counts { entries: entries.len() as u64, ..Counts::default() };
    work.check(&entries, &events, &folded, &mut SchemaCheck::new(), &mut counts);
    disclosures::check(&events, folded.disclosures, &work, &mut counts);
    lines.finish(&fold.erased);

    let mut report = head.report(&files);
    // A root is known of the checkpoint alone: an anchor of another size shows nothing here.
    let roots: HashMap<u64, Hash> = head.root().map(|root| (head.size(), *root)).into_iter().collect();
    for anchor in found.iter().filter(|anchor| anchor.size() != head.size()) {
        let reason = format!("anchors {} entries, the checkpoint has {}", anchor.size(), head.size());
        failures.push(Failure::file(anchor.path(), reason));
    }
    anchors::check(&found, &head, &roots, &mut report, &mut counts, &failures);
    head.check_quorum(&mut report, &failures);
    blobs::check(directory, &files, work.blobs, &mut report, &mut counts, &failures, progress);
    files.check_rest(directory, |path| belongs_to_pack(path, head.size()), &failures);
    (counts.files, counts.bytes) = files.checked();
    let withheld: BTreeSet<&Hash> = events.iter().flat_map(|(_, header)| &header.sd).collect();
    counts.erased = withheld.iter().filter(|digest| fold.erased.contains_key(**digest)).count() as u64;
    counts.redacted = counts.members.saturating_sub(counts.disclosed + counts.erased);
    counts.streams = fold.last.len() as u64;
    report.disputes = fold.epochs.disputes().iter().map(told).collect();
    report.erasures = fold.erasures;
    report.trust.genesis_pinned = fold.genesis_fits;
    report.notes.push(format!(
        "an evidence pack: {} of the log's {} entries; it says nothing about the others",
        counts.entries,
        head.size()
    ));
    report.counts = counts;
    (report.failures, report.failures_total) = failures.take();
    report.ok = report.failures_total == 0;
    report.seconds = watch.elapsed().as_secs_f64();
    Ok(report)
}

/// The entries of all proofs that lead to the pack's checkpoint, in the order of the log.
fn read_proofs(work: &Work<'_>, head: &Head) -> Vec<(u64, Entry)> {
    let mut paths: Vec<(Option<u64>, &str)> =
        work.files.below(EVENTS).map(|path| (event_index(path), path)).collect();
    paths.sort_unstable();
    work.progress.begin("events", paths.len() as u64);
    let mut buffer = Vec::new();
    let read = |(named, path): (Option<u64>, &str)| {
        work.progress.advance(1);
        let at = |reason| Failure::file(path, reason);
        if !work.read_file(path, PROOF_BYTES_MAX as u64, &mut buffer) {
            return None;
        }
        let proof = work.failures.ok(TlogProof::parse(&buffer), at)?;
        let (proven, _) = work.failures.ok(proof.verify_path(), at)?;
        if named != Some(proof.index) {
            work.failures.push(at(format!("is the proof of entry {}", proof.index)));
        }
        if head.text() != Some(proof.checkpoint.as_str()) {
            let reason = format!("leads to another checkpoint than the pack's, of {} entries", proven.size);
            work.failures.push(at(reason));
            return None;
        }
        let entry = parse_entry(&proof.entry);
        work.failures
            .ok(entry, |reason| Failure::entry(proof.index, reason))
            .map(|entry| (proof.index, entry))
    };
    let entries = paths.into_iter().filter_map(read).collect();
    work.progress.end();
    entries
}

/// What is judged in the order of the log.
struct Fold<'a> {
    failures: &'a Failures,
    genesis_pin: Option<Hash>,
    genesis_fits: bool,
    epochs: Epochs,
    last: HashMap<String, (u64, EventHash)>,
    erased: HashMap<Hash, u64>,
    erasures: Vec<Erasure>,
}

impl<'a> Fold<'a> {
    fn new(head: &Head, failures: &'a Failures) -> Self {
        Self {
            failures,
            genesis_pin: head.policy().and_then(|policy| policy.genesis().copied()),
            genesis_fits: false,
            epochs: Epochs::new(),
            last: HashMap::new(),
            erased: HashMap::new(),
            erasures: Vec::new(),
        }
    }

    fn events<'l>(&mut self, events: &[(Seen, Header<'_>)], mut lines: Lines<'l>) -> (Folded, Lines<'l>) {
        let mut keys: Vec<PublicKey> = Vec::new();
        let mut key_of = Vec::with_capacity(events.len());
        for (seen, header) in events {
            if let (0, Some(pin)) = (seen.index, &self.genesis_pin) {
                self.genesis_fits = check_genesis(pin, seen, header, self.failures);
            }
            if is_erasure(header) {
                let digests = erased_by(header);
                self.erasures.push(Erasure { index: seen.index, members: digests.len() as u64 });
                self.erased.extend(digests.into_iter().map(|digest| (digest, seen.index)));
            }
            self.follow(seen, header);
            let admitted = self.epochs.admit(seen.index, header);
            let key = self.failures.ok(admitted, |reason| of(seen.index, header, reason));
            key_of.push(key.map(|key| {
                keys.push(key);
                keys.len() - 1
            }));
        }
        let disclosures = lines.before(u64::MAX);
        (Folded { keys, key_of, disclosures }, lines)
    }

    /// Two events of a stream that follow each other must be chained; between others there may be more.
    fn follow(&mut self, seen: &Seen, header: &Header<'_>) {
        let before = self.last.insert(header.stream.to_string(), (header.seq, seen.hash));
        let reason = match before {
            Some((seq, _)) if header.seq <= seq => format!("comes after seq {seq} of its stream"),
            Some((seq, hash)) if header.seq == seq + 1 && header.prev != Some(hash) => {
                "does not name the event before it in its stream".to_owned()
            }
            _ => return,
        };
        self.failures.push(of(seen.index, header, reason));
    }
}
