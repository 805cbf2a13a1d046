//! `/v1/subjects`: data subjects, holds on their data, and its erasure.

pub mod erase;
pub mod hold;
pub mod list;
pub mod release;
