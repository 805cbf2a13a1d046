//! Telling how far a long step is.

/// Hears of the steps of a run; called from several threads.
pub trait Progress: Sync {
    /// A step begins, with so much to do.
    fn begin(&self, step: &'static str, total: u64);

    /// So much more of the step is done.
    fn advance(&self, done: u64);

    /// The step has ended.
    fn end(&self);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _step: &'static str, _total: u64) {}
    fn advance(&self, _done: u64) {}
    fn end(&self) {}
}
