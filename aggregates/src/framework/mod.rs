//! Frameworks and their catalogues.
//!
//! An edition is imported whole, in one append: its header, its controls in chunks, and the controls that it no longer has.
//! Titles are public; statements and guidance are confidential, because a catalogue may be licensed or the tenant's own.

mod catalog;
mod decide;
mod event;
pub mod oscal;
pub mod starter;
mod state;
#[cfg(test)]
mod tests;

pub use catalog::{Catalog, FrameworkCommand, Prose, limits};
pub use decide::{Framework, FrameworkRefusal};
pub use event::*;
pub use state::FrameworkState;
