//! What comes back: how a sending ended, and the ticket as it was read.

use serde_json::{Map, Value};

use super::command::limits;
use super::decide::{clear, few};
use super::observe::{Decision, Told};
use super::send::Send;
use super::{
    Flight, Observation, Place, SeenField, SeenState, TicketClosed, TicketDropped, TicketFoundAgain,
    TicketHeld, TicketOpened, TicketRefusal, TicketSuperseded, TicketSynced, TicketTombstoneSuspected,
};
use crate::values::{EffectKind, FailureWord, Side, TicketEnd, TicketStatus, ValueMac};

pub(super) fn settle(
    decision: &mut Decision,
    number: u32,
    remote: Option<&(ValueMac, Option<Value>)>,
    receipts: &[ValueMac],
    seen: Option<&SeenState>,
    values: &Map<String, Value>,
) -> Result<(), TicketRefusal> {
    few("receipts", receipts.len(), limits::RECEIPTS_MAX)?;
    few("fields", seen.map_or(0, |seen| seen.fields.len()), limits::FIELDS_MAX)?;
    let flight = decision.link.flight.clone().filter(|flight| flight.number == number);
    // It was settled before, or another has taken its place: the ticket as it was read back still counts.
    if flight.is_none() && receipts.iter().all(|mark| decision.link.receipts.contains(mark)) {
        return Ok(());
    }
    let before = decision.link.status;
    if let (Place::Opening, Some((remote_mac, remote))) = (&decision.link.place, remote) {
        let (remote_mac, remote) = (remote_mac.clone(), remote.clone().into());
        decision.record(TicketOpened { remote_mac, remote });
    }
    decision.record(TicketSynced {
        number,
        receipts: receipts.to_vec(),
        seen: seen.cloned(),
        values: clear(values),
    });
    let moved = flight.as_ref().and_then(|flight| flight.status);
    if let Some(status) =
        moved.filter(|status| matches!(status, TicketStatus::Closed | TicketStatus::Cancelled))
        && decision.link.wanted_status.is_none_or(|wanted| wanted == status)
    {
        decision.record(TicketClosed { reason: TicketEnd::Closed, episode: None, unsent: None });
        return Ok(());
    }
    if moved.is_none() {
        decision.claim(before);
    }
    if let Some(seen) = seen.filter(|seen| !decision.link.is_old(seen)) {
        let told = Told { values: Some(values), ..Told::default() };
        decision.observe(seen, Side::Them, &told);
    }
    decision.catch_up();
    decision.send(Send::Next);
    Ok(())
}

pub(super) fn hold(
    decision: &mut Decision,
    number: u32,
    reason: FailureWord,
    conflicts: &[SeenField],
    values: &Map<String, Value>,
) -> Result<(), TicketRefusal> {
    few("conflicts", conflicts.len(), limits::FIELDS_MAX)?;
    let Some(flight) = decision.link.flight.clone().filter(|flight| flight.number == number) else {
        return Ok(());
    };
    if !flight.held {
        decision.record(TicketHeld { number, reason });
    }
    match reason {
        FailureWord::Missing => decision.miss(),
        FailureWord::Conflict => {
            let before = decision.events.len();
            for SeenField { field, mac } in conflicts {
                decision.conflict(field, mac.clone(), values.get(field.as_str()).cloned());
            }
            if decision.events.len() > before {
                decision.send(Send::Next);
            } else if flight.held {
                // It was parked since before the conflict was decided, and compared with what was agreed on then.
                decision.send(Send::Anew);
            }
        }
        // What is closed for good over there cannot be begun again: another one is, and only for that.
        FailureWord::Closed if flight.reopens() => {
            let successor = decision.link.successors.saturating_add(1);
            decision.record(TicketSuperseded { successor, number });
            decision.send(Send::Next);
        }
        _ => decision.send(Send::Next),
    }
    Ok(())
}

impl Flight {
    /// Is it to be done again?
    fn reopens(&self) -> bool {
        self.kind == EffectKind::Move && self.status.is_some_and(|status| !status.is_over())
    }
}

pub(super) fn abandon(decision: &mut Decision, number: u32) {
    let Some(flight) = decision.link.flight.clone().filter(|flight| flight.number == number) else { return };
    if flight.kind == EffectKind::Open {
        decision.record(TicketClosed { reason: TicketEnd::Abandoned, episode: None, unsent: None });
        return;
    }
    decision.record(TicketDropped { number });
    decision.send(Send::Next);
}

pub(super) fn observe(decision: &mut Decision, observation: &Observation) -> Result<(), TicketRefusal> {
    few("fields", observation.seen.fields.len(), limits::FIELDS_MAX)?;
    let link = &decision.link;
    let found = matches!(link.place, Place::Suspected { .. });
    let known = |mark: &ValueMac| link.receipts.contains(mark);
    let is_echo = !observation.receipts.is_empty() && observation.receipts.iter().all(known);
    let is_lost = link.place == Place::Gone;
    let is_old = link.is_old(&observation.seen);
    if found {
        decision.record(TicketFoundAgain { episode: decision.link.suspicions });
    }
    if !is_echo && !is_old && !is_lost {
        let told = Told {
            values: Some(&observation.values),
            vendor_status: observation.vendor_status.as_ref(),
            who: observation.who.as_ref(),
        };
        let ours = observation.receipts.iter().any(|mark| decision.link.receipts.contains(mark));
        let by = if ours { Side::Us } else { Side::Them };
        decision.observe(&observation.seen, by, &told);
    }
    decision.send(Send::Next);
    Ok(())
}

impl Decision {
    pub(super) fn miss(&mut self) {
        if matches!(self.link.place, Place::There { .. }) {
            let episode = self.link.suspicions.saturating_add(1);
            self.record(TicketTombstoneSuspected { episode });
        }
    }
}
