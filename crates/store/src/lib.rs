//! The event store contract, its conformance suite and the lanes above it.
