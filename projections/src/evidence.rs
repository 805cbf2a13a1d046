//! The evidence repository: every piece of evidence, what it showed and what became of it.

use std::sync::Arc;
use std::time::Duration;

use ledger::read_model;
use ledger::readmodel::{Cell, CellType, FoldError, ProjectionDef, Rows};
use ledger::time::Timestamp;
use ledger_aggregates::evidence::{EvidenceEvent, EvidenceSubmitted};
use ledger_aggregates::values::{CheckId, CheckResult, ControlRef, EvidenceId, ProbeId, ReviewVerdict};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Evidence by the log index of its submission, which also names the event with its disclosures.
    pub table EVIDENCE = "evidence" (growing);
    /// One piece of evidence.
    pub row EvidenceRow {
        key {
            /// Log index of its submission.
            index: Int as u64,
        }
        /// Its id.
        evidence: Id as EvidenceId,
        /// What was checked.
        check: Symbol as CheckId,
        /// The probe that checked.
        probe: Symbol as Option<ProbeId>,
        /// Who handed it in.
        actor: Symbol as Arc<str>,
        /// What was looked at.
        target_ref: Text as Arc<str>,
        /// The controls that it bears on, `<framework>.<control>`, parted by spaces.
        controls: Symbol as Arc<str>,
        /// The result that counts.
        result: Symbol as CheckResult,
        /// The result as handed in, where it is another one.
        reported_result: Symbol as Option<CheckResult>,
        /// How many things were checked.
        checked: Int as u64,
        /// How many were left out.
        skipped: Int as u64,
        /// When the observation began.
        observed_from: Time as Timestamp,
        /// When it ended.
        observed_to: Time as Timestamp,
        /// When it was sent.
        sent_at: Time as Timestamp,
        /// When it was received.
        received_at: Time as Timestamp,
        /// The largest time of the log up to its submission.
        as_of: Time as Timestamp,
        /// Behind this, its source has missed its cadence.
        stale_after: Time as Option<Timestamp>,
        /// `submitted`, `accepted`, `rejected`, `superseded` or `expired`.
        state: Symbol as Arc<str>,
        /// The evidence that took its place.
        superseded_by: Id as Option<EvidenceId>,
        /// Log index of the review, with its note.
        review_index: Int as Option<u64>,
        /// Log index of what happened to it last.
        changed_index: Int as u64,
    }
    index [check];
    index [probe];
    index [result];
    index [state];
    rising as_of;
}

read_model! {
    /// Where a piece of evidence stands in [`EVIDENCE`].
    pub table EVIDENCE_ID = "evidence_id" (growing);
    /// One piece of evidence.
    pub row EvidenceIdRow {
        key {
            /// Its id.
            evidence: Id as EvidenceId,
        }
        /// Log index of its submission.
        index: Int as u64,
    }
}

static DEF: ProjectionDef =
    ProjectionDef { name: "evidence", version: 1, tables: &[&EVIDENCE, &EVIDENCE_ID] };

/// The projection.
#[derive(Debug)]
pub struct Evidence;

impl Projection for Evidence {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.evidence()? else { return Ok(()) };
        let id = aggregate_id(event, EvidenceId::from_stream)?;
        if let EvidenceEvent::Submitted(submitted) = fact {
            rows.store(&EvidenceIdRow { evidence: id, index: event.index });
            rows.store(&submission(event, id, submitted));
            return Ok(());
        }
        let Some(place) = rows.fetch::<EvidenceIdRow>(&[id.to_cell()])? else {
            return Err(FoldError::poison(format!("evidence {id} was never submitted")));
        };
        rows.amend(&[Cell::of(&place.index)], |row: &mut EvidenceRow| {
            row.changed_index = event.index;
            match fact {
                EvidenceEvent::Submitted(_) => {}
                EvidenceEvent::Linked(linked) => {
                    row.controls = format!("{} {}", row.controls, joined(&linked.controls)).into();
                }
                EvidenceEvent::Reviewed(reviewed) => {
                    row.review_index = Some(event.index);
                    row.state = match reviewed.verdict {
                        ReviewVerdict::Accepted => "accepted".into(),
                        ReviewVerdict::Rejected => "rejected".into(),
                    };
                }
                EvidenceEvent::Superseded(superseded) => {
                    row.superseded_by = Some(superseded.by);
                    row.state = "superseded".into();
                }
                EvidenceEvent::Expired(_) => row.state = "expired".into(),
            }
        })?;
        Ok(())
    }
}

fn submission(event: &LogEvent, evidence: EvidenceId, submitted: &EvidenceSubmitted) -> EvidenceRow {
    let cadence = submitted.cadence_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    EvidenceRow {
        index: event.index,
        evidence,
        check: submitted.check.clone(),
        probe: submitted.probe.clone(),
        actor: Arc::clone(&event.actor),
        target_ref: submitted.target_ref.as_str().into(),
        controls: joined(&submitted.controls).into(),
        result: submitted.result,
        reported_result: submitted.reported_result,
        checked: submitted.checked.into(),
        skipped: submitted.skipped.into(),
        observed_from: submitted.observed_from,
        observed_to: submitted.observed_to,
        sent_at: submitted.sent_at,
        received_at: submitted.received_at,
        as_of: event.as_of,
        stale_after: cadence.map(|cadence| submitted.observed_to.plus(cadence)),
        state: "submitted".into(),
        superseded_by: None,
        review_index: None,
        changed_index: event.index,
    }
}

fn joined(controls: &[ControlRef]) -> String {
    let mut text = String::with_capacity(controls.len() * 20);
    for control in controls {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(control.framework.as_str());
        text.push('.');
        text.push_str(control.control.as_str());
    }
    text
}
