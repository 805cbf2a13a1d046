//! `/v1/tenants`: every tenant has its own log, keys and read models.

pub mod create;
pub mod list;
