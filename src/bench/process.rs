//! The server as a process of its own, as in production: this binary once more, on a free port.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ledger::clock::Stopwatch;
use serde_json::Value;

use super::ground::Ground;
use super::load::{Connection, get, post};

/// How often to look whether something has come true.
const LOOK_EVERY: Duration = Duration::from_micros(250);
/// How long to wait for it.
const LOOK_MAX: Duration = Duration::from_secs(300);

/// A running `ledger serve`; it ends with its owner.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The operator's key.
    pub key: String,
    /// From the start of the process until it answered that it is ready.
    pub ready: Duration,
}

/// This binary once more, on the store that is measured. Its URL may hold a password, which arguments would show to all.
///
/// # Errors
/// The system does not tell where this program is.
pub fn once_more(ground: &Ground) -> Result<Command> {
    let store = ground.store();
    let mut command = Command::new(std::env::current_exe()?);
    command
        .env("LEDGER_LOG_LEVEL", "warn")
        .env("LEDGER_STORE_URL", &store.url)
        .env("LEDGER_STORE_CA_FILE", &store.ca_file)
        .env("LEDGER_STORE_SIDE", &store.side)
        .env("LEDGER_STORE_READ_MODELS", store.read_models.as_str())
        .stdout(Stdio::piped());
    Ok(command)
}

impl Server {
    /// Starts a server on a store and a data directory.
    ///
    /// # Errors
    /// It does not start; it tells why on standard error.
    pub fn start(ground: &Ground, data: &Path) -> Result<Self> {
        let watch = Stopwatch::start();
        let mut child = once_more(ground)?
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .spawn()
            .context("this program cannot be started again")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut line = String::new();
        let address = loop {
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                bail!("the server ended before it listened");
            }
            if let Some((_, address)) = line.trim_end().split_once("http://") {
                break address.parse().context("where the server listens")?;
            }
        };
        // Whatever else it says must not fill the pipe.
        thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        let key = std::fs::read_to_string(data.join("admin.key"))?.trim().to_owned();
        let mut server = Self { child, address, key, ready: Duration::ZERO };
        server.until("/readyz", |status, _| status == 200)?;
        server.ready = watch.elapsed();
        Ok(server)
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks for a path until the answer is as wished; how long that took.
    ///
    /// # Errors
    /// It never was.
    pub fn until(&self, path: &str, wished: impl Fn(u16, &[u8]) -> bool) -> Result<Duration> {
        let mut request = Vec::new();
        get(&mut request, path, &self.key);
        let mut connection = Connection::open(self.address)?;
        let watch = Stopwatch::start();
        loop {
            let (status, body) = connection.ask(&request)?;
            if wished(status, body) {
                return Ok(watch.elapsed());
            }
            if watch.elapsed() > LOOK_MAX {
                bail!("GET {path} still answers {status} after {LOOK_MAX:?}");
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until the read models have folded everything; how long that took.
    ///
    /// # Errors
    /// They never had.
    pub fn drained(&self) -> Result<Duration> {
        let lag = |body: &[u8]| serde_json::from_slice::<Value>(body).ok()?.get("projection_lag")?.as_u64();
        self.until("/readyz", |_, body| lag(body) == Some(0))
    }

    /// Posts one body.
    ///
    /// # Errors
    /// The answer is neither 200 nor 201.
    pub fn post(&self, path: &str, body: &str) -> Result<Value> {
        let mut request = Vec::new();
        post(&mut request, path, &self.key, body.as_bytes());
        let mut connection = Connection::open(self.address)?;
        let (status, body) = connection.ask(&request)?;
        if !matches!(status, 200 | 201) {
            bail!("POST {path}: {status} {}", String::from_utf8_lossy(body));
        }
        Ok(serde_json::from_slice(body)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data goes too: there is nothing to end in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
