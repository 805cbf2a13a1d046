//! The tables of the suite, and rows for them.

use std::sync::Arc;

use ledger::ids::TenantId;
use ledger::read_model;
use ledger::readmodel::{Change, Ident, ProjectionDef, Row, Schema, TableChanges, TypedRow};
use ledger::time::Timestamp;

read_model! {
    /// A row for each event.
    pub table EVENTS = "events" (growing);
    /// One event.
    pub row EventRow {
        key {
            /// Its number.
            number: Int as u64,
        }
        /// Its kind.
        kind: Symbol as Option<String>,
        /// Who it is about.
        about: Id as Option<Ident>,
        /// When.
        at: Time as Timestamp,
        /// A text.
        note: Text as Option<String>,
    }
    index [kind];
    index [about];
    sparse index [about, kind];
    rising at;
}

read_model! {
    /// A row for each thing.
    pub table THINGS = "things" (resident);
    /// One thing.
    pub row ThingRow {
        key {
            /// Its group.
            team: Text as String,
            /// Its name.
            name: Id as Ident,
        }
        /// Its state.
        state: Symbol as String,
        /// A number.
        rank: Int as Option<i64>,
    }
    index [state];
    index [team, state, rank];
    index [rank];
}

/// The projections of the suite.
pub static PROJECTIONS: [ProjectionDef; 2] = [
    ProjectionDef { name: "events", version: 1, tables: &[&EVENTS] },
    ProjectionDef { name: "things", version: 3, tables: &[&THINGS] },
];

/// The schema of the suite: [`EVENTS`] in slot 0, [`THINGS`] in slot 1.
pub fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(PROJECTIONS.to_vec()).expect("the tables do not contradict each other"))
}

/// A tenant.
pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a tenant id")
}

/// Changes that put rows: tenant, slot, row.
pub fn put(rows: &[(&str, usize, Row)]) -> Vec<TableChanges> {
    let changes = rows.iter().map(|(owner, slot, row)| {
        let key = schema().tables()[*slot].key_of(row);
        TableChanges { tenant: tenant(owner), slot: *slot, rows: vec![(key, Change::Put(row.clone()))] }
    });
    changes.collect()
}

/// A row of [`EVENTS`]; small numbers stand for the values of its columns.
pub fn event(number: u64, kind: Option<u8>, about: Option<u8>, note: Option<u8>) -> Row {
    // Times rise, now and then standing still.
    let at = Timestamp::from_micros(i64::try_from(number).unwrap_or(i64::MAX) / 3 * 10);
    let note = note.map(|n| if n == 3 { "Zürich \u{0} 3 %".to_owned() } else { format!("Text {n}") });
    EventRow { number, kind: kind.map(|n| format!("kind.{n}")), about: about.map(name), at, note }.to_row()
}

/// A row of [`THINGS`].
pub fn thing(team: u8, n: u8, state: u8, rank: Option<i64>) -> Row {
    ThingRow { team: format!("team-{team}"), name: name(n), state: format!("state.{state}"), rank }.to_row()
}

/// An identifier: even numbers give UUIDs.
pub fn name(n: u8) -> Ident {
    let uuid = format!("0000abcd-0000-0000-0000-{n:012}");
    Ident::new(&if n.is_multiple_of(2) { uuid } else { format!("name-{n}") })
}
