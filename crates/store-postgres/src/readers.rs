//! Connections that read; each answers many questions at once, in turn.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::Client;

use crate::connect::connect;
use crate::error::{OpenError, PgError};
use crate::heads::Heads;
use crate::options::PostgresOptions;

/// A few connections, taken in turn, opened again when they break.
pub(crate) struct Readers {
    options: PostgresOptions,
    heads: Arc<Heads>,
    clients: Vec<Mutex<Arc<Client>>>,
    next: AtomicUsize,
}

impl Readers {
    pub async fn open(options: &PostgresOptions, heads: Arc<Heads>) -> Result<Self, OpenError> {
        let mut clients = Vec::new();
        for _ in 0..options.readers.max(1) {
            clients.push(Mutex::new(Arc::new(connect(options).await?)));
        }
        Ok(Self { options: options.clone(), heads, clients, next: AtomicUsize::new(0) })
    }

    /// A connection that works, as far as is known.
    pub async fn client(&self) -> Result<Arc<Client>, PgError> {
        let place = &self.clients[self.next.fetch_add(1, Ordering::Relaxed) % self.clients.len()];
        let known = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !known.is_closed() {
            return Ok(known);
        }
        let fresh = connect(&self.options).await.map_err(|error| PgError::Server(error.to_string()))?;
        let fresh = Arc::new(fresh);
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        // One of those that found it closed takes its place; the server may be another one.
        if !Arc::ptr_eq(&place, &known) {
            return Ok(place.clone());
        }
        self.heads.forget();
        *place = fresh.clone();
        Ok(fresh)
    }
}
