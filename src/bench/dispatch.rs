//! Dispatch: from intents that wait to their outcomes, through the sandboxed adapter, real HTTP and the log, beside the
//! same work with nothing written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use async_trait::async_trait;
use futures_util::StreamExt as _;
use ledger::clock::{Clock, Stopwatch, SystemClock};
use ledger::ids::{CommandId, TenantId, uuid_v7};
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::intent::{self, IntentCommand};
use ledger_aggregates::values::{EffectKind, IntegrationId, IntentId, SecretName};
use ledger_connectors::drive::{End, Journal, JournalError, Sending, drive};
use ledger_connectors::egress::credential::Credentials;
use ledger_connectors::egress::{
    Bounds, BreakerSettings, Client, Connection, ConnectionParts, Exchange, NoBlobs, NoInsertions, Policy,
    Rates, RecordError, Recorder, Secret, Target, TlsSettings,
};
use ledger_connectors::host::{Instance, Limits, Program};
use ledger_connectors::protocol::{Document, Effect, Fact, Intent, Outcome, Task, Ticket};
use ledger_fakes::servicenow::{ServiceNow, Settings};
use ledger_fakes::{Server, serve};
use ledger_store::{Delivery, Filter, Subscription};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::ground::Ground;
use super::place::Scratch;
use super::{Figure, rate};
use crate::app::App;
use crate::auth::principal::{Caller, Principal};
use crate::cli::bench::BenchArgs;
use crate::commands::Order;
use crate::config::Config;
use crate::runtime::node::{Node, Role};

/// Enough for a steady rate; each is a request and six events.
const INTENTS_MAX: u64 = 5_000;
/// Intents that are asked for with one append.
const BATCH: usize = 200;
/// Pieces of work at once.
const CONCURRENCY: usize = 16;
const ACCOUNT: (&str, &str) = ("ledger.integration", "fake-password-0001");

/// Measures dispatch.
///
/// # Errors
/// The ledger, or the sink's port.
pub fn run(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    crate::cli::serve::runtime()?.block_on(measure(config, args.events.clamp(1, INTENTS_MAX)))
}

async fn measure(config: &Config, intents: u64) -> Result<Vec<Figure>> {
    let ground = Ground::of(config).await?;
    let sink = serve(ServiceNow::new(Settings::default(), Arc::new(SystemClock)), 0).await?;
    let bare = bare(&sink, intents).await?;
    let sink = serve(ServiceNow::new(Settings::default(), Arc::new(SystemClock)), 0).await?;
    let (took, events) = dispatched(&ground, &sink, intents).await?;
    let records = sink.fake.counts().records as u64;
    anyhow::ensure!(records == intents, "{records} records for {intents} intents");
    #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
    let per_intent = events as f64 / intents as f64;
    let figure = Figure::new(
        ground.named("dispatch, intents to outcomes"),
        rate(intents, took),
        "intents/s",
        "the same adapter and requests, nothing written",
        rate(intents, bare),
    );
    Ok(vec![figure.detail("events an intent", per_intent, "events")])
}

fn adapter_config() -> Value {
    json!({ "table": "incident", "statuses": { "open": { "value": "1" } } })
}

fn intent(number: u64, id: String) -> Intent {
    let ticket = Ticket {
        title: format!("Control {number} fails"),
        text: Document::plain("Root login is permitted.\nSee the evidence."),
        facts: serde_json::Map::new(),
        url: None,
    };
    Intent { key: id.clone(), id, tenant: "bench".into(), ticket: None, effect: Effect::Open(ticket) }
}

/// Through the ledger: how long, and how many events that made.
async fn dispatched(ground: &Ground, sink: &Server<ServiceNow>, intents: u64) -> Result<(Duration, u64)> {
    let scratch = Scratch::new()?;
    let mut config = ground.config(scratch.path());
    config.egress.networks = "127.0.0.0/8".into();
    let node = Node::open(config, Role::All).await?;
    let app = Arc::clone(&node.app);
    crate::runtime::first::prepare(&app).await?;
    let tenant = app.first_tenant();
    let integration: IntegrationId = "sink".parse().map_err(|error| anyhow!("{error}"))?;
    prepare(&app, &tenant, &integration, sink).await?;
    ask(&app, &tenant, &integration, intents).await?;
    let head = app.store.subscribe();
    let before = *head.borrow();
    let types = vec!["ledger.intent.succeeded.v1".to_owned()];
    let mut outcomes =
        Subscription::new(Arc::clone(&app.store), before + 1, Filter { types, ..Filter::default() });
    let watch = Stopwatch::start();
    order(&app, &tenant, &integration, IntegrationCommand::Enable).await?;
    let mut done = 0;
    while done < intents {
        if let Delivery::Events(events) = outcomes.next().await? {
            done += events.len() as u64;
        }
    }
    let (took, events) = (watch.elapsed(), *head.borrow() - before);
    node.close().await;
    Ok((took, events))
}

async fn order(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    command: IntegrationCommand,
) -> Result<()> {
    let id = CommandId::new(uuid_v7(&*app.clock, &*app.entropy).to_string())?;
    let order = Order::system("bench", tenant, integration.stream(), id);
    app.command::<Integration>(&order, &command).await.map_err(|error| anyhow!("{error}"))?;
    Ok(())
}

async fn prepare(
    app: &Arc<App>,
    tenant: &TenantId,
    integration: &IntegrationId,
    sink: &Server<ServiceNow>,
) -> Result<()> {
    let caller =
        Caller { principal: Arc::new(Principal::local_operator(TenantId::system())), tenant: tenant.clone() };
    let name: SecretName = "sink".parse().map_err(|error| anyhow!("{error}"))?;
    let value = Zeroizing::new(ACCOUNT.1.as_bytes().to_vec());
    let id = CommandId::new(uuid_v7(&*app.clock, &*app.entropy).to_string())?;
    app.put_secret(&caller, id, &name, &value).await.map_err(|error| anyhow!("{error}"))?;
    let register = IntegrationCommand::Register {
        kind: "servicenow".parse().map_err(|error| anyhow!("{error}"))?,
        adapter_version: env!("CARGO_PKG_VERSION").parse().map_err(|error| anyhow!("{error}"))?,
        name: None,
        endpoint: None,
    };
    order(app, tenant, integration, register).await?;
    let config = json!({
        "base_url": sink.url(),
        "auth": { "basic": { "user": ACCOUNT.0, "password": { "secret": "sink" } } },
        "allow_networks": ["127.0.0.0/8"], "allow_ports": [sink.address.port()], "allow_plain_http": true,
        "rates": { "per_second": 1_000_000.0, "burst": 1_000_000.0 },
        "concurrency": CONCURRENCY,
        "adapter": adapter_config(),
    });
    let configure =
        IntegrationCommand::Configure { replaces: None, config, cadence_seconds: None, endpoint: None };
    order(app, tenant, integration, configure).await
}

async fn ask(app: &App, tenant: &TenantId, integration: &IntegrationId, intents: u64) -> Result<()> {
    let numbers: Vec<u64> = (0..intents).collect();
    for part in numbers.chunks(BATCH) {
        let mut orders = Vec::with_capacity(part.len());
        for number in part {
            let id = IntentId::of(tenant, "bench", number, "open");
            let payload = serde_json::to_value(intent(*number, id.to_string()))?;
            let command = IntentCommand::Request {
                integration: integration.clone(),
                kind: EffectKind::Open,
                ticket: None,
                number: None,
                payload,
            };
            let command_id = CommandId::new(id.to_string())?;
            orders.push((Order::system("bench", tenant, id.stream(), command_id).creates(), command));
        }
        let done =
            app.commands::<intent::Intent, _>(tenant, &orders).await.map_err(|error| anyhow!("{error}"))?;
        for done in done {
            done.map_err(|error| anyhow!("{error}"))?;
        }
    }
    Ok(())
}

/// The same requests through the same adapter and client, with nothing written.
async fn bare(sink: &Server<ServiceNow>, intents: u64) -> Result<Duration> {
    let policy =
        Policy { networks: vec!["127.0.0.0/8".parse()?], ports: vec![sink.address.port()], plain_http: true };
    let (user, password) = (ACCOUNT.0.to_owned(), Secret::new(ACCOUNT.1));
    let connection = Connection::new(ConnectionParts {
        base: Target::parse_base(&sink.url(), &policy)?,
        client: Client::new(policy, &TlsSettings::default(), Bounds::default())?,
        credentials: Credentials::Basic { user, password },
        rates: Rates { per_second: 1_000_000.0, burst: 1_000_000.0 },
        breaker: BreakerSettings::default(),
        recorder: Arc::new(Nowhere::default()),
        blobs: Arc::new(NoBlobs),
        insertions: Arc::new(NoInsertions),
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        entropy: Arc::new(ledger::clock::BufferedEntropy::default()),
    });
    let own: PathBuf = std::env::current_exe()?;
    let instance = Instance::new(Program::built_in(own, "servicenow"), adapter_config(), Limits::default());
    let (connection, instance) = (&connection, &instance);
    // The process is started before the clock, as it is in a ledger that works.
    one(connection, instance, u64::MAX).await?;
    let watch = Stopwatch::start();
    let mut runs = futures_util::stream::iter(0..intents)
        .map(|number| one(connection, instance, number))
        .buffer_unordered(CONCURRENCY);
    while let Some(run) = runs.next().await {
        run?;
    }
    Ok(watch.elapsed())
}

async fn one(connection: &Connection, instance: &Instance, number: u64) -> Result<()> {
    let task = Task::Perform(intent(number, format!("bare-{number}")));
    let journal = Nowhere::default();
    match drive(&task, "bench", None, instance, connection, &journal).await? {
        End::Done(Outcome::Succeeded { .. }) => Ok(()),
        other => Err(anyhow!("{other:?}")).context("the sink refuses"),
    }
}

/// Keeps the last of everything in memory.
#[derive(Default)]
struct Nowhere(Mutex<BTreeMap<&'static str, Value>>);

impl Nowhere {
    fn keep(&self, what: &'static str, value: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what, value);
    }
}

#[async_trait]
impl Recorder for Nowhere {
    async fn record(&self, exchange: Exchange) -> Result<(), RecordError> {
        self.keep("exchange", json!(exchange.status));
        Ok(())
    }
}

#[async_trait]
impl Journal for Nowhere {
    async fn sending(&self, sending: &Sending) -> Result<(), JournalError> {
        self.keep("sending", json!(sending.step));
        Ok(())
    }

    async fn facts(&self, facts: Vec<Fact>) -> Result<(), JournalError> {
        self.keep("facts", json!(facts.len()));
        Ok(())
    }
}
