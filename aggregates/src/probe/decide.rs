//! The rules of a probe.

use std::time::Duration;

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;

use super::{HEARTBEAT_PERIOD, Heartbeat, ProbeCameBack, ProbeCommand, ProbeEvent, ProbeHeartbeat};
use super::{ProbeRegistered, ProbeRetired, ProbeState, ProbeWentSilent, RegisterProbe, Signal};
use crate::refusals;
use crate::values::RetireReason;

/// The aggregate of one probe.
#[derive(Debug)]
pub struct Probe;

/// A name fits a line of a list.
const NAME_CHARS_MAX: usize = 200;
/// A year and a day, as for evidence.
const CADENCE_SECONDS_MAX: u32 = 366 * 86_400;
/// A probe is silent when it missed so many of its cadences beyond the period in which heartbeats are recorded.
const MISSED_CADENCES: u64 = 3;

refusals! {
    /// Why a command to a probe is refused.
    ProbeRefusal {
        /// The id is taken.
        AlreadyRegistered {} => Conflict, "probe-exists", "",
            "a probe with this id is registered already", "choose another id, or go on with the probe that there is";
        /// It was never registered.
        Unknown {} => NotFound, "probe-unknown", "",
            "there is no probe with this id", "register it first, or check the id";
        /// It is retired.
        Retired {} => Gone, "probe-retired", "",
            "the probe is retired", "register a new one under another id";
        /// A cadence out of bounds.
        Cadence {
            /// In seconds.
            seconds: u32
        } => Invalid, "probe-cadence", "/cadence_seconds",
            "a cadence of {seconds} seconds is out of bounds", "use 1 to 31622400 seconds";
        /// A name that is empty or too long.
        Name {
            /// How many characters.
            found: usize
        } => Invalid, "probe-name", "/name",
            "the name has {found} characters; it takes 1 to 200", "shorten it, or leave it out";
    }
}

impl Aggregate for Probe {
    const CATEGORY: &'static str = "probe";
    type State = ProbeState;
    type Command = ProbeCommand;
    type Event = ProbeEvent;
    type Error = ProbeRefusal;

    fn decide(
        state: &ProbeState,
        command: &ProbeCommand,
        ctx: &DecideCtx,
    ) -> Result<Vec<ProbeEvent>, ProbeRefusal> {
        match (state, command) {
            (ProbeState::Absent, ProbeCommand::Register(new)) => register(new, ctx.now),
            (ProbeState::Absent, _) => Err(ProbeRefusal::Unknown {}),
            (_, ProbeCommand::Register(_)) => Err(ProbeRefusal::AlreadyRegistered {}),
            (ProbeState::Retired, ProbeCommand::Retire { .. } | ProbeCommand::MarkSilent) => Ok(Vec::new()),
            (ProbeState::Retired, ProbeCommand::Heartbeat(_)) => Err(ProbeRefusal::Retired {}),
            (state, ProbeCommand::Heartbeat(heartbeat)) => beat(state, heartbeat, ctx.now),
            (ProbeState::Live(last), ProbeCommand::MarkSilent) if ctx.now > last.silent_after => {
                Ok(vec![ProbeWentSilent { deadline: last.silent_after }.into()])
            }
            (_, ProbeCommand::MarkSilent) => Ok(Vec::new()),
            (state, ProbeCommand::Retire { reason }) => Ok(retire(state, *reason)),
        }
    }

    fn evolve(state: ProbeState, event: &ProbeEvent) -> ProbeState {
        state.after(event)
    }
}

fn register(new: &RegisterProbe, now: Timestamp) -> Result<Vec<ProbeEvent>, ProbeRefusal> {
    check_cadence(new.cadence_seconds)?;
    if let Some(found) = new.name.as_ref().map(|name| name.chars().count())
        && (found == 0 || found > NAME_CHARS_MAX)
    {
        return Err(ProbeRefusal::Name { found });
    }
    let registered = ProbeRegistered {
        kind: new.kind.clone(),
        cadence_seconds: new.cadence_seconds,
        silent_after: silent_after(new.cadence_seconds, now),
        name: new.name.clone().into(),
    };
    Ok(vec![registered.into()])
}

fn beat(state: &ProbeState, heartbeat: &Heartbeat, now: Timestamp) -> Result<Vec<ProbeEvent>, ProbeRefusal> {
    check_cadence(heartbeat.cadence_seconds)?;
    let recorded = ProbeHeartbeat {
        sent_at: heartbeat.sent_at,
        cadence_seconds: heartbeat.cadence_seconds,
        version: heartbeat.version.clone(),
        spool_events: u32::try_from(heartbeat.spool_events).unwrap_or(u32::MAX),
        spool_kib: u32::try_from(heartbeat.spool_bytes.div_ceil(1024)).unwrap_or(u32::MAX),
        silent_after: silent_after(heartbeat.cadence_seconds, now),
    };
    Ok(match state {
        ProbeState::Silent { deadline, .. } => {
            vec![recorded.into(), ProbeCameBack { deadline: *deadline }.into()]
        }
        ProbeState::Live(last) if !says_something_new(last, heartbeat, now) => Vec::new(),
        _ => vec![recorded.into()],
    })
}

fn says_something_new(last: &Signal, heartbeat: &Heartbeat, now: Timestamp) -> bool {
    let recorded_until = silent_after(last.cadence_seconds, now).since(last.silent_after);
    last.cadence_seconds != heartbeat.cadence_seconds
        || last.version != heartbeat.version
        || last.backlog != (heartbeat.spool_events > 0)
        || recorded_until >= Duration::from_secs(period(last.cadence_seconds))
}

fn retire(state: &ProbeState, reason: RetireReason) -> Vec<ProbeEvent> {
    let deadline = match state {
        ProbeState::Silent { deadline, .. } => Some(*deadline),
        _ => None,
    };
    vec![ProbeRetired { reason, deadline }.into()]
}

/// How long heartbeats that say nothing new stay unrecorded, in seconds.
fn period(cadence_seconds: u32) -> u64 {
    (u64::from(cadence_seconds) * 4).clamp(*HEARTBEAT_PERIOD.start(), *HEARTBEAT_PERIOD.end())
}

/// A probe that is only recorded once in a period must not count as silent before the next one is due.
fn silent_after(cadence_seconds: u32, now: Timestamp) -> Timestamp {
    let grace = period(cadence_seconds) + MISSED_CADENCES * u64::from(cadence_seconds);
    now.plus(Duration::from_secs(grace))
}

fn check_cadence(seconds: u32) -> Result<(), ProbeRefusal> {
    if seconds == 0 || seconds > CADENCE_SECONDS_MAX {
        Err(ProbeRefusal::Cadence { seconds })
    } else {
        Ok(())
    }
}
