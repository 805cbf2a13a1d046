//! Settings of the server: logging, and the protection of connections and passwords.

use ledger_probe::report::{Severity, Tally};
use postgres::{Client, Error};

use super::Options;

/// A setting: name, what is accepted, how bad, why, what to write.
struct Rule(&'static str, fn(&str) -> bool, Severity, &'static str, &'static str);

const LOGGING: [Rule; 6] = [
    Rule(
        "log_connections",
        |v| !matches!(v, "off" | ""),
        Severity::Medium,
        "who connects is not logged",
        "log_connections = on",
    ),
    Rule(
        "log_disconnections",
        |v| v == "on",
        Severity::Low,
        "how long sessions lasted is not logged",
        "log_disconnections = on",
    ),
    Rule(
        "log_statement",
        |v| matches!(v, "ddl" | "mod" | "all"),
        Severity::Medium,
        "changes of structure and rights are not logged",
        "log_statement = 'ddl'",
    ),
    Rule(
        "log_line_prefix",
        has_who_and_when,
        Severity::Medium,
        "log lines do not say when, who and where to",
        "log_line_prefix = '%m [%p] %q%u@%d %r '",
    ),
    Rule(
        "log_min_error_statement",
        |v| !matches!(v, "log" | "fatal" | "panic"),
        Severity::Low,
        "statements that failed are not logged",
        "log_min_error_statement = error",
    ),
    Rule(
        "log_min_messages",
        |v| !matches!(v, "log" | "fatal" | "panic"),
        Severity::Low,
        "errors are not logged",
        "log_min_messages = warning",
    ),
];

const TRANSPORT: [Rule; 3] = [
    Rule("ssl", |v| v == "on", Severity::High, "connections cannot be encrypted", "ssl = on"),
    Rule(
        "ssl_min_protocol_version",
        |v| matches!(v, "TLSv1.2" | "TLSv1.3"),
        Severity::Medium,
        "outdated versions of TLS are accepted",
        "ssl_min_protocol_version = 'TLSv1.2'",
    ),
    Rule(
        "password_encryption",
        |v| v == "scram-sha-256",
        Severity::High,
        "new passwords are stored as MD5",
        "password_encryption = 'scram-sha-256'",
    ),
];

const SETTING: &str = "SELECT setting FROM pg_settings WHERE name = $1";

/// `%m`, `%t` or `%n` say when, `%u` who, `%d` where to.
fn has_who_and_when(prefix: &str) -> bool {
    ["%m", "%t", "%n"].iter().any(|when| prefix.contains(when))
        && prefix.contains("%u")
        && prefix.contains("%d")
}

/// What is logged.
pub fn logging(client: &mut Client, _: &Options, tally: &mut Tally) -> Result<(), Error> {
    check(client, &LOGGING, tally)
}

/// How connections and passwords are protected.
pub fn transport(client: &mut Client, _: &Options, tally: &mut Tally) -> Result<(), Error> {
    check(client, &TRANSPORT, tally)
}

fn check(client: &mut Client, rules: &[Rule], tally: &mut Tally) -> Result<(), Error> {
    for Rule(name, accepted, severity, why, advice) in rules {
        let Some(row) = client.query_opt(SETTING, &[name])? else {
            tally.skip(name, "this version has no such setting, or hides it from this role");
            continue;
        };
        tally.check();
        let value: String = row.get(0);
        if !accepted(&value) {
            tally.finding(
                *severity,
                *name,
                format!("is {value:?}: {why}"),
                format!("set {advice} in postgresql.conf and reload the server"),
            );
        }
    }
    Ok(())
}
