//! The victim, a resolver that lies, and a dialer that watches.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream as StdStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ledger_connectors::egress::{Dial, Resolve};
use tokio::net::TcpStream;

/// A server on loopback, both families, that counts who comes.
pub(crate) struct Victim {
    pub(crate) port: u16,
    hits: Arc<AtomicUsize>,
}

impl Victim {
    pub(crate) fn start() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nsecret".into())
    }

    pub(crate) fn redirecting(status: u16, to: &str) -> Self {
        Self::answering(format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ))
    }

    fn answering(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let hits = Arc::new(AtomicUsize::new(0));
        // Where the machine has no IPv6 there is nothing to be reached over it.
        let v6 = TcpListener::bind(("::1", port)).ok();
        for listener in [Some(listener), v6].into_iter().flatten() {
            let (hits, answer) = (hits.clone(), answer.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    serve(stream, &hits, &answer);
                }
            });
        }
        Self { port, hits }
    }

    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    pub(crate) fn take_hits(&self) -> usize {
        self.hits.swap(0, Ordering::SeqCst)
    }
}

fn serve(mut stream: StdStream, hits: &AtomicUsize, answer: &str) {
    let mut request = [0; 4096];
    hits.fetch_add(1, Ordering::SeqCst);
    // A client that goes away early has been counted, which is all that matters.
    let _gone = stream.read(&mut request).and_then(|_| stream.write_all(answer.as_bytes()));
}

/// Answers as an attacker's name server would.
#[derive(Default)]
pub(crate) struct Names {
    fixed: HashMap<String, Vec<IpAddr>>,
    rebinding: Mutex<HashMap<String, Vec<IpAddr>>>,
}

impl Names {
    pub(crate) fn fixed(name: &str, addresses: Vec<IpAddr>) -> Self {
        Self { fixed: HashMap::from([(name.into(), addresses)]), ..Self::default() }
    }

    pub(crate) fn rebinding(name: &str, first: &str, then: &str) -> Self {
        let answers = vec![then.parse().expect("an address"), first.parse().expect("an address")];
        Self { rebinding: Mutex::new(HashMap::from([(name.into(), answers)])), ..Self::default() }
    }
}

#[async_trait]
impl Resolve for Names {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let bare = name.trim_end_matches('.').to_ascii_lowercase();
        if let Some(answers) = self.rebinding.lock().expect("not poisoned").get_mut(&bare) {
            let next = if answers.len() > 1 { answers.pop() } else { answers.first().copied() };
            return Ok(next.into_iter().collect());
        }
        if let Some(addresses) = self.fixed.get(&bare) {
            return Ok(addresses.clone());
        }
        // Names that stand for an address, as public services of the kind do; all others are this machine.
        let embedded = bare.strip_suffix(".nip.example").and_then(|ip| ip.replace('-', ":").parse().ok());
        Ok(vec![embedded.unwrap_or(IpAddr::from([127, 0, 0, 1]))])
    }
}

/// Counts every connection that is tried, and makes only those to this machine.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) dials: AtomicUsize,
    pub(crate) last: Mutex<Option<String>>,
}

#[async_trait]
impl Dial for Watched {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dials.fetch_add(1, Ordering::SeqCst);
        *self.last.lock().expect("not poisoned") = Some(address.to_string());
        if address.ip().is_loopback() {
            return TcpStream::connect(address).await;
        }
        Err(io::Error::from(io::ErrorKind::ConnectionRefused))
    }
}
