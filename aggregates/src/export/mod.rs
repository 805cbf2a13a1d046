//! Exports of a log: asked for, whole or given up. The request is in the log before the export begins.

mod event;
#[cfg(test)]
mod tests;

use ledger::domain::{Aggregate, DecideCtx};

pub use event::*;

use crate::values::{ExportFailure, ExportPurpose};

/// The aggregate of one export.
#[derive(Debug)]
pub struct Export;

/// What may be asked of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportCommand {
    /// Ask for one.
    Request {
        /// What it is for.
        purpose: ExportPurpose,
        /// Are disclosures left out?
        redacted: bool,
        /// Who gets it.
        recipient: Option<String>,
    },
    /// Say that it is whole.
    Complete {
        /// The size of the log in it.
        log_size: u64,
        /// How many files it has.
        files: u32,
    },
    /// Give it up.
    Fail {
        /// Why.
        reason: ExportFailure,
        /// What went wrong.
        detail: Option<String>,
    },
}

/// What is known about an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExportState {
    /// Nobody asked for it.
    #[default]
    Absent,
    /// It is being made.
    Requested,
    /// It is whole.
    Completed,
    /// It was given up.
    Failed,
}

crate::refusals! {
    /// Why a command to an export is refused.
    ExportRefusal {
        /// The id is taken.
        AlreadyRequested {} => Conflict, "export-exists", "",
            "an export with this id was requested already", "ask for it under its id, or request another";
        /// Nobody asked for it.
        Unknown {} => NotFound, "export-unknown", "",
            "there is no export with this id", "request it first, or check the id";
        /// It has ended.
        Ended {} => Conflict, "export-ended", "",
            "the export is complete or was given up", "request another";
    }
}

impl Aggregate for Export {
    const CATEGORY: &'static str = "export";
    type State = ExportState;
    type Command = ExportCommand;
    type Event = ExportEvent;
    type Error = ExportRefusal;

    fn decide(
        state: &ExportState,
        command: &ExportCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<ExportEvent>, ExportRefusal> {
        let event: ExportEvent = match (state, command) {
            (ExportState::Absent, ExportCommand::Request { purpose, redacted, recipient }) => {
                let recipient = recipient.clone().into();
                ExportRequested { purpose: *purpose, redacted: *redacted, recipient }.into()
            }
            (ExportState::Absent, _) => return Err(ExportRefusal::Unknown {}),
            (_, ExportCommand::Request { .. }) => return Err(ExportRefusal::AlreadyRequested {}),
            (ExportState::Requested, ExportCommand::Complete { log_size, files }) => {
                ExportCompleted { log_size: *log_size, files: *files }.into()
            }
            (ExportState::Requested, ExportCommand::Fail { reason, detail }) => {
                ExportFailed { reason: *reason, detail: detail.clone().into() }.into()
            }
            (ExportState::Completed | ExportState::Failed, _) => return Err(ExportRefusal::Ended {}),
        };
        Ok(vec![event])
    }

    fn evolve(_state: ExportState, event: &ExportEvent) -> ExportState {
        match event {
            ExportEvent::Requested(_) => ExportState::Requested,
            ExportEvent::Completed(_) => ExportState::Completed,
            ExportEvent::Failed(_) => ExportState::Failed,
        }
    }
}
