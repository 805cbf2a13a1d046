//! How far a store has been carried and what arrived, as the command line shows it.

use indicatif::ProgressBar;
use ledger_store::copy::Step;

use crate::http::lines::Far;
use crate::runtime::place::{Carried, word};

/// A bar for each step, one after the other.
pub struct Bars(ProgressBar);

impl Bars {
    /// Nothing is done yet.
    pub fn new() -> Self {
        Self(super::bar(word(Step::Carrying)))
    }

    /// A step is so far.
    pub fn step(&self, step: Step, done: u64, of: u64) {
        self.show(word(step), done, of);
    }

    /// As a server tells it.
    pub fn far(&self, far: &Far) {
        self.show(&far.step, far.done, far.of);
    }

    fn show(&self, step: &str, done: u64, of: u64) {
        if self.0.message() != step {
            self.0.set_message(step.to_owned());
        }
        self.0.set_length(of);
        self.0.set_position(done);
    }

    /// Everything is done.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// What arrived, a line for each log.
pub fn print(carried: &Carried) {
    println!(
        "  {} events, {} of them carried by this run, all verified there",
        carried.position, carried.carried
    );
    for log in &carried.logs {
        println!("  {} {:>9} entries, root {}", log.tenant, log.entries, log.root);
    }
}
