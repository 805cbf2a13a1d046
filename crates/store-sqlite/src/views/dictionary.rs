//! Texts that are stored once and referred to by number.
//!
//! Numbers count from 1 in the order of first use. They stand only in the file of their generation; digests and queries
//! see the texts.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;
use ledger::readmodel::Text;
use rusqlite::Connection;

/// One dictionary table and its contents in memory. It grows with the number of different types, checks, actors and so
/// on, not with the number of events.
#[derive(Debug)]
pub struct Dictionary {
    table: &'static str,
    numbers: HashMap<Text, i64, RandomState>,
    /// How many texts are stored; those behind are of the commit in hand.
    stored: usize,
    shared: Arc<Texts>,
}

/// The texts as readers see them.
#[derive(Debug, Default)]
pub struct Texts(RwLock<Lookup>);

#[derive(Debug, Default)]
struct Lookup {
    /// Copied on write while a reader holds it: that is rare once the texts of a ledger have been met.
    texts: Arc<Vec<Text>>,
    numbers: HashMap<Text, i64, RandomState>,
}

impl Dictionary {
    /// Reads a dictionary table.
    pub fn load(connection: &Connection, table: &'static str) -> rusqlite::Result<Self> {
        let mut dictionary =
            Self { table, numbers: HashMap::default(), stored: 0, shared: Arc::new(Texts::default()) };
        let mut statement =
            connection.prepare(&format!("SELECT \"text\" FROM \"{table}\" ORDER BY \"no\""))?;
        let texts = statement.query_map([], |row| row.get::<_, String>(0))?;
        for text in texts {
            dictionary.number(&Text::from(text?));
        }
        dictionary.stored = dictionary.numbers.len();
        Ok(dictionary)
    }

    /// What readers use.
    pub const fn shared(&self) -> &Arc<Texts> {
        &self.shared
    }

    /// The number of a text, a new one if need be.
    pub fn number(&mut self, text: &Text) -> i64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        // Readers learn of it at once: a row that refers to it can only be seen after the commit.
        let mut lookup = self.shared.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut lookup.texts).push(text.clone());
        let number = i64::try_from(lookup.texts.len()).unwrap_or(i64::MAX);
        lookup.numbers.insert(text.clone(), number);
        self.numbers.insert(text.clone(), number);
        number
    }

    /// Stores the texts of the commit in hand, within its transaction.
    pub fn store_new(&self, connection: &Connection) -> rusqlite::Result<()> {
        let lookup = self.shared.0.read().unwrap_or_else(PoisonError::into_inner);
        if lookup.texts.len() == self.stored {
            return Ok(());
        }
        let sql = format!("INSERT INTO \"{}\" (\"no\", \"text\") VALUES (?1, ?2)", self.table);
        let mut statement = connection.prepare_cached(&sql)?;
        for (number, text) in (1_i64..).zip(lookup.texts.iter()).skip(self.stored) {
            statement.execute((number, text.as_str()))?;
        }
        Ok(())
    }

    /// The commit succeeded.
    pub fn keep(&mut self) {
        self.stored = self.numbers.len();
    }

    /// The commit failed: its numbers will be given to other texts.
    pub fn forget(&mut self) {
        let mut lookup = self.shared.0.write().unwrap_or_else(PoisonError::into_inner);
        for text in Arc::make_mut(&mut lookup.texts).split_off(self.stored) {
            lookup.numbers.remove(&text);
            self.numbers.remove(&text);
        }
    }
}

impl Texts {
    /// All texts by now, in the order of their numbers.
    pub fn snapshot(&self) -> Arc<Vec<Text>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).texts)
    }

    /// The number of a text, if it was ever used.
    pub fn number(&self, text: &str) -> Option<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).numbers.get(text).copied()
    }

    /// The numbers of the texts that pass.
    pub fn numbers_where(&self, passes: impl Fn(&Text) -> bool) -> Vec<i64> {
        let lookup = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (1_i64..)
            .zip(lookup.texts.iter())
            .filter(|(_, text)| passes(text))
            .map(|(number, _)| number)
            .collect()
    }
}
