//! Suite S3: more than a hundred ways to make a guarded client reach this machine or its neighbours. None does.
//!
//! The victim is a server on loopback. The control is a client as one gets it: it follows redirects, asks the
//! system's resolver, and reaches the victim. Attempts at other networks are only counted by the dialer, which
//! connects to loopback alone.
#![cfg(feature = "host")]

mod ssrf {
    pub(crate) mod stage;
    pub(crate) mod vectors;
}

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Method;
use ledger_connectors::egress::{Bounds, Client, Outgoing, Policy, Target, TlsSettings};
use ssrf::stage::{Names, Victim, Watched};
use ssrf::vectors::{self, Vector};

fn client(policy: Policy, names: Names, dialer: Arc<Watched>) -> Client {
    Client::with(policy, &TlsSettings::default(), Bounds::default(), Arc::new(names), dialer)
        .expect("a client")
}

/// A policy as careless as an operator can make it: plain HTTP, and every port of the victims.
fn careless(ports: &[u16]) -> Policy {
    Policy { networks: Vec::new(), ports: ports.to_vec(), plain_http: true }
}

async fn go(client: &Client, policy: &Policy, url: &str) -> Result<u16, String> {
    let target = Target::parse(url, policy).map_err(|error| error.to_string())?;
    let outgoing =
        Outgoing { method: Method::GET, target, headers: Default::default(), body: Default::default() };
    client.send(outgoing).await.map(|received| received.status).map_err(|error| error.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_url_reaches_the_victim() {
    let victim = Victim::start();
    let vectors = vectors::urls(victim.port);
    assert!(vectors.len() >= 100, "{} vectors", vectors.len());
    let dialer = Arc::new(Watched::default());
    let policy = careless(&[victim.port, 80]);
    let guarded = client(policy.clone(), Names::default(), dialer.clone());
    let mut reached_by_default = 0;
    for Vector { url, loopback } in &vectors {
        let answer = go(&guarded, &policy, url).await;
        assert!(answer.is_err(), "{url}: {answer:?}");
        assert_eq!(dialer.dials.load(Ordering::SeqCst), 0, "{url}: a connection was tried");
        assert_eq!(victim.hits(), 0, "{url}: the victim was reached");
        if *loopback {
            let url = url.clone();
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .timeout_global(Some(std::time::Duration::from_millis(300)))
                .build()
                .into();
            let _answer = tokio::task::spawn_blocking(move || drop(agent.get(&url).call())).await;
            reached_by_default += usize::from(victim.take_hits() > 0);
        }
    }
    let loopback = vectors.iter().filter(|vector| vector.loopback).count();
    println!(
        "{} URLs refused; a default client reached the victim in {reached_by_default} of {loopback}",
        vectors.len()
    );
    assert!(reached_by_default >= loopback / 3, "control: the victim can be reached");
}

#[tokio::test]
async fn an_answer_with_one_forbidden_address_is_refused_whole() {
    let victim = Victim::start();
    let policy = careless(&[victim.port]);
    for mixed in vectors::mixed_answers() {
        let dialer = Arc::new(Watched::default());
        let names = Names::fixed("mixed.example", mixed.clone());
        let guarded = client(policy.clone(), names, dialer.clone());
        let url = format!("https://mixed.example:{}/", victim.port);
        let answer = go(&guarded, &policy, &url).await;
        assert!(answer.as_ref().is_err_and(|error| error.contains("refused")), "{mixed:?}: {answer:?}");
        assert_eq!(dialer.dials.load(Ordering::SeqCst), 0, "{mixed:?}");
    }
}

/// The first answer is public, the second is the victim: asking twice would lose. The dialer shows what was used.
#[tokio::test]
async fn a_name_that_is_bound_again_changes_nothing() {
    let victim = Victim::start();
    let policy = careless(&[victim.port]);
    let dialer = Arc::new(Watched::default());
    let names = Names::rebinding("rebind.example", "203.0.112.1", "127.0.0.1");
    let guarded = client(policy.clone(), names, dialer.clone());
    let url = format!("https://rebind.example:{}/", victim.port);
    assert!(go(&guarded, &policy, &url).await.is_err());
    assert_eq!(*dialer.last.lock().expect("not poisoned"), Some(format!("203.0.112.1:{}", victim.port)));
    // The next connection asks again, and is refused before it dials.
    let second = go(&guarded, &policy, &url).await;
    assert!(second.as_ref().is_err_and(|error| error.contains("refused")), "{second:?}");
    assert_eq!((dialer.dials.load(Ordering::SeqCst), victim.hits()), (1, 0));
}

/// A system that an operator allowed sends the client on, to another port of this machine and elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let victim = Victim::start();
    for status in [301, 302, 303, 307, 308] {
        let allowed = Victim::redirecting(status, &format!("http://127.0.0.1:{}/", victim.port));
        let policy = Policy {
            networks: vec!["127.0.0.0/8".parse().expect("a network")],
            ports: vec![allowed.port],
            plain_http: true,
        };
        let guarded = client(policy.clone(), Names::default(), Arc::new(Watched::default()));
        let url = format!("http://127.0.0.1:{}/", allowed.port);
        assert_eq!(go(&guarded, &policy, &url).await, Ok(status));
        assert_eq!((allowed.take_hits(), victim.hits()), (1, 0), "{status}");
        let agent = ureq::Agent::new_with_defaults();
        let _answer = tokio::task::spawn_blocking(move || drop(agent.get(&url).call())).await;
        assert_eq!(victim.take_hits(), 1, "control: a default client follows {status}");
    }
}

/// A list of networks opens what it names, on the ports it names, and nothing else of this machine.
#[tokio::test]
async fn what_is_allowed_is_reached_and_nothing_beside_it() {
    let (victim, other) = (Victim::start(), Victim::start());
    let policy = Policy {
        networks: vec!["127.0.0.1/32".parse().expect("a network")],
        ports: vec![victim.port],
        plain_http: true,
    };
    let names = Names::fixed("jira.example", vec!["127.0.0.1".parse().expect("an address")]);
    let guarded = client(policy.clone(), names, Arc::new(Watched::default()));
    assert_eq!(go(&guarded, &policy, &format!("http://jira.example:{}/", victim.port)).await, Ok(200));
    assert_eq!(victim.take_hits(), 1);
    for url in [
        format!("http://jira.example:{}/", other.port),
        format!("http://127.0.0.2:{}/", victim.port),
        format!("http://[::1]:{}/", victim.port),
        format!("http://169.254.169.254:{}/", victim.port),
    ] {
        assert!(go(&guarded, &policy, &url).await.is_err(), "{url}");
    }
    assert_eq!((victim.hits(), other.hits()), (0, 0));
}

const PROXY_TEST: &str = "a_proxy_in_the_environment_is_not_asked";

/// Runs itself again with a proxy in its environment: the proxy is the victim.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_in_the_environment_is_not_asked() {
    let allowed = Victim::start();
    let policy = Policy {
        networks: vec!["127.0.0.0/8".parse().expect("a network")],
        ports: vec![allowed.port],
        plain_http: true,
    };
    let url = format!("http://127.0.0.1:{}/", allowed.port);
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let inner = environment.iter().any(|(name, _)| name == "LEDGER_TEST_INNER");
    if inner {
        let guarded = client(policy.clone(), Names::default(), Arc::new(Watched::default()));
        assert_eq!(go(&guarded, &policy, &url).await, Ok(200));
        assert_eq!(allowed.take_hits(), 1);
        let agent = ureq::Agent::new_with_defaults();
        let _answer = tokio::task::spawn_blocking(move || drop(agent.get("http://192.0.2.1/").call())).await;
        return;
    }
    let proxy = Victim::start();
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let mut command = std::process::Command::new(std::env::current_exe().expect("own path"));
    command.args(["--exact", PROXY_TEST]).env("LEDGER_TEST_INNER", "1");
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, &address);
    }
    let output = tokio::task::spawn_blocking(move || command.output().expect("runs")).await.expect("joined");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(proxy.take_hits(), 1, "control: the default client asked the proxy, and only it did");
}
