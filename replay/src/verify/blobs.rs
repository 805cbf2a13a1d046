//! Blobs: each is what its name says, and each is one that a disclosed member refers to.

use std::io::Read;

use ledger::bundle::{BLOBS, blob_digest, blob_path};
use ledger::merkle::Hash;
use sha2::{Digest, Sha256};

use super::disclosures::BlobRefs;
use super::files::FileTable;
use crate::directory::Directory;
use crate::progress::Progress;
use crate::report::{Counts, Failure, Failures, Report};

/// Reads every blob once.
pub fn check(
    directory: &Directory,
    files: &FileTable,
    refs: BlobRefs,
    report: &mut Report,
    counts: &mut Counts,
    failures: &Failures,
    progress: &dyn Progress,
) {
    let refs = refs.into_inner().expect("no thread panics while it holds this");
    let absent = refs.keys().filter(|digest| !files.exists(&blob_path(digest))).count();
    if absent > 0 {
        report.notes.push(format!("{absent} blobs that disclosed members refer to are left out"));
    }
    progress.begin("blobs", files.below(BLOBS).count() as u64);
    for path in files.below(BLOBS) {
        let at = |reason| Failure::file(path, reason);
        if let Some((digest, size)) = failures.ok(hash(directory, path), at) {
            files.check_digest(path, digest, size, failures);
            match blob_digest(path) {
                None => failures.push(at("the name is not a SHA-256 in hex".to_owned())),
                Some(named) if named != digest => {
                    failures.push(at("the content has another SHA-256 than the name says".to_owned()));
                }
                Some(named) if !refs.contains_key(&named) => {
                    failures.push(at("no disclosed member refers to this blob".to_owned()));
                }
                Some(_) => counts.blobs += 1,
            }
        }
        progress.advance(1);
    }
    progress.end();
}

/// The digest and size of a file, read in pieces.
fn hash(directory: &Directory, path: &str) -> std::io::Result<(Hash, u64)> {
    let mut file = directory.file(path)?;
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((hash.finalize().into(), size)),
            read => {
                hash.update(&piece[..read]);
                size += read as u64;
            }
        }
    }
}
