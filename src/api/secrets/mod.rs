//! `/v1/secrets`: what connections need to come in. They can be put, replaced and deleted, never read.

pub mod delete;
pub mod list;
pub mod put;
