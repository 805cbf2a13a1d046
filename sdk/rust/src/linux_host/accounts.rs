//! Accounts: who is root, who needs no password, and who may read or change the account files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::{Options, Plan};
use crate::report::{CheckReport, Severity, Tally};

/// The check's name, headline and controls.
pub const PLAN: Plan = Plan {
    check: "linux-host/accounts",
    title: "Accounts and the files that define them",
    controls: &[("starter", "access-1"), ("nist-800-53", "ac-2"), ("nist-800-53", "ia-5")],
};

/// Runs the check.
pub fn check(options: &Options) -> CheckReport {
    let mut tally = Tally::default();
    // Debian lets the group `shadow` read the passwords: group read is accepted, anything for others is not.
    for (path, forbidden, wanted) in [
        ("/etc/passwd", 0o022, "0644"),
        ("/etc/group", 0o022, "0644"),
        ("/etc/shadow", 0o027, "0640"),
        ("/etc/gshadow", 0o027, "0640"),
    ] {
        permissions(options, path, forbidden, wanted, &mut tally);
    }
    match options.read("/etc/passwd") {
        Ok(text) => passwd(&text, &mut tally),
        Err(error) => tally.skip("/etc/passwd", error),
    }
    match options.read("/etc/shadow") {
        Ok(text) => shadow(&text, &mut tally),
        Err(error) => tally.skip("passwords in /etc/shadow", error),
    }
    PLAN.report(tally)
}

fn permissions(options: &Options, path: &str, forbidden: u32, wanted: &str, tally: &mut Tally) {
    let meta = match fs::metadata(options.path(path)) {
        Ok(meta) => meta,
        Err(error) => return tally.skip(path, error),
    };
    tally.check();
    if meta.mode() & forbidden != 0 {
        tally.finding(
            Severity::High,
            path,
            format!(
                "mode {:04o}: more than its owner may change it, or others may read it",
                meta.mode() & 0o7777
            ),
            format!("chmod {wanted} {path}"),
        );
    }
    if meta.uid() != options.owner_uid {
        tally.finding(
            Severity::High,
            path,
            format!("owned by uid {}", meta.uid()),
            format!("chown root {path}"),
        );
    }
}

fn passwd(text: &str, tally: &mut Tally) {
    let mut names_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        tally.check();
        let fields: Vec<&str> = line.split(':').collect();
        let [name, password, uid, ..] = fields[..] else {
            tally.finding(
                Severity::Medium,
                "/etc/passwd",
                format!("a line that is no account: {line:.60}"),
                "remove the line",
            );
            continue;
        };
        if name.starts_with(['+', '-']) {
            tally.finding(
                Severity::High,
                format!("account {name}"),
                "an entry of NIS compatibility, which lets another machine define accounts",
                "remove the line from /etc/passwd",
            );
            continue;
        }
        if password.is_empty() {
            tally.finding(
                Severity::Critical,
                format!("account {name}"),
                "has no password: the field in /etc/passwd is empty",
                format!("passwd -l {name}"),
            );
        }
        names_of.entry(uid).or_default().push(name);
    }
    for (uid, names) in names_of {
        if uid == "0" {
            for name in names.iter().filter(|name| **name != "root") {
                tally.finding(
                    Severity::Critical,
                    format!("account {name}"),
                    "has uid 0: it is root under another name",
                    format!("give {name} a uid of its own, or delete it"),
                );
            }
        } else if names.len() > 1 {
            tally.finding(
                Severity::Medium,
                format!("uid {uid}"),
                format!("shared by {}: their actions cannot be told apart", names.join(", ")),
                "give each account a uid of its own",
            );
        }
    }
}

fn shadow(text: &str, tally: &mut Tally) {
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        tally.check();
        let mut fields = line.split(':');
        let (name, hash) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let object = format!("account {name}");
        if hash.is_empty() {
            tally.finding(
                Severity::Critical,
                object,
                "has no password: the field in /etc/shadow is empty",
                format!("passwd -l {name}"),
            );
        } else if let Some(kind) = weak_hash(hash.trim_start_matches('!')) {
            tally.finding(
                Severity::High,
                object,
                format!("its password is stored as {kind}, which is guessed quickly"),
                format!("set the password anew: passwd {name}"),
            );
        }
    }
}

fn weak_hash(hash: &str) -> Option<&'static str> {
    let des = hash.len() == 13 && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/');
    match hash {
        _ if hash.starts_with("$1$") => Some("MD5"),
        _ if hash.starts_with("$2a$") => Some("an old variant of bcrypt"),
        _ if des => Some("DES"),
        _ => None,
    }
}
