//! The example of a custom adapter: the package of `examples/adapter-python`, installed and run in the `foreign`
//! profile. Skipped, and said so, where there is no Python.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledger_connectors::drive::End;
use ledger_connectors::egress::Secret;
use ledger_connectors::egress::credential::Credentials;
use ledger_connectors::host::{Instance, Limits, Packages};
use ledger_connectors::protocol::{Change, Document, Effect, FailureKind, Outcome, Status, Target, Task};
use ledger_fakes::sink::Sink;
use ledger_fakes::{Fault, Rule, Server, serve};
use serde_json::json;

use crate::rig::{Memory, Rig, connection, intent, open};

/// An interpreter takes its time to start on a busy machine.
const PATIENT: Limits = Limits {
    start: Duration::from_secs(30),
    message: Duration::from_secs(10),
    backoff: ledger_connectors::host::Backoff {
        base: Duration::from_millis(1),
        max: Duration::from_millis(1),
    },
    answers_max: 100_000,
};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/adapter-python")
}

pub(crate) async fn suite() -> usize {
    if !Path::new("/usr/bin/python3").exists() {
        println!("skipped: no /usr/bin/python3 here to run the example adapter");
        return 0;
    }
    let dir = std::env::temp_dir().join(format!("ledger-example-{}", std::process::id()));
    let packages = Packages::at(dir.join("adapters"));
    std::fs::create_dir_all(&dir).expect("a folder");
    let package = packages.install(&source()).expect("installs");
    let own = std::env::current_exe().expect("own path");
    let program = package.program(own).expect("laid out");
    let instance = Instance::new(program.clone(), package.manifest.templates["default"].clone(), PATIENT);
    let server = serve(Sink::new("sink-token"), 0).await.expect("a port");
    walk(&rig(&server, instance), &server).await;
    // Its own configuration is its own matter: it says what is wrong with it.
    let misconfigured = Instance::new(program, json!({}), PATIENT);
    let failure = rig(&server, misconfigured).fail(&open("misconfigured")).await;
    assert_eq!(failure.kind, FailureKind::NeedsConfiguration);
    assert_eq!(failure.field.as_deref(), Some("/queue"));
    std::fs::remove_dir_all(&dir).expect("removed");
    2
}

fn rig(server: &Server<Sink>, adapter: Instance) -> Rig<Instance> {
    let memory = Arc::new(Memory::default());
    let credentials = Credentials::Bearer(Secret::new("sink-token"));
    let connection = connection(&server.url(), server.address.port(), credentials, &memory);
    Rig { adapter, connection, memory }
}

async fn walk(rig: &Rig<Instance>, server: &Server<Sink>) {
    let health = rig.run(&Task::Health {}).await;
    assert!(matches!(health, End::Done(Outcome::Health(_))), "{health:?}");
    let layers = rig.adapter.running().expect("runs").layers;
    assert!(layers.iter().any(|layer| layer.starts_with("landlock")), "{layers:?}");
    // A lost answer is no second ticket: the service knows the key again.
    server.faults.add(Rule::next("POST", "/tickets", Fault::LoseAnswer));
    let opening = open("obligation");
    assert!(matches!(rig.perform(&opening).await, End::Later(_)));
    let opened = rig.succeed(&opening).await;
    assert_eq!((server.fake.creations(), server.fake.tickets().len()), (2, 1));
    assert_eq!(server.fake.tickets()[0]["queue"], "compliance");
    let known = opened.known();
    let lookup = rig.run(&Task::Lookup(opening)).await;
    assert!(matches!(lookup, End::Done(Outcome::Succeeded { .. })), "{lookup:?}");
    assert_eq!(rig.run(&Task::Lookup(open("another"))).await, End::Done(Outcome::Absent {}));
    let set = json!({ "title": "another title" }).as_object().cloned().expect("an object");
    let update = Effect::Update(Change { set, overwrite: false });
    rig.succeed(&intent("obligation", "update", Some(known.clone()), update)).await;
    let text = Document::plain("one\ntwo");
    let comment = Effect::Comment { text, public: false };
    rig.succeed(&intent("obligation", "comment", Some(known.clone()), comment)).await;
    let target = Target { status: Status::Closed, note: Some("evidence 1".into()) };
    let closed = rig.succeed(&intent("obligation", "move", Some(known), Effect::Move(target))).await;
    assert_eq!(closed.status, Some("closed"));
    assert_eq!(server.fake.tickets()[0]["title"], "another title");
    assert_eq!(server.fake.comments(1), ["one\ntwo"]);
}
