//! The manifest of a custom adapter: what an operator reads before installing it, and what the host holds it to.
//!
//! A package is a folder with `manifest.json`, the executable and templates. It is pinned by name, version and the
//! digest of its files, so that an upgrade is a decision and a rollback finds what it had.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::protocol::PROTOCOL_VERSION;

/// What a package says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name: lower case letters, digits and `-`, at most 40.
    pub name: String,
    /// Its version, as semantic versioning writes it.
    pub version: String,
    /// The version of the protocol that it speaks.
    pub protocol: u32,
    /// What it does, for people.
    pub description: String,
    /// The executable, relative to the package.
    pub executable: String,
    /// Arguments of the executable.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The kinds of effect that it carries out, and `poll`, `inbound`.
    pub capabilities: Vec<String>,
    /// The event types that it wants to hear of.
    #[serde(default)]
    pub events: Vec<String>,
    /// The hosts that it may be configured to reach: exact names, or `*.` and a domain. Empty: whatever the
    /// operator configures.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// A JSON Schema that a configuration must satisfy.
    #[serde(default)]
    pub config_schema: Value,
    /// Configurations to start from.
    #[serde(default)]
    pub templates: BTreeMap<String, Value>,
    /// Absolute paths that it needs to read and execute beside its own package: an interpreter and its library.
    #[serde(default)]
    pub readable: Vec<String>,
}

/// Why a manifest is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// No JSON, or not the members that there are.
    #[error("the manifest cannot be read: {0}")]
    Malformed(String),
    /// A member has a value that it may not have.
    #[error("the manifest's {member} {reason}")]
    Member {
        /// Which.
        member: &'static str,
        /// Why not.
        reason: String,
    },
}

/// Paths that no adapter needs and that would give the machine away.
const NEVER_READABLE: [&str; 7] = ["/", "/proc", "/sys", "/dev", "/root", "/home", "/var"];

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// The member that does not fit.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self =
            serde_json::from_slice(json).map_err(|error| ManifestError::Malformed(error.to_string()))?;
        manifest.check().map(|()| manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let member = |holds: bool, member, reason: &str| {
            if holds { Ok(()) } else { Err(ManifestError::Member { member, reason: reason.into() }) }
        };
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let named =
            (1..=40).contains(&self.name.len()) && self.name.bytes().all(word) && !self.name.starts_with('-');
        member(named, "name", "must be 1 to 40 lower case letters, digits and '-'")?;
        let numbers: Vec<&str> = self.version.split('.').collect();
        let number = |n: &&str| !n.is_empty() && n.len() <= 9 && n.bytes().all(|b| b.is_ascii_digit());
        member(numbers.len() == 3 && numbers.iter().all(number), "version", "must be like 1.2.3")?;
        let spoken = self.protocol == PROTOCOL_VERSION;
        member(spoken, "protocol", &format!("must be {PROTOCOL_VERSION}, the version that is spoken here"))?;
        member(is_inside(&self.executable), "executable", "must be a path inside the package")?;
        member(!self.capabilities.is_empty(), "capabilities", "must name at least one")?;
        for host in &self.hosts {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
            member(
                !name.is_empty() && name.bytes().all(plain),
                "hosts",
                "must hold names, or *. and a domain",
            )?;
        }
        for path in &self.readable {
            let absolute = path.starts_with('/') && !path.split('/').any(|part| part == "..");
            let tail = path.trim_end_matches('/');
            let told_apart = !NEVER_READABLE.iter().any(|never| never.trim_end_matches('/') == tail);
            member(
                absolute && told_apart,
                "readable",
                "must hold absolute paths, none of them the whole machine",
            )?;
        }
        Ok(())
    }

    /// Whether a connection may be configured to this host.
    pub fn may_reach(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let matches = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(domain) => {
                host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            None => *pattern == host,
        };
        self.hosts.is_empty() || self.hosts.iter().any(matches)
    }
}

fn is_inside(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The digest that pins a package: over the names and contents of all its files, sorted by name.
///
/// Each name and content is preceded by its length, so that no two packages share a digest.
pub fn package_digest<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> [u8; 32] {
    let files: BTreeMap<&str, &[u8]> = files.into_iter().collect();
    let mut hash = Sha256::new();
    for (name, content) in files {
        for part in [name.as_bytes(), content] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest() -> Value {
        json!({
            "name": "csv-mail", "version": "1.0.3", "protocol": 1, "description": "Mails a line a ticket.",
            "executable": "bin/adapter.py", "capabilities": ["open"], "hosts": ["mail.example", "*.example.org"],
            "readable": ["/usr", "/lib"]
        })
    }

    fn with(member: &str, value: Value) -> Result<Manifest, ManifestError> {
        let mut json = manifest();
        json[member] = value;
        Manifest::parse(json.to_string().as_bytes())
    }

    #[test]
    fn a_manifest_is_read_and_holds_the_adapter_to_its_hosts() {
        let manifest = Manifest::parse(manifest().to_string().as_bytes()).expect("fits");
        for (host, may) in [
            ("mail.example", true),
            ("MAIL.example", true),
            ("a.example.org", true),
            ("a.b.example.org", true),
            ("example.org", false),
            (".example.org", false),
            ("evilexample.org", false),
            ("mail.example.evil", false),
        ] {
            assert_eq!(manifest.may_reach(host), may, "{host}");
        }
    }

    #[test]
    fn each_member_is_checked() {
        for (member, value) in [
            ("name", json!("")),
            ("name", json!("Mail")),
            ("name", json!("-x")),
            ("version", json!("1.0")),
            ("version", json!("1.0.x")),
            ("protocol", json!(2)),
            ("executable", json!("/bin/sh")),
            ("executable", json!("../sh")),
            ("executable", json!("bin//x")),
            ("capabilities", json!([])),
            ("hosts", json!(["http://x"])),
            ("readable", json!(["/"])),
            ("readable", json!(["/proc/"])),
            ("readable", json!(["usr"])),
            ("readable", json!(["/usr/../etc"])),
        ] {
            assert!(
                matches!(with(member, value.clone()), Err(ManifestError::Member { member: m, .. }) if m == member),
                "{member}: {value}"
            );
        }
        assert!(matches!(with("unknown", json!(1)), Err(ManifestError::Malformed(_))));
    }

    #[test]
    fn the_digest_tells_packages_apart() {
        let one = package_digest([("a", &b"bc"[..]), ("d", &b""[..])]);
        assert_eq!(one, package_digest([("d", &b""[..]), ("a", &b"bc"[..])]));
        assert_ne!(one, package_digest([("ab", &b"c"[..]), ("d", &b""[..])]));
        assert_ne!(one, package_digest([("a", &b"bcd"[..])]));
    }
}
