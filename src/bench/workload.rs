//! What the benchmarks write: events like evidence, over a ledger in a scratch directory.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};
use ledger::clock::{BufferedEntropy, Clock, Entropy, SystemClock};
use ledger::domain::{Aggregate, DecideCtx, DecodeError, DomainEvent, EventBody};
use ledger::ids::{Actor, CommandId, StreamId, TenantId};
use ledger::secretbox::Kek;
use ledger::time::Timestamp;
use ledger_aggregates::evidence::{Evidence, EvidenceCommand, SubmitEvidence};
use ledger_aggregates::framework::starter;
use ledger_aggregates::values::{CheckId, CheckResult, ControlRef, EvidenceId, TargetRef};
use ledger_store::bootstrap::Bootstrap;
use ledger_store::executor::{BulkItem, CommandMeta, Executed, Executor};
use ledger_store::keyring::Keyring;
use ledger_store::{CommandRecord, EventStore, SideStore};
use ledger_store_sqlite::{SqliteStore, StoreOptions};
use serde_json::{Map, Value, json};

/// A directory that goes with its owner.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty directory under the system's directory for such.
    ///
    /// # Errors
    /// The file system's.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("ledger-bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in the system's directory for what may be removed.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A ledger with one tenant, in process, without HTTP.
pub struct Place<S = SqliteStore> {
    /// The store.
    pub store: Arc<S>,
    /// The way of a command.
    pub executor: Arc<Executor>,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// Whose log.
    pub tenant: TenantId,
}

impl Place {
    /// Makes a ledger in `dir`.
    ///
    /// # Errors
    /// The store's.
    pub async fn create(dir: &Path) -> Result<Self> {
        Self::over(Arc::new(SqliteStore::open(StoreOptions::new(dir, dir.join("head"), [7; 32]))?)).await
    }
}

impl<S: EventStore + SideStore> Place<S> {
    /// Makes a ledger in an empty store.
    ///
    /// # Errors
    /// The store's.
    pub async fn over(store: Arc<S>) -> Result<Self> {
        let entropy: Arc<dyn Entropy> = Arc::new(BufferedEntropy::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let events: Arc<dyn EventStore> = Arc::<S>::clone(&store);
        let side: Arc<dyn SideStore> = Arc::<S>::clone(&store);
        let keyring = Arc::new(Keyring::new(Arc::clone(&side), Kek::new(&[9; 32]), Arc::clone(&entropy)));
        let bootstrap = Bootstrap {
            store: Arc::clone(&events),
            side,
            keyring: Arc::clone(&keyring),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        };
        bootstrap.open("bench").await?;
        let tenant = TenantId::generate(&*clock, &*entropy);
        bootstrap.create(&tenant, None).await?;
        let executor = Arc::new(Executor::new(events, Arc::clone(&keyring), clock, entropy));
        Ok(Self { store, executor, keyring, tenant })
    }

    /// Hands evidence in: `from..until` by number, in calls of `batch`.
    ///
    /// # Errors
    /// A command that was not carried out.
    pub async fn submit(&self, samples: &Samples, from: u64, until: u64, batch: usize) -> Result<()> {
        let keys = self.keyring.log(&self.tenant).ok_or_else(|| anyhow!("the tenant has a log"))?;
        let numbers: Vec<u64> = (from..until).collect();
        for part in numbers.chunks(batch.max(1)) {
            let mut rows = Vec::with_capacity(part.len());
            for n in part {
                let id: EvidenceId = samples.id(*n).parse()?;
                let record = CommandRecord {
                    id: CommandId::new(id.to_string())?,
                    body_mac: keys.body_mac(id.to_string().as_bytes()),
                };
                let meta = CommandMeta::of(Actor::system("bench")).with_record(record).new_stream();
                let command = EvidenceCommand::Submit(Box::new(samples.command(*n)));
                rows.push((id.stream(), meta, command));
            }
            let items: Vec<BulkItem<'_, Evidence>> =
                rows.iter().map(|(stream, meta, command)| BulkItem { stream, meta, command }).collect();
            done::<Evidence>(self.executor.execute_many(&self.tenant, &items).await)?;
        }
        Ok(())
    }

    /// Hands `events` pieces of evidence in from `writers` tasks at once.
    ///
    /// # Errors
    /// A command that was not carried out.
    pub async fn fill(self: &Arc<Self>, samples: &Arc<Samples>, events: u64, writers: usize) -> Result<()> {
        let mut tasks = tokio::task::JoinSet::new();
        let writers = writers.max(1) as u64;
        for writer in 0..writers {
            let (place, samples) = (Arc::clone(self), Arc::clone(samples));
            let (from, until) = (events * writer / writers, events * (writer + 1) / writers);
            tasks.spawn(async move { place.submit(&samples, from, until, 512).await });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// All of them were carried out.
///
/// # Errors
/// The first that was not.
pub fn done<A: Aggregate>(results: Vec<Executed<A>>) -> Result<()> {
    match results.into_iter().find_map(Result::err) {
        None => Ok(()),
        Some(error) => Err(anyhow!("a command was not carried out: {error}")),
    }
}

/// Evidence by number: hosts, checks and controls take turns.
#[derive(Debug)]
pub struct Samples {
    controls: Vec<ControlRef>,
    now: Timestamp,
}

impl Samples {
    /// Evidence of this moment, on the controls of the starter catalogue.
    pub fn new() -> Self {
        let framework = starter::id();
        let controls = starter::catalog().controls.into_iter();
        let controls = controls.map(|c| ControlRef { framework: framework.clone(), control: c.id }).collect();
        Self { controls, now: SystemClock.now() }
    }

    /// The id of the n-th: a UUIDv7 of the moment.
    pub fn id(&self, n: u64) -> String {
        let millis = u64::try_from(self.now.micros() / 1000).unwrap_or(0);
        format!("{:08x}-{:04x}-7000-8000-{n:012x}", millis >> 16, millis & 0xffff)
    }

    fn control(&self, n: u64) -> &ControlRef {
        &self.controls[usize::try_from(n).unwrap_or(0) % self.controls.len()]
    }

    fn command(&self, n: u64) -> SubmitEvidence {
        SubmitEvidence {
            check: CheckId::new(CHECKS[usize::try_from(n % 4).unwrap_or(0)])
                .expect("a constant that follows the rule"),
            probe: None,
            target_ref: TargetRef::new(format!("host-{}", n % 50)).expect("follows the rule"),
            controls: vec![self.control(n).clone()],
            result: if n.is_multiple_of(10) { CheckResult::Fail } else { CheckResult::Pass },
            checked: 12,
            skipped: 1,
            observed_from: self.now,
            observed_to: self.now,
            sent_at: self.now,
            cadence_seconds: Some(86_400),
            title: TITLE.to_owned(),
            summary: Some(SUMMARY.to_owned()),
            target: None,
            findings: None,
            blobs: Vec::new(),
        }
    }

    /// The n-th as a client sends it: about 500 bytes with two confidential members.
    pub fn body(&self, n: u64) -> String {
        let (control, at, id) = (self.control(n), self.now, self.id(n));
        let result = if n.is_multiple_of(10) { "fail" } else { "pass" };
        format!(
            r#"{{"id":"{id}","check":"{}","target_ref":"host-{}","controls":[{{"framework":"{}","control":"{}"}}],"result":"{result}","checked":12,"skipped":1,"observed_from":"{at}","observed_to":"{at}","sent_at":"{at}","cadence_seconds":86400,"title":"{TITLE}","summary":"{SUMMARY}"}}"#,
            CHECKS[usize::try_from(n % 4).unwrap_or(0)],
            n % 50,
            control.framework,
            control.control,
        )
    }
}

const CHECKS: [&str; 4] = [
    "linux-host/sshd-permit-root-login",
    "linux-host/world-writable-files",
    "linux-host/kernel-settings",
    "linux-host/listening-sockets",
];
const TITLE: &str = "Root may not log in over SSH";
const SUMMARY: &str =
    "PermitRootLogin is set to no in the effective configuration of sshd; 12 settings were read.";

/// An aggregate whose events are like evidence, with nothing confidential: what an append costs without encryption.
#[derive(Debug)]
pub struct Measured;

/// Its event, by number.
#[derive(Debug)]
pub struct Measurement(u64);

impl Aggregate for Measured {
    const CATEGORY: &'static str = "bench";
    type State = ();
    type Command = u64;
    type Event = Measurement;
    type Error = Infallible;

    fn decide((): &(), command: &u64, _: &DecideCtx) -> Result<Vec<Measurement>, Infallible> {
        Ok(vec![Measurement(*command)])
    }

    fn evolve((): (), _: &Measurement) {}
}

impl DomainEvent for Measurement {
    fn event_type(&self) -> &'static str {
        "ledger.bench.measured.v1"
    }

    fn encode(&self) -> EventBody {
        let public = match json!({
            "check": CHECKS[0],
            "checked": 12,
            "controls": [{ "framework": "starter", "control": "ac-6" }],
            "number": self.0,
            "result": "pass",
            "target_ref": "default",
        }) {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        EventBody { public, withheld: Vec::new() }
    }

    fn decode(_: &str, data: &Map<String, Value>) -> Result<Option<Self>, DecodeError> {
        Ok(data.get("number").and_then(Value::as_u64).map(Self))
    }
}

/// The n-th stream of [`Measured`].
///
/// # Errors
/// Never: the name follows the rule.
pub fn stream(n: u64) -> Result<StreamId> {
    Ok(StreamId::of(Measured::CATEGORY, format!("{n:08}"))?)
}

/// The resident memory of a process, in MiB.
///
/// # Errors
/// The system does not tell.
pub fn resident_mib(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or_else(|| anyhow!("no VmRSS"))?;
    Ok(kib.parse::<f64>()? / 1024.0)
}

/// The CPU time that a process has used, all threads, user and system.
///
/// # Errors
/// The system does not tell.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    // proc(5): utime and stime are the 14th and 15th field, in ticks of which Linux has 100 a second for every program.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or_else(|| anyhow!("no process name"))?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    Ok(TICK * ticks.sum::<Result<u32, _>>()?)
}
