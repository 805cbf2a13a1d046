//! The audit view: one row for each event, in the order of the log.

use ledger::ids::{CommandId, EventId, StreamId};
use ledger::read_model;
use ledger::readmodel::{FoldError, Ident, ProjectionDef, Query, Rows, Text};
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
        event_type: Symbol as Text,
        /// The category of its stream: what happened to what.
        category: Symbol as Text,
        /// The rest of the stream's id, behind `<category>-`.
        stream_id: Id as Ident,
        /// Revision in the stream.
        seq: Int as u64,
        /// When it was decided.
        time: Time as Timestamp,
        /// The largest time of the log up to here.
        as_of: Time as Timestamp,
        /// What kind of actor caused it.
        actor_kind: Symbol as Text,
        /// Who caused it.
        actor: Symbol as Text,
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
            event_type: event.event_type.clone(),
            category: Text::new(event.stream.category()),
            stream_id: Ident::new(event.stream.id()),
            seq: event.seq,
            time: event.time,
            as_of: event.as_of,
            actor_kind: event.actor_kind.as_str().into(),
            actor: event.actor.clone(),
            cause: event.cause,
            correlation: event.correlation,
            cmd: event.cmd.clone(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ledger::readmodel::TypedRow;
    use serde_json::{Map, json};

    use super::*;
    use crate::testing::{History, at, event_id, given, minute, stream, tenant};

    #[test]
    fn every_event_is_a_row_even_one_that_nobody_knows() {
        let folded = given(&[
            ("probe-a", "probe.retired", json!({ "reason": "requested" })),
            ("thing-x.y", "thing.happened", json!({})),
        ]);
        let rows = folded.all::<AuditRow>(&tenant("t"));
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].index, 1);
        assert_eq!(rows[1].event_type, "ledger.thing.happened.v1");
        assert_eq!(rows[1].stream().unwrap(), stream("thing-x.y"));
        assert_eq!((rows[1].seq, rows[1].time, rows[1].as_of), (0, minute(1), minute(1)));
        assert_eq!((&*rows[1].actor_kind, &*rows[1].actor), ("api-key", "0123456789abcdef"));
        assert_eq!(rows[1].id, event_id(1));
        assert_eq!((rows[1].cause, rows[1].correlation), (None, None));
        assert!(rows[1].cmd.is_some());
    }

    #[test]
    fn as_of_never_goes_back_and_time_does() {
        let mut history = History::new();
        for text in ["2026-03-01T10:00:00Z", "2026-03-01T09:00:00Z", "2026-03-01T11:00:00Z"] {
            history.now = at(text);
            history.push_raw(&tenant("t"), &stream("thing-1"), "ledger.thing.happened.v1", Map::new());
        }
        let rows = history.fold().all::<AuditRow>(&tenant("t"));
        let hours = |time: Timestamp| time.to_string()[11..13].to_owned();
        assert_eq!(rows.iter().map(|row| hours(row.as_of)).collect::<Vec<_>>(), ["10", "10", "11"]);
        assert_eq!(rows.iter().map(|row| hours(row.time)).collect::<Vec<_>>(), ["10", "09", "11"]);
    }

    #[test]
    fn events_of_one_stream_are_found_by_it() {
        let folded =
            given(&[("a-1", "x.y", json!({})), ("b-1", "x.y", json!({})), ("a-1", "x.y", json!({}))]);
        let page = folded.rows.query(&in_stream(Query::new(&AUDIT, &tenant("t")), &stream("a-1"))).unwrap();
        let indexes: Vec<_> = page.rows.iter().map(|row| AuditRow::from_row(row).unwrap().index).collect();
        assert_eq!(indexes, [0, 2]);
    }
}
