//! Lists that are filtered by a state and paged.

use ledger::ids::TenantId;
use ledger::readmodel::{Query, TableDef};
use serde::Deserialize;

use crate::console::render::PAGE_ROWS;
use crate::console::view::{Choice, Pager};

/// Every state.
const ANY: &str = "any";

/// Which rows of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct InState {
    state: String,
    /// Where the page before ended.
    pub cursor: String,
}

impl InState {
    /// Shows this state to whoever has not chosen one.
    #[must_use]
    pub fn or(mut self, state: &str) -> Self {
        if self.state.is_empty() {
            state.clone_into(&mut self.state);
        }
        self
    }

    /// A page of rows, the newest first by `column`.
    pub fn newest(&self, table: &'static TableDef, tenant: &TenantId, column: &'static str) -> Query {
        let query = Query::new(table, tenant).order_by(column).descending().limit(PAGE_ROWS);
        if self.state == ANY { query } else { query.is_text("state", &self.state) }
    }

    /// The states to choose from.
    pub fn choices(&self, states: &[&'static str]) -> Vec<Choice> {
        Choice::all(states, &self.state)
    }

    /// The way to the other pages.
    pub fn pager(&self, room: &str, next: Option<String>) -> Pager {
        Pager::new(room, &[("state", &self.state)], Some(&self.cursor), next)
    }
}
