//! A connection to a fake, an adapter, and a journal that can be looked into.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ledger::clock::{Clock, SeededEntropy, SystemClock};
use ledger_connectors::adapter::{Adapter, answer};
use ledger_connectors::drive::{Ask, End, Journal, JournalError, Sending, drive};
use ledger_connectors::egress::credential::Credentials;
use ledger_connectors::egress::{
    Blobs, Bounds, BreakerSettings, Client, Connection, ConnectionParts, Exchange, NoInsertions, Policy,
    Rates, RecordError, Recorder, Target, TlsSettings,
};
use ledger_connectors::host::{CallError, Instance, Limits, Program};
use ledger_connectors::protocol::{
    BlobRef, Call, Document, Effect, Fact, Intent, KnownTicket, Outcome, RemoteRef, Reply, Task, Ticket,
};
use serde_json::{Map, Value, json};

/// Keeps everything in memory.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) exchanges: Mutex<Vec<Exchange>>,
    pub(crate) facts: Mutex<Vec<Fact>>,
    pub(crate) last: Mutex<Option<Sending>>,
}

impl Memory {
    pub(crate) fn take_facts(&self) -> Vec<Fact> {
        std::mem::take(&mut *self.facts.lock().expect("not poisoned"))
    }

    pub(crate) fn forget(&self) {
        *self.last.lock().expect("not poisoned") = None;
    }

    pub(crate) fn last(&self) -> Option<Sending> {
        self.last.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Recorder for Memory {
    async fn record(&self, exchange: Exchange) -> Result<(), RecordError> {
        self.exchanges.lock().expect("not poisoned").push(exchange);
        Ok(())
    }
}

#[async_trait]
impl Journal for Memory {
    async fn sending(&self, sending: &Sending) -> Result<(), JournalError> {
        *self.last.lock().expect("not poisoned") = Some(sending.clone());
        Ok(())
    }

    async fn facts(&self, facts: Vec<Fact>) -> Result<(), JournalError> {
        self.facts.lock().expect("not poisoned").extend(facts);
        Ok(())
    }
}

#[async_trait]
impl Blobs for Memory {
    async fn read(&self, blob: &BlobRef) -> Result<Bytes, String> {
        Ok(Bytes::from(vec![b'e'; usize::try_from(blob.size_bytes).map_err(|e| e.to_string())?]))
    }
}

/// An adapter in this process, for tests of many runs.
pub(crate) struct Local(Mutex<Box<dyn Adapter>>);

impl Local {
    pub(crate) fn new(name: &str, config: &Value) -> Self {
        let mut adapter = ledger_connectors::registry::make(name).expect("built in");
        adapter.configure(config).expect("fits");
        Self(Mutex::new(adapter))
    }
}

#[async_trait]
impl Ask for Local {
    async fn ask(&self, call: Call) -> Result<Reply, CallError> {
        let mut adapter = self.0.lock().expect("not poisoned");
        Ok(answer(adapter.as_mut(), call).unwrap_or_else(|refusal| Reply::Refused(*refusal)))
    }
}

/// The adapter in its own process, shut in.
pub(crate) fn process(name: &str, config: &Value) -> Instance {
    let own = std::env::current_exe().expect("own path");
    Instance::new(Program::built_in(own, name), config.clone(), Limits::default())
}

/// What may be reached: this machine, on one port.
pub(crate) fn policy(port: u16) -> Policy {
    Policy { networks: vec!["127.0.0.1/32".parse().expect("a network")], ports: vec![port], plain_http: true }
}

pub(crate) fn client(port: u16) -> Client {
    let bounds = Bounds { request: Duration::from_millis(700), ..Bounds::default() };
    Client::new(policy(port), &TlsSettings::default(), bounds).expect("a client")
}

pub(crate) fn connection(
    base: &str,
    port: u16,
    credentials: Credentials,
    memory: &Arc<Memory>,
) -> Connection {
    Connection::new(ConnectionParts {
        base: Target::parse_base(base, &policy(port)).expect("a base"),
        client: client(port),
        credentials,
        rates: Rates { per_second: 100_000.0, burst: 100_000.0 },
        breaker: BreakerSettings { failures: 1_000_000, ..BreakerSettings::default() },
        recorder: memory.clone(),
        blobs: memory.clone(),
        insertions: Arc::new(NoInsertions),
        clock: clock(),
        entropy: Arc::new(SeededEntropy::new(7)),
    })
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// One side of a test: what is needed to run tasks.
pub(crate) struct Rig<A> {
    pub(crate) adapter: A,
    pub(crate) connection: Connection,
    pub(crate) memory: Arc<Memory>,
}

impl<A: Ask> Rig<A> {
    pub(crate) async fn run(&self, task: &Task) -> End {
        self.memory.forget();
        drive(task, "test", None, &self.adapter, &self.connection, self.memory.as_ref())
            .await
            .expect("the journal")
    }

    pub(crate) async fn perform(&self, intent: &Intent) -> End {
        self.run(&Task::Perform(intent.clone())).await
    }

    /// Carried out, or the test fails.
    pub(crate) async fn succeed(&self, intent: &Intent) -> Done {
        match self.perform(intent).await {
            End::Done(Outcome::Succeeded { remote, snapshot, receipts, notes }) => Done {
                remote,
                status: snapshot.as_ref().and_then(|s| s.status).map(|s| s.name()),
                fields: snapshot.map(|s| s.fields).unwrap_or_default(),
                receipts: receipts.into_iter().map(|receipt| receipt.0).collect(),
                notes,
            },
            other => panic!("{:?}: {other:?}", intent.effect.kind()),
        }
    }

    pub(crate) async fn fail(&self, intent: &Intent) -> ledger_connectors::protocol::Failure {
        match self.perform(intent).await {
            End::Done(Outcome::Failed(failure)) => failure,
            End::Later(later) => later.failure,
            other => panic!("{:?}: {other:?}", intent.effect.kind()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) remote: RemoteRef,
    pub(crate) status: Option<&'static str>,
    pub(crate) fields: Map<String, Value>,
    pub(crate) receipts: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Done {
    pub(crate) fn known(&self) -> KnownTicket {
        KnownTicket { remote: self.remote.clone(), base: self.fields.clone() }
    }
}

pub(crate) fn open(key: &str) -> Intent {
    let facts = json!({ "control": { "id": "ac-6" }, "severity": "high", "due": "2026-12-01" });
    let ticket = Ticket {
        title: format!("Control ac-6 fails for {key}"),
        text: Document::plain("Root login is permitted.\nSee the evidence."),
        facts: facts.as_object().cloned().expect("an object"),
        url: Some("https://ledger.example/evidence/1".into()),
    };
    intent(key, "open", None, Effect::Open(ticket))
}

pub(crate) fn intent(key: &str, id: &str, ticket: Option<KnownTicket>, effect: Effect) -> Intent {
    Intent { id: format!("{key}-{id}"), key: key.into(), tenant: "acme".into(), ticket, effect }
}
