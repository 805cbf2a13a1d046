//! Texts that are stored once and referred to by number.
//!
//! Numbers count from 1 in the order of first use. They stand only in the file of their generation; digests and queries
//! see the texts.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::Connection;

/// One dictionary table and its contents in memory. It grows with the number of different types, checks, actors and so
/// on, not with the number of events.
#[derive(Debug)]
pub struct Dictionary {
    table: &'static str,
    numbers: HashMap<Arc<str>, i64>,
    /// How many texts are stored; those behind are of the commit in hand.
    stored: usize,
    shared: Arc<Texts>,
}

/// The texts as readers see them.
#[derive(Debug, Default)]
pub struct Texts(RwLock<Lookup>);

#[derive(Debug, Default)]
struct Lookup {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, i64>,
}

impl Dictionary {
    /// Reads a dictionary table.
    pub fn load(connection: &Connection, table: &'static str) -> rusqlite::Result<Self> {
        let mut dictionary =
            Self { table, numbers: HashMap::new(), stored: 0, shared: Arc::new(Texts::default()) };
        let mut statement =
            connection.prepare(&format!("SELECT \"text\" FROM \"{table}\" ORDER BY \"no\""))?;
        let texts = statement.query_map([], |row| row.get::<_, String>(0))?;
        for text in texts {
            dictionary.number(&Arc::from(text?));
        }
        dictionary.stored = dictionary.numbers.len();
        Ok(dictionary)
    }

    /// What readers use.
    pub const fn shared(&self) -> &Arc<Texts> {
        &self.shared
    }

    /// The number of a text, a new one if need be.
    pub fn number(&mut self, text: &Arc<str>) -> i64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        // Readers learn of it at once: a row that refers to it can only be seen after the commit.
        let mut lookup = self.shared.0.write().unwrap_or_else(PoisonError::into_inner);
        lookup.texts.push(Arc::clone(text));
        let number = i64::try_from(lookup.texts.len()).unwrap_or(i64::MAX);
        lookup.numbers.insert(Arc::clone(text), number);
        self.numbers.insert(Arc::clone(text), number);
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
        for (number, text) in (1_i64..).zip(&lookup.texts).skip(self.stored) {
            statement.execute((number, &**text))?;
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
        for text in lookup.texts.split_off(self.stored) {
            lookup.numbers.remove(&text);
            self.numbers.remove(&text);
        }
    }
}

impl Texts {
    /// The text with this number.
    pub fn text(&self, number: i64) -> Option<Arc<str>> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.0.read().unwrap_or_else(PoisonError::into_inner).texts.get(at).cloned()
    }

    /// The number of a text, if it was ever used.
    pub fn number(&self, text: &str) -> Option<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).numbers.get(text).copied()
    }

    /// The numbers of the texts that pass.
    pub fn numbers_where(&self, passes: impl Fn(&Arc<str>) -> bool) -> Vec<i64> {
        let lookup = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (1_i64..).zip(&lookup.texts).filter(|(_, text)| passes(text)).map(|(number, _)| number).collect()
    }
}
