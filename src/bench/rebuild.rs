//! Not written yet.
use anyhow::Result;
pub fn run(_: &crate::cli::bench::BenchArgs) -> Result<Vec<super::Figure>> {
    Ok(Vec::new())
}
