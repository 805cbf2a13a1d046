//! What one round sends to one log: appends that the server stores whole or not at all.

use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger::ids::TenantId;
use ledger_store::{Append, Verdict};

use crate::entry::encode;
use crate::link::Sent;
use crate::options::{REST, REST_MAX};
use crate::parts::Parts;
use crate::plan::Decision;

/// What a round sends to one log.
pub(crate) struct Chunk<'a> {
    pub appends: Vec<&'a Append>,
    /// The first revision that it takes.
    pub first: u64,
    pub bytes: usize,
    /// Places in the group of all that was decided on top of it.
    pub decided: Vec<(usize, Decision)>,
    /// No more is taken in this round.
    pub full: bool,
}

impl Chunk<'_> {
    pub fn events(&self) -> u64 {
        self.appends.iter().map(|append| append.events().len() as u64).sum()
    }

    /// Is something refused, and nothing sent?
    pub fn refuses_unseen(&self) -> bool {
        let refused = |verdict: &Verdict| {
            matches!(verdict, Verdict::WrongRevision { .. } | Verdict::StaleKey { .. } | Verdict::UnknownLog)
        };
        let mut decided = self.decided.iter();
        self.appends.is_empty()
            && decided.any(|(_, decision)| matches!(decision, Decision::Verdict(v) if refused(v)))
    }
}

/// Sends a chunk until its outcome is certain, or patience ends.
pub(crate) async fn send(
    parts: &Parts,
    tenant: &TenantId,
    chunk: &Chunk<'_>,
    annex: Option<&str>,
    patience: Duration,
) -> Sent {
    let stream = parts.stream(tenant);
    let (since, mut rest, mut doubt) = (Stopwatch::start(), REST, None);
    loop {
        let events = chunk.appends.iter().flat_map(|append| encode(append, annex)).collect();
        let reason = match parts.link.append(&stream, chunk.first.checked_sub(1), events).await {
            Sent::Unknown(reason) => {
                doubt = Some(reason.clone());
                reason
            }
            Sent::Missed(reason) => reason,
            // An earlier try may have done it before it was forbidden.
            Sent::Refused(failure) if doubt.is_some() => return Sent::Unknown(failure.to_string()),
            certain => return certain,
        };
        if since.elapsed() > patience {
            return doubt.map_or(Sent::Missed(reason), Sent::Unknown);
        }
        tokio::time::sleep(rest).await;
        rest = (rest * 2).min(REST_MAX);
    }
}

/// What an append weighs on the server, a little more than less: entries are base64, and names come with them.
pub(crate) fn weight(append: &Append) -> usize {
    append.events().iter().map(|event| event.header.len() * 4 / 3 + 600).sum()
}
