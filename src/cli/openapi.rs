//! `ledger openapi`.

use std::process::ExitCode;

use anyhow::Result;

/// Prints the document that the server serves.
///
/// # Errors
/// It cannot be written as JSON.
pub fn run() -> Result<ExitCode> {
    println!("{}", serde_json::to_string_pretty(&crate::api::router::document())?);
    Ok(ExitCode::SUCCESS)
}
