//! The queue on a real server: what is there once, what comes back, what is stuck, and what is said when it cannot work.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream;
use ledger::clock::Stopwatch;
use ledger_queue_nats::{
    ACK_WAIT, DELIVERIES_MAX, Handed, Lane, Look, Offered, Piece, Place, Queue, QueueError, look,
};
use support::NatsServer;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn place(server: &NatsServer) -> Place {
    Place::new(&server.url(), None, "ledger").unwrap()
}

async fn connected(queue: &Queue) {
    let mut standing = queue.standing();
    let found = tokio::time::timeout(PATIENCE, standing.wait_for(|standing| standing.connected)).await;
    found.expect("connected in time").expect("the queue is there");
}

async fn queue(server: &NatsServer) -> Queue {
    let queue = Queue::start(place(server), "test");
    connected(&queue).await;
    queue
}

/// The other way to the server: that of whoever runs it.
async fn operator(server: &NatsServer) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

fn lane(name: &str) -> Lane {
    Lane { owner: "t-1".into(), name: name.into() }
}

fn piece(name: &str, id: &str) -> Piece {
    Piece { lane: lane(name), id: id.into() }
}

/// Asks again until the server does it: it may just be starting.
async fn offered(queue: &Queue, pieces: &[(Piece, u64)]) -> Vec<Offered> {
    let watch = Stopwatch::start();
    loop {
        match queue.offer(pieces).await {
            Ok(offered) => return offered,
            Err(error) => assert!(watch.elapsed() < PATIENCE, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Asks until something is handed out.
async fn taken(queue: &Queue, name: &str, most: usize) -> Vec<Handed> {
    let watch = Stopwatch::start();
    loop {
        match queue.take(&lane(name), most).await {
            Ok(taken) if !taken.is_empty() => return taken,
            other => assert!(watch.elapsed() < PATIENCE, "{other:?}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Waits until nothing else is in the queue: what is said of pieces is heard a moment later.
async fn left(queue: &Queue, pieces: &[Piece]) {
    let watch = Stopwatch::start();
    while !queue.there().await.unwrap().iter().eq(pieces) {
        assert!(watch.elapsed() < PATIENCE, "{:?}", queue.there().await);
    }
}

fn ids(handed: &[Handed]) -> Vec<&str> {
    handed.iter().map(|handed| handed.piece.id.as_str()).collect()
}

#[tokio::test]
async fn what_is_offered_twice_is_there_once_and_each_lane_has_its_own() {
    let server = NatsServer::start();
    let queue = queue(&server).await;
    let pieces = [(piece("a", "1"), 7), (piece("a", "2"), 8), (piece("b", "1"), 9)];
    assert_eq!(offered(&queue, &pieces).await, [Offered::New; 3]);
    // For the same reason, and for another one.
    assert_eq!(offered(&queue, &pieces).await, [Offered::There; 3]);
    assert_eq!(offered(&queue, &[(piece("a", "1"), 10)]).await, [Offered::There]);
    let all: BTreeSet<Piece> = pieces.iter().map(|(piece, _)| piece.clone()).collect();
    assert_eq!(queue.there().await.unwrap(), all);
    // No more than was asked for, the longest waiting first, and it is still there until somebody says that it is done.
    let first = taken(&queue, "a", 1).await;
    assert_eq!(ids(&first), ["1"]);
    let second = taken(&queue, "a", 5).await;
    assert_eq!(ids(&second), ["2"]);
    assert!(queue.take(&lane("a"), 5).await.unwrap().is_empty(), "both are handed out");
    assert_eq!(queue.there().await.unwrap().len(), 3);
    first[0].done().await;
    second[0].done().await;
    left(&queue, &[piece("b", "1")]).await;
    // Done and offered again for the same reason: whoever offers was late. For another reason it is work again.
    assert_eq!(offered(&queue, &[(piece("a", "1"), 7)]).await, [Offered::There]);
    assert_eq!(offered(&queue, &[(piece("a", "1"), 11)]).await, [Offered::New]);
    // Another ledger on the same server sees none of it.
    let other = Queue::start(place(&server), "other");
    connected(&other).await;
    assert!(other.there().await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_has_a_lane_hears_that_there_is_work() {
    use futures_util::StreamExt;
    let server = NatsServer::start();
    let (offers, hears) = (queue(&server).await, queue(&server).await);
    let mut hints = hears.hints().await.unwrap();
    hears.flush().await;
    offered(&offers, &[(piece("jira.cloud", "1"), 1)]).await;
    let heard = tokio::time::timeout(PATIENCE, hints.next()).await.unwrap();
    assert_eq!(heard, Some(lane("jira.cloud")));
}

#[tokio::test]
async fn what_is_put_back_comes_in_its_time_and_not_before() {
    let server = NatsServer::start();
    let queue = queue(&server).await;
    offered(&queue, &[(piece("a", "1"), 1)]).await;
    let handed = taken(&queue, "a", 1).await;
    let (wait, watch) = (Duration::from_millis(1_500), Stopwatch::start());
    handed[0].later(wait).await;
    let again = taken(&queue, "a", 1).await;
    assert!(watch.elapsed() >= wait, "{:?}", watch.elapsed());
    assert_eq!((ids(&again), again[0].times), (vec!["1"], 2));
}

#[tokio::test]
async fn what_somebody_held_who_died_is_handed_to_another_and_who_is_at_work_keeps_it() {
    let server = NatsServer::start();
    let (one, other) = (queue(&server).await, queue(&server).await);
    offered(&one, &[(piece("dead", "1"), 1), (piece("busy", "1"), 1)]).await;
    let busy = taken(&one, "busy", 1).await.remove(0);
    let watch = Stopwatch::start();
    // Taken and dropped, as by a process that was killed; the other lane's piece is worked on for all that time.
    drop(taken(&one, "dead", 1).await);
    let handed = busy
        .while_at(async {
            let handed = taken(&other, "dead", 1).await;
            // So long that it would have come as well by now, were nobody at work.
            tokio::time::timeout(ACK_WAIT / 2, taken(&other, "busy", 1))
                .await
                .expect_err("somebody is at work");
            handed
        })
        .await;
    assert!(watch.elapsed() >= ACK_WAIT, "{:?}", watch.elapsed());
    assert_eq!((ids(&handed), handed[0].times), (vec!["1"], 2));
}

#[tokio::test]
async fn what_was_emptied_is_offered_again_and_without_that_it_stays_empty() {
    let mut server = NatsServer::start();
    let queue = queue(&server).await;
    let operator = operator(&server).await;
    let (work, name) = ([(piece("a", "1"), 1)], queue.names().work());
    offered(&queue, &work).await;
    operator.get_stream(&name).await.unwrap().purge().await.unwrap();
    // The control: nothing comes back by itself.
    assert!(queue.there().await.unwrap().is_empty());
    assert!(queue.take(&lane("a"), 1).await.unwrap().is_empty());
    let watch = Stopwatch::start();
    while offered(&queue, &work).await != [Offered::New] {
        assert!(watch.elapsed() < PATIENCE, "an emptied queue is filled again");
    }
    // The stream deleted, with all its consumers; whoever takes has not been told.
    let taker = self::queue(&server).await;
    assert_eq!(ids(&taken(&taker, "a", 1).await), ["1"]);
    operator.delete_stream(&name).await.unwrap();
    assert_eq!(offered(&queue, &work).await, [Offered::New]);
    assert_eq!(ids(&taken(&taker, "a", 1).await), ["1"]);
    // The server killed: what was offered is there, and who had it gets it again.
    server.kill();
    assert!(matches!(queue.offer(&work).await, Err(QueueError::Unreachable(_) | QueueError::Refused(_))));
    server.again();
    connected(&queue).await;
    assert_eq!(offered(&queue, &work).await, [Offered::There]);
    // Killed, and everything that it kept is lost.
    server.kill();
    server.lose_everything();
    server.again();
    connected(&queue).await;
    assert_eq!(offered(&queue, &work).await, [Offered::New]);
    assert_eq!(ids(&taken(&queue, "a", 1).await), ["1"]);
}

#[tokio::test]
async fn what_is_handed_out_too_often_is_told_of_also_to_somebody_who_comes_later() {
    let mut server = NatsServer::start();
    let queue = queue(&server).await;
    offered(&queue, &[(piece("a", "poison"), 1), (piece("a", "good"), 1)]).await;
    for times in 1..=DELIVERIES_MAX {
        let handed = taken(&queue, "a", 2).await;
        for handed in handed {
            if handed.piece.id == "good" {
                handed.done().await;
            } else {
                assert_eq!(handed.times, times);
                handed.later(Duration::ZERO).await;
            }
        }
    }
    // It is told when it would have been handed out once more. Nobody listens then, and the server dies.
    let watch = Stopwatch::start();
    let advisories = operator(&server).await.get_stream(queue.names().stuck()).await.unwrap();
    while advisories.get_info().await.unwrap().state.messages == 0 {
        assert!(queue.take(&lane("a"), 1).await.unwrap().is_empty(), "it is not handed out any more");
        assert!(watch.elapsed() < PATIENCE);
    }
    server.kill();
    server.again();
    connected(&queue).await;
    let stuck = loop {
        match queue.stuck(10).await {
            Ok(stuck) if !stuck.is_empty() => break stuck,
            other => assert!(watch.elapsed() < PATIENCE, "{other:?}"),
        }
    };
    let found: Vec<(&str, u32)> = stuck.iter().map(|stuck| (stuck.piece.id.as_str(), stuck.times)).collect();
    assert_eq!(found, [("poison", DELIVERIES_MAX)]);
    assert_eq!(look(&place(&server), Some("test")).await.unwrap().stuck, 1);
    // It keeps its place until somebody has dealt with it; then it may be offered again.
    assert_eq!(offered(&queue, &[(piece("a", "poison"), 2)]).await, [Offered::There]);
    queue.unstick(&stuck[0]).await.unwrap();
    // The other piece may be back: a server that is killed forgets that it was done a moment ago.
    assert!(!queue.there().await.unwrap().contains(&piece("a", "poison")));
    assert!(queue.stuck(10).await.unwrap().is_empty());
    assert_eq!(offered(&queue, &[(piece("a", "poison"), 3)]).await, [Offered::New]);
    let handed = taken(&queue, "a", 2).await;
    assert!(handed.iter().any(|handed| handed.piece.id == "poison" && handed.times == 1), "{handed:?}");
}

#[tokio::test]
async fn what_somebody_else_put_there_is_taken_out() {
    let server = NatsServer::start();
    let queue = queue(&server).await;
    offered(&queue, &[(piece("a", "1"), 1)]).await;
    let (operator, subject) = (operator(&server).await, queue.names().subject(&piece("a", "=zz")));
    let foreign = subject.replace("=3Dzz", "=zz");
    operator.publish(foreign, "x".into()).await.unwrap().await.unwrap();
    assert_eq!(ids(&taken(&queue, "a", 5).await), ["1"]);
    let stream = operator.get_stream(queue.names().work()).await.unwrap();
    let watch = Stopwatch::start();
    while stream.get_info().await.unwrap().state.messages > 1 {
        assert!(watch.elapsed() < PATIENCE, "the foreign message is taken out");
    }
    left(&queue, &[piece("a", "1")]).await;
}

#[tokio::test]
async fn a_wrong_password_is_said_without_saying_it() {
    let server = NatsServer::with(&["--user", "ledger", "--pass", "right"]);
    let at = |login: &str| {
        let url = server.url().replace("nats://", &format!("nats://{login}"));
        Place::new(&url, None, "ledger").unwrap()
    };
    for login in ["ledger:geheim@", "geheim@", ""] {
        let refused = look(&at(login), Some("test")).await.unwrap_err().to_string();
        assert!(refused.contains("refuses the user") && !refused.contains("geheim"), "{refused}");
        let queue = Queue::start(at(login), "test");
        let mut standing = queue.standing();
        let told = standing.wait_for(|standing| standing.trouble.is_some());
        let told = tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap().trouble.clone().unwrap();
        assert!(told.contains("refuses the user") && !told.contains("geheim"), "{told}");
    }
    let seen = look(&at("ledger:right@"), Some("test")).await.unwrap();
    assert!(matches!(seen, Look { pieces: None, stuck: 0, .. }), "{seen:?}");
    let unnamed = look(&at("ledger:right@"), None).await.unwrap();
    assert!(!unnamed.named && unnamed.version.starts_with("2."), "{unnamed:?}");
    let nowhere = Place::new("nats://u:geheim@127.0.0.1:1", None, "ledger").unwrap();
    let refused = look(&nowhere, Some("test")).await.unwrap_err().to_string();
    assert!(refused.contains("cannot be reached") && !refused.contains("geheim"), "{refused}");
}

#[tokio::test]
async fn a_server_must_prove_who_it_is_where_tls_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = |name: &str| {
        let (key, crt) = (dir.path().join(format!("{name}.key")), dir.path().join(format!("{name}.crt")));
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&crt)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        (key, crt)
    };
    let ((key, crt), (_, stranger)) = (certificate("server"), certificate("stranger"));
    let server =
        NatsServer::with(&["--tls", "--tlscert", crt.to_str().unwrap(), "--tlskey", key.to_str().unwrap()]);
    let at = |host: &str, ca: &std::path::Path| {
        let url = server.url().replace("nats://127.0.0.1", &format!("tls://{host}"));
        Place::new(&url, Some(ca), "ledger").unwrap()
    };
    assert!(look(&at("localhost", &crt), Some("test")).await.is_ok());
    for refused in [at("localhost", &stranger), at("127.0.0.1", &crt)] {
        let told = look(&refused, Some("test")).await.unwrap_err().to_string();
        assert!(told.contains("certificate"), "{told}");
    }
}

#[tokio::test]
async fn a_stream_of_another_kind_is_left_alone_and_said() {
    let server = NatsServer::start();
    let queue = queue(&server).await;
    let config = jetstream::stream::Config {
        name: queue.names().work(),
        subjects: vec![queue.names().all()],
        ..jetstream::stream::Config::default()
    };
    operator(&server).await.create_stream(config).await.unwrap();
    let refused = queue.offer(&[(piece("a", "1"), 1)]).await.unwrap_err().to_string();
    assert!(refused.contains("set up in another way") && refused.contains("nats stream rm"), "{refused}");
    assert_eq!(queue.standing().borrow().trouble.as_deref(), Some(refused.as_str()));
    assert!(
        look(&place(&server), Some("test")).await.unwrap_err().to_string().contains("set up in another way")
    );
}
