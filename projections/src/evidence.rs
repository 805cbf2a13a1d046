//! The evidence repository: every piece of evidence, what it showed and what became of it.

use std::time::Duration;

use ledger::read_model;
use ledger::readmodel::{Cell, CellType, FoldError, ProjectionDef, Rows, Text};
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
        actor: Symbol as Text,
        /// What was looked at.
        target_ref: Text as Text,
        /// The controls that it bears on, `<framework>.<control>`, parted by spaces.
        controls: Symbol as Text,
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
        state: Symbol as Text,
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
        actor: event.actor.clone(),
        target_ref: Text::new(submitted.target_ref.as_str()),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{at, given, minute, stream, tenant};

    const EVIDENCE_1: &str = "evidence-01900000-0000-7000-8000-000000000001";
    const EVIDENCE_2: &str = "evidence-01900000-0000-7000-8000-000000000002";

    fn submitted() -> Value {
        json!({
            "check": "linux-host/sshd", "target_ref": "host-1", "probe": "probe-1",
            "controls": [{ "framework": "nist", "control": "ac-2" }, { "framework": "cis", "control": "1.1" }],
            "result": "inconclusive", "reported_result": "pass", "checked": 0, "skipped": 4,
            "observed_from": "2026-03-01T00:00:00.000000Z", "observed_to": "2026-03-01T00:00:10.000000Z",
            "sent_at": "2026-03-01T00:00:11.000000Z", "received_at": "2026-03-01T00:00:12.000000Z",
            "cadence_seconds": 60,
        })
    }

    #[test]
    fn what_was_handed_in_stands_at_the_index_of_its_event() {
        let folded = given(&[("x-1", "x.y", json!({})), (EVIDENCE_1, "evidence.submitted", submitted())]);
        let row = folded.only::<EvidenceRow>(&tenant("t"));
        assert_eq!((row.index, row.changed_index), (1, 1));
        assert_eq!(format!("evidence-{}", row.evidence), EVIDENCE_1);
        assert_eq!((row.result, row.reported_result), (CheckResult::Inconclusive, Some(CheckResult::Pass)));
        assert_eq!((row.checked, row.skipped), (0, 4));
        assert_eq!(row.controls, "nist.ac-2 cis.1.1");
        assert_eq!(row.stale_after, Some(at("2026-03-01T00:01:10Z")));
        assert_eq!(row.as_of, minute(1));
        assert_eq!(row.state, "submitted");
        assert_eq!(
            folded.only::<EvidenceIdRow>(&tenant("t")),
            EvidenceIdRow { evidence: row.evidence, index: 1 }
        );
    }

    #[test]
    fn what_becomes_of_it_is_told() {
        let after = |event_type: &'static str, data: Value| {
            given(&[(EVIDENCE_1, "evidence.submitted", submitted()), (EVIDENCE_1, event_type, data)])
                .only::<EvidenceRow>(&tenant("t"))
        };
        let reviewed = after("evidence.reviewed", json!({ "verdict": "rejected", "controls": [] }));
        assert_eq!(
            (&*reviewed.state, reviewed.review_index, reviewed.changed_index),
            ("rejected", Some(1), 1)
        );
        assert_eq!(
            after("evidence.reviewed", json!({ "verdict": "accepted", "controls": [] })).state,
            "accepted"
        );
        let superseded =
            after("evidence.superseded", json!({ "by": &EVIDENCE_2["evidence-".len()..], "controls": [] }));
        assert_eq!(superseded.state, "superseded");
        assert_eq!(superseded.superseded_by, EvidenceId::from_stream(&stream(EVIDENCE_2)));
        let expired = json!({ "expired_at": "2026-03-02T00:00:00.000000Z", "controls": [] });
        assert_eq!(after("evidence.expired", expired).state, "expired");
        let mut more = submitted();
        for left_out in ["reported_result", "checked", "skipped", "observed_from", "sent_at", "received_at"] {
            more.as_object_mut().unwrap().remove(left_out);
        }
        more["controls"] = json!([{ "framework": "iso", "control": "a.5" }]);
        assert_eq!(after("evidence.linked", more).controls, "nist.ac-2 cis.1.1 iso.a.5");
    }

    #[test]
    fn news_of_evidence_that_was_never_handed_in_is_poison() {
        let folded = given(&[
            (EVIDENCE_1, "evidence.reviewed", json!({ "verdict": "accepted", "controls": [] })),
            (EVIDENCE_2, "evidence.submitted", submitted()),
        ]);
        let poisoned: Vec<_> =
            folded.poisoned.iter().map(|entry| (&*entry.projection, entry.index)).collect();
        assert_eq!(poisoned, [("evidence", 0)]);
        assert_eq!(folded.only::<EvidenceRow>(&tenant("t")).index, 1);
    }
}
