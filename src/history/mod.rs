//! What the log itself answers: entries, proofs, disclosures. Read models are asked elsewhere.

pub mod disclose;
pub mod export;
pub mod pack;
pub mod proof;
