//! The cluster: nodes on loopback over one memory, with a leader that is elected by hand.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::faults::{Fault, Faults};
use crate::log::{Expected, Log, Proposed, Recorded};
use crate::node::{Node, serve};

/// The client rests for half a second before every connection unless it is told otherwise.
const SETTINGS: &str = "tls=false&discoveryInterval=5";

/// What all nodes share.
pub(crate) struct Shared {
    pub log: Log,
    pub faults: Faults,
    leader: AtomicUsize,
    pub addresses: Vec<SocketAddr>,
    /// Every change ends the connections of every node.
    resets: watch::Sender<u64>,
    /// Writes that were answered as failures and are still to happen.
    late: Mutex<Vec<(String, Expected, Vec<Proposed>)>>,
}

impl Shared {
    pub fn leader(&self) -> usize {
        self.leader.load(Ordering::SeqCst)
    }

    pub fn elect(&self, node: usize) {
        self.leader.store(node % self.addresses.len(), Ordering::SeqCst);
    }

    pub fn reset(&self) {
        self.resets.send_modify(|resets| *resets += 1);
    }

    pub fn resets(&self) -> watch::Receiver<u64> {
        self.resets.subscribe()
    }

    pub fn write_late(&self, stream: String, expected: Expected, events: Vec<Proposed>) {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).push((stream, expected, events));
    }

    /// What was late happens now. Its answer was given long ago.
    pub fn catch_up(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap_or_else(PoisonError::into_inner));
        for (stream, expected, events) in late {
            // Stored or refused: nobody waits for it any more.
            let _ = self.log.append(&stream, expected, events);
        }
    }
}

/// A cluster. Its nodes end when it is dropped.
pub struct Cluster {
    shared: Arc<Shared>,
    nodes: Vec<Option<JoinHandle<()>>>,
}

impl Cluster {
    /// Starts so many nodes on ports of their own; the first is the leader.
    ///
    /// # Errors
    /// If loopback cannot be listened on.
    pub async fn start(nodes: usize) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for _ in 0..nodes {
            listeners.push(TcpListener::bind("127.0.0.1:0").await?);
        }
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
        let shared = Arc::new(Shared {
            log: Log::default(),
            faults: Faults::default(),
            leader: AtomicUsize::new(0),
            addresses,
            resets: watch::Sender::new(0),
            late: Mutex::default(),
        });
        let node = |number| Arc::new(Node { number, shared: shared.clone() });
        let nodes = listeners
            .into_iter()
            .enumerate()
            .map(|(number, listener)| Some(tokio::spawn(serve(node(number), listener))))
            .collect();
        Ok(Self { shared, nodes })
    }

    /// The connection string of all nodes.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.shared.addresses.iter().map(ToString::to_string).collect();
        format!("esdb://{}?{SETTINGS}", hosts.join(","))
    }

    /// The connection string of one node, which is asked nothing about the others.
    pub fn url_of(&self, node: usize) -> String {
        format!("esdb://{}?{SETTINGS}", self.shared.addresses[node])
    }

    /// Which node leads.
    pub fn leader(&self) -> usize {
        self.shared.leader()
    }

    /// Makes a node the leader.
    pub fn elect(&self, node: usize) {
        self.shared.elect(node);
    }

    /// Ends every connection.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Stops a node: its port refuses.
    pub async fn stop(&mut self, node: usize) {
        if let Some(task) = self.nodes[node].take() {
            task.abort();
            // Cancelled, which is what was asked.
            drop(task.await);
        }
        self.shared.reset();
    }

    /// Starts a stopped node on its old port.
    ///
    /// # Errors
    /// If the port is taken by another.
    pub async fn restart(&mut self, node: usize) -> io::Result<()> {
        let listener = TcpListener::bind(self.shared.addresses[node]).await?;
        let served = Arc::new(Node { number: node, shared: self.shared.clone() });
        self.nodes[node] = Some(tokio::spawn(serve(served, listener)));
        Ok(())
    }

    /// Decides about every append from now on, by its number; `None`: all go well.
    pub fn faults(&self, script: Option<Box<dyn FnMut(u64) -> Fault + Send>>) {
        self.shared.faults.set(script);
    }

    /// Everything that is committed, in commit order.
    pub fn events(&self) -> Vec<Recorded> {
        self.shared.catch_up();
        self.shared.log.all()
    }

    /// Writes an event past every client: another program on the same server.
    pub fn write(&self, stream: &str, data: impl Into<Bytes>) {
        let metadata = [("type", "other"), ("content-type", "application/octet-stream")];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        // An id that nobody else has: entries' ids are made of their bytes.
        let id = uuid::Uuid::from_u64_pair(u64::MAX, self.shared.log.all().len() as u64);
        let custom_metadata = Bytes::new();
        let event = Proposed { id, metadata, custom_metadata, data: data.into() };
        self.shared.log.append(stream, Expected::Any, vec![event]).expect("the stream takes an event");
    }

    /// Deletes a stream for good.
    pub fn tombstone(&self, stream: &str) {
        self.shared.log.tombstone(stream);
    }

    /// Loses everything of a stream from a revision on, as a server that was restored from an older backup has.
    pub fn lose_tail(&self, stream: &str, from: u64) {
        self.shared.log.lose_tail(stream, from);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.iter().flatten().for_each(JoinHandle::abort);
        self.shared.reset();
    }
}
