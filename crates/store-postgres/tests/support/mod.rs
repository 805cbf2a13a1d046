//! A PostgreSQL server of the test's own: started with its first use, gone with its process.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Config, NoTls};

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

fn start() -> Server {
    let dir = tempfile::tempdir().expect("a directory").keep();
    let data = dir.join("data");
    let mut initdb = Command::new(program("initdb"));
    initdb.args(["--auth=trust", "--username=ledger", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
    initdb.arg(&data).current_dir("/").stdout(Stdio::null());
    if let Some((user, group)) = as_postgres(&mut initdb) {
        chown(&dir, Some(user), Some(group)).expect("root may give a directory away");
    }
    let made = initdb.status().expect("initdb runs; install postgresql");
    assert!(made.success(), "initdb failed");
    // Standard input closes when this process ends, however it ends; the shell then stops the server.
    let script = "\"$1\" -D \"$2\" -k \"$3\" -c listen_addresses= -c logging_collector=off >\"$3/log\" 2>&1 &
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

/// The configuration of an empty database.
pub async fn database() -> Config {
    let server = SERVER.get_or_init(start);
    let admin = config(&server.dir, "postgres");
    let client = loop {
        match admin.connect(NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                break client;
            }
            // It is starting.
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a new database");
    config(&server.dir, &name)
}
