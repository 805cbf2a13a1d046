//! The HTTP edge: listeners, request ids, limits, metrics. What a request means lives in `api`.

pub mod body;
pub mod lines;
pub mod listen;
pub mod local;
pub mod metrics;
pub mod query;
pub mod request;
pub mod shed;
