//! The read models of a database: which generation counts, and how the next one takes its place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::readmodel::Schema;
use ledger_store::views::{Generation, ViewError, ViewStore};

use super::control;
use super::db::Db;
use super::generation::PostgresGeneration;
use super::link::{Link, Purpose};
use crate::connect::{check, connect};
use crate::error::OpenError;
use crate::options::PostgresOptions;

/// Read models on PostgreSQL. Any number of processes may have them on the same database: one folds, the others read and
/// watch.
///
/// Calls block, and are not for tasks of a runtime.
pub struct PostgresViews {
    db: Arc<Db>,
    schema: Arc<Schema>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Arc<PostgresGeneration>>,
    /// A generation that was begun and may be published, with the one that was current then.
    begun: Option<(Arc<PostgresGeneration>, Option<i32>)>,
}

impl PostgresViews {
    /// Opens the read models of a database; makes their tables if need be. What others have left behind unpublished is
    /// dropped.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do.
    pub async fn open(options: PostgresOptions, schema: Arc<Schema>) -> Result<Self, OpenError> {
        let db =
            Db::new(options).map_err(|error| OpenError::Connect(format!("no thread for it: {error}")))?;
        let (db, views) = (Arc::new(db), schema);
        let (opened, fingerprint) = (Arc::clone(&db), views.fingerprint());
        let (done, answer) = tokio::sync::oneshot::channel();
        // On the runtime of the read models: that is where connections live.
        db.spawn(async move { drop(done.send(prepare(&opened, &fingerprint).await)) });
        let current = answer.await.map_err(|_| OpenError::Connect("opening was given up".to_owned()))??;
        let current = current.map(|number| Arc::new(PostgresGeneration::open(&db, &views, number)));
        Ok(Self { db, schema: views, state: Mutex::new(State { current, begun: None }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begun(&self, generation: &Arc<dyn Generation>) -> Result<Begun, ViewError> {
        // The address tells which one it is: a generation comes from `begin` and is only passed back.
        let address = Arc::as_ptr(generation).cast::<()>();
        let known = self.state().begun.clone();
        let known = known.filter(|(begun, _)| std::ptr::eq(Arc::as_ptr(begun).cast::<()>(), address));
        known.ok_or_else(|| ViewError::Unavailable("the generation is not of this store".to_owned()))
    }
}

impl State {
    /// Of the current generation.
    fn number(&self) -> Option<i32> {
        self.current.as_ref().map(|current| current.number())
    }
}

type Begun = (Arc<PostgresGeneration>, Option<i32>);

async fn prepare(db: &Db, fingerprint: &str) -> Result<Option<i32>, OpenError> {
    let client = connect(&db.options).await?;
    check(&client).await?;
    let failed = |error: ViewError| OpenError::Statement { what: "read models", reason: error.to_string() };
    control::create(&client).await.map_err(failed)?;
    db.keeper.sweep(fingerprint, false).await.map_err(failed)?;
    let link = Link::open(&db.options, Purpose::Read).await.map_err(failed)?;
    hold_current(db, &link, fingerprint).await.map_err(failed)
}

/// The current generation, held: nobody drops it from here on.
async fn hold_current(db: &Db, link: &Link, fingerprint: &str) -> Result<Option<i32>, ViewError> {
    let mut current = control::current(link, fingerprint).await?;
    while let Some(number) = current {
        db.keeper.hold(number).await?;
        // Until it was held, it could be replaced and dropped.
        let now = control::current(link, fingerprint).await?;
        if now == current {
            break;
        }
        db.keeper.release(number).await?;
        current = now;
    }
    Ok(current)
}

impl ViewStore for PostgresViews {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn current(&self) -> Option<Arc<dyn Generation>> {
        self.state().current.clone().map(|current| current as Arc<dyn Generation>)
    }

    fn refresh(&self) -> Result<(), ViewError> {
        let fingerprint = self.schema.fingerprint();
        let known = self.state().number();
        let found = self.db.read(async |link| match control::current(link, &fingerprint).await? {
            same if same == known => Ok(None),
            _ => hold_current(&self.db, link, &fingerprint).await.map(Some),
        })?;
        let Some(number) = found else { return Ok(()) };
        // It is held: whoever has it from here on gives it back.
        let fresh = number.map(|number| Arc::new(PostgresGeneration::open(&self.db, &self.schema, number)));
        let mut state = self.state();
        // This process may have published one meanwhile, or found the same one.
        let replaced =
            if state.number() == known { std::mem::replace(&mut state.current, fresh) } else { fresh };
        drop(state);
        drop(replaced);
        Ok(())
    }

    fn begin(&self) -> Result<Arc<dyn Generation>, ViewError> {
        // A build that was given up goes with its last user.
        self.state().begun = None;
        self.refresh()?;
        let generation = Arc::new(PostgresGeneration::begin(&self.db, &self.schema)?);
        let mut state = self.state();
        let before = state.number();
        state.begun = Some((Arc::clone(&generation), before));
        Ok(generation)
    }

    fn settle(&self, generation: &Arc<dyn Generation>) -> Result<(), ViewError> {
        self.begun(generation)?.0.settle()
    }

    fn publish(&self, generation: Arc<dyn Generation>) -> Result<(), ViewError> {
        let (begun, before) = self.begun(&generation)?;
        begun.settle()?;
        let fingerprint = self.schema.fingerprint();
        let (number, epoch) = (begun.number(), begun.claimed());
        self.db.wait(async {
            let link = Link::open(&self.db.options, Purpose::Manage).await?;
            control::publish(&link, &fingerprint, before, number, epoch).await
        })?;
        let mut state = self.state();
        state.begun = None;
        // The one before is dropped by its last user, here or elsewhere.
        let replaced = state.current.replace(begun);
        drop(state);
        drop(replaced);
        let db = Arc::clone(&self.db);
        self.db.spawn(async move { drop(db.keeper.sweep(&fingerprint, true).await) });
        Ok(())
    }
}
