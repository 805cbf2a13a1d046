//! The tests that every backend instantiates.

mod fixture;

pub use fixture::{OTHER_TYPE, Sealer, TYPE};
