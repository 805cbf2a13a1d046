//! The trust file: C2SP tlog-policy, with one comment line of our own that pins the genesis of the log.
//!
//! It says which logs are believed and which witnesses must have cosigned. It is the one thing that an auditor must
//! receive out of band; everything else in an export is checked against it.

mod parse;
mod quorum;

use std::fmt;

pub use parse::PolicyError;
pub use quorum::QuorumError;

use crate::b64;
use crate::merkle::Hash;
use crate::note::VerifierKey;

/// A trust file is refused above this size.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;

/// Who is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    genesis: Option<Hash>,
    logs: Vec<TrustedLog>,
    members: Vec<Member>,
    quorum: Option<usize>,
}

/// A log whose checkpoints are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedLog {
    /// Its checkpoint key; the key's name is the log's origin.
    pub vkey: VerifierKey,
    /// Where it can be read.
    pub url: Option<String>,
}

/// A witness or a group of them, under the name by which groups and the quorum refer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Witness {
        vkey: Box<VerifierKey>,
        url: Option<String>,
    },
    /// At least `threshold` of the members, which stand earlier in the file.
    Group {
        threshold: usize,
        members: Vec<usize>,
    },
}

impl Policy {
    /// A trust file that believes these logs and asks for no witness; the first is the one it is about.
    pub fn of_logs(genesis: Option<Hash>, logs: impl IntoIterator<Item = VerifierKey>) -> Self {
        let logs = logs.into_iter().map(|vkey| TrustedLog { vkey, url: None }).collect();
        Self { genesis, logs, members: Vec::new(), quorum: None }
    }

    /// The same logs with the witnesses and the quorum of `other`.
    #[must_use]
    pub fn with_witnesses(mut self, other: &Self) -> Self {
        self.members.clone_from(&other.members);
        self.quorum = other.quorum;
        self
    }

    /// The same file without its demand: the witnesses stay named, and a verifier knows their cosignatures.
    #[must_use]
    pub fn without_quorum(mut self) -> Self {
        self.quorum = None;
        self
    }

    /// The event hash that entry 0 of the log must have, if the file pins it.
    pub const fn genesis(&self) -> Option<&Hash> {
        self.genesis.as_ref()
    }

    /// The logs that are believed, in the order of the file.
    pub fn logs(&self) -> &[TrustedLog] {
        &self.logs
    }

    /// The keys of the log of this origin: more than one while its checkpoint key rotates.
    pub fn keys_of(&self, origin: &str) -> Vec<VerifierKey> {
        self.logs.iter().filter(|log| log.vkey.name() == origin).map(|log| log.vkey.clone()).collect()
    }

    /// The witnesses, by name, with their keys and where they can be asked.
    pub fn witnesses(&self) -> impl Iterator<Item = (&str, &VerifierKey, Option<&str>)> {
        self.members.iter().filter_map(|member| match &member.rule {
            Rule::Witness { vkey, url } => Some((member.name.as_str(), &**vkey, url.as_deref())),
            Rule::Group { .. } => None,
        })
    }

    /// Does the file ask for cosignatures at all?
    pub const fn wants_witnesses(&self) -> bool {
        self.quorum.is_some()
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(genesis) = &self.genesis {
            writeln!(f, "# genesis {}", b64::encode_url(genesis))?;
        }
        for log in &self.logs {
            writeln!(f, "log {}{}", log.vkey, Suffix(log.url.as_deref()))?;
        }
        for member in &self.members {
            match &member.rule {
                Rule::Witness { vkey, url } => {
                    writeln!(f, "witness {} {vkey}{}", member.name, Suffix(url.as_deref()))?;
                }
                Rule::Group { threshold, members } => {
                    write!(f, "group {} {threshold}", member.name)?;
                    members.iter().try_for_each(|at| write!(f, " {}", self.members[*at].name))?;
                    writeln!(f)?;
                }
            }
        }
        writeln!(f, "quorum {}", self.quorum.map_or("none", |at| &self.members[at].name))
    }
}

/// An optional last item of a line.
struct Suffix<'a>(Option<&'a str>);

impl fmt::Display for Suffix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |url| write!(f, " {url}"))
    }
}

#[cfg(test)]
mod tests;
