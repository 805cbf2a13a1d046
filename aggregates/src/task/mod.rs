//! Tasks: what is to be done, by whom, and how it ended.
//!
//! A failure of a control is one task; the next failure is another. What another system calls done is a claim:
//! a control's task is closed by evidence, or by a risk that somebody accepts.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{ChangeTask, OpenTask, TaskCommand, limits};
pub use decide::{Task, TaskRefusal};
pub use event::*;
pub use state::{Duty, TaskState};
