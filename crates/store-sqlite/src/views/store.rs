//! The directory of read models: which generation counts, and how the next one takes its place.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::readmodel::Schema;
use ledger_store::views::{Generation, ViewError, ViewStore};

use super::files::{ViewFiles, file_error};
use super::generation::SqliteGeneration;

/// Read models on SQLite.
pub struct SqliteViews {
    files: ViewFiles,
    schema: Arc<Schema>,
    state: Mutex<State>,
    damage: Option<String>,
}

struct State {
    current: Option<Arc<SqliteGeneration>>,
    /// Generations that were begun and may be published; the store knows them by their number.
    begun: Vec<Arc<SqliteGeneration>>,
    next: u64,
}

impl SqliteViews {
    /// Opens the read models of a directory. What was begun and not published is removed.
    ///
    /// A file that cannot be read is no error: the read models are then built anew, and [`Self::damage`] says why.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn open(directory: &Path, schema: Arc<Schema>) -> Result<Self, ViewError> {
        let files = ViewFiles::new(directory).map_err(file_error)?;
        let pointed = files.current().map_err(file_error)?;
        let mut next = pointed.map_or(1, |number| number + 1);
        for number in files.generations().map_err(file_error)? {
            next = next.max(number + 1);
            if Some(number) != pointed {
                files.remove(number).map_err(file_error)?;
            }
        }
        let opened = pointed.map_or(Ok(None), |number| SqliteGeneration::open(&files, number, &schema));
        let (current, damage) = match opened {
            Ok(current) => (current.map(Arc::new), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let state = Mutex::new(State { current, begun: Vec::new(), next });
        Ok(Self { files, schema, state, damage })
    }

    /// Why the published generation could not be used, if it could not.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    fn begun(&self, generation: &Arc<dyn Generation>) -> Result<Arc<SqliteGeneration>, ViewError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The address tells which one it is: a generation comes from `begin` and is only passed back.
        let address = Arc::as_ptr(generation).cast::<()>();
        let known = state.begun.iter().find(|begun| std::ptr::eq(Arc::as_ptr(begun).cast::<()>(), address));
        known.cloned().ok_or_else(|| ViewError::Unavailable("the generation is not of this store".to_owned()))
    }
}

impl ViewStore for SqliteViews {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn current(&self) -> Option<Arc<dyn Generation>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.current.clone().map(|current| current as Arc<dyn Generation>)
    }

    fn begin(&self) -> Result<Arc<dyn Generation>, ViewError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = Arc::new(SqliteGeneration::begin(&self.files, state.next, &self.schema)?);
        state.next += 1;
        // A build that was given up keeps its file until here.
        state.begun.clear();
        state.begun.push(Arc::clone(&generation));
        Ok(generation)
    }

    fn settle(&self, generation: &Arc<dyn Generation>) -> Result<(), ViewError> {
        self.begun(generation)?.settle()
    }

    fn publish(&self, generation: Arc<dyn Generation>) -> Result<(), ViewError> {
        let begun = self.begun(&generation)?;
        begun.settle()?;
        self.files.point_to(begun.number()).map_err(file_error)?;
        begun.retire(false);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.begun.retain(|other| other.number() != begun.number());
        if let Some(before) = state.current.replace(begun) {
            before.retire(true);
        } else if let Ok(numbers) = self.files.generations() {
            // One of another schema, or damaged: nobody holds it.
            let held =
                |number| state.current.iter().chain(&state.begun).any(|known| known.number() == number);
            numbers.into_iter().filter(|number| !held(*number)).for_each(|number| {
                let _ = self.files.remove(number);
            });
        }
        Ok(())
    }
}
