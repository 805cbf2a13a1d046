//! One run of a probe file: look, map to controls, hand in.

use ledger::clock::Clock;
use ledger::time::Timestamp;

use super::collector::{CollectError, Collector, Planned, Registry};
use super::file::{FileError, ProbeFile};
use super::record::LastRun;
use crate::evidence::{CheckResult, ControlRef, Evidence};
use crate::probe::{Probe, SubmitError};
use crate::report::{CheckReport, Tally};

/// What a run gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// What is handed in.
    pub evidence: Vec<Evidence>,
    /// Checks that bear on no control of the file's frameworks: they are not handed in.
    pub left_out: Vec<String>,
    /// Why there is nothing but errors.
    pub failed: Option<CollectError>,
}

/// What happens while probes run, for whoever shows it.
#[derive(Debug)]
pub enum RunEvent<'a> {
    /// A run ended, and its evidence is in the spool.
    Submitted {
        /// The probe.
        probe: &'a ProbeFile,
        /// What it gave.
        collected: &'a Collected,
    },
    /// A run ended, and the spool refused its evidence.
    Refused {
        /// The probe.
        probe: &'a ProbeFile,
        /// Why.
        error: &'a SubmitError,
    },
    /// The daemon waits.
    Waiting {
        /// The probe.
        probe: &'a ProbeFile,
        /// Until then.
        until: Timestamp,
    },
}

/// Looks, and hands nothing in.
///
/// # Errors
/// [`FileError`] if the file is wrong.
pub fn dry_run(file: &ProbeFile, registry: &Registry, clock: &dyn Clock) -> Result<Collected, FileError> {
    file.validate(registry)?;
    let collector = registry
        .get(&file.what)
        .ok_or_else(|| FileError::Unknown { what: file.what.clone(), known: registry.names() })?;
    let from = clock.now();
    let cadence = match file.cadence_seconds {
        Some(seconds) => seconds,
        None => u32::try_from(file.schedule()?.cadence(from, file.timeout()).as_secs()).unwrap_or(u32::MAX),
    };
    let (reports, failed) = look(file, collector);
    let to = clock.now();
    let mut collected = Collected { evidence: Vec::new(), left_out: Vec::new(), failed };
    for mut report in reports {
        report.controls = controls(file, &report);
        if report.controls.is_empty() {
            collected.left_out.push(report.check);
            continue;
        }
        let mut evidence = report.into_evidence();
        evidence.target_ref = Some(file.target_ref.clone());
        evidence.target.clone_from(&file.target);
        evidence.observed_from = Some(from);
        evidence.observed_to = Some(to);
        evidence.cadence_seconds = Some(cadence);
        collected.evidence.push(evidence);
    }
    Ok(collected)
}

/// A check that was planned and not reported is told as `error`, so that it cannot go missing quietly.
fn look(file: &ProbeFile, collector: &dyn Collector) -> (Vec<CheckReport>, Option<CollectError>) {
    let planned = collector.plan(&file.options).unwrap_or_default();
    let (mut reports, failed) = match collector.collect(&file.options, file.timeout()) {
        Ok(reports) => (reports, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let why = failed.as_ref().map_or_else(|| "the probe did not report it".to_owned(), ToString::to_string);
    let missing: Vec<&Planned> =
        planned.iter().filter(|plan| !reports.iter().any(|report| report.check == plan.check)).collect();
    reports.extend(missing.into_iter().map(|plan| error_report(plan, &why)).collect::<Vec<_>>());
    (reports, failed)
}

fn error_report(plan: &Planned, why: &str) -> CheckReport {
    let report = Tally::default().report(&plan.check, &plan.title, &[]);
    CheckReport {
        result: CheckResult::Error,
        summary: format!("{why:.2000}"),
        controls: plan.controls.clone(),
        ..report
    }
}

fn controls(file: &ProbeFile, report: &CheckReport) -> Vec<ControlRef> {
    let named = file.controls.get(&report.check).unwrap_or(&report.controls);
    named.iter().filter(|control| file.frameworks.contains(&control.framework)).cloned().collect()
}

/// Runs a probe file now and hands in what it gives.
///
/// # Errors
/// [`FileError`] if the file is wrong. A spool that refuses is told to `tell`, and in the return value.
pub fn run_once(
    file: &ProbeFile,
    registry: &Registry,
    probe: &Probe,
    clock: &dyn Clock,
    tell: &dyn Fn(RunEvent<'_>),
) -> Result<Result<Collected, SubmitError>, FileError> {
    let collected = dry_run(file, registry, clock)?;
    let submitted = probe.submit_all(collected.evidence.clone());
    let record = LastRun::of(&collected, clock.now(), submitted.as_ref().err());
    record.write(probe.spool_dir(), &file.name);
    match submitted {
        Ok(_) => {
            tell(RunEvent::Submitted { probe: file, collected: &collected });
            Ok(Ok(collected))
        }
        Err(error) => {
            tell(RunEvent::Refused { probe: file, error: &error });
            Ok(Err(error))
        }
    }
}
