//! Which log a probe believes: pinned by its genesis, followed through key rotations.
//!
//! The pin is the event hash of the log's first entry. It is given ([`Trust::Genesis`], [`Trust::File`]), or taken from
//! the first answer and kept in the spool ([`Trust::FirstUse`]). The entries of the key stream come from `GET /v1/keys`
//! and are verified from the genesis on: an answer that does not start with the pinned genesis is refused for good.
//!
//! A receipt may be signed with any key that the log has introduced, a rotated one too: a repeated submission gets
//! the receipt of the first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::epochs::{Epochs, key_stream};
use ledger::event::{EventHash, Header, parse_entry};
use ledger::ids::TenantId;
use ledger::keys::{self, Kid, PublicKey};
use ledger::policy::Policy;
use serde::{Deserialize, Serialize};

/// How the log is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Trust {
    /// Believe the first answer, then nothing else.
    #[default]
    FirstUse,
    /// The event hash of the log's genesis, base64url without padding.
    Genesis(String),
    /// A trust file (tlog-policy) with a line `# genesis <hash>`.
    File(PathBuf),
}

/// Why the keys of a log are not believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The trust file cannot be used.
    #[error("the trust file {path} cannot be used: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The keys do not follow from their genesis.
    #[error("entry {entry} of the log's keys does not hold: {reason}")]
    Keys {
        /// Which, from 0.
        entry: usize,
        /// What is wrong.
        reason: String,
    },
    /// Another log than the pinned one.
    #[error(
        "the ledger answers with the log of genesis {found}, pinned is {pinned}: it was replaced, or is not the right one"
    )]
    OtherLog {
        /// The genesis of the answer.
        found: String,
        /// The pinned one.
        pinned: String,
    },
    /// The pin cannot be stored.
    #[error("the pinned log cannot be kept in {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The refusal.
        error: io::Error,
    },
}

/// The answer of `GET /v1/keys`, and what is kept of it: the entries of the log's key stream, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntries {
    /// Whose log.
    pub tenant: TenantId,
    /// The entries, base64 each, genesis first.
    pub entries: Vec<String>,
}

/// A log's keys, verified from the genesis on.
#[derive(Debug, Clone)]
pub struct LogKeys {
    tenant: TenantId,
    genesis: EventHash,
    epochs: Epochs,
}

impl LogKeys {
    /// Verifies the entries of a key stream.
    ///
    /// # Errors
    /// [`TrustError::Keys`] names the first entry that does not hold.
    pub fn verify(answer: &KeyEntries) -> Result<Self, TrustError> {
        let (mut epochs, mut prev) = (Epochs::default(), None);
        let mut genesis = None;
        for (number, text) in answer.entries.iter().enumerate() {
            let hash = admit(&mut epochs, answer, number, prev, text)
                .map_err(|reason| TrustError::Keys { entry: number, reason })?;
            genesis.get_or_insert(hash);
            prev = Some(hash);
        }
        let genesis =
            genesis.ok_or_else(|| TrustError::Keys { entry: 0, reason: "there is no genesis".to_owned() })?;
        Ok(Self { tenant: answer.tenant.clone(), genesis, epochs })
    }

    /// Whose log it is.
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The pin.
    pub fn genesis(&self) -> String {
        self.genesis.to_string()
    }

    /// A key that the log has introduced.
    pub fn key(&self, kid: Kid) -> Option<&PublicKey> {
        self.epochs.key(kid)
    }
}

fn admit(
    epochs: &mut Epochs,
    answer: &KeyEntries,
    number: usize,
    prev: Option<EventHash>,
    text: &str,
) -> Result<EventHash, String> {
    let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
    let entry = parse_entry(&bytes).map_err(|error| error.to_string())?;
    let header = Header::parse(&entry.header).map_err(|error| error.to_string())?;
    let stream = key_stream(&answer.tenant).map_err(|error| error.to_string())?;
    let place = header.tenant == answer.tenant && header.stream == stream;
    if !place || header.seq != number as u64 || header.prev != prev || header.kid != entry.kid {
        return Err(format!("it is not entry {number} of the chain {stream}"));
    }
    let key = epochs.admit(header.seq, &header).map_err(|error| error.to_string())?;
    let signed = ledger::dsse::pae(ledger::dsse::PAYLOAD_TYPE, &entry.header);
    keys::verify(&key, &signed, &entry.signature).map_err(|error| error.to_string())?;
    Ok(EventHash::of(&entry.header))
}

/// The pin and the keys that follow from it, kept in the spool.
#[derive(Debug)]
pub struct Pinned {
    path: PathBuf,
    pin: Option<String>,
    keys: Option<LogKeys>,
}

impl Pinned {
    /// Reads what was pinned before, and holds it against what is configured.
    ///
    /// # Errors
    /// [`TrustError`]: the trust file, a damaged pin, or a pin that differs from the configured one.
    pub fn open(dir: &Path, trust: &Trust) -> Result<Self, TrustError> {
        let path = dir.join("trust.json");
        let given = match trust {
            Trust::FirstUse => None,
            Trust::Genesis(genesis) => Some(genesis.clone()),
            Trust::File(file) => Some(genesis_of(file)?),
        };
        let mut pinned = Self { path, pin: given, keys: None };
        match fs::read(&pinned.path) {
            Ok(bytes) => {
                let kept: KeyEntries = serde_json::from_slice(&bytes)
                    .map_err(|e| TrustError::File { path: pinned.path.clone(), reason: e.to_string() })?;
                pinned.take(&kept)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(TrustError::Io { path: pinned.path, error }),
        }
        Ok(pinned)
    }

    /// The keys, once they are known.
    pub const fn keys(&self) -> Option<&LogKeys> {
        self.keys.as_ref()
    }

    /// Takes over newer keys of the pinned log, or pins it now.
    ///
    /// # Errors
    /// [`TrustError`]; what was pinned stays.
    pub fn update(&mut self, answer: &KeyEntries) -> Result<(), TrustError> {
        self.take(answer)?;
        let bytes = serde_json::to_vec(answer).expect("strings are JSON");
        crate::spool::disk::replace(&self.path, &bytes)
            .map_err(|error| TrustError::Io { path: self.path.clone(), error })
    }

    fn take(&mut self, answer: &KeyEntries) -> Result<(), TrustError> {
        let keys = LogKeys::verify(answer)?;
        let found = keys.genesis();
        if let Some(pinned) = self.pin.as_ref().filter(|pinned| **pinned != found) {
            return Err(TrustError::OtherLog { found, pinned: pinned.clone() });
        }
        self.pin = Some(found);
        self.keys = Some(keys);
        Ok(())
    }
}

fn genesis_of(file: &Path) -> Result<String, TrustError> {
    let wrong = |reason: String| TrustError::File { path: file.to_owned(), reason };
    let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let policy: Policy = text.parse().map_err(|error| wrong(format!("{error}")))?;
    let genesis = policy.genesis().ok_or_else(|| wrong("it has no line \"# genesis <hash>\"".to_owned()))?;
    Ok(EventHash(*genesis).to_string())
}
