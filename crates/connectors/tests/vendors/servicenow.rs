//! ServiceNow: everything an intent can be, the three traps, and what people and jobs do meanwhile.

use std::sync::Arc;

use ledger_connectors::drive::{Ask, End};
use ledger_connectors::egress::Secret;
use ledger_connectors::egress::credential::Credentials;
use ledger_connectors::host::Instance;
use ledger_connectors::protocol::{
    BlobRef, Change, Document, Effect, FactKind, FailureKind, KnownTicket, Outcome, Status, Target, Task,
};
use ledger_fakes::servicenow::{ServiceNow, Settings};
use ledger_fakes::{Fault, Rule, Server, serve};
use serde_json::{Value, json};

use crate::rig::{Memory, Rig, clock, connection, intent, open, process};

pub(crate) fn config() -> Value {
    json!({
        "table": "incident", "page_size": 2, "account": "ledger.integration",
        "fields": { "category": "software", "u_control": "{{control.id}}" },
        "synced": { "severity": { "field": "urgency", "values": { "high": "1", "low": "3" } } },
        "statuses": {
            "open": { "value": "1" }, "in_progress": { "value": "2" },
            "resolved": { "value": "6", "fields": { "close_code": "Solution provided" }, "note": "close_notes" },
            "closed": { "value": "7", "final": true },
        },
    })
}

pub(crate) fn credentials() -> Credentials {
    Credentials::Basic { user: "ledger.integration".into(), password: Secret::new("fake-password-0001") }
}

pub(crate) async fn fake(settings: Settings) -> Server<ServiceNow> {
    serve(ServiceNow::new(settings, clock()), 0).await.expect("a port")
}

pub(crate) fn rig<A: Ask>(server: &Server<ServiceNow>, adapter: A) -> Rig<A> {
    let memory = Arc::new(Memory::default());
    let connection = connection(&server.url(), server.address.port(), credentials(), &memory);
    Rig { adapter, connection, memory }
}

pub(crate) async fn suite() -> usize {
    let server = fake(Settings::default()).await;
    let rig = rig(&server, process("servicenow", &config()));
    health(&rig).await;
    let ticket = opens(&rig, &server).await;
    let ticket = updates(&rig, &server, ticket).await;
    adds(&rig, &server, &ticket).await;
    polls(&rig, &server).await;
    moves(&rig, &server, &ticket).await;
    refusals(&rig, &server).await;
    traps(&server).await;
    println!("servicenow: {} requests", server.fake.counts().requests);
    8
}

async fn health(rig: &Rig<Instance>) {
    match rig.run(&Task::Health {}).await {
        End::Done(Outcome::Health(health)) => assert_eq!(health.findings, [], "the configuration fits"),
        other => panic!("{other:?}"),
    }
}

async fn opens(rig: &Rig<Instance>, server: &Server<ServiceNow>) -> KnownTicket {
    let done = rig.succeed(&open("ob-1")).await;
    assert_eq!((done.status, done.notes.len()), (Some("open"), 0), "{:?}", done.notes);
    let record = server.fake.records("incident").remove(0);
    assert_eq!(
        (&record["correlation_id"], &record["correlation_display"]),
        (&json!("aigov:acme:ob-1"), &json!("AIGOV"))
    );
    assert_eq!((&record["u_control"], &record["urgency"]), (&json!("ac-6"), &json!("1")));
    // The same obligation again finds its record.
    let again = rig.succeed(&open("ob-1")).await;
    assert_eq!((again.remote, server.fake.counts().records), (done.remote.clone(), 1));
    done.known()
}

fn set(values: Value, overwrite: bool) -> Effect {
    Effect::Update(Change { set: values.as_object().cloned().expect("an object"), overwrite })
}

async fn updates(rig: &Rig<Instance>, server: &Server<ServiceNow>, ticket: KnownTicket) -> KnownTicket {
    let id = ticket.remote.id.clone();
    let change = set(json!({ "title": "New title", "severity": "low" }), false);
    let done = rig.succeed(&intent("ob-1", "u1", Some(ticket), change.clone())).await;
    assert_eq!(done.receipts, [format!("servicenow:{id}:1")]);
    let ticket = done.known();
    let writes = server.fake.counts().writes;
    rig.succeed(&intent("ob-1", "u2", Some(ticket.clone()), change)).await;
    assert_eq!(server.fake.counts().writes, writes, "a value that is there is not written");
    assert!(server.fake.human_edit("incident", &id, json!({ "short_description": "Theirs" }), "beth").0);
    let conflict =
        rig.fail(&intent("ob-1", "u3", Some(ticket.clone()), set(json!({ "title": "Ours" }), false))).await;
    assert_eq!((conflict.kind, conflict.conflicts.len()), (FailureKind::Conflict, 1));
    rig.succeed(&intent("ob-1", "u4", Some(ticket), set(json!({ "title": "Ours" }), true))).await.known()
}

async fn adds(rig: &Rig<Instance>, server: &Server<ServiceNow>, ticket: &KnownTicket) {
    let id = &ticket.remote.id;
    let text = Document::plain("Evidence attached.");
    let comment = intent("ob-1", "c1", Some(ticket.clone()), Effect::Comment { text, public: false });
    rig.succeed(&comment).await;
    assert!(
        server.fake.notes(id)[0].contains("Evidence attached.")
            && server.fake.notes(id)[0].contains("[aigov ob-1-c1]")
    );
    let found = rig.run(&Task::Lookup(comment.clone())).await;
    assert!(matches!(found, End::Done(Outcome::Succeeded { .. })), "{found:?}");
    let blob = BlobRef {
        id: "b".into(),
        name: "evi^dence 1.json".into(),
        media_type: "application/json".into(),
        size_bytes: 900,
    };
    let attach = intent("ob-1", "a1", Some(ticket.clone()), Effect::Attach(blob));
    assert_eq!(rig.run(&Task::Lookup(attach.clone())).await, End::Done(Outcome::Absent {}));
    rig.succeed(&attach).await;
    assert_eq!(server.fake.files(id), ["evi^dence 1.json"]);
    let found = rig.run(&Task::Lookup(attach)).await;
    assert!(matches!(found, End::Done(Outcome::Succeeded { .. })), "{found:?}");
}

fn to(status: Status, note: Option<&str>) -> Effect {
    Effect::Move(Target { status, note: note.map(String::from) })
}

async fn moves(rig: &Rig<Instance>, server: &Server<ServiceNow>, ticket: &KnownTicket) {
    let moved = |id: &str, effect| intent("ob-1", id, Some(ticket.clone()), effect);
    // Without the note the data policy refuses, and the column is named.
    let refused = rig.fail(&moved("m0", to(Status::Resolved, None))).await;
    assert_eq!(
        (refused.kind, refused.field.as_deref()),
        (FailureKind::NeedsConfiguration, Some("close_notes"))
    );
    let done = rig.succeed(&moved("m1", to(Status::Resolved, Some("Fixed.")))).await;
    assert_eq!(done.status, Some("resolved"), "state, code and notes in one request");
    let reopened = rig.succeed(&moved("m2", to(Status::InProgress, Some("It failed again.")))).await;
    assert_eq!(reopened.status, Some("in_progress"));
    // The instance's own job closes what was resolved; that is for good.
    rig.succeed(&moved("m3", to(Status::Resolved, Some("Fixed.")))).await;
    assert!(server.fake.human_edit("incident", &ticket.remote.id, json!({ "state": "7" }), "system").0);
    let closed = rig.fail(&moved("m4", to(Status::InProgress, None))).await;
    assert_eq!(closed.kind, FailureKind::Closed);
}

async fn poll(rig: &Rig<Instance>, cursor: Option<Value>) -> Value {
    match rig.run(&Task::Poll { cursor }).await {
        End::Done(Outcome::Polled { cursor }) => cursor,
        other => panic!("{other:?}"),
    }
}

async fn polls(rig: &Rig<Instance>, server: &Server<ServiceNow>) {
    for n in 2..=7 {
        rig.succeed(&open(&format!("ob-{n}"))).await;
    }
    // Two records that the account may not see lie on one page: the page is empty, and not the last.
    let ids: Vec<String> = server
        .fake
        .records("incident")
        .iter()
        .filter_map(|record| record["sys_id"].as_str().map(String::from))
        .collect();
    for id in &ids[2..4] {
        server.fake.hide(id, true);
    }
    rig.memory.take_facts();
    let cursor = poll(rig, None).await;
    let seen: std::collections::BTreeSet<String> =
        rig.memory.take_facts().into_iter().map(|fact| fact.remote.id).collect();
    assert_eq!(seen.len(), ids.len() - 2, "a short page is not the end");
    for id in &ids[2..4] {
        server.fake.hide(id, false);
    }
    assert!(server.fake.human_edit("incident", &ids[1], json!({ "state": "2" }), "beth").0);
    poll(rig, Some(cursor)).await;
    let facts = rig.memory.take_facts();
    let fact = facts.iter().find(|fact| fact.remote.id == ids[1]).expect("seen");
    let FactKind::Seen(snapshot) = &fact.kind else { panic!("{fact:?}") };
    assert_eq!((snapshot.status, fact.by.as_deref()), (Some(Status::InProgress), Some("beth")));
}

async fn refusals(rig: &Rig<Instance>, server: &Server<ServiceNow>) {
    let done = rig.succeed(&open("ob-20")).await;
    let read = intent("ob-20", "r", Some(done.known()), Effect::Read {});
    server.faults.add(Rule::next("GET", "/incident/", Fault::Page));
    assert_eq!(rig.fail(&read).await.kind, FailureKind::Unavailable, "a sleeping instance");
    server.fake.revoke(true);
    assert_eq!(rig.fail(&read).await.kind, FailureKind::Unauthenticated);
    server.fake.revoke(false);
    server.fake.hide(&done.remote.id, true);
    assert_eq!(rig.fail(&read).await.kind, FailureKind::Missing, "hidden or deleted: nobody can tell");
    server.fake.hide(&done.remote.id, false);
    let limited = Fault::RateLimit(vec![("retry-after".into(), "3".into())]);
    server.faults.add(Rule::next("GET", "/incident/", limited));
    let failure = rig.fail(&read).await;
    assert_eq!(failure.rate.and_then(|rate| rate.after_ms), Some(3000));
    let exchanges = rig.memory.exchanges.lock().expect("not poisoned");
    assert!(exchanges.iter().all(|exchange| !format!("{exchange:?}").contains("fake-password")));
}

/// A column that is unknown, a value that is no choice, a table that does not filter.
async fn traps(server: &Server<ServiceNow>) {
    let mut ignored = config();
    ignored["fields"]["u_unknown"] = json!("x");
    let rig_of = |config: &Value| rig(server, process("servicenow", config));
    let done = rig_of(&ignored).succeed(&open("ob-30")).await;
    assert_eq!(done.notes, ["the instance ignored the column u_unknown"]);
    let mut wrong = config();
    wrong["statuses"]["on_hold"] = json!({ "value": "33" });
    wrong["statuses"]["resolved"]["fields"]["close_code"] = json!("Solved (Permanently)");
    match rig_of(&wrong).run(&Task::Health {}).await {
        End::Done(Outcome::Health(health)) => {
            let fields: Vec<_> =
                health.findings.iter().filter_map(|finding| finding.field.as_deref()).collect();
            assert_eq!(fields, ["/statuses/on_hold/value", "/statuses/resolved/fields/close_code"]);
        }
        other => panic!("{other:?}"),
    }
    // Nothing filters by a word that no record has: everything else would be a foreign record.
    let mut foreign = config();
    foreign["table"] = json!("nowhere");
    let failure = rig_of(&foreign).fail(&open("ob-31")).await;
    assert_eq!(failure.kind, FailureKind::NeedsConfiguration);
}
