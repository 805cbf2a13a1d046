//! A NATS server of the test's own, that can be killed, emptied and started again.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server with JetStream on a port of its own; gone with the test's process.
pub struct NatsServer {
    dir: tempfile::TempDir,
    port: u16,
    settings: Vec<String>,
    running: Option<Child>,
}

/// Where Debian puts it is not on everybody's path.
fn program() -> PathBuf {
    let installed = Path::new("/usr/sbin/nats-server");
    if installed.exists() { installed.to_owned() } else { PathBuf::from("nats-server") }
}

impl NatsServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With more words on its command line.
    pub fn with(settings: &[&str]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let settings = settings.iter().map(|&word| word.to_owned()).collect();
        let dir = tempfile::tempdir().expect("a directory");
        let mut server = Self { dir, port, settings, running: None };
        server.run();
        server
    }

    fn run(&mut self) {
        // With the test's process it ends too, however that ends.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program());
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream", "--store_dir"]);
        command.arg(self.store()).args(&self.settings);
        let log = std::fs::OpenOptions::new().append(true).create(true).open(self.dir.path().join("log"));
        command.stdout(Stdio::null()).stderr(log.expect("a log"));
        let mut running = command.spawn().expect("setpriv and nats-server run; install nats-server");
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = running.try_wait().expect("it is a child");
            assert!(ended.is_none(), "nats-server: {}", self.log());
            std::thread::yield_now();
        }
        self.running = Some(running);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().expect("it is a child");
            running.wait().expect("it is a child");
        }
    }

    /// Starts it again after a kill.
    pub fn again(&mut self) {
        self.run();
    }

    /// Throws away everything that it kept, after a kill.
    pub fn lose_everything(&self) {
        std::fs::remove_dir_all(self.store()).expect("it kept something");
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}
