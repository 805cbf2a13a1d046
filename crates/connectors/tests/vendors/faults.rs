//! Faults at random points: lost requests, lost answers, gateways, rate limits, a lagging index, and a host that is
//! killed between any two steps. Each obligation ends with exactly one ticket.

use std::task::Poll;

use ledger::clock::{Entropy, SeededEntropy};
use ledger_connectors::drive::{Ask, End, drive};
use ledger_connectors::protocol::{Intent, Outcome, Task};
use ledger_fakes::jira::{Deployment, Settings};
use ledger_fakes::{Fault, Faults, Rule, servicenow};

use crate::rig::{Local, Rig, open};
use crate::{jira, servicenow as sn};

/// Obligations for each vendor. Each meets up to four faults.
const OBLIGATIONS: u64 = 270;
/// A run that has not ended by then never will.
const ATTEMPTS_MAX: usize = 60;

pub(crate) async fn suite() -> usize {
    let settings = Settings { hidden_from_searches: 2, ..Settings::default() };
    let server = jira::fake(settings).await;
    let rig = jira::rig(&server, Deployment::Cloud, Local::new("jira", &jira::config(Deployment::Cloud)));
    let mut tally = Tally::default();
    for n in 0..OBLIGATIONS {
        one(&rig, &server.faults, n, "POST", "/issue", &mut tally).await;
        assert_eq!(server.fake.counts().issues as u64, n + 1, "exactly one ticket for each obligation");
    }
    println!("jira: {OBLIGATIONS} obligations, {tally:?}: one ticket each");
    let server = sn::fake(servicenow::Settings::default()).await;
    let rig = sn::rig(&server, Local::new("servicenow", &sn::config()));
    let mut tally = Tally::default();
    for n in 0..OBLIGATIONS {
        one(&rig, &server.faults, n, "POST", "/table", &mut tally).await;
        assert_eq!(server.fake.counts().records as u64, n + 1, "exactly one record for each obligation");
    }
    println!("servicenow: {OBLIGATIONS} obligations, {tally:?}: one record each");
    control().await;
    3
}

#[derive(Debug, Default)]
struct Tally {
    faults: usize,
    killed: usize,
    uncertain: usize,
}

/// What a dispatcher does with one obligation, without its waiting.
async fn one<A: Ask>(rig: &Rig<A>, faults: &Faults, n: u64, method: &str, path: &str, tally: &mut Tally) {
    let random = SeededEntropy::new(n + 1);
    let dice = |sides: u64| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % sides
    };
    for _ in 0..dice(5) {
        let fault = match dice(6) {
            0 => Fault::LoseAnswer,
            1 => Fault::LoseRequest,
            2 => Fault::GatewayAfter(502),
            3 => Fault::Refuse(503),
            4 => Fault::RateLimit(Vec::new()),
            _ => Fault::Page,
        };
        // Half of them hit the creation, the others whatever comes.
        let at_creation = dice(2) == 0;
        let rule = Rule {
            method: at_creation.then(|| method.to_owned()),
            path: if at_creation { path.into() } else { String::new() },
            skip: u32::try_from(dice(4)).unwrap_or(0),
            times: 1,
            fault,
        };
        faults.add(rule);
        tally.faults += 1;
    }
    let intent = open(&format!("obligation-{n}"));
    rig.memory.forget();
    for _ in 0..ATTEMPTS_MAX {
        let kill = if dice(2) == 0 { Some(dice(14)) } else { None };
        match attempt(rig, &intent, kill).await {
            Some(End::Done(Outcome::Succeeded { .. })) => {
                faults.clear();
                return;
            }
            Some(End::Uncertain { .. }) => {
                tally.uncertain += 1;
                resolve(rig, &intent).await;
                if rig.memory.last().is_none() {
                    continue;
                }
                faults.clear();
                return;
            }
            Some(End::Later(_)) => {}
            // The machine stopped: what the journal holds is all there is.
            None => tally.killed += 1,
            Some(other) => panic!("obligation {n}: {other:?}"),
        }
    }
    panic!("obligation {n} never ends");
}

/// One attempt, perhaps killed: after so many polls its future is dropped, wherever it is.
async fn attempt<A: Ask>(rig: &Rig<A>, intent: &Intent, kill_after_polls: Option<u64>) -> Option<End> {
    let task = Task::Perform(intent.clone());
    let run = drive(&task, &intent.id, rig.memory.last(), &rig.adapter, &rig.connection, rig.memory.as_ref());
    let mut run = std::pin::pin!(run);
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        if kill_after_polls.is_some_and(|most| polls >= most) {
            return Poll::Ready(None);
        }
        polls += 1;
        run.as_mut().poll(cx).map(|end| Some(end.expect("the journal")))
    })
    .await
}

/// Looks the intent up until it is found, or until the search has had time enough and does not know it. Then the
/// journal is emptied: the intent starts anew.
async fn resolve<A: Ask>(rig: &Rig<A>, intent: &Intent) {
    let held = rig.memory.last();
    let mut absent = 0;
    for _ in 0..ATTEMPTS_MAX {
        match rig.run(&Task::Lookup(intent.clone())).await {
            End::Done(Outcome::Succeeded { .. }) => {
                *rig.memory.last.lock().expect("not poisoned") = held;
                return;
            }
            // More often than the index lags.
            End::Done(Outcome::Absent {}) if absent == 3 => {
                rig.memory.forget();
                return;
            }
            End::Done(Outcome::Absent {}) => absent += 1,
            End::Later(_) => {}
            other => panic!("{}: {other:?}", intent.id),
        }
    }
    panic!("{} is never found out", intent.id);
}

/// What happens to those who send again when an answer is lost.
async fn control() {
    let server = jira::fake(Settings::default()).await;
    let rig = jira::rig(&server, Deployment::Cloud, Local::new("jira", &jira::config(Deployment::Cloud)));
    server.faults.add(Rule::next("POST", "/issue", Fault::LoseAnswer));
    let intent = open("control");
    assert!(matches!(rig.perform(&intent).await, End::Uncertain { .. }));
    rig.succeed(&intent).await;
    assert_eq!(server.fake.counts().issues, 2, "control: a blind repetition makes two");
}
