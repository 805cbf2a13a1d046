//! What the verb shows.

use std::io::{self, Write};

use ledger_probe::runner::{Collected, ProbeFile, RunEvent};
use ledger_probe::{CheckResult, Evidence, Status, SubmitError};
use serde_json::{Value, json};

/// How many findings of a check are shown; all of them are handed in.
const FINDINGS_SHOWN: usize = 5;

pub type Run = Result<Collected, SubmitError>;

/// A run as JSON: what was found, without the findings, which are confidential and long.
pub fn json(file: &ProbeFile, run: &Run) -> Value {
    let checks = |collected: &Collected| -> Vec<Value> {
        let one = |e: &Evidence| json!({"check": e.check, "result": e.result, "checked": e.checked, "skipped": e.skipped, "findings": e.findings.len()});
        collected.evidence.iter().map(one).collect()
    };
    match run {
        Ok(collected) => {
            json!({"probe": file.name, "checks": checks(collected), "left_out": collected.left_out})
        }
        Err(error) => json!({"probe": file.name, "error": error.to_string()}),
    }
}

/// A run, check by check.
pub fn text(file: &ProbeFile, run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let collected = match run {
        Ok(collected) => collected,
        Err(error) => return writeln!(out, "{}: not accepted: {error}", file.name),
    };
    for evidence in &collected.evidence {
        writeln!(
            out,
            "{:<14} {:<32} {:>6} checked {:>4} skipped {:>4} findings",
            evidence.result.as_str(),
            evidence.check,
            evidence.checked,
            evidence.skipped,
            evidence.findings.len()
        )?;
        if evidence.result == CheckResult::Error {
            writeln!(out, "  {}", evidence.summary.as_deref().unwrap_or_default())?;
        }
        for finding in evidence.findings.iter().take(FINDINGS_SHOWN) {
            let member = |name: &str| finding.get(name).map_or("", String::as_str);
            writeln!(out, "  {:<8} {}: {}", member("severity"), member("object"), member("detail"))?;
        }
        if evidence.findings.len() > FINDINGS_SHOWN {
            writeln!(out, "  … and {} more", evidence.findings.len() - FINDINGS_SHOWN)?;
        }
    }
    for check in &collected.left_out {
        writeln!(out, "left out       {check}: it bears on no control of {}", file.frameworks.join(", "))?;
    }
    Ok(())
}

/// What became of everything.
pub fn delivery(status: &Status, delivered: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} receipts verified, {} refused for good, {} waiting",
        status.receipts, status.rejected, status.waiting
    )?;
    if let Some(error) = status.last_error.as_ref().filter(|_| !delivered || status.rejected > 0) {
        writeln!(out, "last error: {}", error.what)?;
    }
    if !delivered {
        writeln!(out, "what waits is kept, and is sent by the next run or daemon on this spool")?;
    }
    if status.rejected > 0 {
        writeln!(out, "see ledger probe status for what was refused")?;
    }
    Ok(())
}

/// A line of the daemon.
pub fn event(event: &RunEvent<'_>, out: &mut dyn Write) -> io::Result<()> {
    match event {
        RunEvent::Submitted { probe, collected } => {
            let count = |wanted| collected.evidence.iter().filter(|e| e.result == wanted).count();
            let (all, fail) = (collected.evidence.len(), count(CheckResult::Fail));
            writeln!(out, "{}: {all} checks, {fail} fail, {} error", probe.name, count(CheckResult::Error))?;
        }
        RunEvent::Refused { probe, error } => writeln!(out, "{}: not accepted: {error}", probe.name)?,
        RunEvent::Waiting { probe, until } => writeln!(out, "{}: next run at {until}", probe.name)?,
    }
    out.flush()
}
