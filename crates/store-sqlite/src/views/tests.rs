//! Rows and answers on SQLite are those of the memory backend, which states their meaning.

use std::sync::Arc;

use ledger::ids::{StreamId, TenantId};
use ledger::read_model;
use ledger::readmodel::{
    Cell, Change, Cursor, Direction, LogState, Poisoned, ProjectionDef, Query, Row, RowKey, Schema,
    TableChanges, TableDef, Test, TypedRow,
};
use ledger::time::Timestamp;
use ledger_store::views::{Generation, MemoryViews, ViewCommit, ViewError, ViewStore};
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use super::SqliteViews;

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
        about: Id as Option<ledger::readmodel::Ident>,
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
            name: Id as ledger::readmodel::Ident,
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

static PROJECTIONS: [ProjectionDef; 2] = [
    ProjectionDef { name: "events", version: 1, tables: &[&EVENTS] },
    ProjectionDef { name: "things", version: 3, tables: &[&THINGS] },
];

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(PROJECTIONS.to_vec()).unwrap())
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn started(views: &dyn ViewStore) -> (Arc<dyn Generation>, u64) {
    let generation = views.begin().unwrap();
    views.publish(Arc::clone(&generation)).unwrap();
    let epoch = generation.claim().unwrap().epoch;
    (generation, epoch)
}

fn sqlite() -> (TempDir, SqliteViews) {
    let directory = tempfile::tempdir().unwrap();
    let views = SqliteViews::open(directory.path(), schema()).unwrap();
    (directory, views)
}

fn put(rows: &[(&str, usize, Row)]) -> Vec<TableChanges> {
    let changes = rows.iter().map(|(owner, slot, row)| {
        let key = schema().tables()[*slot].key_of(row);
        TableChanges { tenant: tenant(owner), slot: *slot, rows: vec![(key, Change::Put(row.clone()))] }
    });
    changes.collect()
}

fn event(number: u64, kind: Option<u8>, about: Option<u8>, note: Option<u8>) -> Row {
    // Times rise, now and then standing still.
    let at = Timestamp::from_micros(i64::try_from(number).unwrap() / 3 * 10);
    let about = about.map(name);
    let text = |n: u8| format!("Text {n}");
    EventRow { number, kind: kind.map(|n| format!("kind.{n}")), about, at, note: note.map(text) }.to_row()
}

fn name(n: u8) -> ledger::readmodel::Ident {
    let text = if n.is_multiple_of(2) { Uuid::from_u128(n.into()).to_string() } else { format!("name-{n}") };
    ledger::readmodel::Ident::new(&text)
}

fn thing(team: u8, n: u8, state: u8, rank: Option<i64>) -> Row {
    ThingRow { team: format!("team-{team}"), name: name(n), state: format!("state.{state}"), rank }.to_row()
}

fn any_row() -> impl Strategy<Value = (usize, Row)> {
    let small = || prop::option::of(0_u8..4);
    prop_oneof![
        (0_u64..40, small(), small(), small()).prop_map(|(n, k, a, t)| (0, event(n, k, a, t))),
        (0_u8..3, 0_u8..4, 0_u8..3, prop::option::of(-2_i64..3))
            .prop_map(|(t, n, s, r)| (1, thing(t, n, s, r))),
    ]
}

fn any_change() -> impl Strategy<Value = TableChanges> {
    let owner = prop_oneof![Just("a"), Just("b")];
    (owner, any_row(), prop::bool::weighted(0.2)).prop_map(|(owner, (slot, row), delete)| {
        let table = schema().tables()[slot];
        let change =
            if delete { Change::Delete(Row::new(&row[..table.key])) } else { Change::Put(row.clone()) };
        TableChanges { tenant: tenant(owner), slot, rows: vec![(table.key_of(&row), change)] }
    })
}

fn any_test(table: &'static TableDef) -> impl Strategy<Value = (&'static str, Test)> {
    let values = prop_oneof![
        Just(Cell::Null),
        (-3_i64..45).prop_map(Cell::Int),
        (0_u8..4).prop_map(|n| Cell::text(format!("kind.{n}"))),
        (0_u8..4).prop_map(|n| Cell::text(format!("state.{n}"))),
        (0_u8..4).prop_map(|n| Cell::text(format!("team-{n}"))),
        (0_u8..4).prop_map(|n| Cell::Text(format!("Text {n}").into())),
        (0_u8..5).prop_map(|n| Cell::of(&name(n))),
    ];
    let values = values.boxed();
    let texts = prop_oneof!["te", "team-1", "t", "kind", "state.2", "name", "0000", "TEXT", "1"];
    let test = prop_oneof![
        4 => values.clone().prop_map(Test::Is),
        1 => prop::collection::vec(values.clone(), 0..3).prop_map(Test::AnyOf),
        2 => values.clone().prop_map(Test::AtLeast),
        2 => values.prop_map(Test::Below),
        1 => texts.clone().prop_map(|text: String| Test::Prefix(text)),
        1 => texts.prop_map(|text: String| Test::Contains(text)),
    ];
    (0..table.columns.len(), test).prop_map(move |(at, test)| (table.columns[at].name, test))
}

fn any_query() -> impl Strategy<Value = Query> {
    let table = prop_oneof![Just(&EVENTS), Just(&THINGS)];
    table.prop_flat_map(|table: &'static TableDef| {
        let orders: Vec<Vec<&'static str>> =
            if table.resident { vec![vec![], vec!["rank"], vec!["team", "rank"]] } else { vec![vec![]] };
        let filters = prop::collection::vec(any_test(table), 0..3);
        let shape = (
            prop::sample::select(orders),
            any::<bool>(),
            1_usize..5,
            prop::sample::select(vec!["a", "b", "c"]),
        );
        (filters, shape).prop_map(move |(filters, (order, descending, limit, owner))| {
            let mut query = Query::new(table, &tenant(owner)).limit(limit);
            for (column, test) in filters {
                query = query.filter(column, test);
            }
            query.order = order;
            query.direction = if descending { Direction::Descending } else { Direction::Ascending };
            query
        })
    })
}

fn all_pages(generation: &Arc<dyn Generation>, mut query: Query) -> Vec<Row> {
    let mut rows = Vec::new();
    for _ in 0..200 {
        let page = generation.query(&query).unwrap();
        assert!(page.rows.len() <= query.limit);
        rows.extend(page.rows);
        match page.next {
            // As it would travel through a URL.
            Some(next) => query.after = Some(Cursor::from_text(&next.to_text()).unwrap()),
            None => return rows,
        }
    }
    panic!("the pages do not end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn rows_answers_and_digests_are_those_of_memory(
        filled in prop::collection::vec(any_change(), 0..60),
        followed in prop::collection::vec(prop::collection::vec(any_change(), 0..6), 0..6),
        queries in prop::collection::vec(any_query(), 12),
        scan_rows_max in prop::sample::select(vec![1_usize, 3, 20_000]),
    ) {
        let (_directory, on_disk) = sqlite();
        let in_memory = MemoryViews::new(schema());
        let both: [&dyn ViewStore; 2] = [&on_disk, &in_memory];
        let generations = both.map(|views| {
            let generation = views.begin().unwrap();
            let epoch = generation.claim().unwrap().epoch;
            let fill = ViewCommit { epoch, position: 1, rows: filled.clone(), ..ViewCommit::default() };
            generation.commit(fill).unwrap();
            views.settle(&generation).unwrap();
            views.publish(Arc::clone(&generation)).unwrap();
            for rows in &followed {
                let next = ViewCommit { epoch, position: 2, rows: rows.clone(), ..ViewCommit::default() };
                generation.commit(next).unwrap();
            }
            generation
        });
        for mut query in queries {
            let expected = all_pages(&generations[1], query.clone());
            query.scan_rows_max = scan_rows_max;
            prop_assert_eq!(all_pages(&generations[0], query.clone()), expected, "{:?}", query);
        }
        for owner in ["a", "b", "c"] {
            let [found, expected] = [0, 1].map(|at| generations[at].digests(&tenant(owner)).unwrap());
            prop_assert_eq!(found, expected);
            for (slot, table) in schema().tables().iter().enumerate() {
                let [mut found, expected] = [0, 1].map(|at| generations[at].load_all(slot, &tenant(owner)).unwrap());
                found.sort_by_key(|row| table.key_of(row));
                prop_assert_eq!(&found, &expected);
                for row in &expected {
                    let key = &row[..table.key];
                    prop_assert_eq!(generations[0].load(slot, &tenant(owner), key).unwrap(), Some(row.clone()));
                    prop_assert_eq!(generations[0].row(table, &tenant(owner), key).unwrap(), Some(row.clone()));
                }
            }
        }
    }
}

#[test]
fn what_was_committed_is_there_after_a_restart() {
    let (directory, views) = sqlite();
    let (generation, epoch) = started(&views);
    let log = LogState { size: 7, as_of: Timestamp::from_micros(99) };
    let poisoned = Poisoned {
        projection: "things".to_owned(),
        tenant: tenant("a"),
        stream: StreamId::new("thing-1").unwrap(),
        index: 5,
        reason: "odd".to_owned(),
        held: 2,
    };
    let commit = ViewCommit {
        epoch,
        position: 12,
        rows: put(&[("a", 0, event(3, Some(1), None, None)), ("b", 1, thing(0, 1, 2, None))]),
        logs: vec![(tenant("a"), log)],
        poisoned: vec![poisoned.clone()],
    };
    generation.commit(commit).unwrap();
    let before = generation.digests(&tenant("a")).unwrap();
    drop((generation, views));

    let views = SqliteViews::open(directory.path(), schema()).unwrap();
    let generation = views.current().expect("it was published");
    let claim = generation.claim().unwrap();
    assert_eq!((claim.position, claim.epoch), (12, epoch + 1));
    assert_eq!(claim.logs[&tenant("a")], log);
    assert_eq!(claim.poisoned, [poisoned]);
    assert_eq!(generation.digests(&tenant("a")).unwrap(), before);
    assert_eq!(before.log, log);
    assert!(before.digests[1].to_string().ends_with("DEGRADED"));
    assert!(before.digests[0].to_string().starts_with("events/v1 sha256:"));
}

#[test]
fn an_older_owner_is_fenced_off_and_changes_nothing() {
    let (_directory, views) = sqlite();
    let (generation, old) = started(&views);
    let new = generation.claim().unwrap().epoch;
    let commit = |epoch, number| ViewCommit {
        epoch,
        position: number,
        rows: put(&[("a", 0, event(number, None, None, None))]),
        ..ViewCommit::default()
    };
    generation.commit(commit(new, 1)).unwrap();
    let refused = generation.commit(commit(old, 2)).unwrap_err();
    assert!(matches!(refused, ViewError::Fenced { .. }), "{refused}");
    assert_eq!(generation.query(&Query::new(&EVENTS, &tenant("a"))).unwrap().rows.len(), 1);
    // The control: the owner that is not fenced off goes on.
    generation.commit(commit(new, 2)).unwrap();
    assert_eq!(generation.claim().unwrap().position, 2);
}

#[test]
fn a_generation_that_was_not_published_is_gone_after_a_restart() {
    let (directory, views) = sqlite();
    let (generation, epoch) = started(&views);
    let row = put(&[("a", 0, event(1, None, None, None))]);
    generation.commit(ViewCommit { epoch, position: 1, rows: row, ..ViewCommit::default() }).unwrap();
    let green = views.begin().unwrap();
    // A crash: nothing is dropped in order.
    std::mem::forget(green);
    assert_eq!(files(&directory), ["views-1.db", "views-2.db"]);
    drop((generation, views));
    let views = SqliteViews::open(directory.path(), schema()).unwrap();
    assert_eq!(files(&directory), ["views-1.db"]);
    assert_eq!(views.current().unwrap().claim().unwrap().position, 1);
}

#[test]
fn publishing_replaces_the_generation_before_and_removes_its_file() {
    let (directory, views) = sqlite();
    let (blue, _) = started(&views);
    let (green, epoch) = started(&views);
    assert_eq!(files(&directory), ["views-1.db", "views-2.db"]);
    drop(blue);
    assert_eq!(files(&directory), ["views-2.db"]);
    green.commit(ViewCommit { epoch, position: 8, ..ViewCommit::default() }).unwrap();
    assert_eq!(views.current().unwrap().claim().unwrap().position, 8);
}

#[test]
fn another_schema_is_built_anew() {
    let (directory, views) = sqlite();
    drop(started(&views));
    drop(views);
    let mut projections = PROJECTIONS.to_vec();
    projections[1].version += 1;
    let changed = Arc::new(Schema::new(projections).unwrap());
    let views = SqliteViews::open(directory.path(), changed).unwrap();
    assert!(views.current().is_none());
    assert_eq!(views.damage(), None);
    drop(started(&views));
    assert_eq!(files(&directory), ["views-2.db"]);
}

#[test]
fn a_damaged_file_is_built_anew_and_said_so() {
    let (directory, views) = sqlite();
    drop(started(&views));
    drop(views);
    std::fs::write(directory.path().join("views-1.db"), [7_u8; 9000]).unwrap();
    let views = SqliteViews::open(directory.path(), schema()).unwrap();
    assert!(views.current().is_none());
    assert!(views.damage().is_some());
}

#[test]
fn an_order_without_an_index_is_refused_for_growing_tables() {
    let (_directory, views) = sqlite();
    let (generation, epoch) = started(&views);
    let row = put(&[("a", 0, event(1, None, None, None)), ("a", 1, thing(1, 1, 1, Some(2)))]);
    generation.commit(ViewCommit { epoch, position: 1, rows: row, ..ViewCommit::default() }).unwrap();
    let by_note = Query::new(&EVENTS, &tenant("a")).order_by("note");
    assert!(matches!(generation.query(&by_note), Err(ViewError::Query(_))));
    let by_rank = Query::new(&THINGS, &tenant("a")).order_by("rank");
    assert_eq!(generation.query(&by_rank).unwrap().rows.len(), 1);
}

#[test]
fn a_number_is_never_taken_for_that_of_a_symbol() {
    let (_directory, views) = sqlite();
    let (generation, epoch) = started(&views);
    let row = put(&[("a", 1, thing(1, 1, 1, Some(2)))]);
    generation.commit(ViewCommit { epoch, position: 1, rows: row, ..ViewCommit::default() }).unwrap();
    let with_state = |cell: Cell| Query::new(&THINGS, &tenant("a")).filter("state", Test::Is(cell));
    for number in 0..4 {
        assert_eq!(generation.query(&with_state(Cell::Int(number))).unwrap().rows, []);
    }
    assert_eq!(generation.query(&with_state(Cell::text("state.1"))).unwrap().rows.len(), 1);
}

#[test]
fn a_key_beyond_the_row_number_is_refused() {
    let (_directory, views) = sqlite();
    let (generation, epoch) = started(&views);
    let row = put(&[("a", 0, event(1 << 41, None, None, None))]);
    let refused = generation.commit(ViewCommit { epoch, position: 1, rows: row, ..ViewCommit::default() });
    assert!(matches!(refused, Err(ViewError::Corrupt(_))));
    assert_eq!(generation.claim().unwrap().position, 0);
}

fn files(directory: &TempDir) -> Vec<String> {
    let names = std::fs::read_dir(directory.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".db")).collect();
    names.sort();
    names
}

#[test]
fn the_key_of_a_cursor_is_that_of_its_row() {
    let row = event(9, None, None, None);
    assert_eq!(*Cursor::at(&row[..1]).key(), RowKey::of(&row[..1]));
}
