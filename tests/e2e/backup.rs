//! Backups made while the ledger is written, restores that a newer head file refuses, and moves between stores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::clock::Stopwatch;
use serde_json::Value;

use super::bad_input::first_control;
use super::cluster::Cluster;
use super::server::{LEDGER, Server, evidence, ledger, ledger_with, wait_for};

fn path(dir: &Path) -> &str {
    dir.to_str().unwrap()
}

/// What a verb answers in JSON, once it has succeeded.
#[track_caller]
fn done(told: &Output) -> Value {
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

/// The cause that a verb gives up with.
#[track_caller]
fn refused(told: &Output) -> String {
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    String::from_utf8(told.stderr.clone()).unwrap()
}

#[track_caller]
fn verifies(data: &Path) -> Value {
    let report = done(&ledger(&["verify", "--json", "--data", path(data)]));
    assert_eq!(report["ok"], true, "{report}");
    report
}

/// Hands in a piece of evidence; its index in the log.
fn hand_in(server: &Server, control: &str) -> u64 {
    let taken = server.post("/v1/evidence", &evidence(control, "pass")).ok();
    taken["index"].as_u64().unwrap_or_else(|| panic!("{taken}"))
}

/// A ledger in `dir` with a control that evidence may be handed in for.
fn started(dir: &Path) -> (Server, String) {
    let server = Server::start_in(dir);
    server.import_starter();
    let control = first_control(&server);
    (server, control)
}

#[test]
fn a_backup_is_made_while_the_ledger_is_written_and_a_stale_one_is_refused_by_the_head_file() {
    let dir = tempfile::tempdir().unwrap();
    let (server, control) = started(dir.path());
    let (data, backup) = (server.data(), dir.path().join("backup"));
    let args = ["backup", "--json", "--data", path(&data), "--out", path(&backup)];
    let stop = AtomicBool::new(false);
    let (made, written) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut last = hand_in(&server, &control);
            while !stop.load(Ordering::Relaxed) {
                last = hand_in(&server, &control);
            }
            last
        });
        let made = done(&ledger(&args));
        stop.store(true, Ordering::Relaxed);
        (made, writer.join().unwrap())
    });
    assert_eq!(made["carried"], made["position"]);
    let last = hand_in(&server, &control);
    assert!(last > written);
    // It holds by itself, has no keys, and is neither served nor written over.
    let report = verifies(&backup);
    assert_eq!(report["events"], made["position"]);
    assert!(!backup.join("kek").exists() && !backup.join("head").exists());
    assert!(refused(&ledger(&args)).contains("holds a whole backup"));
    let serve = ["serve", "--data", path(&backup), "--listen", "127.0.0.1:0"];
    assert!(refused(&ledger(&serve)).contains("key file"));
    fs::copy(data.join("kek"), backup.join("kek")).unwrap();
    assert!(refused(&ledger(&serve)).contains("this is a backup"));
    assert_eq!(server.stop(), Some(0));

    // The disk is lost; key file, head file and erasure list lay elsewhere.
    fs::remove_file(data.join("events.db")).unwrap();
    for wal in ["events.db-wal", "events.db-shm"] {
        let _gone_with_the_server = fs::remove_file(data.join(wal));
    }
    fs::remove_dir_all(data.join("blobs")).ok();
    let restore = ["restore", path(&backup), "--json", "--data", path(&data)];
    let restored = done(&ledger(&restore));
    assert_eq!(restored["arrived"]["position"], made["position"]);
    assert!(!restored["missing"].to_string().contains("head file"), "{restored}");
    // More was acknowledged than the backup has: nothing is signed on it.
    let stale = Server::try_start(&[], dir.path()).map(drop).unwrap_err();
    assert!(stale.contains("the head file says") && stale.contains("ledger recover"), "{stale}");
    assert!(refused(&ledger(&restore)).contains("holds a ledger"));
    // The loss is accepted openly, and said in the log.
    let lost = ledger(&["recover", "--accept-loss", "--data", path(&data)]);
    assert!(
        lost.status.success() && String::from_utf8_lossy(&lost.stdout).contains("goes on as"),
        "{lost:?}"
    );
    let server = Server::start_in(dir.path());
    wait_for("the read models", || server.caught_up());
    assert!(hand_in(&server, &control) < last);
    assert_eq!(server.stop(), Some(0));
    verifies(&data);
}

#[test]
fn the_newest_backup_is_served_again_by_its_head_file() {
    let dir = tempfile::tempdir().unwrap();
    let (server, control) = started(dir.path());
    let data = server.data();
    let index = hand_in(&server, &control);
    wait_for("the read models", || server.caught_up());
    assert_eq!(server.stop(), Some(0));
    // Without a server the verb takes the directory itself.
    let backup = dir.path().join("backup");
    done(&ledger(&["backup", "--json", "--data", path(&data), "--out", path(&backup)]));
    let (elsewhere, anew) = (dir.path().join("elsewhere"), dir.path().join("elsewhere/data"));
    fs::create_dir_all(&anew).unwrap();
    for file in ["kek", "head", "admin.key"] {
        fs::copy(data.join(file), anew.join(file)).unwrap();
    }
    done(&ledger(&["restore", path(&backup), "--json", "--data", path(&anew)]));
    let server = Server::start_in(&elsewhere);
    assert_eq!(server.get(&format!("/v1/events/{index}")).status, 200);
    assert!(hand_in(&server, &control) > index);
    assert_eq!(server.stop(), Some(0));
    verifies(&anew);
    // The control: where there is no head file nobody can tell whether something is missing, and that is said.
    let blind = dir.path().join("blind");
    fs::create_dir_all(blind.join("data")).unwrap();
    fs::copy(data.join("kek"), blind.join("data/kek")).unwrap();
    let told = done(&ledger(&["restore", path(&backup), "--json", "--data", path(&blind.join("data"))]));
    assert!(told["missing"].to_string().contains("head file"), "{told}");
    let unguarded = Server::try_start(&[], &blind).map(drop).unwrap_err();
    assert!(unguarded.contains("head file") && unguarded.contains("missing"), "{unguarded}");
}

#[test]
fn a_ledger_moves_to_a_database_and_back_and_lives_in_one_place() {
    let (dir, cluster) = (tempfile::tempdir().unwrap(), Cluster::new(&[]));
    let (server, control) = started(dir.path());
    let data = server.data();
    let admin = server.admin().to_owned();
    let index = hand_in(&server, &control);
    let settings = cluster.settings();
    let url = settings.iter().find(|(name, _)| *name == "LEDGER_STORE_URL").unwrap().1;
    let (from, node) = (format!("sqlite:{}", data.display()), cluster.path("node").join("data"));
    let there = ["copy", "--json", "--from", &from, "--to", url, "--data", path(&node)];
    // A directory that is served is not taken away from its server.
    assert!(refused(&ledger(&there)).contains("in use by process"));
    wait_for("the read models", || server.caught_up());
    assert_eq!(server.stop(), Some(0));
    killed_and_run_again(&there);
    assert_eq!(done(&ledger(&there))["moved"], "before");
    let sealed = Server::try_start(&[], dir.path()).map(drop).unwrap_err();
    assert_eq!(verifies(&data)["read_models_compared"], Value::Null);
    assert!(
        sealed.contains("moved to postgres://") && sealed.contains("never has two live stores"),
        "{sealed}"
    );

    // The same key opens it, the same entry is where it was, and it goes on.
    let own = [("LEDGER_STORE_URL", url)];
    let server = Server::node(&["serve"], &cluster.path("node"), &own, Some(&admin));
    assert_eq!(server.get(&format!("/v1/events/{index}")).status, 200);
    assert!(hand_in(&server, &control) > index);
    // A running process is refused by the database once it is sealed.
    let back = cluster.path("back").join("data");
    let to = format!("sqlite:{}", back.display());
    let without_key = refused(&ledger(&["copy", "--from", url, "--to", &to]));
    assert!(without_key.contains("--data") && !back.exists(), "{without_key}");
    let moved = done(&ledger(&["copy", "--json", "--from", url, "--to", &to, "--data", path(&node)]));
    assert_eq!(moved["moved"], "now");
    let late = server.post("/v1/evidence", &evidence(&control, "fail"));
    assert_eq!(late.status, 503, "{}", late.text);
    server.kill();
    verifies(&back);
    fs::copy(data.join("admin.key"), back.join("admin.key")).unwrap();
    let server = Server::start_in(&cluster.path("back"));
    hand_in(&server, &control);
    assert_eq!(server.stop(), Some(0));
    verifies(&back);
}

/// Runs a copy and kills it, later each time, until one ends before it is killed.
fn killed_and_run_again(args: &[&str]) {
    for (kills, millis) in (5..).step_by(20).enumerate() {
        let mut command = Command::new(LEDGER);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let watch = Stopwatch::start();
        while watch.elapsed().as_millis() < millis && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        // It may have ended by itself.
        let _ = child.kill();
        let told = child.wait_with_output().unwrap();
        if told.status.code().is_some() {
            let moved = done(&told);
            println!("{kills} kills, then: {moved}");
            assert!(kills > 0 && ["now", "before"].contains(&moved["moved"].as_str().unwrap()));
            return;
        }
    }
}

#[test]
fn a_database_is_backed_up_and_restored_into_another() {
    let (cluster, other) = (Cluster::new(&[]), Cluster::new(&[]));
    let server = cluster.serve("one", None);
    let worker = cluster.worker("worker");
    server.import_starter();
    let control = first_control(&server);
    let index = hand_in(&server, &control);
    let (url, backup) = (store_url(&cluster), cluster.path("backup"));
    done(&ledger(&["backup", "--json", "--store", &url, "--out", path(&backup)]));
    let last = hand_in(&server, &control);
    assert!(last > index);
    assert_eq!((server.stop(), worker.stop()), (Some(0), Some(0)));
    verifies(&backup);
    let restored = store_url(&other);
    done(&ledger(&["restore", path(&backup), "--json", "--store", &restored]));
    assert!(refused(&ledger(&["restore", path(&backup), "--store", &restored])).contains("holds a ledger"));
    // A process that acknowledged more refuses it; the control: one that has acknowledged nothing cannot know.
    let settings: Vec<(&str, &str)> = cluster
        .settings()
        .into_iter()
        .map(
            |(name, value)| {
                if name == "LEDGER_STORE_URL" { (name, restored.as_str()) } else { (name, value) }
            },
        )
        .collect();
    let data: PathBuf = cluster.path("one").join("data");
    let stale =
        refused(&ledger_with(&["serve", "--data", path(&data), "--listen", "127.0.0.1:0"], &settings));
    assert!(stale.contains("the head file says"), "{stale}");
    let admin = fs::read_to_string(data.join("admin.key")).unwrap();
    let server = Server::node(&["serve"], &cluster.path("new"), &settings, Some(admin.trim()));
    assert_eq!(server.get(&format!("/v1/events/{index}")).status, 200);
    assert_eq!(server.stop(), Some(0));
}

fn store_url(cluster: &Cluster) -> String {
    cluster.settings().iter().find(|(name, _)| *name == "LEDGER_STORE_URL").unwrap().1.to_owned()
}

#[test]
fn what_cannot_be_carried_is_refused_with_words() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = started(&dir.path().join("one"));
    let data = server.data();
    assert_eq!(server.stop(), Some(0));
    let (from, nothing) = (format!("sqlite:{}", data.display()), dir.path().join("nothing"));
    let copy = |from: &str, to: &str| ledger(&["copy", "--from", from, "--to", to]);
    assert!(refused(&copy(&from, &from)).contains("name the same store"));
    assert!(
        refused(&copy(&format!("sqlite:{}", nothing.display()), &from)).contains("there is no ledger in")
    );
    assert!(!nothing.exists(), "looking makes nothing");
    for wrong in ["esdb://admin:geheim@127.0.0.1:2113", "mysql://root:geheim@db/x", "ledger-data"] {
        let told = copy(&from, wrong);
        let words = String::from_utf8_lossy(&told.stderr);
        assert_eq!(told.status.code(), Some(2), "{words}");
        assert!(words.contains("sqlite:DIR") || words.contains("its log stays"), "{words}");
    }
    // What holds another ledger is no target, and stays as it is.
    let (other, _) = started(&dir.path().join("two"));
    let theirs = other.data();
    assert_eq!(other.stop(), Some(0));
    let told = refused(&copy(&from, &format!("sqlite:{}", theirs.display())));
    assert!(told.contains("key file of another ledger"), "{told}");
    let inside = data.join("backup");
    assert!(
        refused(&ledger(&["backup", "--data", path(&data), "--out", path(&inside)]))
            .contains("lies in the data")
    );
    let told = refused(&ledger(&["restore", path(&data), "--data", path(&nothing)]));
    assert!(told.contains("is no whole backup"), "{told}");
    for ledger in [&data, &theirs] {
        verifies(ledger);
    }
}
