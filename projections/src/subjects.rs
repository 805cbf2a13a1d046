//! Data subjects: whose data is held, whose is erased, and which digests that concerns.

use ledger::ids::SubjectId;
use ledger::read_model;
use ledger::readmodel::{Cell, FoldError, ProjectionDef, Rows};
use ledger::time::Timestamp;
use ledger_aggregates::subject::SubjectEvent;
use ledger_aggregates::values::HashText;

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Data subjects that something happened to.
    pub table SUBJECT = "subject" (growing);
    /// One data subject.
    pub row SubjectRow {
        key {
            /// Its opaque id.
            subject: Id as SubjectId,
        }
        /// Must its data be kept for now?
        held: Bool as bool,
        /// Until when; absent: until it is released.
        held_until: Time as Option<Timestamp>,
        /// Log index of the event that discloses why.
        held_index: Int as Option<u64>,
        /// When its data was erased.
        erased_at: Time as Option<Timestamp>,
        /// How many members were erased.
        erased_members: Int as u64,
        /// Log index of what happened to it last.
        changed_index: Int as u64,
    }
}

read_model! {
    /// Members that were erased, by their digest in `_sd`.
    pub table ERASED_MEMBER = "erased_member" (growing);
    /// One member.
    pub row ErasedMemberRow {
        key {
            /// Its digest.
            digest: Text as HashText,
        }
        /// Log index of the erasure.
        index: Int as u64,
    }
}

static DEF: ProjectionDef =
    ProjectionDef { name: "subjects", version: 1, tables: &[&SUBJECT, &ERASED_MEMBER] };

/// The projection.
#[derive(Debug)]
pub struct Subjects;

impl Projection for Subjects {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.subject()? else { return Ok(()) };
        let subject = aggregate_id(event, |stream| SubjectId::new(stream.id()).ok())?;
        let known = rows.fetch::<SubjectRow>(&[Cell::of(&subject)])?;
        let mut row = known.unwrap_or(SubjectRow {
            subject,
            held: false,
            held_until: None,
            held_index: None,
            erased_at: None,
            erased_members: 0,
            changed_index: 0,
        });
        row.changed_index = event.index;
        match fact {
            SubjectEvent::Held(held) => {
                row.held = true;
                row.held_until = held.until;
                row.held_index = Some(event.index);
            }
            SubjectEvent::Released(_) => {
                row.held = false;
                row.held_until = None;
            }
            SubjectEvent::Erased(erased) => {
                row.erased_at.get_or_insert(event.time);
                row.erased_members += u64::try_from(erased.digests.len()).unwrap_or(u64::MAX);
                for digest in &erased.digests {
                    rows.store(&ErasedMemberRow { digest: digest.clone(), index: event.index });
                }
            }
        }
        rows.store(&row);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{given, minute, tenant};

    #[test]
    fn what_was_erased_is_known_by_its_digests() {
        let folded = given(&[
            ("subject-s1", "subject.held", json!({ "until": "2026-04-01T00:00:00.000000Z" })),
            ("subject-s1", "subject.released", json!({})),
            ("subject-s1", "subject.erased", json!({ "digests": ["d".repeat(43), "e".repeat(43)] })),
            ("subject-s1", "subject.erased", json!({ "digests": ["f".repeat(43)] })),
        ]);
        let row = folded.only::<SubjectRow>(&tenant("t"));
        assert_eq!(
            (row.held, row.held_index, row.erased_at, row.erased_members),
            (false, Some(0), Some(minute(2)), 3)
        );
        let members = folded.all::<ErasedMemberRow>(&tenant("t"));
        assert_eq!(members.iter().map(|row| row.index).collect::<Vec<_>>(), [2, 2, 3]);
    }
}
