//! Pure folds from events to read models, and reactors from events to commands.

pub mod reactors;
