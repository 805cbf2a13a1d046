//! The Integration Ledger: the composition root. HTTP, environment and processes are known here and nowhere else.

mod api;
mod app;
mod auth;
mod bench;
mod cli;
mod commands;
mod config;
mod connect;
mod console;
mod demo;
mod doctor;
mod error;
mod history;
mod http;
mod runtime;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // Before threads, settings and logging: what runs as an adapter shuts itself in, and has none of these.
    if let Some(code) = cli::adapter::run_as_adapter(std::env::args()) {
        return code;
    }
    cli::Cli::parse().run()
}
