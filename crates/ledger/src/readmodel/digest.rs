//! Digests of read models, equal on every backend and in the offline replay (formats, section 7).
//!
//! SHA-256 over: `ledger-readmodel-digest/v1`, projection, version and tenant, each on a line; then for each table its
//! name and its columns' names on a line, and its rows in key order. A row is its number of cells and its cells; a cell
//! is a tag (0 null, 1 number, 2 text, 3 UUID) and its bytes (numbers: 8, big-endian; text: 4 bytes of length first).

use std::fmt;

use sha2::{Digest, Sha256};

use super::cell::Cell;
use super::table::{ProjectionDef, TableDef};
use crate::ids::TenantId;

/// A digest, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestState {
    /// Over all rows.
    Whole([u8; 32]),
    /// An event is quarantined, so that the rows are not what the log says.
    Degraded,
}

/// The digest of one projection over one tenant's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionDigest {
    /// The projection's name.
    pub projection: &'static str,
    /// Its version.
    pub version: u32,
    /// The digest.
    pub digest: DigestState,
}

impl fmt::Display for ProjectionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/v{} ", self.projection, self.version)?;
        match self.digest {
            DigestState::Whole(digest) => {
                f.write_str("sha256:")?;
                digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            DigestState::Degraded => f.write_str("DEGRADED"),
        }
    }
}

/// Takes the rows of one projection and tenant, table by table in key order.
pub struct Digester {
    hash: Sha256,
    line: Vec<u8>,
    projection: &'static str,
    version: u32,
}

impl Digester {
    /// Begins a projection's digest.
    pub fn new(projection: &ProjectionDef, tenant: &TenantId) -> Self {
        let mut hash = Sha256::new();
        let ProjectionDef { name, version, .. } = projection;
        hash.update(format!("ledger-readmodel-digest/v1\n{name}\n{version}\n{tenant}\n"));
        Self { hash, line: Vec::with_capacity(256), projection: name, version: *version }
    }

    /// Begins a table.
    pub fn table(&mut self, table: &TableDef) {
        self.hash.update(table.name);
        for column in table.columns {
            self.hash.update(" ");
            self.hash.update(column.name);
        }
        self.hash.update("\n");
    }

    /// Takes the next row of the table.
    pub fn row(&mut self, row: &[Cell]) {
        self.line.clear();
        self.line.extend_from_slice(&length(row.len()));
        for cell in row {
            match cell {
                Cell::Null => self.line.push(0),
                Cell::Int(n) => {
                    self.line.push(1);
                    self.line.extend_from_slice(&n.to_be_bytes());
                }
                Cell::Text(text) => {
                    self.line.push(2);
                    self.line.extend_from_slice(&length(text.len()));
                    self.line.extend_from_slice(text.as_bytes());
                }
                Cell::Uuid(uuid) => {
                    self.line.push(3);
                    self.line.extend_from_slice(uuid.as_bytes());
                }
            }
        }
        self.hash.update(&self.line);
    }

    /// The digest.
    pub fn finish(self) -> ProjectionDigest {
        ProjectionDigest {
            projection: self.projection,
            version: self.version,
            digest: DigestState::Whole(self.hash.finalize().into()),
        }
    }
}

/// A length as 4 bytes; headers are at most 35,000 bytes, so no cell comes near the limit.
fn length(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes()
}
