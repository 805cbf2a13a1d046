//! Verifying an export: every entry, every stream, the tree, the head, the anchors, the files.
//!
//! Entries are read once, in chunks, by as many threads as there are processors. What needs no knowledge of other
//! chunks (hashing, reading, signatures) runs beside each other; what needs the entries before (key epochs, chains, the
//! tree) is done in order, a chunk at a time, while the others go on.
//! A fault is noted with its place and the run goes on: an auditor wants all of them.

mod anchors;
mod blobs;
mod chunk;
mod disclosures;
mod files;
mod fold;
mod head;
mod heads;
mod pack;
mod schema;
mod signatures;
mod turn;

use std::io;
use std::path::PathBuf;
use std::thread;

use ledger::clock::{OsEntropy, Stopwatch};

use crate::directory::Directory;
use crate::progress::Progress;
use crate::report::{Counts, Failures, Report};
use files::FileTable;
use fold::Fold;
use head::Head;
use turn::Turnstile;

/// What to verify, and against what.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The export's directory.
    pub bundle: PathBuf,
    /// The auditor's trust file; without one the export's own is taken, which proves nothing about who wrote it.
    pub policy: Option<PathBuf>,
    /// A file with an older checkpoint that the auditor holds.
    pub since: Option<PathBuf>,
    /// Verify every signature by itself and without the cofactor.
    pub strict: bool,
    /// Threads; as many as there are processors if none is given.
    pub threads: Option<usize>,
}

/// Why nothing can be verified: the call is wrong, not the export.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The export cannot be read at all.
    #[error("{path}: {error}")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The trust file given is not one.
    #[error("the trust file {path}: {reason}")]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The older checkpoint given is not one.
    #[error("the checkpoint {path}: {reason}")]
    Since {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Verifies an export or an evidence pack.
///
/// # Errors
/// [`UsageError`] if there is nothing to verify, or what it is to be held against cannot be read.
/// Everything that is wrong with the export itself is in the [`Report`].
pub fn verify(options: &Options, progress: &dyn Progress) -> Result<Report, UsageError> {
    let watch = Stopwatch::start();
    let unreadable = |error| UsageError::Read { path: options.bundle.clone(), error };
    let directory = Directory::open(&options.bundle).map_err(unreadable)?;
    let listing = directory.list().map_err(unreadable)?;
    if pack::is_pack(&listing) {
        return pack::verify(options, &directory, listing, progress);
    }
    let failures = Failures::default();
    let head = Head::read(&directory, options, &failures)?;
    let files = FileTable::read(&directory, listing, &head, &failures);
    head.check_files(&files, &failures);
    let anchors = anchors::read(&directory, &files, &failures);
    let sizes = head.since_size().into_iter().chain(anchors.iter().map(|anchor| anchor.size()));
    let mut fold = Fold::new(&directory, &files, &head, sizes.collect(), &failures);

    let mut counts = Counts::default();
    let work = chunk::Work {
        directory: &directory,
        files: &files,
        failures: &failures,
        progress,
        tenant: files.tenant(),
        size: head.size(),
        strict: options.strict,
        keyer: heads::StreamKeyer::new(&OsEntropy),
        blobs: disclosures::BlobRefs::default(),
    };
    progress.begin("entries", head.size());
    let turnstile = Turnstile::new(&mut fold);
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads(options)).map(|_| scope.spawn(|| chunk::run(&work, &turnstile))).collect();
        for worker in workers {
            counts.add(worker.join().expect("a worker reports faults, it does not panic"));
        }
    });
    progress.end();

    let outcome = fold.finish(&head, &mut counts);
    let mut report = head.report(&files);
    anchors::check(&anchors, &head, &outcome.roots, &mut report, &mut counts, &failures);
    head.check_quorum(&mut report, &failures);
    report.since = head.check_since(&outcome.roots, &failures);
    blobs::check(&directory, &files, work.blobs, &mut report, &mut counts, &failures, progress);
    files.check_rest(&directory, |path| files::belongs_to_log(path, head.size()), &failures);
    (counts.files, counts.bytes) = files.checked();
    counts.redacted = counts.members.saturating_sub(counts.disclosed + counts.erased);
    report.disputes = outcome.disputes;
    report.erasures = outcome.erasures;
    report.notes.extend(outcome.notes);
    report.trust.genesis_pinned = outcome.genesis_pinned;
    report.counts = counts;
    (report.failures, report.failures_total) = failures.take();
    report.ok = report.failures_total == 0;
    report.seconds = watch.elapsed().as_secs_f64();
    Ok(report)
}

fn threads(options: &Options) -> usize {
    let machine = || thread::available_parallelism().map_or(1, usize::from);
    options.threads.unwrap_or_else(machine).max(1)
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.signatures += other.signatures;
        self.members += other.members;
        self.disclosed += other.disclosed;
        self.unknown_types += other.unknown_types;
    }
}
