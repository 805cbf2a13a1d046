//! Alerts: what asks for attention, and who takes care of it.

use std::sync::Arc;

use ledger::ids::StreamId;
use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows};
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
        state: Symbol as Arc<str>,
        /// What it is about.
        kind: Symbol as AlertKind,
        /// How urgent it is.
        severity: Symbol as Severity,
        /// The stream of what it is about.
        subject: Text as Arc<str>,
        /// The deadline that was missed.
        deadline: Time as Option<Timestamp>,
        /// When it was raised.
        raised_at: Time as Timestamp,
        /// Log index of that, with its detail.
        raised_index: Int as u64,
        /// When somebody took care of it.
        acknowledged_at: Time as Option<Timestamp>,
        /// Who.
        acknowledged_by: Text as Option<Arc<str>>,
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
                subject: raised.subject.as_str().into(),
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
                    row.acknowledged_by = Some(Arc::clone(&event.actor));
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
