//! The Integration Ledger: the composition root. HTTP, environment and processes are known here and nowhere else.

mod api;
mod app;
mod auth;
mod bench;
mod cli;
mod commands;
mod config;
mod console;
mod demo;
mod error;
mod history;
mod http;
mod runtime;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
