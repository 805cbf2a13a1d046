//! The SSH server: who may log in, and how.
//!
//! On the running system the effective settings come from `sshd -T`; elsewhere, and if that fails, from the files.
//! `Match` blocks are read from the files in both cases: `sshd -T` leaves them out.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::sshd_config::{self, Conditional};
use super::{Options, Plan};
use crate::command;
use crate::report::{CheckReport, Severity, Tally};

/// The check's name, headline and controls.
pub const PLAN: Plan = Plan {
    check: "linux-host/sshd",
    title: "The SSH server's settings",
    controls: &[
        ("starter", "host-1"),
        ("nist-800-53", "ac-17"),
        ("nist-800-53", "ia-2"),
        ("nist-800-53", "cm-6"),
    ],
};
const SSHD: &str = "/usr/sbin/sshd";
const SSHD_TIMEOUT: Duration = Duration::from_secs(10);

/// A rule: keyword, OpenSSH's default, what is accepted, how bad, why, what to write.
struct Rule(&'static str, &'static str, fn(&str) -> bool, Severity, &'static str, &'static str);

const RULES: [Rule; 15] = [
    Rule(
        "permitrootlogin",
        "prohibit-password",
        |v| v != "yes",
        Severity::High,
        "root may log in with a password",
        "PermitRootLogin no",
    ),
    Rule(
        "passwordauthentication",
        "yes",
        |v| v == "no",
        Severity::Medium,
        "passwords can be guessed over the network",
        "PasswordAuthentication no",
    ),
    Rule(
        "permitemptypasswords",
        "no",
        |v| v == "no",
        Severity::Critical,
        "accounts without a password may log in",
        "PermitEmptyPasswords no",
    ),
    Rule(
        "hostbasedauthentication",
        "no",
        |v| v == "no",
        Severity::High,
        "other machines are trusted to name their users",
        "HostbasedAuthentication no",
    ),
    Rule(
        "ignorerhosts",
        "yes",
        |v| v != "no",
        Severity::Medium,
        "users' .rhosts files are believed",
        "IgnoreRhosts yes",
    ),
    Rule(
        "permituserenvironment",
        "no",
        |v| v == "no",
        Severity::Medium,
        "users can set variables that change how programs load",
        "PermitUserEnvironment no",
    ),
    Rule(
        "strictmodes",
        "yes",
        |v| v == "yes",
        Severity::Medium,
        "keys in files that others may write are believed",
        "StrictModes yes",
    ),
    Rule(
        "x11forwarding",
        "no",
        |v| v == "no",
        Severity::Low,
        "a server can reach the display of whoever logs in",
        "X11Forwarding no",
    ),
    Rule(
        "gatewayports",
        "no",
        |v| v == "no",
        Severity::Low,
        "forwarded ports are open to the network",
        "GatewayPorts no",
    ),
    Rule(
        "maxauthtries",
        "6",
        |v| number(v).is_some_and(|n| n <= 6),
        Severity::Low,
        "many passwords can be tried in one connection",
        "MaxAuthTries 4",
    ),
    Rule(
        "logingracetime",
        "120",
        |v| number(v).is_some_and(|n| (1..=120).contains(&n)),
        Severity::Low,
        "unauthenticated connections are held for long",
        "LoginGraceTime 60",
    ),
    Rule(
        "loglevel",
        "info",
        |v| !matches!(v, "quiet" | "fatal" | "error"),
        Severity::Medium,
        "logins are not logged",
        "LogLevel VERBOSE",
    ),
    Rule(
        "ciphers",
        "",
        |v| strong(v, &["3des-cbc", "arcfour", "blowfish-cbc", "cast128-cbc", "-cbc", "none"]),
        Severity::Medium,
        "weak ciphers are accepted",
        "Ciphers -*-cbc,3des-cbc,arcfour*",
    ),
    Rule(
        "macs",
        "",
        |v| strong(v, &["hmac-md5", "-96", "umac-64", "none"]),
        Severity::Medium,
        "weak message authentication is accepted",
        "MACs -hmac-md5*,*-96*,umac-64*",
    ),
    Rule(
        "kexalgorithms",
        "",
        |v| strong(v, &["group1-sha1", "group14-sha1", "group-exchange-sha1"]),
        Severity::Medium,
        "weak key exchange is accepted",
        "KexAlgorithms -*-sha1",
    ),
];

/// Runs the check.
pub fn check(options: &Options) -> CheckReport {
    let files = sshd_config::read(options);
    let missing = |path: &str| !options.path(path).exists();
    if missing(SSHD) && missing("/etc/ssh/sshd_config") {
        return PLAN.not_installed("OpenSSH's server");
    }
    let mut tally = Tally::default();
    let effective = ask_sshd(options);
    let from_files = effective.is_none();
    if from_files {
        for (path, why) in &files.unreadable {
            tally.skip(path.display(), why);
        }
        if files.unreadable.iter().any(|(path, _)| path == Path::new("/etc/ssh/sshd_config")) {
            return PLAN.report(tally);
        }
    }
    judge(&effective.unwrap_or(files.global), &mut tally);
    for conditional in &files.conditional {
        judge_conditional(conditional, &mut tally);
    }
    PLAN.report(tally)
}

fn ask_sshd(options: &Options) -> Option<BTreeMap<String, String>> {
    if !options.run_sshd || options.root != Path::new("/") {
        return None;
    }
    let output = command::run(Command::new(SSHD).arg("-T"), SSHD_TIMEOUT, command::OUTPUT_BYTES_MAX).ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.success)?;
    Some(sshd_config::effective(&text))
}

fn judge(settings: &BTreeMap<String, String>, tally: &mut Tally) {
    for Rule(keyword, default, accepted, severity, why, advice) in &RULES {
        tally.check();
        let value = settings.get(*keyword).map_or(*default, String::as_str);
        if !accepted(&value.to_ascii_lowercase()) {
            let origin = if settings.contains_key(*keyword) { "" } else { " by default" };
            tally.finding(
                *severity,
                *keyword,
                format!("is {value:.200}{origin}: {why}"),
                format!("set \"{advice}\" in /etc/ssh/sshd_config and reload sshd"),
            );
        }
    }
}

fn judge_conditional(setting: &Conditional, tally: &mut Tally) {
    let Some(Rule(keyword, _, accepted, severity, why, _)) =
        RULES.iter().find(|rule| rule.0 == setting.keyword)
    else {
        return;
    };
    tally.check();
    if !accepted(&setting.value.to_ascii_lowercase()) {
        tally.finding(
            *severity,
            format!("{keyword} in Match {}", setting.condition),
            format!("is {:.200} for connections that match: {why}", setting.value),
            "remove the exception from the Match block, or narrow its condition",
        );
    }
}

/// A number of seconds or tries; OpenSSH also writes times as `2m`.
fn number(value: &str) -> Option<u64> {
    match value.strip_suffix('m') {
        Some(minutes) => minutes.parse::<u64>().ok()?.checked_mul(60),
        None => value.strip_suffix('s').unwrap_or(value).parse().ok(),
    }
}

/// Does a list of algorithms hold none of the weak ones? `-list` takes away from the defaults, which are strong.
fn strong(list: &str, weak: &[&str]) -> bool {
    if list.starts_with('-') {
        return true;
    }
    let names = list.trim_start_matches(['+', '^']).split(',');
    !names
        .into_iter()
        .any(|name| weak.iter().any(|weak| *weak == name || (*weak != "none" && name.contains(weak))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert_eq!(
            (number("2m"), number("30s"), number("30"), number("x")),
            (Some(120), Some(30), Some(30), None)
        );
        assert!(
            strong("", &["none"])
                && strong("-3des-cbc", &["3des-cbc"])
                && strong("aes256-gcm@openssh.com", &["-cbc"])
        );
        assert!(!strong("+aes128-cbc", &["-cbc"]) && !strong("a,none", &["none"]));
        assert!(strong("nonesuch", &["none"]));
    }
}
