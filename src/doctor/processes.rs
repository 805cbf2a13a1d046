//! Who does what among the processes of a shared ledger, and how far the read models are.

use std::collections::BTreeMap;

use ledger_store::leases::Lease;
use ledger_store_postgres::Folded;
use serde_json::Value;

use super::Report;
use crate::api::meta::LAG_EVENTS_MAX;
use crate::connect::offer;
use crate::runtime::{node, witness};

const PROCESSES: &str = "processes";
/// How far the read models are.
pub const READ_MODELS: &str = "read models";

/// What somebody must do as long as anybody is there.
const ALWAYS: [&str; 1] = ["checkpoints"];
/// What a worker does, or a process that does everything.
const WORK: [&str; 4] = ["reactors", "deadlines", "anchors", "schedules"];
/// What must be done in a ledger with these settings.
pub fn wanted(shared_views: bool, witnesses: bool, queue: bool) -> Vec<String> {
    let mut wanted: Vec<String> = ALWAYS.into_iter().chain(WORK).map(str::to_owned).collect();
    wanted.extend(shared_views.then(node::read_models));
    wanted.extend(witnesses.then(|| witness::DUTY.to_owned()));
    wanted.extend(queue.then(|| offer::DUTY.to_owned()));
    wanted
}

/// What of it nobody does.
pub fn undone<'a>(wanted: &'a [String], leases: &[Lease]) -> Vec<&'a str> {
    wanted.iter().map(String::as_str).filter(|duty| leases.iter().all(|lease| lease.name != *duty)).collect()
}

/// Says who does what, and what nobody does.
pub fn check(report: &mut Report, wanted: &[String], leases: &[Lease]) {
    if leases.is_empty() {
        return report.warn(
            PROCESSES,
            "none is at work",
            "start `ledger serve`, or `ledger serve --api-only` and `ledger worker`",
        );
    }
    let mut by_holder: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for lease in leases {
        by_holder.entry(&lease.holder).or_default().push(&lease.name);
    }
    let told: Vec<String> =
        by_holder.iter().map(|(who, duties)| format!("{who}: {}", duties.join(", "))).collect();
    let undone = undone(wanted, leases);
    if undone.is_empty() {
        return report.ok(PROCESSES, told.join("; "));
    }
    let mend = if undone.iter().any(|duty| WORK.contains(duty)) {
        "start `ledger worker` on this database"
    } else {
        "look at the processes' logs; a duty is taken over within 5 s"
    };
    report.fail(PROCESSES, format!("nobody does {}; {}", undone.join(", "), told.join("; ")), mend);
}

/// Read models that the processes share.
pub fn folded(report: &mut Report, folded: Option<Folded>, position: u64, leases: &[Lease]) {
    let who =
        leases.iter().find(|lease| lease.name == node::read_models()).map(|lease| lease.holder.as_str());
    let Some(Folded { position: done, quarantined }) = folded else {
        let mend = "the next process that serves or works builds them";
        return match position {
            0 => report.ok(READ_MODELS, "nothing to fold yet"),
            _ => report.warn(READ_MODELS, "this version of the program has none in the database yet", mend),
        };
    };
    let behind = position.saturating_sub(done);
    let found = format!("{behind} events behind, folded by {}", who.unwrap_or("nobody now"));
    standing(report, behind, quarantined, found);
}

/// Read models of the process that was asked.
pub fn lag(report: &mut Report, ready: &Value) {
    let number = |member: &str| ready[member].as_u64().unwrap_or(0);
    let behind = number("projection_lag");
    standing(
        report,
        behind,
        number("quarantined"),
        format!("{behind} events behind, folded by this process"),
    );
}

fn standing(report: &mut Report, behind: u64, quarantined: u64, found: String) {
    if behind > LAG_EVENTS_MAX {
        return report.fail(READ_MODELS, found, "look at the log of the process that folds");
    }
    if quarantined > 0 {
        let found = format!("{found}, {quarantined} streams held back by events that cannot be folded");
        return report.warn(
            READ_MODELS,
            found,
            "the log names the events; a version that can fold them mends it",
        );
    }
    report.ok(READ_MODELS, found);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(name: &str, holder: &str) -> Lease {
        Lease { name: name.to_owned(), holder: holder.to_owned(), epoch: 1 }
    }

    fn told(check: impl FnOnce(&mut Report)) -> String {
        let mut report = Report::default();
        check(&mut report);
        report.text()
    }

    #[test]
    fn a_duty_that_nobody_does_is_named_and_so_is_who_does_the_others() {
        let wanted = wanted(true, false, false);
        let mut leases: Vec<Lease> = wanted.iter().map(|duty| lease(duty, "a/1/x")).collect();
        let whole = told(|report| check(report, &wanted, &leases));
        assert!(whole.starts_with("ok") && whole.contains("a/1/x: "), "{whole}");
        leases.retain(|lease| lease.name != "reactors");
        let lacking = told(|report| check(report, &wanted, &leases));
        assert!(lacking.starts_with("FAIL") && lacking.contains("nobody does reactors"), "{lacking}");
        assert!(lacking.contains("ledger worker"), "{lacking}");
        assert!(told(|report| check(report, &wanted, &[])).starts_with("warn"));
        assert_eq!(undone(&super::wanted(false, true, true), &leases), ["reactors", "witnesses", "queue"]);
    }

    #[test]
    fn read_models_that_lag_or_hold_streams_back_are_told() {
        let of = |position, done, quarantined| {
            let seen = Folded { position: done, quarantined };
            told(|report| folded(report, Some(seen), position, &[lease(&node::read_models(), "a/1/x")]))
        };
        assert!(of(10, 10, 0).contains("0 events behind, folded by a/1/x"));
        assert!(of(10, 9, 0).starts_with("ok"));
        assert!(of(10, 10, 2).starts_with("warn"));
        assert!(of(LAG_EVENTS_MAX + 2, 1, 0).starts_with("FAIL"));
        assert!(told(|report| folded(report, None, 5, &[])).starts_with("warn"));
    }
}
