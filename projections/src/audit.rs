//! The audit view: one row for each event, in the order of the log.

use std::sync::Arc;

use ledger::ids::{CommandId, EventId, StreamId};
use ledger::read_model;
use ledger::readmodel::{FoldError, Ident, ProjectionDef, Query, Rows};
use ledger::time::Timestamp;

use crate::event::LogEvent;
use crate::registry::Projection;

read_model! {
    /// Every event of a log. Newest first: order by key, descending. By time: `as_of` (rises with the index).
    pub table AUDIT = "audit" (growing);
    /// One event.
    pub row AuditRow {
        key {
            /// Leaf number in the log.
            index: Int as u64,
        }
        /// The event's id.
        id: Id as EventId,
        /// Its type with version.
        event_type: Symbol as Arc<str>,
        /// The category of its stream: what happened to what.
        category: Symbol as Arc<str>,
        /// The rest of the stream's id, behind `<category>-`.
        stream_id: Id as Ident,
        /// Revision in the stream.
        seq: Int as u64,
        /// When it was decided.
        time: Time as Timestamp,
        /// The largest time of the log up to here.
        as_of: Time as Timestamp,
        /// What kind of actor caused it.
        actor_kind: Symbol as Arc<str>,
        /// Who caused it.
        actor: Symbol as Arc<str>,
        /// The event that caused it.
        cause: Id as Option<EventId>,
        /// The conversation that it belongs to.
        correlation: Id as Option<EventId>,
        /// The command that it came from.
        cmd: Id as Option<CommandId>,
    }
    index [event_type];
    index [category];
    index [stream_id];
    index [actor];
    sparse index [cause];
    sparse index [correlation];
    rising as_of;
}

impl AuditRow {
    /// The event's stream.
    ///
    /// # Errors
    /// The row holds what is no stream id.
    pub fn stream(&self) -> Result<StreamId, ledger::ids::IdError> {
        StreamId::of(&self.category, &self.stream_id)
    }
}

/// Only events of one stream.
#[must_use]
pub fn in_stream(query: Query, stream: &StreamId) -> Query {
    query.is_text("stream_id", stream.id()).is_text("category", stream.category())
}

static DEF: ProjectionDef = ProjectionDef { name: "audit", version: 1, tables: &[&AUDIT] };

/// The projection.
#[derive(Debug)]
pub struct Audit;

impl Projection for Audit {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        rows.store(&AuditRow {
            index: event.index,
            id: event.id,
            event_type: Arc::clone(&event.event_type),
            category: event.stream.category().into(),
            stream_id: Ident::new(event.stream.id()),
            seq: event.seq,
            time: event.time,
            as_of: event.as_of,
            actor_kind: event.actor_kind.as_str().into(),
            actor: Arc::clone(&event.actor),
            cause: event.cause,
            correlation: event.correlation,
            cmd: event.cmd.clone(),
        });
        Ok(())
    }
}
