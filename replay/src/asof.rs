//! What was the status of a control at a point in time, and on which evidence?

use std::path::Path;

use ledger::disclosure::Disclosure;
use ledger::readmodel::{Cell, TypedRow};
use ledger::time::Timestamp;
use ledger_projections::controls::{CONTROL, ControlRow, ControlSourceRow, status_at};
use ledger_projections::evidence::{EVIDENCE_ID, EvidenceIdRow};
use serde::Serialize;

use crate::entries::{Export, ReplayError};
use crate::progress::Progress;
use crate::rebuild::{Rebuilt, rebuild_export};

/// The state of the controls at a point in time.
#[derive(Debug, Clone, Serialize)]
pub struct AsOf {
    /// The point in time.
    pub time: String,
    /// Whose log.
    pub tenant: String,
    /// Entries that count: the longest prefix whose running maximum of time is not after it.
    pub entries: u64,
    /// Entries of the whole export.
    pub size: u64,
    /// The controls, by framework and id.
    pub controls: Vec<ControlAsOf>,
}

/// One control at that time.
#[derive(Debug, Clone, Serialize)]
pub struct ControlAsOf {
    /// The framework.
    pub framework: String,
    /// The control.
    pub control: String,
    /// Its title, if the catalogue has one.
    pub title: Option<String>,
    /// Its status at that time.
    pub status: String,
    /// Since when it has the status that was recorded last.
    pub since: Option<String>,
    /// When the first of its sources misses, or has missed, its cadence.
    pub stale_after: Option<String>,
    /// What it rests on: the latest result of each source.
    pub evidence: Vec<EvidenceAsOf>,
}

/// The latest result of one source.
#[derive(Debug, Clone, Serialize)]
pub struct EvidenceAsOf {
    /// The evidence.
    pub evidence: String,
    /// The index of its submission in the log.
    pub index: Option<u64>,
    /// Who says so.
    pub source: String,
    /// What was checked.
    pub check: String,
    /// What was looked at, as an opaque reference.
    pub target_ref: String,
    /// What was found.
    pub result: String,
    /// The end of the observation.
    pub observed_to: String,
    /// Had the source missed its cadence?
    pub stale: bool,
    /// Its headline, if this export discloses it.
    pub title: Option<String>,
}

/// Answers for all controls, or for those that `control` names: `AU-2`, or `nist-800-53.au-2`.
///
/// # Errors
/// [`ReplayError`] if the export cannot be replayed, or has no such control at that time.
pub fn as_of(
    bundle: &Path,
    time: Timestamp,
    control: Option<&str>,
    progress: &dyn Progress,
) -> Result<AsOf, ReplayError> {
    let export = Export::open(bundle)?;
    let rebuilt = rebuild_export(&export, Some(time), progress)?;
    let wanted = control.map(str::to_ascii_lowercase);
    let mut controls: Vec<ControlAsOf> = typed::<ControlRow>(&rebuilt)
        .filter(|row| wanted.as_deref().is_none_or(|wanted| is(row, wanted)))
        .map(|row| control_at(&rebuilt, &row, time))
        .collect();
    if let Some(wanted) = control.filter(|_| controls.is_empty()) {
        let known = rebuilt.rows().rows(&CONTROL, &rebuilt.tenant).count();
        return Err(ReplayError::Usage(format!(
            "no control {wanted:?} at {time}: the log knew {known} controls by then; name one as AU-2 or nist-800-53.au-2"
        )));
    }
    add_titles(&export, &mut controls)?;
    Ok(AsOf {
        time: time.to_string(),
        tenant: rebuilt.tenant.to_string(),
        entries: rebuilt.log.size,
        size: export.head.size,
        controls,
    })
}

fn is(row: &ControlRow, wanted: &str) -> bool {
    row.control.as_str() == wanted || format!("{}.{}", row.framework, row.control) == wanted
}

fn control_at(rebuilt: &Rebuilt, row: &ControlRow, time: Timestamp) -> ControlAsOf {
    let ours = |source: &ControlSourceRow| source.framework == row.framework && source.control == row.control;
    let evidence =
        typed::<ControlSourceRow>(rebuilt).filter(ours).map(|source| evidence_at(rebuilt, &source, time));
    ControlAsOf {
        framework: row.framework.to_string(),
        control: row.control.to_string(),
        title: row.title.as_deref().map(str::to_owned),
        status: status_at(row, time).to_string(),
        since: row.since.map(|since| since.to_string()),
        stale_after: row.stale_after.map(|at| at.to_string()),
        evidence: evidence.collect(),
    }
}

fn evidence_at(rebuilt: &Rebuilt, source: &ControlSourceRow, time: Timestamp) -> EvidenceAsOf {
    let key = [Cell::of(&source.evidence)];
    let place = rebuilt.rows().row(&EVIDENCE_ID, &rebuilt.tenant, &key);
    let place = place.and_then(|row| EvidenceIdRow::from_row(row));
    EvidenceAsOf {
        evidence: source.evidence.to_string(),
        index: place.map(|row| row.index),
        source: source.source.to_string(),
        check: source.check.to_string(),
        target_ref: source.target_ref.to_string(),
        result: source.result.to_string(),
        observed_to: source.observed_to.to_string(),
        stale: ledger_aggregates::control::status::overdue(source.stale_after, time),
        title: None,
    }
}

/// Headlines are confidential: they are joined from the disclosures, where the export has them.
fn add_titles(export: &Export, controls: &mut [ControlAsOf]) -> Result<(), ReplayError> {
    let mut wanted: Vec<u64> = controls.iter().flat_map(|c| &c.evidence).filter_map(|e| e.index).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let title = |d: &Disclosure| (d.name == "title").then(|| d.value.as_str().map(str::to_owned)).flatten();
    let titles: std::collections::HashMap<u64, String> =
        export.disclosed(&wanted)?.iter().filter_map(|(index, d)| Some((*index, title(d)?))).collect();
    for evidence in controls.iter_mut().flat_map(|control| &mut control.evidence) {
        evidence.title = evidence.index.and_then(|index| titles.get(&index).cloned());
    }
    Ok(())
}

fn typed<T: TypedRow>(rebuilt: &Rebuilt) -> impl Iterator<Item = T> {
    rebuilt.rows().rows(T::TABLE, &rebuilt.tenant).filter_map(|row| T::from_row(row))
}
