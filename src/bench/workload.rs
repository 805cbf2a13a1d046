//! What the benchmarks write: events like evidence.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Result, anyhow};
use ledger::clock::{Clock, SystemClock};
use ledger::domain::{Aggregate, DecideCtx, DecodeError, DomainEvent, EventBody};
use ledger::ids::StreamId;
use ledger::time::Timestamp;
use ledger_aggregates::evidence::SubmitEvidence;
use ledger_aggregates::framework::starter;
use ledger_aggregates::values::{CheckId, CheckResult, ControlRef, TargetRef};
use ledger_store::executor::Executed;
use serde_json::{Map, Value, json};

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

    /// The n-th as a command.
    pub fn command(&self, n: u64) -> SubmitEvidence {
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
