//! The files of an export against its manifest: none missing, none besides, each with its digest.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ledger::bundle::{self, ANCHORS, CHECKPOINT, DISCLOSURES, MANIFEST, POLICY};
use ledger::ids::TenantId;
use ledger::manifest::{MANIFEST_BYTES_MAX, Manifest, ManifestFile};
use ledger::tile::Resource;
use sha2::{Digest, Sha256};

use super::head::Head;
use crate::directory::{Directory, Listing};
use crate::report::{Failure, Failures};

/// The export's files, with what the manifest says of each.
pub struct FileTable {
    manifest: Option<Manifest>,
    listing: Listing,
    expected: HashMap<String, Expected>,
    files: AtomicU64,
    bytes: AtomicU64,
}

struct Expected {
    sha256: [u8; 32],
    size: u64,
    seen: AtomicBool,
}

impl FileTable {
    /// Reads the manifest and holds the listing against it.
    pub fn read(directory: &Directory, listing: Listing, head: &Head, failures: &Failures) -> Self {
        for (path, reason) in &listing.foreign {
            failures.push(Failure::file(path, reason));
        }
        let bytes = directory.read(MANIFEST, MANIFEST_BYTES_MAX as u64);
        let bytes = failures.ok(bytes, |reason| Failure::file(MANIFEST, reason));
        let manifest = bytes.and_then(|bytes| match head.open_manifest(&bytes) {
            Ok(manifest) => Some(manifest),
            Err(reason) => {
                failures.push(Failure::file(MANIFEST, reason));
                None
            }
        });
        let entry = |file: &ManifestFile| {
            let expected = Expected { sha256: file.sha256, size: file.size, seen: AtomicBool::new(false) };
            (file.path.clone(), expected)
        };
        let expected: HashMap<_, _> = manifest.iter().flat_map(|m| &m.files).map(entry).collect();
        if manifest.is_some() {
            for path in expected.keys().filter(|path| !listing.files.contains(*path)) {
                failures.push(Failure::file(path, "is listed in the manifest but missing"));
            }
            for path in listing.files.iter().filter(|path| *path != MANIFEST && !expected.contains_key(*path))
            {
                failures.push(Failure::file(path, "is not listed in the manifest"));
            }
        }
        Self { manifest, listing, expected, files: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// The manifest, if it could be believed.
    pub const fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Whose log the manifest says it is.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.manifest.as_ref().map(|manifest| &manifest.tenant)
    }

    /// Is there such a file?
    pub fn exists(&self, path: &str) -> bool {
        self.listing.files.contains(path)
    }

    /// The files below a directory (with its slash), in order.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.listing.files.range(prefix.to_owned()..);
        from.map(String::as_str).take_while(move |path| path.starts_with(prefix))
    }

    /// Holds the bytes of a file that was read against the manifest.
    pub fn check(&self, path: &str, bytes: &[u8], failures: &Failures) {
        if self.expected.contains_key(path) {
            self.check_digest(path, Sha256::digest(bytes).into(), bytes.len() as u64, failures);
        }
    }

    /// As [`FileTable::check`], for a file that was read in pieces.
    pub fn check_digest(&self, path: &str, sha256: [u8; 32], size: u64, failures: &Failures) {
        let Some(expected) = self.expected.get(path) else { return };
        expected.seen.store(true, Ordering::Relaxed);
        if expected.size != size {
            let reason = format!("has {size} bytes, the manifest says {}", expected.size);
            failures.push(Failure::file(path, reason));
        } else if expected.sha256 != sha256 {
            failures.push(Failure::file(path, "has another SHA-256 than the manifest says"));
        } else {
            self.files.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(size, Ordering::Relaxed);
        }
    }

    /// Files that no check had a reason to read: they do not belong to an export, or their reading failed and was
    /// reported. Their digests are held against the manifest all the same.
    pub fn check_rest(&self, directory: &Directory, belongs: impl Fn(&str) -> bool, failures: &Failures) {
        for (path, expected) in &self.expected {
            if !belongs(path) {
                failures.push(Failure::file(path, "is not a file of an export of this size"));
            }
            if expected.seen.load(Ordering::Relaxed) || !self.exists(path) {
                continue;
            }
            if let Ok(bytes) = directory.read(path, expected.size) {
                self.check(path, &bytes, failures);
            }
        }
    }

    /// How many files were found as the manifest says, and their bytes.
    pub fn checked(&self) -> (u64, u64) {
        (self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// Does the format give this path a meaning, in the export of a log of this size?
pub fn belongs_to_log(path: &str, size: u64) -> bool {
    match path.parse::<Resource>() {
        Ok(Resource::Checkpoint) => true,
        Ok(Resource::Tile(id)) => ledger::tile::TileId::at(id.level, id.index, size) == Some(id),
        Ok(Resource::Entries(id)) => ledger::tile::EntriesId::at(id.index, size) == Some(id),
        Err(_) => belongs_to_any(path),
    }
}

/// Does the format give this path a meaning, in an evidence pack under a checkpoint of this size?
pub fn belongs_to_pack(path: &str, size: u64) -> bool {
    bundle::event_index(path).map_or_else(|| belongs_to_any(path), |index| index < size)
}

fn belongs_to_any(path: &str) -> bool {
    [CHECKPOINT, POLICY, DISCLOSURES].contains(&path)
        || bundle::blob_digest(path).is_some()
        || (path.starts_with(ANCHORS) && path.ends_with(".json"))
}
