//! What is known afterwards: the last run of each probe, and the state of the spool, for `status`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::run::Collected;
use crate::evidence::CheckResult;
use crate::kept::{Receipts, RejectedFiles};
use crate::probe::SubmitError;
use crate::receipt::Receipt;
use crate::status::Status;

const RUNS: &str = "runs";
/// How many receipts a status shows.
const RECEIPTS_SHOWN: usize = 5;

/// The last run of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// When it ended.
    pub at: Timestamp,
    /// The result of each check.
    pub results: BTreeMap<String, CheckResult>,
    /// Checks that bear on no control of the probe's frameworks.
    pub left_out: Vec<String>,
    /// What went wrong.
    pub error: Option<String>,
}

impl LastRun {
    pub(super) fn of(collected: &Collected, at: Timestamp, refused: Option<&SubmitError>) -> Self {
        let results = collected.evidence.iter().map(|one| (one.check.clone(), one.result)).collect();
        let failed = collected.failed.as_ref().map(ToString::to_string);
        let error = refused.map(ToString::to_string).or(failed);
        Self { at, results, left_out: collected.left_out.clone(), error }
    }

    /// A record that cannot be written is not worth losing a run for.
    pub(super) fn write(&self, spool_dir: &Path, name: &str) {
        let dir = spool_dir.join(RUNS);
        let bytes = serde_json::to_vec_pretty(self).expect("the record is JSON");
        drop(fs::create_dir_all(&dir).and_then(|()| fs::write(dir.join(format!("{name}.json")), bytes)));
    }
}

/// Everything that `status` shows.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// The sender's state, as the last process wrote it; `None` if none ever ran.
    pub sender: Option<Status>,
    /// The last run of each probe.
    pub runs: BTreeMap<String, LastRun>,
    /// What the ledger refused for good, with its reason.
    pub rejected: Vec<(String, String)>,
    /// The newest receipts.
    pub receipts: Vec<Receipt>,
}

/// Reads the state of the spool in `spool_dir`; the daemon may run meanwhile.
///
/// # Errors
/// The file system's.
pub fn status(spool_dir: &Path) -> io::Result<StatusReport> {
    let mut runs = BTreeMap::new();
    for entry in fs::read_dir(spool_dir.join(RUNS)).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // A record that is being written right now is seen the next time.
        if let Ok(run) = serde_json::from_slice(&fs::read(&path)?) {
            runs.insert(name, run);
        }
    }
    let rejected = RejectedFiles::of(spool_dir).list()?.into_iter().map(|(_, rejected)| {
        let text =
            |value: &serde_json::Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        (text(&rejected.evidence, "check"), text(&rejected.problem, "detail"))
    });
    Ok(StatusReport {
        sender: Status::read(spool_dir)?,
        runs,
        rejected: rejected.collect(),
        receipts: Receipts::of(spool_dir).newest(RECEIPTS_SHOWN)?,
    })
}

impl fmt::Display for StatusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sender {
            None => writeln!(f, "no probe has run with this spool yet")?,
            Some(sender) => write_sender(f, sender)?,
        }
        for (name, run) in &self.runs {
            writeln!(f, "probe {name}: last run {}", run.at)?;
            for (check, result) in &run.results {
                writeln!(f, "  {:<14} {check}", result.as_str())?;
            }
            for check in &run.left_out {
                writeln!(f, "  left out       {check}: no control of the probe's frameworks")?;
            }
            if let Some(error) = &run.error {
                writeln!(f, "  error: {error}")?;
            }
        }
        for (check, reason) in &self.rejected {
            writeln!(f, "refused for good: {check}: {reason}")?;
        }
        for receipt in &self.receipts {
            writeln!(
                f,
                "receipt: index {} evidence {} {}",
                receipt.index,
                receipt.evidence,
                receipt.recorded_result.as_str()
            )?;
        }
        Ok(())
    }
}

fn write_sender(f: &mut fmt::Formatter<'_>, status: &Status) -> fmt::Result {
    let time = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    writeln!(
        f,
        "spool: {} waiting, {} of {} bytes, {} refused for good",
        status.waiting, status.spool_bytes, status.spool_bytes_max, status.rejected
    )?;
    writeln!(
        f,
        "receipts: {} verified ({} duplicates), {} not believed, last {}",
        status.receipts,
        status.duplicates,
        status.receipts_refused,
        time(status.last_receipt_at)
    )?;
    if let Some(genesis) = &status.genesis {
        writeln!(f, "log: genesis {genesis}, tenant {}", status.tenant.as_deref().unwrap_or_default())?;
    }
    if status.damaged_bytes > 0 || status.torn_bytes > 0 {
        writeln!(
            f,
            "disk: {} bytes damaged, {} bytes cut off by a crash",
            status.damaged_bytes, status.torn_bytes
        )?;
    }
    if status.clock_offset_seconds != 0 {
        writeln!(f, "clock: the ledger's is {} s ahead", status.clock_offset_seconds)?;
    }
    if let Some(error) = &status.last_error {
        writeln!(f, "last error at {}: {}", error.at, error.what)?;
    }
    if status.failures > 0 {
        writeln!(f, "{} failures in a row, next attempt {}", status.failures, time(status.next_attempt_at))?;
    }
    Ok(())
}
