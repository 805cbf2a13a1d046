//! Anchors: what the system log says about the tenant's log.

use std::collections::HashMap;

use ledger::anchor::{AnchorFile, VerifiedAnchor};
use ledger::bundle::ANCHORS;
use ledger::merkle::Hash;

use super::files::FileTable;
use super::head::Head;
use crate::directory::Directory;
use crate::report::{Counts, Failure, Failures, Report};

/// An anchor file is refused above this size.
const ANCHOR_BYTES_MAX: u64 = 1 << 20;

/// An anchor that holds in itself.
pub struct Anchor {
    path: String,
    verified: VerifiedAnchor,
}

impl Anchor {
    /// Its file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The size of the tenant's log that was anchored.
    pub const fn size(&self) -> u64 {
        self.verified.anchored.size
    }
}

/// Reads all anchors and checks each in itself.
pub fn read(directory: &Directory, files: &FileTable, failures: &Failures) -> Vec<Anchor> {
    let read = |path: &str| {
        let at = |reason| Failure::file(path, reason);
        let bytes = failures.ok(directory.read(path, ANCHOR_BYTES_MAX), at)?;
        files.check(path, &bytes, failures);
        let verified = failures.ok(AnchorFile::parse(&bytes).and_then(|file| file.verify()), at)?;
        if path != format!("{ANCHORS}{}.json", verified.index) {
            failures.push(at(format!("is of entry {} of the system log", verified.index)));
        }
        Some(Anchor { path: path.to_owned(), verified })
    };
    files.below(ANCHORS).filter_map(read).collect()
}

/// Holds the anchors against the log's own roots and the trust file.
pub fn check(
    anchors: &[Anchor],
    head: &Head,
    roots: &HashMap<u64, Hash>,
    report: &mut Report,
    counts: &mut Counts,
    failures: &Failures,
) {
    for anchor in anchors {
        let VerifiedAnchor { anchored, system, note, .. } = &anchor.verified;
        let problem = if anchored.origin != head.origin() {
            Some(format!("anchors the log {:?}", anchored.origin))
        } else if anchored.size > head.size() {
            Some(format!(
                "TRUNCATED: {} entries were anchored, the export has {}",
                anchored.size,
                head.size()
            ))
        } else if roots.get(&anchored.size).is_some_and(|root| *root != anchored.root) {
            Some(format!(
                "REWRITTEN OR FORKED: the first {} entries had another root when anchored",
                anchored.size
            ))
        } else {
            None
        };
        if let Some(problem) = problem {
            failures.push(Failure::file(&anchor.path, problem));
            continue;
        }
        counts.anchors += 1;
        let Some(policy) = head.policy() else { continue };
        if policy.keys_of(&system.origin).is_empty() {
            let note =
                format!("the trust file has no key of {:?}, so its anchors prove nothing", system.origin);
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
            continue;
        }
        let at = |reason| Failure::file(&anchor.path, reason);
        if failures.ok(policy.verify_log(system, note), at).is_none() {
            continue;
        }
        report.trust.anchored_size = report.trust.anchored_size.max(anchored.size);
        if let Ok(witnesses) = policy.verify_quorum(note)
            && policy.wants_witnesses()
            && anchored.size > report.trust.witnessed_size
        {
            report.trust.witnesses = witnesses.into_iter().map(str::to_owned).collect();
            report.trust.witnessed_size = anchored.size;
        }
    }
}
