//! The rules of `pg_hba.conf`, as the server has read them.

use ledger_probe::report::{Severity, Tally};
use postgres::{Client, Error};

use super::Options;

const RULES: &str =
    "SELECT line_number, type, array_to_string(database, ','), array_to_string(user_name, ','),
        coalesce(address, ''), coalesce(netmask, ''), coalesce(auth_method, ''), error
   FROM pg_hba_file_rules ORDER BY line_number";

struct Rule {
    line: i32,
    kind: String,
    databases: String,
    users: String,
    address: String,
    netmask: String,
    method: String,
}

/// Runs the check.
pub fn check(client: &mut Client, _: &Options, tally: &mut Tally) -> Result<(), Error> {
    for row in client.query(RULES, &[])? {
        tally.check();
        let line: i32 = row.get(0);
        if let Some(error) = row.get::<_, Option<String>>(7) {
            tally.finding(
                Severity::Medium,
                format!("pg_hba.conf line {line}"),
                format!("cannot be read by the server, which keeps its old rules: {error}"),
                "mend the line and reload the server",
            );
            continue;
        }
        judge(
            &Rule {
                line,
                kind: row.get(1),
                databases: row.get(2),
                users: row.get(3),
                address: row.get(4),
                netmask: row.get(5),
                method: row.get(6),
            },
            tally,
        );
    }
    Ok(())
}

fn judge(rule: &Rule, tally: &mut Tally) {
    let object = format!("pg_hba.conf line {}", rule.line);
    let local = rule.kind == "local" || is_loopback(&rule.address);
    let shown = format!("{} {} {} {} {}", rule.kind, rule.databases, rule.users, rule.address, rule.method);
    match rule.method.as_str() {
        "reject" => return,
        "trust" => tally.finding(
            if local { Severity::High } else { Severity::Critical },
            object.as_str(),
            format!("trust: nobody has to prove who he is ({shown})"),
            "use scram-sha-256 or cert, and peer for local connections",
        ),
        "password" => tally.finding(
            Severity::High,
            object.as_str(),
            format!("password: the password is sent in clear ({shown})"),
            "use scram-sha-256",
        ),
        "md5" => tally.finding(
            Severity::Medium,
            object.as_str(),
            format!("md5: a stolen hash is as good as the password ({shown})"),
            "use scram-sha-256",
        ),
        "ident" => tally.finding(
            Severity::High,
            object.as_str(),
            format!("ident: the other machine says who its user is ({shown})"),
            "use scram-sha-256 or cert",
        ),
        _ => {}
    }
    if !local && matches!(rule.kind.as_str(), "host" | "hostnossl") {
        tally.finding(
            Severity::Medium,
            object.as_str(),
            format!("accepts connections without TLS ({shown})"),
            "use hostssl instead of host",
        );
    }
    if is_everywhere(rule) && rule.databases == "all" && rule.users == "all" {
        tally.finding(
            Severity::Medium,
            object,
            format!("lets every user connect to every database from everywhere ({shown})"),
            "name the databases, the users and the networks",
        );
    }
}

fn is_loopback(address: &str) -> bool {
    address == "localhost" || address.starts_with("127.") || address == "::1" || address == "samehost"
}

fn is_everywhere(rule: &Rule) -> bool {
    rule.address == "all"
        || (rule.address == "0.0.0.0" && rule.netmask == "0.0.0.0")
        || (rule.address == "::" && rule.netmask == "::")
}
