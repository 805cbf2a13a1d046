//! The bytes of the head file: one record a log, each with a MAC.

use hmac::{Hmac, KeyInit, Mac as _};
use ledger::merkle::Hash;
use sha2::Sha256;

/// generation, log, size: 8 bytes each, big-endian; root 32; MAC 32; zeros.
pub const RECORD_BYTES: usize = 128;
const BODY_BYTES: usize = 56;
const MAGIC: &[u8; 32] = b"integration-ledger head file v1\n";
const HEADER_BYTES: usize = 4096;

/// The newest known head of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// How often this log's record was written; its lowest bit chooses the copy.
    pub generation: u64,
    pub size: u64,
    pub root: Hash,
}

/// HMAC-SHA256 under the head key, bound to one store.
#[derive(Clone)]
pub struct Mac {
    keyed: Hmac<Sha256>,
    store: [u8; 16],
}

impl std::fmt::Debug for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mac(..)")
    }
}

impl Mac {
    pub fn new(key: &[u8; 32], store: &[u8; 16]) -> Self {
        let mut keyed = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        keyed.update(store);
        Self { keyed, store: *store }
    }

    fn of(&self, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    fn fits(&self, bytes: &[u8], tag: &[u8]) -> bool {
        let mut mac = self.keyed.clone();
        mac.update(bytes);
        mac.verify_slice(tag).is_ok()
    }

    pub fn header(&self) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&self.store);
        let tag = self.of(&header);
        header.extend_from_slice(&tag);
        header.resize(HEADER_BYTES, 0);
        header
    }

    pub fn check_header(&self, bytes: &[u8]) -> Result<(), &'static str> {
        let Some(header) = bytes.get(..HEADER_BYTES) else { return Err("it is cut short") };
        let (magic, store, tag) = (&header[..32], &header[32..48], &header[48..80]);
        if magic != MAGIC {
            return Err("it is no head file");
        }
        if store != self.store {
            return Err("it belongs to another store");
        }
        if !self.fits(&header[..48], tag) {
            return Err("its header is not authentic under this key");
        }
        Ok(())
    }

    pub fn write(&self, log: i64, record: &Record) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&record.generation.to_be_bytes());
        bytes[8..16].copy_from_slice(&log.to_be_bytes());
        bytes[16..24].copy_from_slice(&record.size.to_be_bytes());
        bytes[24..56].copy_from_slice(&record.root);
        let tag = self.of(&bytes[..BODY_BYTES]);
        bytes[BODY_BYTES..BODY_BYTES + 32].copy_from_slice(&tag);
        bytes
    }

    /// `Ok(None)`: never written (zeros, or beyond the end). `Err`: damaged.
    pub fn read(&self, file: &[u8], offset: u64, log: i64) -> Result<Option<Record>, ()> {
        let start = usize::try_from(offset).map_err(|_| ())?;
        let Some(rest) = file.get(start..) else { return Ok(None) };
        let bytes = &rest[..rest.len().min(RECORD_BYTES)];
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if bytes.len() < BODY_BYTES + 32
            || !self.fits(&bytes[..BODY_BYTES], &bytes[BODY_BYTES..BODY_BYTES + 32])
        {
            return Err(());
        }
        let number = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| bytes[at + i]));
        if number(8) != u64::try_from(log).map_err(|_| ())? {
            return Err(());
        }
        let root = std::array::from_fn(|i| bytes[24 + i]);
        Ok(Some(Record { generation: number(0), size: number(16), root }))
    }
}
