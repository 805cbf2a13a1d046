//! Probes: whether they live, and what waits at them.

use std::sync::Arc;

use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows};
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
        state: Symbol as Arc<str>,
        /// What it looks at.
        kind: Symbol as Option<ProbeKind>,
        /// How often it reports, in seconds.
        cadence_seconds: Int as Option<u64>,
        /// When it counts as silent if nothing more is heard.
        silent_after: Time as Option<Timestamp>,
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
            row.name_index = Some(event.index);
        }
        ProbeEvent::Heartbeat(heartbeat) => {
            row.state = "reporting".into();
            row.cadence_seconds = Some(heartbeat.cadence_seconds.into());
            row.silent_after = Some(heartbeat.silent_after);
            row.heartbeat_at = Some(event.time);
            row.version = heartbeat.version.clone();
            row.spool_events = heartbeat.spool_events.into();
            row.spool_kib = heartbeat.spool_kib.into();
            row.seen(event.time);
        }
        ProbeEvent::WentSilent(_) => row.state = "silent".into(),
        ProbeEvent::CameBack(_) => {
            row.state = "reporting".into();
            row.seen(event.time);
        }
        ProbeEvent::Retired(_) => row.state = "retired".into(),
    }
}
