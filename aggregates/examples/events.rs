//! Prints the page of all events: `cargo run -p ledger-aggregates --example events > docs/events.md`.

fn main() {
    print!("{}", ledger_aggregates::schema::markdown(ledger_aggregates::all_schemas()));
}
