//! Formats, hashes, signatures, Merkle proofs and keys of the Integration Ledger.
//!
//! Everything here is synchronous and pure: no I/O, no async runtime, no database client.
//! Time and randomness come in as [`clock::Clock`] and [`clock::Entropy`].
//! `docs/FORMATS.md` describes the bytes; each module cites the standard it follows.

pub mod anchor;
pub mod apikey;
pub mod b64;
pub mod bundle;
pub mod canonical;
pub mod chain;
pub mod checkpoint;
pub mod clock;
pub mod cosignature;
pub mod crc32;
pub mod disclosure;
pub mod domain;
pub mod dsse;
pub mod epochs;
pub mod event;
pub mod http_signature;
pub mod ids;
pub mod keys;
pub mod manifest;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof;
pub mod readmodel;
pub mod secretbox;
pub mod tile;
pub mod time;
pub mod tlog_proof;
