//! Any rows, changes and queries.

use ledger::readmodel::{Cell, Change, Direction, Query, Row, TableChanges, TableDef, Test};
use proptest::prelude::*;

use super::tables::{EVENTS, THINGS, event, name, schema, tenant, thing};

fn any_row() -> impl Strategy<Value = (usize, Row)> {
    let small = || prop::option::of(0_u8..4);
    prop_oneof![
        (0_u64..40, small(), small(), small()).prop_map(|(n, k, a, t)| (0, event(n, k, a, t))),
        (0_u8..3, 0_u8..4, 0_u8..3, prop::option::of(-2_i64..3))
            .prop_map(|(t, n, s, r)| (1, thing(t, n, s, r))),
    ]
}

/// A row that is put or deleted.
pub(super) fn any_change() -> impl Strategy<Value = TableChanges> {
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
        (0_u8..4).prop_map(|n| event(0, None, None, Some(n))[4].clone()),
        (0_u8..5).prop_map(|n| Cell::of(&name(n))),
    ];
    let values = values.boxed();
    // Two of them are found in how bytes beyond ASCII might be escaped, but in no text.
    let texts = prop_oneof![
        "te", "team-1", "t", "kind", "state.2", "name", "0000", "TEXT", "1", "abcd-0", "zü", "303", "%",
        "\\\\", "_"
    ];
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

/// A query that every backend can answer.
pub(super) fn any_query() -> impl Strategy<Value = Query> {
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
