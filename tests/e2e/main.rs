//! The product as its users run it: the real binary, real files, real HTTP.
//!
//! `LEDGER_TEST_LONG=1` makes the suites that count long: 1,000 kills, every byte of an export.

mod backup;
mod bad_input;
mod cluster;
mod connect;
mod crash;
mod credentials;
mod deploy;
mod doctor;
mod erasure;
mod evidence;
mod history;
mod isolation;
mod load;
#[path = "../../crates/queue-nats/tests/support/mod.rs"]
mod nats_server;
mod openapi;
mod operator;
#[path = "../../crates/store-postgres/tests/support/mod.rs"]
mod postgres;
mod probe;
mod recover;
mod server;
mod standby;
mod witness;
mod work;

/// Are the long suites asked for?
fn long() -> bool {
    std::env::var_os("LEDGER_TEST_LONG").is_some_and(|value| value == "1")
}
