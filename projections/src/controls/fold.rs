//! The fold of controls.

use ledger::readmodel::{Cell, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::control::{AppliedEvidence, ControlEvent, status};
use ledger_aggregates::framework::{CatalogControl, FrameworkEvent};
use ledger_aggregates::values::{CheckResult, ControlId, ControlRef, ControlStatus, EvidenceId, FrameworkId};

use super::tables::{
    CONTROL, CONTROL_EVIDENCE, CONTROL_HISTORY, CONTROL_SOURCE, ControlEvidenceRow, ControlHistoryRow,
    ControlRow, ControlSourceRow, PLACES,
};
use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

/// The sources that are walked to find the worst result; the aggregate takes no more for one control.
const SOURCES_MAX: usize = 10_000;

static DEF: ProjectionDef = ProjectionDef {
    name: "controls",
    version: 1,
    tables: &[&CONTROL, &CONTROL_SOURCE, &CONTROL_EVIDENCE, &CONTROL_HISTORY],
};

/// The projection.
#[derive(Debug)]
pub struct Controls;

impl Projection for Controls {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        if let Some(fact) = event.control()? {
            return fold_control(event, fact, rows);
        }
        let Some(fact) = event.framework()? else { return Ok(()) };
        let framework = aggregate_id(event, FrameworkId::from_stream)?;
        match fact {
            FrameworkEvent::Imported(_) => {}
            FrameworkEvent::ControlsAdded(added) => {
                for control in &added.controls {
                    list(event, &framework, control, rows)?;
                }
            }
            FrameworkEvent::ControlsWithdrawn(withdrawn) => {
                for control in &withdrawn.controls {
                    rows.amend(&key(&framework, control), |row: &mut ControlRow| {
                        row.listed = false;
                        row.changed_index = Some(event.index);
                    })?;
                }
            }
        }
        Ok(())
    }
}

fn key(framework: &FrameworkId, control: &ControlId) -> [Cell; 2] {
    [Cell::of(framework), Cell::of(control)]
}

fn unassessed(framework: &FrameworkId, control: &ControlId) -> ControlRow {
    ControlRow {
        framework: framework.clone(),
        control: control.clone(),
        listed: false,
        title: None,
        parent: None,
        group: None,
        cadence_seconds: None,
        maps_to: None,
        prose_index: None,
        status: ControlStatus::Unknown,
        worst: None,
        stale_after: None,
        due: None,
        since: None,
        sources: 0,
        failing: 0,
        evidence: None,
        failure: None,
        changed_index: None,
    }
}

fn list(
    event: &LogEvent,
    framework: &FrameworkId,
    control: &CatalogControl,
    rows: &mut dyn Rows,
) -> Result<(), FoldError> {
    let known = rows.fetch::<ControlRow>(&key(framework, &control.id))?;
    let mut row = known.unwrap_or_else(|| unassessed(framework, &control.id));
    let maps_to: Vec<String> = control.maps_to.iter().map(ToString::to_string).collect();
    row.listed = true;
    row.title = Some(Text::new(control.title.as_str()));
    row.parent = control.parent.clone();
    row.group = control.group.clone();
    row.cadence_seconds = control.cadence_seconds.map(u64::from);
    row.maps_to = (!maps_to.is_empty()).then(|| maps_to.join(" ").into());
    row.prose_index = Some(event.index);
    row.changed_index = Some(event.index);
    rows.store(&row);
    Ok(())
}

fn fold_control(event: &LogEvent, fact: &ControlEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
    let ControlRef { framework, control } = aggregate_id(event, ControlRef::from_stream)?;
    let known = rows.fetch::<ControlRow>(&key(&framework, &control))?;
    let mut row = known.unwrap_or_else(|| unassessed(&framework, &control));
    row.changed_index = Some(event.index);
    match fact {
        ControlEvent::Assessed(assessed) => {
            for (item, applied) in (0..).zip(&assessed.applied) {
                apply(event, &row, item, applied, rows);
            }
            let counts = (assessed.sources, assessed.failing);
            weigh(&mut row, assessed.status, counts, assessed.stale_after, rows)?;
        }
        ControlEvent::EvidenceRetracted(retracted) => {
            retract(&row, retracted.evidence, rows)?;
            let counts = (retracted.sources, retracted.failing);
            weigh(&mut row, retracted.status, counts, retracted.stale_after, rows)?;
        }
        ControlEvent::StatusChanged(changed) => {
            row.status = changed.to;
            row.since = Some(event.time);
            row.evidence = changed.evidence;
        }
        ControlEvent::ObservationRaised(raised) => row.failure = Some(raised.epoch.into()),
        ControlEvent::ObservationResolved(_) => row.failure = None,
        ControlEvent::WentStale(_) => row.due = None,
        ControlEvent::Refreshed(_) => row.due = row.stale_after,
        ControlEvent::EvidenceLeftOut(_) => {}
    }
    if let Some(entry) = history(event, fact, &row) {
        rows.store(&entry);
    }
    rows.store(&row);
    Ok(())
}

fn apply(event: &LogEvent, row: &ControlRow, item: u64, applied: &AppliedEvidence, rows: &mut dyn Rows) {
    rows.store(&ControlSourceRow {
        framework: row.framework.clone(),
        control: row.control.clone(),
        source: applied.source.clone(),
        check: applied.check.clone(),
        target_ref: applied.target_ref.clone(),
        result: applied.result,
        observed_to: applied.observed_to,
        stale_after: applied.stale_after,
        evidence: applied.evidence,
        index: event.index,
    });
    rows.store(&ControlEvidenceRow {
        framework: row.framework.clone(),
        control: row.control.clone(),
        place: event.index * PLACES + item,
        evidence: applied.evidence,
        source: applied.source.clone(),
        check: applied.check.clone(),
        target_ref: applied.target_ref.clone(),
        result: applied.result,
        observed_to: applied.observed_to,
    });
}

fn retract(row: &ControlRow, evidence: EvidenceId, rows: &mut dyn Rows) -> Result<(), FoldError> {
    for source in rows.list::<ControlSourceRow>(&key(&row.framework, &row.control), SOURCES_MAX)? {
        if source.evidence == evidence {
            let (control, target) = (key(&row.framework, &row.control), Cell::of(&source.target_ref));
            let [framework, control] = control;
            let place = [framework, control, Cell::of(&source.source), Cell::of(&source.check), target];
            rows.delete(&CONTROL_SOURCE, &place);
        }
    }
    Ok(())
}

/// Takes over what all sources say together. An event that says stale hides what they said: then they are asked.
fn weigh(
    row: &mut ControlRow,
    status: ControlStatus,
    (sources, failing): (u32, u32),
    stale_after: Option<Timestamp>,
    rows: &mut dyn Rows,
) -> Result<(), FoldError> {
    row.sources = sources.into();
    row.failing = failing.into();
    row.stale_after = stale_after;
    row.due = stale_after.filter(|_| status != ControlStatus::Stale);
    row.worst = match status {
        ControlStatus::Unknown => None,
        ControlStatus::Pass => Some(CheckResult::Pass),
        ControlStatus::Fail => Some(CheckResult::Fail),
        ControlStatus::NotApplicable => Some(CheckResult::NotApplicable),
        ControlStatus::Inconclusive => Some(CheckResult::Inconclusive),
        ControlStatus::Error => Some(CheckResult::Error),
        ControlStatus::Stale if failing > 0 => Some(CheckResult::Fail),
        ControlStatus::Stale => {
            let sources = rows.list::<ControlSourceRow>(&key(&row.framework, &row.control), SOURCES_MAX)?;
            status::worst(sources.iter().map(|source| source.result))
        }
    };
    Ok(())
}

fn history(event: &LogEvent, fact: &ControlEvent, row: &ControlRow) -> Option<ControlHistoryRow> {
    let mut entry = ControlHistoryRow {
        framework: row.framework.clone(),
        control: row.control.clone(),
        index: event.index,
        time: event.time,
        change: "".into(),
        previous: None,
        status: row.status,
        evidence: None,
        failure: None,
        deadline: None,
    };
    entry.change = match fact {
        ControlEvent::Assessed(_) => return None,
        ControlEvent::StatusChanged(changed) => {
            entry.previous = Some(changed.from);
            entry.evidence = changed.evidence;
            "status_changed".into()
        }
        ControlEvent::EvidenceRetracted(retracted) => {
            entry.evidence = Some(retracted.evidence);
            "evidence_retracted".into()
        }
        ControlEvent::EvidenceLeftOut(left_out) => {
            entry.evidence = left_out.evidence.first().copied();
            "evidence_left_out".into()
        }
        ControlEvent::ObservationRaised(raised) => {
            entry.failure = Some(raised.epoch.into());
            entry.evidence = Some(raised.evidence);
            "observation_raised".into()
        }
        ControlEvent::ObservationResolved(resolved) => {
            entry.failure = Some(resolved.epoch.into());
            entry.evidence = resolved.evidence;
            "observation_resolved".into()
        }
        ControlEvent::WentStale(stale) => {
            entry.deadline = Some(stale.deadline);
            "went_stale".into()
        }
        ControlEvent::Refreshed(refreshed) => {
            entry.deadline = Some(refreshed.deadline);
            "refreshed".into()
        }
    };
    Some(entry)
}
