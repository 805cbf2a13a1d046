//! What the store must survive or notice: tampering, damaged files, crashes, failing disks. Each suite has a control
//! that leaves one guard out and shows that the suite would see it.
//!
//! Long runs are switched on by `LEDGER_TEST_LONG=1`; without it each suite runs a short version and says so.

mod crash;
mod damage;
mod disk;
mod power;
mod recovery;
mod tampering;

use std::path::Path;
use std::sync::Arc;

use ledger::clock::{Entropy, SeededEntropy};
use ledger_store::conformance::Sealer;
use ledger_store::{Append, EventStore, SideStore, Verdict};

use crate::{SqliteStore, StoreOptions};

const KEY: [u8; 32] = [7; 32];

fn options(dir: &Path) -> StoreOptions {
    StoreOptions::new(dir, dir.join("heads"), KEY)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn open(dir: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(options(dir)).unwrap())
}

/// How often a suite repeats: `short`, or `long` when the switch is on.
#[expect(clippy::disallowed_methods, reason = "the switch of the long tests is an environment variable")]
fn rounds(suite: &str, short: usize, long: usize) -> usize {
    if std::env::var("LEDGER_TEST_LONG").is_ok_and(|on| on == "1") {
        return long;
    }
    println!("{suite}: {short} of {long} rounds; LEDGER_TEST_LONG=1 runs all");
    short
}

/// A tenant's log with its genesis.
async fn log(store: &SqliteStore, tenant: &str, slot: u32) -> Sealer {
    let mut sealer = Sealer::new(tenant, u8::try_from(slot).unwrap());
    store.put_log(sealer.log(Some(slot))).await.unwrap();
    commit(store, vec![sealer.genesis()]).await;
    sealer
}

async fn commit(store: &SqliteStore, appends: Vec<Append>) {
    let verdicts = store.append(appends).await.unwrap();
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Committed { .. })), "{verdicts:?}");
}

/// A closed store of two tenants with several streams and full tiles. Gives the number of events.
fn filled(dir: &Path) -> u64 {
    runtime().block_on(async {
        let store = open(dir);
        let (mut a, mut b) = (log(&store, "a", 1).await, log(&store, "b", 2).await);
        for round in 0..30 {
            let stream = format!("evidence-{}", round % 4);
            commit(&store, vec![a.append(&stream, 10), b.append("note-1", 3), a.append("note-1", 1)]).await;
        }
        *store.subscribe().borrow()
    })
}

fn copy(from: &Path, to: &Path) {
    for name in ["events.db", "heads"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

/// Is a program there to inject a fault with?
fn has(program: &str) -> bool {
    use std::process::{Command, Stdio};
    let found = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        println!("{program} is not installed: this fault is not injected");
    }
    found
}

/// Chance that can be repeated.
struct Dice(SeededEntropy);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    fn below(&self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % limit as u64).unwrap()
    }
}
