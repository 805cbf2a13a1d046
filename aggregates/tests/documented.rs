//! The page of all events says what the schemas say.

use std::fs;
use std::path::PathBuf;

use ledger_aggregates::all_schemas;
use ledger_aggregates::schema::markdown;

#[test]
fn the_page_of_events_is_not_stale() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/events.md");
    let there = fs::read_to_string(&page).unwrap_or_default();
    let again = "cargo run -p ledger-aggregates --example events > docs/events.md";
    assert!(there == markdown(all_schemas()), "docs/events.md is stale; run: {again}");
}

#[test]
fn every_event_and_every_nested_member_has_its_place() {
    let page = markdown(all_schemas());
    for schema in all_schemas() {
        assert!(page.contains(&format!("\n### `{}`\n", schema.event_type)));
    }
    assert!(page.contains("| `applied.observed_to` | public | time |"));
    assert!(page.contains("| `title` | confidential | text |"));
}
