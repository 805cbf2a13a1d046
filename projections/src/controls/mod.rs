//! The controls of all frameworks: what the catalogue says, what evidence says, from whom, and since when.

mod fold;
mod status;
mod tables;
#[cfg(test)]
mod tests;

pub use fold::Controls;
pub use status::status_at;
pub use tables::{
    CONTROL, CONTROL_EVIDENCE, CONTROL_HISTORY, CONTROL_SOURCE, ControlEvidenceRow, ControlHistoryRow,
    ControlRow, ControlSourceRow,
};
