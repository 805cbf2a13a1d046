//! Probes: whether they live, and what waits at them.

use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::evidence::EvidenceEvent;
use ledger_aggregates::probe::ProbeEvent;
use ledger_aggregates::values::{EvidenceId, ProbeId, ProbeKind, Version};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Probes.
    pub table PROBE = "probe" (resident);
    /// One probe.
    pub row ProbeRow {
        key {
            /// Its id.
            probe: Text as ProbeId,
        }
        /// `registered` (nothing heard yet), `reporting`, `silent` or `retired`; `unregistered`: evidence or a
        /// heartbeat names it, but nobody registered it. At a given time: [`ProbeRow::is_silent_at`].
        state: Symbol as Text,
        /// What it looks at.
        kind: Symbol as Option<ProbeKind>,
        /// How often it reports, in seconds.
        cadence_seconds: Int as Option<u64>,
        /// When it counts as silent if nothing more is heard.
        silent_after: Time as Option<Timestamp>,
        /// When it is to be marked silent; absent once it is, or if it never will be.
        due: Time as Option<Timestamp>,
        /// When something was heard last: a heartbeat or evidence.
        last_seen: Time as Option<Timestamp>,
        /// When a heartbeat was recorded last.
        heartbeat_at: Time as Option<Timestamp>,
        /// The version of its program.
        version: Text as Option<Version>,
        /// How many events waited at the probe.
        spool_events: Int as u64,
        /// How many KiB waited at the probe.
        spool_kib: Int as u64,
        /// The evidence that it handed in last.
        evidence: Id as Option<EvidenceId>,
        /// How much evidence it handed in.
        evidence_count: Int as u64,
        /// Log index of the event that discloses its name.
        name_index: Int as Option<u64>,
        /// Log index of what happened to it last, evidence left aside.
        changed_index: Int as u64,
    }
    index [state];
    sparse index [due];
}

impl ProbeRow {
    /// Does it count as silent at `at`? From its row alone, whether that was recorded by then or not.
    pub fn is_silent_at(&self, at: Timestamp) -> bool {
        &*self.state != "retired" && self.silent_after.is_some_and(|deadline| at > deadline)
    }

    fn unregistered(probe: ProbeId, index: u64) -> Self {
        Self {
            probe,
            state: "unregistered".into(),
            kind: None,
            cadence_seconds: None,
            silent_after: None,
            due: None,
            last_seen: None,
            heartbeat_at: None,
            version: None,
            spool_events: 0,
            spool_kib: 0,
            evidence: None,
            evidence_count: 0,
            name_index: None,
            changed_index: index,
        }
    }

    fn seen(&mut self, at: Timestamp) {
        self.last_seen = self.last_seen.max(Some(at));
    }
}

static DEF: ProjectionDef = ProjectionDef { name: "probes", version: 1, tables: &[&PROBE] };

/// The projection.
#[derive(Debug)]
pub struct Probes;

impl Projection for Probes {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        if let Some(EvidenceEvent::Submitted(submitted)) = event.evidence()? {
            let Some(probe) = &submitted.probe else { return Ok(()) };
            let mut row = probe_row(event, probe.clone(), rows)?;
            row.seen(event.time);
            row.evidence = Some(aggregate_id(event, EvidenceId::from_stream)?);
            row.evidence_count += 1;
            rows.store(&row);
            return Ok(());
        }
        let Some(fact) = event.probe()? else { return Ok(()) };
        let mut row = probe_row(event, aggregate_id(event, ProbeId::from_stream)?, rows)?;
        row.changed_index = event.index;
        change(&mut row, event, fact);
        rows.store(&row);
        Ok(())
    }
}

fn probe_row(event: &LogEvent, probe: ProbeId, rows: &mut dyn Rows) -> Result<ProbeRow, FoldError> {
    let known = rows.fetch::<ProbeRow>(&[probe.to_cell()])?;
    Ok(known.unwrap_or_else(|| ProbeRow::unregistered(probe, event.index)))
}

fn change(row: &mut ProbeRow, event: &LogEvent, fact: &ProbeEvent) {
    match fact {
        ProbeEvent::Registered(registered) => {
            row.state = "registered".into();
            row.kind = Some(registered.kind.clone());
            row.cadence_seconds = Some(registered.cadence_seconds.into());
            row.silent_after = Some(registered.silent_after);
            row.due = row.silent_after;
            row.name_index = Some(event.index);
        }
        ProbeEvent::Heartbeat(heartbeat) => {
            row.state = "reporting".into();
            row.cadence_seconds = Some(heartbeat.cadence_seconds.into());
            row.silent_after = Some(heartbeat.silent_after);
            row.due = row.silent_after;
            row.heartbeat_at = Some(event.time);
            row.version = heartbeat.version.clone();
            row.spool_events = heartbeat.spool_events.into();
            row.spool_kib = heartbeat.spool_kib.into();
            row.seen(event.time);
        }
        ProbeEvent::WentSilent(_) => {
            row.state = "silent".into();
            row.due = None;
        }
        ProbeEvent::CameBack(_) => {
            row.state = "reporting".into();
            row.seen(event.time);
        }
        ProbeEvent::Retired(_) => {
            row.state = "retired".into();
            row.due = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{at, given, minute, tenant};

    fn registered() -> Value {
        json!({ "kind": "linux-host", "cadence_seconds": 60, "silent_after": "2026-03-01T00:10:00.000000Z" })
    }

    fn heartbeat(silent_after: &str) -> Value {
        json!({ "sent_at": "2026-03-01T00:01:58.000000Z", "cadence_seconds": 30, "version": "1.2.0",
            "spool_events": 7, "spool_kib": 12, "silent_after": silent_after })
    }

    #[test]
    fn heartbeats_tell_that_it_lives_and_what_waits() {
        let folded = given(&[
            ("probe-a", "probe.registered", registered()),
            ("probe-a", "probe.heartbeat", heartbeat("2026-03-01T00:20:00.000000Z")),
        ]);
        let row = folded.only::<ProbeRow>(&tenant("t"));
        assert_eq!((&*row.state, row.cadence_seconds, row.name_index), ("reporting", Some(30), Some(0)));
        assert_eq!((row.spool_events, row.spool_kib), (7, 12));
        assert_eq!((row.heartbeat_at, row.last_seen), (Some(minute(1)), Some(minute(1))));
        let deadline = at("2026-03-01T00:20:00Z");
        assert_eq!((row.silent_after, row.due), (Some(deadline), Some(deadline)));
        assert!(!row.is_silent_at(deadline));
        assert!(row.is_silent_at(deadline.plus(std::time::Duration::from_micros(1))));
    }

    #[test]
    fn silence_return_and_retirement_are_told_and_then_nothing_is_due() {
        let mut events = vec![
            ("probe-a", "probe.registered", registered()),
            ("probe-a", "probe.went_silent", json!({ "deadline": "2026-03-01T00:10:00.000000Z" })),
        ];
        let row = given(&events).only::<ProbeRow>(&tenant("t"));
        assert_eq!((&*row.state, row.due), ("silent", None));
        events.push(("probe-a", "probe.came_back", json!({ "deadline": "2026-03-01T00:10:00.000000Z" })));
        events.push(("probe-a", "probe.heartbeat", heartbeat("2026-03-01T00:30:00.000000Z")));
        let row = given(&events).only::<ProbeRow>(&tenant("t"));
        assert_eq!((&*row.state, row.due), ("reporting", Some(at("2026-03-01T00:30:00Z"))));
        events.push(("probe-a", "probe.retired", json!({ "reason": "requested" })));
        let row = given(&events).only::<ProbeRow>(&tenant("t"));
        assert_eq!((&*row.state, row.due), ("retired", None));
        assert!(!row.is_silent_at(at("2027-01-01")));
    }

    #[test]
    fn evidence_shows_a_probe_that_nobody_registered() {
        let submitted = json!({
            "check": "a", "target_ref": "default", "probe": "b", "result": "pass", "checked": 1, "skipped": 0,
            "controls": [{ "framework": "nist", "control": "ac-2" }],
            "observed_from": "2026-03-01T00:00:00.000000Z", "observed_to": "2026-03-01T00:00:10.000000Z",
            "sent_at": "2026-03-01T00:00:11.000000Z", "received_at": "2026-03-01T00:00:12.000000Z",
        });
        let on = "evidence-01900000-0000-7000-8000-000000000001";
        let row = given(&[(on, "evidence.submitted", submitted)]).only::<ProbeRow>(&tenant("t"));
        assert_eq!((&*row.state, row.evidence_count, row.last_seen), ("unregistered", 1, Some(minute(0))));
        assert_eq!(row.evidence, EvidenceId::from_stream(&crate::testing::stream(on)));
    }
}
