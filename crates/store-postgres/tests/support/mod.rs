//! A PostgreSQL server of the test's own: started with its first use, gone with its process.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod chaos;

use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use ledger_store_postgres::PostgresOptions;
use tokio_postgres::{Client, Config, NoTls};

/// The server: its directory, and the shell that ends it when this process ends.
struct Server {
    dir: PathBuf,
    _shell: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// PostgreSQL refuses to run as root: then it runs as the user `postgres`.
fn as_postgres(command: &mut Command) -> Option<(u32, u32)> {
    let id = |args: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(args).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = (id(&["-u", "postgres"])?, id(&["-g", "postgres"])?);
    command.uid(user.0).gid(user.1);
    Some(user)
}

fn program(name: &str) -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = installed.map(|version| version.path().join("bin").join(name)).collect();
    versions.sort();
    versions.pop().filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from(name))
}

/// Makes a server's directory; `prepare` gives the last lines of its configuration, and may put files into its data
/// directory.
fn prepared(prepare: impl FnOnce(&Path) -> String) -> PathBuf {
    let dir = directory();
    let data = dir.join("data");
    let mut initdb = Command::new(program("initdb"));
    initdb.args(["--auth=trust", "--username=ledger", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
    initdb.arg(&data).current_dir("/").stdout(Stdio::null());
    as_postgres(&mut initdb);
    let made = initdb.status().expect("initdb runs; install postgresql");
    assert!(made.success(), "initdb failed");
    configure(&data, &format!("listen_addresses = ''\n{}", prepare(&data)));
    dir
}

/// A directory that belongs to whom the server runs as.
fn directory() -> PathBuf {
    let dir = tempfile::tempdir().expect("a directory").keep();
    if let Some((user, group)) = as_postgres(&mut Command::new("true")) {
        chown(&dir, Some(user), Some(group)).expect("root may give a directory away");
    }
    dir
}

/// Adds lines to a server's configuration.
fn configure(data: &Path, settings: &str) {
    let conf = data.join("postgresql.conf");
    let mut conf = std::fs::OpenOptions::new().append(true).open(conf).expect("initdb wrote it");
    writeln!(conf, "{settings}").expect("it can be written");
}

/// Starts a server that ends with this process; `prepare` as in [`prepared`].
fn start(prepare: impl FnOnce(&Path) -> String) -> Server {
    let dir = prepared(prepare);
    let data = dir.join("data");
    // Standard input closes when this process ends, however it ends; the shell then stops the server.
    let script = "\"$1\" -D \"$2\" -k \"$3\" -c logging_collector=off >\"$3/log\" 2>&1 &
                  server=$!; cat >/dev/null; kill -QUIT $server; wait $server; rm -rf \"$3\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(program("postgres")).arg(&data).arg(&dir).current_dir("/");
    as_postgres(&mut shell);
    let shell = shell.stdin(Stdio::piped()).spawn().expect("a shell");
    Server { dir, _shell: shell }
}

fn config(dir: &Path, database: &str) -> Config {
    let mut config = Config::new();
    config.host_path(dir).user("ledger").dbname(database);
    config
}

/// A connection to a database; waits for a server that is starting.
pub async fn client(config: &Config) -> Client {
    loop {
        match config.connect(NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return client;
            }
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// The configuration of an empty database.
pub async fn database() -> Config {
    let server = SERVER.get_or_init(|| start(|_| String::new()));
    let client = client(&config(&server.dir, "postgres")).await;
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a new database");
    config(&server.dir, &name)
}

/// Options of a store that writes each head at once.
pub fn folding(config: Config) -> PostgresOptions {
    let poll = std::time::Duration::from_millis(5);
    PostgresOptions { fold_events: 1, poll, ..PostgresOptions::new(config) }
}

/// Waits until the table of heads has all that is committed.
pub async fn folded(config: &Config) {
    let (client, watch) = (client(config).await, ledger::clock::Stopwatch::start());
    let sql = "SELECT folded = position FROM store";
    while !client.query_one(sql, &[]).await.expect("it answers").get::<_, bool>(0) {
        assert!(watch.elapsed() < std::time::Duration::from_secs(30), "nobody folds");
        tokio::task::yield_now().await;
    }
}

/// Executes a statement about a whole database, which nobody may be connected to: whoever is, is sent away until it is done.
pub async fn administer(config: &Config, sql: &str) {
    let name = config.get_dbname().expect("it names a database");
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    let (admin, watch) = (client(config.clone().dbname("postgres")).await, ledger::clock::Stopwatch::start());
    while let Err(error) = admin.batch_execute(sql).await {
        assert!(watch.elapsed() < std::time::Duration::from_secs(30), "{sql}: {error}");
        admin.batch_execute(&end).await.expect("a superuser may");
    }
}

/// A server that takes encrypted connections alone, on a port of its own.
pub struct TlsServer {
    server: Server,
    port: u16,
    ca: PathBuf,
}

impl TlsServer {
    pub fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        let mut ca = PathBuf::new();
        let server = start(|data| {
            ca = Self::certificates(data, "server");
            let rule = "hostssl all all 127.0.0.1/32 trust\nlocal all all trust\n";
            std::fs::write(data.join("pg_hba.conf"), rule).expect("it can be written");
            drop(free);
            format!(
                "listen_addresses = '127.0.0.1'\nport = {port}\nssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'"
            )
        });
        let started = Self { server, port, ca };
        loop {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::yield_now();
        }
        started.create("ledger");
        started
    }

    fn create(&self, database: &str) {
        let mut createdb = Command::new(program("createdb"));
        createdb
            .args(["-U", "ledger", "-p", &self.port.to_string(), "-h"])
            .arg(&self.server.dir)
            .arg(database);
        // It answers a moment after it listens.
        while !createdb.stderr(Stdio::null()).status().expect("createdb runs").success() {}
    }

    /// Makes a self-signed certificate for `localhost`; gives its path.
    pub fn certificates(dir: &Path, name: &str) -> PathBuf {
        let (key, crt) = (dir.join(format!("{name}.key")), dir.join(format!("{name}.crt")));
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]);
        openssl.args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
        ]);
        openssl.arg(&key).arg("-out").arg(&crt).stderr(Stdio::null());
        as_postgres(&mut openssl);
        assert!(openssl.status().expect("openssl runs").success(), "openssl failed");
        crt
    }

    pub fn url(&self, database: &str, host: &str) -> String {
        format!("postgres://ledger@{host}:{}/{database}", self.port)
    }

    pub fn ca(&self) -> &Path {
        &self.ca
    }

    pub fn dir(&self) -> &Path {
        self.ca.parent().expect("it lies in the data directory")
    }
}
