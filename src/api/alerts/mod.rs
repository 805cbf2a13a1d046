//! `/v1/alerts`: what needs attention.

pub mod act;
pub mod list;
