//! Integrations at work, against fake vendors on loopback and through the sandboxed adapters.

mod canary;
mod connection;
mod custom;
mod kills;
mod misfit;
mod nats;
mod notes;
mod obligations;
mod people;
mod rapid;
mod shared;
mod stage;
mod successor;
mod sync;
mod warnings;
mod webhooks;
