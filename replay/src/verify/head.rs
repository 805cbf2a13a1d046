//! The signed head of the log and the trust file that it is held against.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use ledger::b64;
use ledger::bundle::{CHECKPOINT, MANIFEST, POLICY};
use ledger::checkpoint::Checkpoint;
use ledger::manifest::{Manifest, ManifestError};
use ledger::merkle::Hash;
use ledger::note::{NOTE_BYTES_MAX, Note, VerifierKey};
use ledger::policy::{POLICY_BYTES_MAX, Policy};

use super::files::FileTable;
use super::{Options, UsageError};
use crate::directory::Directory;
use crate::report::{Counts, Failure, Failures, Report, Since, Trust};

/// The head, as far as it could be read.
pub struct Head {
    policy: Option<Policy>,
    policy_path: Option<PathBuf>,
    /// The checkpoint file and the trust file of the export, for the manifest's digests.
    raw: Vec<(&'static str, Vec<u8>)>,
    checkpoint: Option<(Checkpoint, Note)>,
    log_key: Option<VerifierKey>,
    since: Option<(Checkpoint, bool)>,
}

impl Head {
    /// Reads the trust file, the checkpoint and the older checkpoint.
    ///
    /// # Errors
    /// [`UsageError`] if what the auditor gave cannot be read.
    pub fn read(directory: &Directory, options: &Options, failures: &Failures) -> Result<Self, UsageError> {
        let mut raw = Vec::new();
        let mut read = |path: &'static str, max: usize| {
            let bytes =
                failures.ok(directory.read(path, max as u64), |reason| Failure::file(path, reason))?;
            raw.push((path, bytes.clone()));
            Some(bytes)
        };
        let own = read(POLICY, POLICY_BYTES_MAX);
        let own =
            own.and_then(|bytes| failures.ok(parse_policy(&bytes), |reason| Failure::file(POLICY, reason)));
        let policy = match &options.policy {
            Some(path) => Some(given_policy(path)?),
            None => own,
        };
        let bytes = read(CHECKPOINT, NOTE_BYTES_MAX);
        let at = |reason| Failure::file(CHECKPOINT, reason);
        let checkpoint = bytes.and_then(|bytes| failures.ok(Checkpoint::parse_note(&bytes), at));
        let verified = match (&policy, &checkpoint) {
            (Some(policy), Some((head, note))) => failures.ok(policy.verify_log(head, note), at),
            _ => None,
        };
        let since =
            options.since.as_deref().map(|path| given_checkpoint(path, policy.as_ref())).transpose()?;
        let policy_path = options.policy.clone();
        Ok(Self { policy, policy_path, raw, checkpoint, log_key: verified, since })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.checkpoint.as_ref().map_or("", |(head, _)| &head.origin)
    }

    /// Entries that the head commits to; none if there is no head.
    pub fn size(&self) -> u64 {
        self.checkpoint.as_ref().map_or(0, |(head, _)| head.size)
    }

    /// The signed head, verbatim.
    pub fn text(&self) -> Option<&str> {
        let (_, bytes) = self.raw.iter().find(|(path, _)| *path == CHECKPOINT)?;
        std::str::from_utf8(bytes).ok()
    }

    /// The root that the head commits to.
    pub fn root(&self) -> Option<&Hash> {
        self.checkpoint.as_ref().map(|(head, _)| &head.root)
    }

    /// The trust file, if there is one.
    pub const fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// The size of the older checkpoint, if its root can be compared.
    pub fn since_size(&self) -> Option<u64> {
        self.since.as_ref().map(|(since, _)| since.size).filter(|size| *size <= self.size())
    }

    /// Opens the manifest with the key that signed the head, or any that the trust file knows for this log.
    pub fn open_manifest(&self, bytes: &[u8]) -> Result<Manifest, String> {
        let mut keys: Vec<VerifierKey> = self.log_key.iter().cloned().collect();
        keys.extend(self.policy.iter().flat_map(|policy| policy.keys_of(self.origin())));
        let mut refused = None;
        for key in &keys {
            match Manifest::open(bytes, key) {
                Ok(manifest) => return Ok(manifest),
                Err(error @ ManifestError::KeyId { .. }) => refused = refused.or(Some(error)),
                Err(error) => return Err(error.to_string()),
            }
        }
        let unknown = "the trust file knows no key of this log, so the manifest cannot be believed";
        Err(refused.map_or_else(|| unknown.to_owned(), |error| error.to_string()))
    }

    /// Holds checkpoint and trust file against the manifest, and the manifest against the head.
    pub fn check_files(&self, files: &FileTable, failures: &Failures) {
        for (path, bytes) in &self.raw {
            files.check(path, bytes, failures);
        }
        let Some(manifest) = files.manifest() else { return };
        if manifest.origin != self.origin() {
            let reason = format!("is of {:?}, the checkpoint of {:?}", manifest.origin, self.origin());
            failures.push(Failure::file(MANIFEST, reason));
        }
    }

    /// Holds the signatures of the head against the trust file's quorum, unless an anchor has satisfied it.
    pub fn check_quorum(&self, report: &mut Report, failures: &Failures) {
        let (Some(policy), Some((head, note))) = (&self.policy, &self.checkpoint) else { return };
        match policy.verify_quorum(note) {
            Ok(witnesses) if policy.wants_witnesses() => {
                report.trust.witnesses.extend(witnesses.into_iter().map(str::to_owned));
                report.trust.witnessed_size = head.size;
            }
            Ok(_) => {}
            Err(_) if report.trust.witnessed_size > 0 => {}
            Err(refused) => failures.push(Failure::file(CHECKPOINT, refused)),
        }
    }

    /// Is the export an extension of the older checkpoint?
    pub fn check_since(&self, roots: &HashMap<u64, Hash>, failures: &Failures) -> Option<Since> {
        let (since, believed) = self.since.as_ref()?;
        let size = since.size;
        let reason = if since.origin != self.origin() {
            Some(format!(
                "the checkpoint you hold is of {:?}, the export of {:?}",
                since.origin,
                self.origin()
            ))
        } else if !believed {
            Some("the checkpoint you hold is not signed by a key that the trust file knows".to_owned())
        } else if size > self.size() {
            let own = self.size();
            Some(format!("TRUNCATED: the checkpoint you hold has {size} entries, the export only {own}"))
        } else if roots.get(&size) != Some(&since.root) {
            Some(format!(
                "REWRITTEN OR FORKED: the first {size} entries of the export have another root than the checkpoint you hold"
            ))
        } else {
            None
        };
        let consistent = reason.is_none();
        if let Some(reason) = reason {
            failures.push(Failure::general(reason));
        }
        Some(Since { size, consistent })
    }

    /// A report with everything that the head and the manifest say.
    pub fn report(&self, files: &FileTable) -> Report {
        let manifest = files.manifest();
        let own = || "the export's own".to_owned();
        Report {
            ok: false,
            tenant: manifest.map(|m| m.tenant.to_string()).unwrap_or_default(),
            origin: self.origin().to_owned(),
            size: self.size(),
            root: self.root().map(b64::encode).unwrap_or_default(),
            exported_at: manifest.map(|m| m.time.to_string()).unwrap_or_default(),
            purpose: manifest.map(|m| m.purpose.clone()).unwrap_or_default(),
            redactions: manifest.map(|m| m.redactions.clone()).unwrap_or_default(),
            trust: Trust {
                pinned: self.policy_path.is_some(),
                policy: self.policy_path.as_ref().map_or_else(own, |path| path.display().to_string()),
                log_key: self.log_key.as_ref().map(ToString::to_string).unwrap_or_default(),
                ..Trust::default()
            },
            counts: Counts::default(),
            since: None,
            erasures: Vec::new(),
            disputes: Vec::new(),
            notes: Vec::new(),
            failures: Vec::new(),
            failures_total: 0,
            seconds: 0.0,
        }
    }
}

fn parse_policy(bytes: &[u8]) -> Result<Policy, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    text.parse().map_err(|error: ledger::policy::PolicyError| error.to_string())
}

fn given_policy(path: &Path) -> Result<Policy, UsageError> {
    let bytes = fs::read(path).map_err(|error| UsageError::Read { path: path.to_owned(), error })?;
    parse_policy(&bytes).map_err(|reason| UsageError::Policy { path: path.to_owned(), reason })
}

/// The older checkpoint, and whether the trust file believes it.
fn given_checkpoint(path: &Path, policy: Option<&Policy>) -> Result<(Checkpoint, bool), UsageError> {
    let bytes = fs::read(path).map_err(|error| UsageError::Read { path: path.to_owned(), error })?;
    let malformed = |error: ledger::checkpoint::CheckpointError| UsageError::Since {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let (checkpoint, note) = Checkpoint::parse_note(&bytes).map_err(malformed)?;
    let believed = policy.is_some_and(|policy| policy.verify_log(&checkpoint, &note).is_ok());
    Ok((checkpoint, believed))
}
