//! A counter to command, a store that fails on demand, and the check that a log is sound.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ledger::chain::Chains;
use ledger::clock::{ManualClock, SeededEntropy};
use ledger::domain::{Aggregate, Class, DecideCtx, DecodeError, DomainEvent, EventBody, Withheld};
use ledger::dsse;
use ledger::epochs::Epochs;
use ledger::event::{EventHash, Header};
use ledger::ids::{Actor, CommandId, StreamId, SubjectId, TenantId};
use ledger::keys::verify;
use ledger::secretbox::Kek;
use ledger::tile::TileId;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, watch};

use crate::bootstrap::Bootstrap;
use crate::executor::{CommandMeta, Executor, Outcome};
use crate::keyring::Keyring;
use crate::{
    Append, CommandReceipt, CommandRecord, EventStore, LogHead, MemoryStore, Page, Read, StoreError,
    StreamHead, Verdict,
};

/// Adds up, up to a limit.
pub(crate) struct Counter;

/// Adding this panics.
pub(crate) const BROKEN: u64 = 13;

pub(crate) const LIMIT: u64 = 1_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Add(u64),
    /// Adds and keeps a note about a person.
    AddFor(u64, SubjectId),
    Nothing,
    /// Refused unless the sum is exactly this.
    Claim(u64),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sum is {0}")]
pub(crate) struct Refusal(pub(super) u64);

#[derive(Debug, Clone)]
pub(crate) struct Added {
    pub(crate) by: u64,
    subject: Option<SubjectId>,
}

impl Aggregate for Counter {
    const CATEGORY: &'static str = "counter";
    type State = u64;
    type Command = Command;
    type Event = Added;
    type Error = Refusal;

    fn decide(state: &u64, command: &Command, _: &DecideCtx) -> Result<Vec<Added>, Refusal> {
        match command {
            Command::Add(by) if state + by > LIMIT => Err(Refusal(*state)),
            Command::Add(by) => Ok(vec![Added { by: *by, subject: None }]),
            Command::AddFor(by, subject) => Ok(vec![Added { by: *by, subject: Some(subject.clone()) }]),
            Command::Nothing => Ok(Vec::new()),
            Command::Claim(sum) if sum == state => Ok(Vec::new()),
            Command::Claim(_) => Err(Refusal(*state)),
        }
    }

    fn evolve(state: u64, event: &Added) -> u64 {
        assert_ne!(event.by, BROKEN, "a mistake in the domain's code");
        state + event.by
    }
}

impl DomainEvent for Added {
    fn event_type(&self) -> &'static str {
        "ledger.counter.added.v1"
    }

    fn encode(&self) -> EventBody {
        let public = json!({"by": self.by}).as_object().unwrap().clone();
        let class = |subject: &SubjectId| Class::Personal(subject.clone());
        let note = |subject| Withheld { name: "note", value: json!("note"), class: class(subject) };
        EventBody { public, withheld: self.subject.iter().map(note).collect() }
    }

    fn decode(_: &str, data: &Map<String, Value>) -> Result<Option<Self>, DecodeError> {
        Ok(data["by"].as_u64().map(|by| Self { by, subject: None }))
    }
}

/// What happens to one call of `append`.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing happened, and it says so.
    Refused(StoreError),
    /// Stored, but the answer is lost.
    LostAnswer,
    /// Not stored, and nobody knows.
    LostRequest,
    /// Others won.
    WrongRevision,
}

type Plan = dyn FnMut(usize) -> Option<Fault> + Send;

/// The memory store behind faults and a gate.
pub(crate) struct Faulty {
    pub(crate) inner: Arc<MemoryStore>,
    plan: Mutex<Box<Plan>>,
    /// Appends go through while it has permits.
    pub(crate) gate: Semaphore,
    pub(crate) appends: AtomicUsize,
    pub(crate) reads: AtomicUsize,
}

#[async_trait]
impl EventStore for Faulty {
    async fn append(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        let call = self.appends.fetch_add(1, Ordering::SeqCst);
        let fault = (self.plan.lock().unwrap())(call);
        drop(self.gate.acquire().await.unwrap());
        let unknown = Err(StoreError::OutcomeUnknown { reason: "planned".into() });
        match fault {
            None => self.inner.append(appends).await,
            Some(Fault::Refused(error)) => Err(error),
            Some(Fault::LostAnswer) => self.inner.append(appends).await.and(unknown),
            Some(Fault::LostRequest) => unknown,
            Some(Fault::WrongRevision) => {
                Ok(appends.iter().map(|_| Verdict::WrongRevision { current: None }).collect())
            }
        }
    }

    async fn read(&self, query: Read) -> Result<Page, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.read(query).await
    }

    async fn log_head(&self, tenant: &TenantId) -> Result<Option<LogHead>, StoreError> {
        self.inner.log_head(tenant).await
    }

    async fn stream_head(&self, t: &TenantId, s: &StreamId) -> Result<Option<StreamHead>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.stream_head(t, s).await
    }

    async fn tile(&self, tenant: &TenantId, tile: &TileId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.tile(tenant, tile).await
    }

    async fn command(&self, t: &TenantId, c: &CommandId) -> Result<Option<CommandReceipt>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.command(t, c).await
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.subscribe()
    }
}

/// A ledger with one tenant.
pub(crate) struct World {
    pub(crate) store: Arc<Faulty>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) executor: Arc<Executor>,
    pub(crate) tenant: TenantId,
}

pub(crate) async fn world() -> World {
    world_with(|_| None).await
}

pub(crate) async fn world_with(plan: impl FnMut(usize) -> Option<Fault> + Send + 'static) -> World {
    let inner = Arc::new(MemoryStore::new());
    let entropy = Arc::new(SeededEntropy::new(1));
    let clock = Arc::new(ManualClock::new("2026-03-01".parse().unwrap()));
    let keyring = Arc::new(Keyring::new(inner.clone(), Kek::new(&[1; 32]), entropy.clone()));
    let bootstrap = Bootstrap {
        store: inner.clone(),
        side: inner.clone(),
        keyring: keyring.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
    };
    bootstrap.open("").await.unwrap();
    let tenant = TenantId::new("t1").unwrap();
    bootstrap.create(&tenant, None).await.unwrap();
    let store = Arc::new(Faulty {
        inner,
        plan: Mutex::new(Box::new(plan)),
        gate: Semaphore::new(Semaphore::MAX_PERMITS),
        appends: AtomicUsize::new(0),
        reads: AtomicUsize::new(0),
    });
    let executor = Executor::new(store.clone(), keyring.clone(), clock.clone(), entropy);
    World { store, keyring, clock, executor: Arc::new(executor), tenant }
}

pub(crate) fn stream(n: usize) -> StreamId {
    StreamId::of("counter", n).unwrap()
}

pub(crate) fn meta() -> CommandMeta {
    CommandMeta::of(Actor::system("test"))
}

pub(crate) fn with_id(id: &str, body: u8) -> CommandMeta {
    meta().with_record(CommandRecord { id: CommandId::new(id).unwrap(), body_mac: [body; 32] })
}

impl World {
    pub(crate) async fn run(
        &self,
        stream: &StreamId,
        meta: &CommandMeta,
        command: Command,
    ) -> super::super::Executed<Counter> {
        self.executor.execute::<Counter>(&self.tenant, stream, meta, &command).await
    }

    /// Closes the gate and waits for `appends` to stand before it.
    pub(crate) async fn shut(&self) {
        self.store.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) async fn waiting(&self, appends: usize) {
        while self.store.appends.load(Ordering::SeqCst) < appends {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn open(&self) {
        self.store.gate.add_permits(Semaphore::MAX_PERMITS - self.store.gate.available_permits());
    }

    /// The sum of a stream, and the ids of its commands.
    pub(crate) async fn sum(&self, stream: &StreamId) -> (u64, Vec<String>) {
        let page = self.store.inner.read(Read::stream(&self.tenant, stream, 0).limit(10_000)).await.unwrap();
        let mut commands = Vec::new();
        let mut sum = 0;
        for stored in &page.events {
            let header = Header::parse(&stored.header).unwrap();
            let data: Map<String, Value> = serde_json::from_slice(header.data).unwrap();
            sum += data["by"].as_u64().unwrap();
            commands.extend(header.cmd.map(|id| id.to_string()));
        }
        (sum, commands)
    }

    /// Every entry of the tenant's log: key, signature, chain. The number of entries comes back.
    pub(crate) async fn verified(&self) -> u64 {
        let (mut epochs, mut chains, mut from) = (Epochs::new(), Chains::default(), 0);
        loop {
            let page = self.store.inner.read(Read::log(&self.tenant, from)).await.unwrap();
            for stored in &page.events {
                let header = Header::parse(&stored.header).unwrap();
                let key = epochs.admit(stored.index, &header).unwrap();
                let pae = dsse::pae(dsse::PAYLOAD_TYPE, &stored.header);
                verify(&key, &pae, &stored.signature).unwrap();
                chains.follow(&header, EventHash::of(&stored.header)).unwrap();
            }
            from = page.next;
            if page.end {
                return from;
            }
        }
    }
}

pub(crate) fn index(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Committed(committed) => committed.first_index,
        Outcome::Duplicate(receipt) => receipt.first_index,
        Outcome::Unchanged => panic!("nothing was done"),
    }
}
