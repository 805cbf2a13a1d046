//! Alerts: what asks for attention, and who takes care of it.

use ledger::ids::StreamId;
use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::alert::AlertEvent;
use ledger_aggregates::values::{AlertId, AlertKind, AlertResolution, Severity};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Alerts. Newest first: order by `raised_index`, descending.
    pub table ALERT = "alert" (growing);
    /// One alert.
    pub row AlertRow {
        key {
            /// Its id.
            alert: Id as AlertId,
        }
        /// `open`, `acknowledged` or `resolved`.
        state: Symbol as Text,
        /// What it is about.
        kind: Symbol as AlertKind,
        /// How urgent it is.
        severity: Symbol as Severity,
        /// The stream of what it is about.
        subject: Text as Text,
        /// The deadline that was missed.
        deadline: Time as Option<Timestamp>,
        /// When it was raised.
        raised_at: Time as Timestamp,
        /// Log index of that, with its detail.
        raised_index: Int as u64,
        /// When somebody took care of it.
        acknowledged_at: Time as Option<Timestamp>,
        /// Who.
        acknowledged_by: Text as Option<Text>,
        /// When it was over.
        resolved_at: Time as Option<Timestamp>,
        /// Why.
        resolution: Symbol as Option<AlertResolution>,
        /// Log index of what happened to it last, with its note.
        changed_index: Int as u64,
    }
    index [raised_index];
    index [state, raised_index];
    index [subject];
}

impl AlertRow {
    /// The stream of what it is about.
    ///
    /// # Errors
    /// The row holds what is no stream id.
    pub fn subject(&self) -> Result<StreamId, ledger::ids::IdError> {
        StreamId::new(&self.subject)
    }
}

static DEF: ProjectionDef = ProjectionDef { name: "alerts", version: 1, tables: &[&ALERT] };

/// The projection.
#[derive(Debug)]
pub struct Alerts;

impl Projection for Alerts {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.alert()? else { return Ok(()) };
        let alert = aggregate_id(event, AlertId::from_stream)?;
        if let AlertEvent::Raised(raised) = fact {
            rows.store(&AlertRow {
                alert,
                state: "open".into(),
                kind: raised.kind,
                severity: raised.severity,
                subject: Text::new(raised.subject.as_str()),
                deadline: raised.deadline,
                raised_at: event.time,
                raised_index: event.index,
                acknowledged_at: None,
                acknowledged_by: None,
                resolved_at: None,
                resolution: None,
                changed_index: event.index,
            });
            return Ok(());
        }
        let found = rows.amend(&[alert.to_cell()], |row: &mut AlertRow| {
            row.changed_index = event.index;
            match fact {
                AlertEvent::Raised(_) => {}
                AlertEvent::Acknowledged(_) => {
                    row.state = "acknowledged".into();
                    row.acknowledged_at = Some(event.time);
                    row.acknowledged_by = Some(event.actor.clone());
                }
                AlertEvent::Resolved(resolved) => {
                    row.state = "resolved".into();
                    row.resolved_at = Some(event.time);
                    row.resolution = Some(resolved.reason);
                }
            }
        })?;
        if found { Ok(()) } else { Err(FoldError::poison(format!("alert {alert} was never raised"))) }
    }
}

#[cfg(test)]
mod tests {
    use ledger::readmodel::TypedRow;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{given, minute, tenant};

    const ALERT_1: &str = "alert-01900000-0000-5000-8000-000000000001";

    fn raised() -> (&'static str, &'static str, Value) {
        let data = json!({ "kind": "control_stale", "severity": "warning", "subject": "control-nist.ac-2",
            "deadline": "2026-03-01T00:00:30.000000Z" });
        (ALERT_1, "alert.raised", data)
    }

    #[test]
    fn an_alert_is_open_until_someone_or_something_ends_it() {
        let mut events = vec![raised()];
        let row = given(&events).only::<AlertRow>(&tenant("t"));
        assert_eq!(
            (&*row.state, row.kind, row.severity),
            ("open", AlertKind::ControlStale, Severity::Warning)
        );
        assert_eq!(row.subject().unwrap().category(), "control");
        assert_eq!((row.raised_at, row.raised_index), (minute(0), 0));
        events.push((ALERT_1, "alert.acknowledged", json!({})));
        let row = given(&events).only::<AlertRow>(&tenant("t"));
        assert_eq!((&*row.state, row.acknowledged_at), ("acknowledged", Some(minute(1))));
        assert_eq!(row.acknowledged_by.as_deref(), Some("0123456789abcdef"));
        events.push((ALERT_1, "alert.resolved", json!({ "reason": "recovered" })));
        let row = given(&events).only::<AlertRow>(&tenant("t"));
        assert_eq!((&*row.state, row.resolution), ("resolved", Some(AlertResolution::Recovered)));
        assert_eq!((row.resolved_at, row.changed_index), (Some(minute(2)), 2));
    }

    #[test]
    fn the_newest_open_alert_comes_first() {
        let mut events = vec![raised(), raised(), raised()];
        events[1].0 = "alert-01900000-0000-5000-8000-000000000000";
        events[2].0 = "alert-01900000-0000-5000-8000-000000000002";
        events.push((events[2].0, "alert.resolved", json!({ "reason": "closed" })));
        let query = ledger::readmodel::Query::new(&ALERT, &tenant("t"));
        let page =
            given(&events).rows.query(&query.is_text("state", "open").order_by("raised_index").descending());
        let rows: Vec<_> =
            page.unwrap().rows.iter().map(|row| AlertRow::from_row(row).unwrap().raised_index).collect();
        assert_eq!(rows, [1, 0]);
    }
}
