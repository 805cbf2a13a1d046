//! Jira, Cloud and Data Center: everything an intent can be, and what people do meanwhile.

use std::sync::Arc;

use ledger_connectors::drive::{Ask, End};
use ledger_connectors::egress::Secret;
use ledger_connectors::egress::credential::Credentials;
use ledger_connectors::host::Instance;
use ledger_connectors::protocol::{
    BlobRef, Change, Document, Effect, FactKind, FailureKind, Intent, KnownTicket, Outcome, Status, Target,
    Task,
};
use ledger_fakes::jira::{Deployment, Jira, Settings};
use ledger_fakes::{Fault, Rule, Server, serve};
use serde_json::{Value, json};

use crate::rig::{Memory, Rig, clock, connection, intent, open, process};

pub(crate) fn config(deployment: Deployment) -> Value {
    json!({
        "deployment": if deployment == Deployment::Cloud { "cloud" } else { "data_center" },
        "project": "SEC", "issue_type": "10001", "site": "https://jira.example", "page_size": 2,
        "account": "5c5f880629be9642ba529340",
        "fields": { "customfield_10011": "{{control.id}}" },
        "synced": {
            "severity": { "field": "priority", "values": { "high": { "id": "2" }, "low": { "id": "4" } } },
            "due": { "field": "duedate" },
        },
        "statuses": {
            "open": { "name": "To Do" }, "in_progress": { "name": "In Progress" },
            "resolved": { "name": "Done", "via": ["In Progress", "In Review"], "fields": { "resolution": { "name": "Done" } } },
            "cancelled": { "name": "Won't Do" },
        },
    })
}

pub(crate) fn credentials(deployment: Deployment) -> Credentials {
    let (user, token) = ("ledger@example.org", "fake-api-token-0001");
    match deployment {
        Deployment::Cloud => Credentials::Basic { user: user.into(), password: Secret::new(token) },
        Deployment::DataCenter => Credentials::Bearer(Secret::new(token)),
    }
}

pub(crate) async fn fake(settings: Settings) -> Server<Jira> {
    serve(Jira::new(settings, clock()), 0).await.expect("a port")
}

pub(crate) fn rig<A: Ask>(server: &Server<Jira>, deployment: Deployment, adapter: A) -> Rig<A> {
    let memory = Arc::new(Memory::default());
    let connection = connection(&server.url(), server.address.port(), credentials(deployment), &memory);
    Rig { adapter, connection, memory }
}

pub(crate) async fn suite() -> usize {
    let mut passed = 0;
    for deployment in [Deployment::Cloud, Deployment::DataCenter] {
        let settings = Settings { deployment, page_max: 3, ..Settings::default() };
        let server = fake(settings).await;
        let rig = rig(&server, deployment, process("jira", &config(deployment)));
        let ticket = walk(&rig, &server, true).await;
        refusals(&rig, &server, &ticket).await;
        no_secret_is_seen(&rig);
        println!("jira {deployment:?}: {} requests", server.fake.counts().requests);
        passed += 8;
    }
    passed + misconfigured().await
}

/// Everything that goes well.
pub(crate) async fn walk<A: Ask>(rig: &Rig<A>, server: &Server<Jira>, files: bool) -> KnownTicket {
    health(rig).await;
    let ticket = opens(rig, server).await;
    let ticket = updates(rig, server, ticket).await;
    comments(rig, server, &ticket).await;
    if files {
        attaches(rig, server, &ticket).await;
    }
    moves(rig, server, &ticket).await;
    polls(rig, server).await;
    ticket
}

async fn health<A: Ask>(rig: &Rig<A>) {
    match rig.run(&Task::Health {}).await {
        End::Done(Outcome::Health(health)) => {
            assert_eq!(health.findings, [], "the configuration fits");
            assert_eq!(health.account.as_deref(), Some("5c5f880629be9642ba529340"));
        }
        other => panic!("{other:?}"),
    }
}

async fn opens<A: Ask>(rig: &Rig<A>, server: &Server<Jira>) -> KnownTicket {
    let done = rig.succeed(&open("ob-1")).await;
    assert_eq!((done.status, done.notes.len()), (Some("open"), 0));
    assert_eq!(done.fields["severity"], "high");
    assert_eq!(done.remote.url.as_deref(), Some("https://jira.example/browse/SEC-1"));
    let issue = server.fake.issues().remove(0);
    assert_eq!(issue["properties"]["aigov"]["key"], "ob-1");
    assert_eq!(issue["links"][0]["object"]["url"], "https://ledger.example/evidence/1");
    assert_eq!(issue["fields"]["customfield_10011"], "ac-6");
    let labels = issue["fields"]["labels"].as_array().expect("labels");
    assert!(
        labels[0] == "aigov" && labels[1].as_str().is_some_and(|l| l.starts_with("aigov-") && l.len() == 22)
    );
    done.known()
}

fn set(values: Value, overwrite: bool) -> Effect {
    Effect::Update(Change { set: values.as_object().cloned().expect("an object"), overwrite })
}

async fn updates<A: Ask>(rig: &Rig<A>, server: &Server<Jira>, ticket: KnownTicket) -> KnownTicket {
    let id = ticket.remote.id.clone();
    let text = json!(Document::plain("Still so."));
    let change = set(json!({ "title": "New title", "severity": "low", "text": text }), false);
    let done = rig.succeed(&intent("ob-1", "u1", Some(ticket), change.clone())).await;
    assert_eq!((&done.fields["title"], &done.fields["severity"]), (&json!("New title"), &json!("low")));
    // The write is known again by its entry in the changelog and by the state that it made.
    assert!(done.receipts.iter().any(|r| r.starts_with("jira:changelog:")), "{:?}", done.receipts);
    let ticket = done.known();
    // The same again writes nothing.
    let writes = server.fake.counts().writes;
    rig.succeed(&intent("ob-1", "u2", Some(ticket.clone()), change)).await;
    assert_eq!(server.fake.counts().writes, writes, "a value that is there is not written");
    // A person changes the same field: a conflict, with all three values. Another field is none.
    server.fake.human_edit(&id, json!({ "summary": "Theirs" }), "anna");
    let ours = set(json!({ "title": "Ours" }), false);
    let conflict = rig.fail(&intent("ob-1", "u3", Some(ticket.clone()), ours)).await;
    assert_eq!(conflict.kind, FailureKind::Conflict);
    let [found] = conflict.conflicts.as_slice() else { panic!("{conflict:?}") };
    assert_eq!(
        (&found.base, &found.ours, &found.theirs),
        (&json!("New title"), &json!("Ours"), &json!("Theirs"))
    );
    rig.succeed(&intent("ob-1", "u4", Some(ticket.clone()), set(json!({ "due": "2027-01-01" }), false)))
        .await;
    let done = rig.succeed(&intent("ob-1", "u5", Some(ticket), set(json!({ "title": "Ours" }), true))).await;
    assert_eq!(done.fields["title"], "Ours");
    done.known()
}

async fn comments<A: Ask>(rig: &Rig<A>, server: &Server<Jira>, ticket: &KnownTicket) {
    let text = Document::plain("Evidence attached.");
    let comment = intent("ob-1", "c1", Some(ticket.clone()), Effect::Comment { text, public: false });
    let done = rig.succeed(&comment).await;
    assert!(done.receipts.iter().any(|r| r.starts_with("jira:comment:")), "{:?}", done.receipts);
    let issue = server.fake.issues().remove(0);
    assert_eq!(issue["comments"][0]["properties"][0]["value"]["intent"], "ob-1-c1");
    // A lost answer is found again: by its property.
    let found = rig.run(&Task::Lookup(comment.clone())).await;
    assert!(matches!(found, End::Done(Outcome::Succeeded { .. })), "{found:?}");
    let other = Intent { id: "ob-1-c2".into(), ..comment };
    assert_eq!(rig.run(&Task::Lookup(other)).await, End::Done(Outcome::Absent {}));
}

async fn attaches<A: Ask>(rig: &Rig<A>, server: &Server<Jira>, ticket: &KnownTicket) {
    let blob = BlobRef {
        id: "b".into(),
        name: "evidence 1.json".into(),
        media_type: "application/json".into(),
        size_bytes: 900,
    };
    let attach = intent("ob-1", "a1", Some(ticket.clone()), Effect::Attach(blob));
    assert_eq!(rig.run(&Task::Lookup(attach.clone())).await, End::Done(Outcome::Absent {}));
    rig.succeed(&attach).await;
    assert_eq!(server.fake.issues()[0]["fields"]["attachment"][0]["size"], 900);
    let found = rig.run(&Task::Lookup(attach)).await;
    assert!(matches!(found, End::Done(Outcome::Succeeded { .. })), "{found:?}");
}

fn to(status: Status, note: Option<&str>) -> Effect {
    Effect::Move(Target { status, note: note.map(String::from) })
}

async fn moves<A: Ask>(rig: &Rig<A>, server: &Server<Jira>, ticket: &KnownTicket) {
    let moved = |id: &str, effect| intent("ob-1", id, Some(ticket.clone()), effect);
    let done = rig.succeed(&moved("m1", to(Status::Resolved, Some("Fixed, see the evidence.")))).await;
    assert_eq!(done.status, Some("resolved"), "three hops, each read anew");
    let issue = server.fake.issues().remove(0);
    assert_eq!(issue["fields"]["resolution"]["name"], "Done");
    assert_eq!(issue["comments"].as_array().map(Vec::len), Some(2), "the note goes with the last hop");
    let writes = server.fake.counts().writes;
    rig.succeed(&moved("m2", to(Status::Resolved, None))).await;
    assert_eq!(server.fake.counts().writes, writes, "it is there already");
    // From Done nothing leads to Won't Do.
    let blocked = rig.fail(&moved("m3", to(Status::Cancelled, None))).await;
    assert_eq!(
        (blocked.kind, blocked.offered.as_slice()),
        (FailureKind::Blocked, &["Reopen → To Do".to_owned()][..])
    );
    let unmapped = rig.fail(&moved("m4", to(Status::OnHold, None))).await;
    assert_eq!(
        (unmapped.kind, unmapped.field.as_deref()),
        (FailureKind::NeedsConfiguration, Some("/statuses/on_hold"))
    );
}

async fn polls<A: Ask>(rig: &Rig<A>, server: &Server<Jira>) {
    for n in 2..=6 {
        rig.succeed(&open(&format!("ob-{n}"))).await;
    }
    rig.memory.take_facts();
    let cursor = poll(rig, None).await;
    let facts = rig.memory.take_facts();
    let ids: std::collections::BTreeSet<String> = facts.iter().map(|fact| fact.remote.id.clone()).collect();
    assert_eq!(ids.len(), 6, "every page to the last");
    // A person works on one; the next poll shows it, in a state that is not among our own.
    let id = facts[1].remote.id.clone();
    assert!(server.fake.human_transition(&id, "In Progress", "anna").0);
    poll(rig, Some(cursor)).await;
    let facts = rig.memory.take_facts();
    let seen = facts.iter().find(|fact| fact.remote.id == id).expect("seen again");
    let FactKind::Seen(snapshot) = &seen.kind else { panic!("{seen:?}") };
    assert_eq!(snapshot.status, Some(Status::InProgress));
}

async fn poll<A: Ask>(rig: &Rig<A>, cursor: Option<Value>) -> Value {
    match rig.run(&Task::Poll { cursor }).await {
        End::Done(Outcome::Polled { cursor }) => cursor,
        other => panic!("{other:?}"),
    }
}

async fn refusals(rig: &Rig<Instance>, server: &Server<Jira>, ticket: &KnownTicket) {
    let read = intent("ob-1", "r", Some(ticket.clone()), Effect::Read {});
    // 429: with a time, with another, with none; the pause holds for the scope until then.
    let limited = |headers: &[(&str, &str)]| {
        Fault::RateLimit(headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect())
    };
    for (headers, after) in [
        (&[][..], None),
        (&[("retry-after", "0")][..], Some(0)),
        (&[("retry-after", "7"), ("ratelimit-reason", "jira-quota-global-based")][..], Some(7000)),
    ] {
        server.faults.add(Rule::next("GET", "/issue/", limited(headers)));
        let failure = rig.fail(&read).await;
        assert_eq!(failure.kind, FailureKind::RateLimited);
        assert_eq!(failure.rate.as_ref().and_then(|rate| rate.after_ms), after, "{headers:?}");
    }
    let paused = rig.fail(&read).await;
    assert_eq!(paused.kind, FailureKind::RateLimited, "the whole connection waits");
    // The pause belongs to that connection; a new one shows the rest.
    let rig = &self::rig(server, deployment_of(server), process("jira", &config(deployment_of(server))));
    server.faults.add(Rule::next("GET", "/issue/", Fault::Page));
    assert_eq!(rig.fail(&read).await.kind, FailureKind::Unavailable, "a page is no answer");
    server.faults.add(Rule::next("GET", "/issue/", Fault::Hang));
    assert_eq!(rig.fail(&read).await.kind, FailureKind::Unavailable, "the deadline");
    server.fake.revoke(true);
    assert_eq!(rig.fail(&read).await.kind, FailureKind::Unauthenticated);
    server.fake.revoke(false);
    server.fake.human_delete(&ticket.remote.id, "anna");
    assert_eq!(rig.fail(&read).await.kind, FailureKind::Missing, "never made again by itself");
    no_secret_is_seen(rig);
}

fn deployment_of(server: &Server<Jira>) -> Deployment {
    server.fake.deployment()
}

/// The canary: the token stands in no exchange, in no form; and it did travel.
fn no_secret_is_seen<A>(rig: &Rig<A>) {
    let exchanges = rig.memory.exchanges.lock().expect("not poisoned");
    assert!(!exchanges.is_empty());
    for exchange in exchanges.iter() {
        let text = format!("{exchange:?}");
        assert!(!text.contains("fake-api-token") && !text.contains("ZmFrZS1hcGktdG9rZW4"), "{text}");
        assert_eq!(exchange.request_headers.get("authorization").map(String::as_str), Some("[redacted]"));
    }
}

/// What does not fit is named before anything is created.
async fn misconfigured() -> usize {
    let settings = Settings { required: vec!["customfield_10010".into()], ..Settings::default() };
    let server = fake(settings).await;
    let attempt = async |change: &dyn Fn(&mut Value)| {
        let mut config = config(Deployment::Cloud);
        config.as_object_mut().map(|c| c.remove("account"));
        change(&mut config);
        let rig = rig(&server, Deployment::Cloud, process("jira", &config));
        let failure = rig.fail(&open("ob-9")).await;
        let findings = match rig.run(&Task::Health {}).await {
            End::Done(Outcome::Health(health)) => health.findings.len(),
            other => panic!("{other:?}"),
        };
        (failure.kind, failure.field.map(String::from).unwrap_or_default(), findings)
    };
    let kind = FailureKind::NeedsConfiguration;
    let required = attempt(&|_| {}).await;
    assert_eq!((required.0, required.1.as_str()), (kind, "customfield_10010"));
    let choice = attempt(&|c| c["fields"]["customfield_10010"] = json!({ "value": "Extreme" })).await;
    assert_eq!((choice.0, choice.1.as_str()), (kind, "customfield_10010"));
    let no_type = attempt(&|c| c["issue_type"] = json!("9")).await;
    assert_eq!((no_type.0, no_type.1.as_str()), (kind, "/issue_type"));
    assert!(no_type.2 > 0, "health says so too");
    let template = attempt(&|c| c["fields"]["customfield_10010"] = json!("{{owner}}")).await;
    assert_eq!((template.0, template.1.as_str()), (kind, "/fields/customfield_10010"));
    let no_status = attempt(&|c| c["statuses"]["open"] = json!({ "name": "Nowhere" })).await;
    assert!(no_status.2 > 0, "health names the status");
    let unknown = attempt(&|c| {
        c["fields"]["customfield_10010"] = json!({ "value": "High" });
        c["fields"]["customfield_77"] = json!("x");
    })
    .await;
    assert_eq!((unknown.0, unknown.1.as_str()), (kind, "customfield_77"), "the vendor's own refusal");
    assert_eq!(server.fake.counts().issues, 0);
    6
}
