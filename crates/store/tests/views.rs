//! Read models in memory keep the contract.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ledger::readmodel::Schema;
use ledger_store::conformance::views::Place;
use ledger_store::views::{MemoryViews, ViewStore};

/// Read models by schema: those of memory last as long as their process, which here is the place.
#[derive(Default)]
struct Memory(Mutex<HashMap<String, Arc<MemoryViews>>>);

impl Place for Memory {
    fn open(&self, schema: Arc<Schema>) -> Arc<dyn ViewStore> {
        let mut known = self.0.lock().unwrap();
        let views = known.entry(schema.fingerprint()).or_insert_with(|| Arc::new(MemoryViews::new(schema)));
        Arc::clone(views) as Arc<dyn ViewStore>
    }
}

ledger_store::views_suite!(in memory: Memory::default);
