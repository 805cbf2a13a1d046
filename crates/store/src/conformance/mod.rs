//! The tests that every backend instantiates.
