//! The PostgreSQL probe against a real server of its own: planted misconfigurations give exactly their findings, a
//! hardened server gives none.
#![cfg(feature = "postgres")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ledger_probe::CheckResult;
use ledger_probe::report::CheckReport;
use ledger_probe::runner::{CollectError, Collector as _};
use ledger_probes::postgres::PostgresCollector;
use postgres::{Client, NoTls};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";
const TIMEOUT: Duration = Duration::from_secs(30);

/// The newest server that is installed.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists() && bin.join("pg_ctl").exists())
        .collect();
    found.sort();
    found.pop()
}

/// PostgreSQL refuses to run as root: then the account `postgres` runs it.
fn command(program: &Path) -> Command {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        return command;
    }
    Command::new(program)
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

struct Server {
    bin: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
}

impl Server {
    /// A hardened server, or `None` with a message where PostgreSQL is not installed.
    fn start() -> Option<Self> {
        let Some(bin) = programs() else {
            eprintln!("left out: PostgreSQL is not installed (apt-get install postgresql)");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let password = dir.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { bin, dir, port };
        let mut initdb = command(&server.bin.join("initdb"));
        initdb.arg("-D").arg(server.data()).args([
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "--no-sync",
            "--pwfile",
        ]);
        succeed(initdb.arg(&password));
        server.certificate();
        server.append("postgresql.conf", HARDENED_SETTINGS);
        server.control(&["-w", "-l", &server.path("log"), "-o", &server.flags(), "start"]);
        server.superuser().batch_execute(HARDENED_SQL).unwrap();
        server.replace("pg_hba.conf", HARDENED_HBA);
        server.reload();
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn flags(&self) -> String {
        format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c fsync=off",
            self.port,
            self.dir.path().display()
        )
    }

    fn control(&self, arguments: &[&str]) {
        succeed(command(&self.bin.join("pg_ctl")).arg("-D").arg(self.data()).args(arguments));
    }

    /// A certificate of its own, signed by itself: the server's and the one to trust.
    fn certificate(&self) {
        let mut openssl = command(Path::new("openssl"));
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ]);
        openssl.args([
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]);
        openssl
            .arg("-keyout")
            .arg(self.data().join("server.key"))
            .arg("-out")
            .arg(self.data().join("server.crt"));
        succeed(&mut openssl);
        succeed(command(Path::new("chmod")).arg("600").arg(self.data().join("server.key")));
        fs::copy(self.data().join("server.crt"), self.dir.path().join("ca.pem")).unwrap();
    }

    fn append(&self, file: &str, text: &str) {
        let path = self.data().join(file);
        let old = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{old}\n{text}")).unwrap();
    }

    fn replace(&self, file: &str, text: &str) {
        fs::write(self.data().join(file), text).unwrap();
    }

    fn reload(&self) {
        let mut client = self.superuser();
        let before: String = client.query_one("SELECT pg_conf_load_time()::text", &[]).unwrap().get(0);
        client.execute("SELECT pg_reload_conf()", &[]).unwrap();
        loop {
            let now: String = client.query_one("SELECT pg_conf_load_time()::text", &[]).unwrap().get(0);
            if now != before {
                return;
            }
        }
    }

    fn superuser(&self) -> Client {
        let mut config = postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user("postgres").password(PASSWORD).dbname("postgres");
        config.connect(NoTls).unwrap()
    }

    fn options(&self, user: &str) -> Value {
        json!({
            "url": format!("postgresql://{user}@127.0.0.1:{}/postgres", self.port),
            "password_file": self.path("password"),
            "require_row_security": ["app.orders"],
        })
    }

    fn collect(&self, user: &str) -> Vec<CheckReport> {
        PostgresCollector.collect(&self.options(user), TIMEOUT).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(
            command(&self.bin.join("pg_ctl"))
                .arg("-D")
                .arg(self.data())
                .args(["-m", "immediate", "stop"])
                .output(),
        );
    }
}

const HARDENED_SETTINGS: &str = "
log_connections = on
log_disconnections = on
log_statement = 'ddl'
log_line_prefix = '%m [%p] %q%u@%d %r '
ssl = on
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
";

const HARDENED_HBA: &str = "
local   all all               peer
host    all all 127.0.0.1/32  scram-sha-256
hostssl app app 10.0.0.0/8    scram-sha-256
host    all all all           reject
";

const HARDENED_SQL: &str = "
CREATE ROLE auditor LOGIN PASSWORD 'correct horse battery staple' VALID UNTIL '2099-01-01';
GRANT pg_monitor TO auditor;
GRANT SELECT ON pg_hba_file_rules TO auditor;
GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO auditor;
CREATE ROLE app_owner NOLOGIN;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA app AUTHORIZATION app_owner;
SET ROLE app_owner;
CREATE TABLE app.orders (id bigint, customer text);
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.orders USING (customer = current_user);
CREATE TABLE app.log (line text);
RESET ROLE;
";

fn objects(reports: &[CheckReport], check: &str) -> Vec<String> {
    let report = reports.iter().find(|report| report.check == check).unwrap();
    let expected = if report.findings.is_empty() { CheckResult::Pass } else { CheckResult::Fail };
    assert_eq!(report.result, expected, "{report:#?}");
    report.findings.iter().map(|f| format!("{}: {}", f["severity"], f["object"])).collect()
}

#[test]
fn a_hardened_server_has_no_findings() {
    let Some(server) = Server::start() else { return };
    for user in ["auditor", "postgres"] {
        let reports = server.collect(user);
        assert_eq!(reports.len(), 7);
        for report in reports {
            assert_eq!((report.result, report.findings.len()), (CheckResult::Pass, 0), "{user}: {report:#?}");
            let passwords_hidden = user == "auditor" && report.check == "postgres/roles";
            assert_eq!(report.skipped, u32::from(passwords_hidden), "{user}: {report:#?}");
            assert!(report.checked > 0 && !report.controls.is_empty());
            assert_eq!(report.into_evidence().validate(), Ok(()));
        }
    }

    // Over TLS, with the certificate verified; and refused if it is not one to trust.
    let mut options = server.options("auditor");
    options["tls"] = true.into();
    options["ca_file"] = server.path("ca.pem").into();
    assert_eq!(PostgresCollector.collect(&options, TIMEOUT).unwrap().len(), 7);
    options.as_object_mut().unwrap().remove("ca_file");
    let error = PostgresCollector.collect(&options, TIMEOUT).unwrap_err();
    assert!(matches!(&error, CollectError::Failed(why) if why.contains("ertificate")), "{error}");

    // A role that may not read the HBA rules: nothing checked, so nothing claimed.
    server.superuser().batch_execute("REVOKE SELECT ON pg_hba_file_rules FROM auditor").unwrap();
    let reports = server.collect("auditor");
    let hba = reports.iter().find(|report| report.check == "postgres/hba").unwrap();
    assert_eq!((hba.result, hba.checked, hba.skipped), (CheckResult::Inconclusive, 0, 1), "{hba:#?}");
    assert_eq!(reports.iter().filter(|report| report.result == CheckResult::Pass).count(), 6);
}

const PLANTED_SQL: &str = "
CREATE ROLE boss SUPERUSER LOGIN;
CREATE ROLE visitor SUPERUSER LOGIN VALID UNTIL '2099-01-01';
CREATE ROLE maker CREATEROLE CREATEDB LOGIN;
CREATE ROLE copier REPLICATION BYPASSRLS LOGIN;
SET password_encryption = 'md5';
CREATE ROLE old LOGIN PASSWORD 'x';
RESET password_encryption;
GRANT postgres TO maker;
GRANT pg_execute_server_program TO copier;
GRANT app_owner TO old WITH ADMIN OPTION;
GRANT CREATE ON SCHEMA public TO PUBLIC;
GRANT SELECT ON app.orders TO PUBLIC;
GRANT SELECT, DELETE ON app.log TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC;
CREATE POLICY nothing ON app.log USING (false);
ALTER TABLE app.orders DISABLE ROW LEVEL SECURITY;
DROP POLICY own ON app.orders;
CREATE TABLE app.loose (id int);
ALTER TABLE app.loose OWNER TO old;
ALTER TABLE app.loose ENABLE ROW LEVEL SECURITY;
";

const PLANTED_HBA: &str = "
host all postgres 127.0.0.1/32 scram-sha-256
local all all trust
host all all 0.0.0.0/0 md5
host app app 10.0.0.0/8 password
host app app 10.1.0.0/16 ident
host all all nonsense scram-sha-256 x
";

const PLANTED_SETTINGS: &str = "
log_connections = off
log_disconnections = off
log_statement = 'none'
log_line_prefix = '%m '
log_min_error_statement = 'panic'
log_min_messages = 'fatal'
ssl = off
ssl_min_protocol_version = 'TLSv1'
password_encryption = 'md5'
";

#[test]
fn planted_misconfigurations_are_found_and_nothing_else() {
    let Some(server) = Server::start() else { return };
    server.superuser().batch_execute(PLANTED_SQL).unwrap();
    server.append("postgresql.conf", PLANTED_SETTINGS);
    server.replace("pg_hba.conf", PLANTED_HBA);
    server.reload();
    let reports = server.collect("postgres");
    let expect = |check: &str, expected: &[&str]| assert_eq!(objects(&reports, check), expected, "{check}");
    expect(
        "postgres/roles",
        &[
            "high: role old",
            "high: role boss",
            "medium: role copier",
            "medium: role copier",
            "medium: role maker",
            "low: role maker",
            "low: role old",
            "medium: role visitor",
        ],
    );
    expect("postgres/memberships", &["critical: role copier", "high: role maker", "low: role old"]);
    expect(
        "postgres/grants",
        &[
            "medium: schema public",
            "high: table app.log",
            "medium: table app.orders",
            "high: default privileges of app_owner in app",
        ],
    );
    expect(
        "postgres/hba",
        &[
            "high: pg_hba.conf line 3",
            "medium: pg_hba.conf line 4",
            "medium: pg_hba.conf line 4",
            "medium: pg_hba.conf line 4",
            "high: pg_hba.conf line 5",
            "medium: pg_hba.conf line 5",
            "high: pg_hba.conf line 6",
            "medium: pg_hba.conf line 6",
            "medium: pg_hba.conf line 7",
        ],
    );
    expect(
        "postgres/logging",
        &[
            "medium: log_connections",
            "low: log_disconnections",
            "medium: log_statement",
            "medium: log_line_prefix",
            "low: log_min_error_statement",
            "low: log_min_messages",
        ],
    );
    expect(
        "postgres/transport",
        &["high: ssl", "medium: ssl_min_protocol_version", "high: password_encryption"],
    );
    expect(
        "postgres/row-security",
        &["high: table app.log", "low: table app.loose", "high: table app.orders"],
    );
}

#[test]
fn a_server_that_cannot_be_reached_and_wrong_options_are_told() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = json!({"url": format!("postgresql://x:geheim@127.0.0.1:{port}/x")});
    let error = PostgresCollector.collect(&options, TIMEOUT).unwrap_err();
    assert!(matches!(&error, CollectError::Failed(why) if why.contains("cannot connect")), "{error}");
    assert_eq!(PostgresCollector.plan(&options).unwrap().len(), 7);
    for wrong in [
        json!({}),
        json!({"url": "postgresql://x:geheim@h:port/"}),
        json!({"url": "postgresql://h", "sslmode": 1}),
    ] {
        let error = PostgresCollector.plan(&wrong).unwrap_err();
        assert!(matches!(error, CollectError::Options(_)), "{error}");
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
}
