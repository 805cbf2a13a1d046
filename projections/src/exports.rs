//! Exports of a log: who asked, what for, and how far they are.

use ledger::read_model;
use ledger::readmodel::{Cell, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::export::ExportEvent;
use ledger_aggregates::values::{ExportFailure, ExportId, ExportPurpose};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Exports. Newest first: order by `requested_index`, descending.
    pub table EXPORT = "export" (growing);
    /// One export.
    pub row ExportRow {
        key {
            /// Its id.
            export: Id as ExportId,
        }
        /// `requested`, `completed` or `failed`.
        state: Symbol as Text,
        /// What it is for.
        purpose: Symbol as ExportPurpose,
        /// Are disclosures left out?
        redacted: Bool as bool,
        /// Who asked for it.
        requested_by: Text as Text,
        /// When.
        requested_at: Time as Timestamp,
        /// Log index of that, which also discloses who gets it.
        requested_index: Int as u64,
        /// The size of the log in it.
        log_size: Int as Option<u64>,
        /// How many files it has.
        files: Int as Option<u64>,
        /// Why it failed.
        failure: Symbol as Option<ExportFailure>,
        /// When it was done or given up.
        ended_at: Time as Option<Timestamp>,
        /// Log index of what happened to it last.
        changed_index: Int as u64,
    }
    index [requested_index];
}

static DEF: ProjectionDef = ProjectionDef { name: "exports", version: 1, tables: &[&EXPORT] };

/// The projection.
#[derive(Debug)]
pub struct Exports;

impl Projection for Exports {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.export()? else { return Ok(()) };
        let export = aggregate_id(event, ExportId::from_stream)?;
        if let ExportEvent::Requested(requested) = fact {
            rows.store(&ExportRow {
                export,
                state: "requested".into(),
                purpose: requested.purpose,
                redacted: requested.redacted,
                requested_by: event.actor.clone(),
                requested_at: event.time,
                requested_index: event.index,
                log_size: None,
                files: None,
                failure: None,
                ended_at: None,
                changed_index: event.index,
            });
            return Ok(());
        }
        let found = rows.amend(&[Cell::of(&export)], |row: &mut ExportRow| {
            row.changed_index = event.index;
            row.ended_at = Some(event.time);
            match fact {
                ExportEvent::Requested(_) => {}
                ExportEvent::Completed(completed) => {
                    row.state = "completed".into();
                    row.log_size = Some(completed.log_size);
                    row.files = Some(completed.files.into());
                }
                ExportEvent::Failed(failed) => {
                    row.state = "failed".into();
                    row.failure = Some(failed.reason);
                }
            }
        })?;
        if found { Ok(()) } else { Err(FoldError::poison(format!("export {export} was never requested"))) }
    }
}

#[cfg(test)]
mod tests {
    use ledger_aggregates::export::ExportCompleted;
    use serde_json::json;

    use super::*;
    use crate::testing::{given, minute, tenant};

    const EXPORT_1: &str = "export-01900000-0000-7000-8000-000000000001";

    #[test]
    fn an_export_is_done_or_given_up() {
        let requested = (EXPORT_1, "export.requested", json!({ "purpose": "audit", "redacted": true }));
        let row = given(std::slice::from_ref(&requested)).only::<ExportRow>(&tenant("t"));
        assert_eq!((&*row.state, row.redacted, row.requested_at), ("requested", true, minute(0)));
        let mut data = ledger::domain::DomainEvent::encode(&ExportEvent::from(ExportCompleted {
            log_size: 77,
            files: 9,
        }));
        let completed =
            (EXPORT_1, "export.completed", serde_json::Value::Object(std::mem::take(&mut data.public)));
        let row = given(&[requested.clone(), completed]).only::<ExportRow>(&tenant("t"));
        assert_eq!((&*row.state, row.log_size, row.files), ("completed", Some(77), Some(9)));
        let row = given(&[requested, (EXPORT_1, "export.failed", json!({ "reason": "target" }))]);
        let row = row.only::<ExportRow>(&tenant("t"));
        assert_eq!(
            (&*row.state, row.failure, row.ended_at),
            ("failed", Some(ExportFailure::Target), Some(minute(1)))
        );
    }
}
