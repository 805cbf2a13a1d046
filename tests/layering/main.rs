//! The shape of the workspace, held by tests: who may depend on whom, and what may stand where.
//!
//! Each rule has a control beside it that plants a breach and expects it to be found.

mod dependencies;
mod documents;
mod sources;
