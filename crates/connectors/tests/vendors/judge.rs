//! The vendor's own API description as a judge between connector and fake: a validating proxy (Prism) refuses every
//! request and every answer that does not fit it.
//!
//! `cargo test -p ledger-connectors --test vendors -- --judge PRISM DESCRIPTION`

use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use futures_util::FutureExt;
use ledger::clock::Stopwatch;
use ledger_fakes::jira::{Deployment, Settings};

use crate::jira;
use crate::rig::{Local, Memory, Rig, connection};

struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

pub(crate) async fn suite(arguments: &[String]) -> usize {
    let Some([_, prism, description]) = arguments.windows(3).find(|words| words[0] == "--judge") else {
        panic!("--judge PRISM DESCRIPTION");
    };
    let server = jira::fake(Settings { page_max: 3, ..Settings::default() }).await;
    // Free when asked; nobody else takes it in the moment between.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let mut proxy = Command::new(prism);
    proxy.args([
        "proxy",
        description,
        &server.url(),
        "--errors",
        "--port",
        &port.to_string(),
        "--host",
        "127.0.0.1",
    ]);
    let _proxy = Proxy(proxy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the proxy starts"));
    let watch = Stopwatch::start();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(watch.elapsed().as_secs() < 60, "the proxy listens");
        tokio::task::yield_now().await;
    }
    let memory = Arc::new(Memory::default());
    let base = format!("http://127.0.0.1:{port}");
    let credentials = jira::credentials(Deployment::Cloud);
    let connection = connection(&base, port, credentials, &memory);
    let rig = Rig { adapter: Local::new("jira", &jira::config(Deployment::Cloud)), connection, memory };
    // Without files: the description says that a multipart body is an array, which no body is to the judge.
    // A violation fails the walk; it is told before it is passed on.
    let walk = AssertUnwindSafe(jira::walk(&rig, &server, false)).catch_unwind().await;
    let exchanges = rig.memory.exchanges.lock().expect("not poisoned");
    let mut violations = 0;
    for exchange in exchanges.iter() {
        let body = String::from_utf8_lossy(&exchange.response_body);
        if exchange.response_headers.contains_key("sl-violations")
            || body.contains("stoplight.io/prism/errors")
        {
            violations += 1;
            println!("{} {}: {body}", exchange.method, exchange.url);
        }
    }
    println!(
        "the API description of Jira Cloud judged {} exchanges: {violations} violations",
        exchanges.len()
    );
    assert!(violations == 0 && walk.is_ok());
    1
}
