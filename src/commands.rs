//! The one way from a request to events: an order, the executor, and what is told of it.

use std::borrow::Borrow;

use axum::http::StatusCode;
use ledger::domain::{Aggregate, Cause};
use ledger::event::SealedEvent;
use ledger::ids::{Actor, CommandId, StreamId, TenantId};
use ledger_aggregates::refusal::{Refusal, RefusalKind};
use ledger_store::CommandRecord;
use ledger_store::executor::{BulkItem, CommandMeta, ExecuteError, Outcome};
use ledger_store::keyring::LogKeys;

use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, COMMAND_REUSED, CONFLICT, INVALID, NOT_FOUND, TOO_LARGE};

/// Who orders what of which stream, under which id.
#[derive(Debug)]
pub struct Order {
    /// Whose log.
    pub tenant: TenantId,
    /// Which stream.
    pub stream: StreamId,
    /// Who.
    pub actor: Actor,
    /// The idempotency key.
    pub id: CommandId,
    /// What tells a repetition from another command.
    pub identity: Vec<u8>,
    /// What caused it.
    pub cause: Cause,
    /// Is the stream expected not to exist yet? It saves looking for its head.
    pub creates: bool,
}

impl Order {
    /// An order of a caller.
    pub fn new(caller: &Caller, stream: StreamId, id: CommandId, identity: &[u8]) -> Self {
        Self {
            tenant: caller.tenant.clone(),
            stream,
            actor: caller.principal.actor(),
            id,
            identity: identity.to_vec(),
            cause: Cause::default(),
            creates: false,
        }
    }

    /// An order of a part of the ledger itself, under an id that follows from what it reacts to.
    pub fn system(part: &str, tenant: &TenantId, stream: StreamId, id: CommandId) -> Self {
        let identity = id.as_str().as_bytes().to_vec();
        let actor = Actor::system(part);
        Self { tenant: tenant.clone(), stream, actor, id, identity, cause: Cause::default(), creates: false }
    }

    fn meta(&self, keys: &LogKeys) -> CommandMeta {
        CommandMeta {
            record: Some(CommandRecord { id: self.id.clone(), body_mac: keys.body_mac(&self.identity) }),
            actor: self.actor.clone(),
            cause: self.cause,
            new_stream: self.creates,
        }
    }

    /// To a stream that is new.
    #[must_use]
    pub const fn creates(mut self) -> Self {
        self.creates = true;
        self
    }
}

/// What became of an order.
#[derive(Debug, Clone)]
pub struct Done {
    /// Index of its first event; `None`: there was nothing to do.
    pub first_index: Option<u64>,
    /// Position of its last event, 0 where there was nothing to do.
    pub position: u64,
    /// It had been done before.
    pub duplicate: bool,
    /// The first event, if it was committed just now.
    pub event: Option<SealedEvent>,
}

impl Done {
    /// 201 where something was made, 200 where it was there already.
    pub const fn status(&self) -> StatusCode {
        if self.duplicate || self.first_index.is_none() { StatusCode::OK } else { StatusCode::CREATED }
    }
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Committed(committed) => Self {
                first_index: Some(committed.first_index),
                position: committed.position,
                duplicate: false,
                event: committed.events.into_iter().next(),
            },
            Outcome::Duplicate(receipt) => Self {
                first_index: Some(receipt.first_index),
                position: receipt.position,
                duplicate: true,
                event: None,
            },
            Outcome::Unchanged => Self { first_index: None, position: 0, duplicate: false, event: None },
        }
    }
}

impl App {
    /// Carries an order out and answers when its events are durable.
    ///
    /// # Errors
    /// What the aggregate refuses, or why the store cannot take it now.
    pub async fn command<A: Aggregate<Error: Refusal>>(
        &self,
        order: &Order,
        command: &A::Command,
    ) -> Result<Done, ApiError> {
        let meta = order.meta(&self.log(&order.tenant)?.keys);
        let outcome = self.executor.execute::<A>(&order.tenant, &order.stream, &meta, command).await;
        self.note_store(outcome.as_ref().err().is_some_and(ExecuteError::store_fails));
        outcome.map(Done::from).map_err(problem)
    }

    /// Carries many orders of one tenant out with one append: an answer for each, in order.
    ///
    /// Each stands for itself: one that is refused does not hold up the others.
    ///
    /// # Errors
    /// There is no such tenant.
    pub async fn commands<A: Aggregate<Error: Refusal>, C: Borrow<A::Command>>(
        &self,
        tenant: &TenantId,
        orders: &[(Order, C)],
    ) -> Result<Vec<Result<Done, ApiError>>, ApiError> {
        let keys = self.log(tenant)?.keys;
        let metas: Vec<_> = orders.iter().map(|(order, _)| order.meta(&keys)).collect();
        let items = orders.iter().zip(&metas);
        let items: Vec<BulkItem<'_, A>> = items
            .map(|((order, command), meta)| BulkItem {
                stream: &order.stream,
                meta,
                command: command.borrow(),
            })
            .collect();
        let outcomes = self.executor.execute_many(tenant, &items).await;
        if !outcomes.is_empty() {
            let failed = |outcome: &Result<_, ExecuteError<_>>| {
                outcome.as_ref().err().is_some_and(ExecuteError::store_fails)
            };
            self.note_store(outcomes.iter().any(failed));
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.map(Done::from).map_err(problem)).collect())
    }
}

/// What a client is told of a command that was not carried out.
pub fn problem<E: Refusal>(error: ExecuteError<E>) -> ApiError {
    match error {
        ExecuteError::Refused(refusal) => refused(&refusal),
        ExecuteError::CommandConflict => {
            ApiError::new(COMMAND_REUSED, "this id was used before with another body")
                .hint("give a new command a new id (a UUIDv7)")
        }
        ExecuteError::Contended(_) => ApiError::new(CONFLICT, error.to_string()).retry_after(1),
        ExecuteError::NoLog(tenant) => ApiError::not_found(format!("tenant {tenant}")),
        ExecuteError::Seal(error @ ledger::event::SealError::Event(_)) => {
            ApiError::new(TOO_LARGE, error.to_string()).hint("split it, or attach what is large as a blob")
        }
        ExecuteError::Seal(error) => ApiError::internal(error),
        ExecuteError::Keys(error) => ApiError::internal(error),
        ExecuteError::Store(error) => error.into(),
    }
}

fn refused(refusal: &impl Refusal) -> ApiError {
    let code = match refusal.kind() {
        RefusalKind::Invalid => INVALID,
        RefusalKind::Conflict | RefusalKind::Gone => CONFLICT,
        RefusalKind::NotFound => NOT_FOUND,
    };
    let error = ApiError::new(code, refusal.to_string()).hint(refusal.hint());
    match refusal.pointer() {
        pointer if pointer.is_empty() => error,
        pointer => error.at(pointer, refusal.to_string()),
    }
}
