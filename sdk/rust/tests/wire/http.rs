//! The ledger behind a socket: HTTP/1.1 as plainly as can be, one request a connection.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use ledger_probe::transport::Response;

use crate::ledger::{Headers, TestLedger};

/// A listening ledger; stops when it is dropped.
pub struct Server {
    pub url: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(ledger: Arc<TestLedger>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.load(Ordering::SeqCst) {
                    return;
                }
                let (mut stream, ledger) = (stream.unwrap(), Arc::clone(&ledger));
                std::thread::spawn(move || drop(answer(&mut stream, &ledger)));
            }
        });
        Self { url, stop, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Answers one request.
pub fn answer(stream: &mut (impl Read + Write), ledger: &TestLedger) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut *stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut start = lines[0].split(' ');
    let (method, path) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
    let header = |name: &str| {
        let mut values = lines[1..].iter().filter_map(|line| line.split_once(": "));
        values.find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let headers = Headers {
        content_type: header("content-type"),
        content_digest: header("content-digest"),
        signature_input: header("signature-input"),
        signature: header("signature"),
    };
    match ledger.handle(method, path, &headers, &body) {
        Some(response) => write(stream, &response),
        None => Ok(()),
    }
}

fn write(stream: &mut impl Write, response: &Response) -> std::io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {} X\r\ncontent-type: {}; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n",
        response.status,
        response.content_type,
        response.body.len()
    );
    for (name, value) in [
        ("retry-after", response.retry_after.map(|s| s.to_string())),
        ("ledger-time", response.ledger_time.clone()),
    ] {
        if let Some(value) = value {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(&response.body)
}
