//! A server that can be killed, hung and cut off.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tokio_postgres::Config;

use super::{as_postgres, prepared, program};

/// A server on a port of its own.
pub struct ChaosServer {
    dir: PathBuf,
    port: u16,
    running: Option<Child>,
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("it is bound").port()
}

impl ChaosServer {
    pub fn start() -> Self {
        let port = free_port();
        let dir = prepared(|_| format!("listen_addresses = '127.0.0.1'\nport = {port}"));
        let mut server = Self { dir, port, running: None };
        server.run();
        server
    }

    /// A standby that follows another server; that one has a database to follow.
    pub fn standby_of(primary: &Self) -> Self {
        let (dir, port) = (super::directory(), free_port());
        let data = dir.join("data");
        let mut copy = Command::new(program("pg_basebackup"));
        copy.args([
            "-h",
            "127.0.0.1",
            "-U",
            "ledger",
            "--checkpoint=fast",
            "--wal-method=stream",
            "--no-sync",
        ]);
        copy.args(["--write-recovery-conf", "-p", &primary.port.to_string(), "-D"]).arg(&data);
        as_postgres(copy.current_dir("/"));
        // A server answers a moment after it listens.
        while !copy.stderr(Stdio::null()).status().expect("pg_basebackup runs").success() {
            drop(std::fs::remove_dir_all(&data));
        }
        super::configure(&data, &format!("port = {port}"));
        let mut standby = Self { dir, port, running: None };
        standby.run();
        standby
    }

    /// The database `ledger`, made; and statements for the whole server.
    pub async fn create(&self, statements: &[&str]) {
        let client = super::client(&self.config("postgres")).await;
        for statement in std::iter::once(&"CREATE DATABASE ledger").chain(statements) {
            client.batch_execute(statement).await.expect(statement);
        }
    }

    /// A standby becomes the server that takes writes.
    pub async fn promote(&self) {
        let client = super::client(&self.config("postgres")).await;
        client.query_one("SELECT pg_promote(wait => true)", &[]).await.expect("it is a standby");
    }

    /// kill -9 of all its processes; until [`back`](Self::back) it is gone.
    pub fn lose(&mut self) {
        Self::signal("-KILL", &self.processes());
        self.running.take().expect("it runs").wait().expect("it is a child");
    }

    /// It starts again.
    pub fn back(&mut self) {
        self.run();
    }

    /// Starts it. Until the last process of the one before has ended, a server refuses to start: then again.
    fn run(&mut self) {
        loop {
            let mut running = self.spawn();
            let ended = loop {
                if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                    break false;
                }
                if running.try_wait().expect("it is a child").is_some() {
                    break true;
                }
                std::thread::yield_now();
            };
            if !ended {
                self.running = Some(running);
                return;
            }
        }
    }

    fn spawn(&self) -> Child {
        // With the test's process it ends too, however that ends.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program("postgres"));
        command.arg("-D").arg(self.dir.join("data")).arg("-k").arg(&self.dir);
        let log =
            std::fs::OpenOptions::new().append(true).create(true).open(self.dir.join("log")).expect("a log");
        command.current_dir("/").stdout(Stdio::null()).stderr(log);
        as_postgres(&mut command);
        command.spawn().expect("setpriv and postgres run")
    }

    /// The server's process and those of its connections, which are sessions and groups of their own.
    fn processes(&self) -> Vec<String> {
        let first = self.running.as_ref().expect("it runs").id();
        let children = format!("/proc/{first}/task/{first}/children");
        let children = std::fs::read_to_string(children).expect("the kernel tells children");
        std::iter::once(first.to_string()).chain(children.split_whitespace().map(str::to_owned)).collect()
    }

    /// A process may have ended meanwhile.
    fn signal(signal: &str, processes: &[String]) {
        drop(Command::new("kill").arg(signal).arg("--").args(processes).stderr(Stdio::null()).status());
    }

    /// kill -9 of all its processes, and a new start.
    pub fn kill(&mut self) {
        self.lose();
        self.run();
    }

    /// All its processes stand still while `meanwhile` runs; those that do, by the state that the kernel tells.
    pub async fn hang(&self, meanwhile: impl Future<Output = ()>) -> usize {
        let processes = self.processes();
        Self::signal("-STOP", &processes);
        // A process that is at work stops a moment later; one that has ended meanwhile does not count.
        let state = |pid: &String| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let state = status.lines().find(|line| line.starts_with("State:"))?.to_owned();
            (!state.contains("zombie")).then(|| state.contains("stopped"))
        };
        let standing = loop {
            let states: Vec<bool> = processes.iter().filter_map(state).collect();
            if states.iter().all(|stopped| *stopped) {
                break states.len();
            }
            std::thread::yield_now();
        };
        meanwhile.await;
        Self::signal("-CONT", &processes);
        standing
    }

    /// The database, reached directly.
    pub fn config(&self, database: &str) -> Config {
        self.config_at(self.port, database)
    }

    fn config_at(&self, port: u16, database: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(port).user("ledger").dbname(database);
        config.connect_timeout(std::time::Duration::from_secs(5));
        config
    }

    /// The database, reached through a proxy.
    pub fn through(&self, proxy: &Proxy, database: &str) -> Config {
        self.config_at(proxy.port, database)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for ChaosServer {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.lose();
        }
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

/// A way to the server that can be cut, also in the middle of a message.
pub struct Proxy {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// A way to a port of this machine.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let proxy = Self { port: listener.local_addr().expect("it is bound").port(), open: Arc::default() };
        let open = proxy.open.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let mut known = open.lock().expect("nobody panics with it");
                known.retain(|stream| stream.take_error().is_ok() && stream.peer_addr().is_ok());
                for (from, to) in [(&client, &server), (&server, &client)] {
                    known.push(from.try_clone().expect("a stream can be cloned"));
                    let (from, to) = (from.try_clone().expect("as above"), to.try_clone().expect("as above"));
                    std::thread::spawn(move || forward(from, to));
                }
            }
        });
        proxy
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        for stream in self.open.lock().expect("nobody panics with it").drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
