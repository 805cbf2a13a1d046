//! A load generator that costs little: one blocking thread a client, one kept connection, requests written as bytes.
//!
//! It shares the two cores with the server, so what it costs is lost to the figure.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ledger::clock::Stopwatch;

use super::percentile_ms;

/// What a run of load gave.
#[derive(Debug)]
pub struct Load {
    /// Requests that were answered as expected.
    pub requests: u64,
    /// How long all of them took together.
    pub took: Duration,
    /// The time of each request, sorted.
    latencies: Vec<Duration>,
}

impl Load {
    /// The latency below which `share` of all requests lie, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        percentile_ms(&self.latencies, share)
    }
}

/// Sends `requests` requests from `clients` connections; `make` writes the n-th request into the buffer.
///
/// # Errors
/// A connection broke, or an answer was not 200 or 201.
pub fn run(
    address: SocketAddr,
    clients: usize,
    requests: u64,
    make: &(dyn Fn(u64, &mut Vec<u8>) + Sync),
) -> Result<Load> {
    let next = AtomicU64::new(0);
    let watch = Stopwatch::start();
    let parts = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..clients.max(1)).map(|_| scope.spawn(|| client(address, requests, &next, make))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a client does not panic"))
            .collect::<Result<Vec<_>>>()
    })?;
    let took = watch.elapsed();
    let mut latencies: Vec<_> = parts.into_iter().flatten().collect();
    latencies.sort_unstable();
    Ok(Load { requests, took, latencies })
}

fn client(
    address: SocketAddr,
    requests: u64,
    next: &AtomicU64,
    make: &(dyn Fn(u64, &mut Vec<u8>) + Sync),
) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(address)?;
    let mut request = Vec::new();
    let mut latencies = Vec::new();
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= requests {
            return Ok(latencies);
        }
        request.clear();
        make(n, &mut request);
        let watch = Stopwatch::start();
        let (status, body) = connection.ask(&request)?;
        latencies.push(watch.elapsed());
        if !matches!(status, 200 | 201) {
            bail!("status {status}: {}", String::from_utf8_lossy(body));
        }
    }
}

/// One kept connection.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The network's.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::with_capacity(1 << 16, stream), line: String::new(), body: Vec::new() })
    }

    /// Sends a request; the status and the body of its answer, which must have a Content-Length.
    ///
    /// # Errors
    /// The network's, or an answer that is not HTTP.
    pub fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.reader.get_mut().write_all(request)?;
        self.read_line()?;
        let status = self.line.get(9..12).context("a status line")?.parse().context("a status")?;
        let mut length = 0;
        loop {
            self.read_line()?;
            if self.line == "\r\n" {
                break;
            }
            if let Some((name, value)) = self.line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().context("content-length is a number")?;
            }
        }
        self.body.resize(length, 0);
        self.reader.read_exact(&mut self.body)?;
        Ok((status, &self.body))
    }

    fn read_line(&mut self) -> Result<()> {
        self.line.clear();
        if self.reader.read_line(&mut self.line)? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// Writes a POST of JSON with a bearer key.
pub fn post(out: &mut Vec<u8>, path: &str, key: &str, body: &[u8]) {
    // Writing into a vector cannot fail.
    let _ = write!(
        out,
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    out.extend_from_slice(body);
}

/// Writes a GET with a bearer key.
pub fn get(out: &mut Vec<u8>, path: &str, key: &str) {
    // Writing into a vector cannot fail.
    let _ = write!(out, "GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\r\n");
}
