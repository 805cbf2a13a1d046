//! Reading a trust file. A name can only refer to lines above it, so that groups cannot be circular.

use std::str::FromStr;

use super::{Member, POLICY_BYTES_MAX, Policy, Rule, TrustedLog};
use crate::b64;
use crate::note::{KeyError, KeyKind, VerifierKey};
use crate::tile::parse_number;

/// Why a text is not a trust file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Above [`POLICY_BYTES_MAX`].
    #[error("a trust file of {0} bytes is too long")]
    TooLong(usize),
    /// A line that does not follow the format.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: LineProblem,
    },
    /// No quorum line; `quorum none` says that no witness is asked for.
    #[error("the file must have one quorum line; write \"quorum none\" to ask for no witness")]
    NoQuorum,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// Control characters, or bytes that are not UTF-8.
    #[error("control characters are not allowed")]
    Control,
    /// Not one of the known keywords.
    #[error("unknown keyword {0:?}; log, witness, group and quorum are known")]
    Keyword(String),
    /// Too few or too many items.
    #[error("write: {0}")]
    Items(&'static str),
    /// Not a verifier key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A witness key for a log or the other way round.
    #[error("a log needs a key of type 0x01, a witness one of type 0x04")]
    KeyKind,
    /// The same public key twice among logs or among witnesses.
    #[error("this key stands in an earlier line")]
    DuplicateKey,
    /// A name twice, or the predefined `none`.
    #[error("the name {0:?} is taken")]
    DuplicateName(String),
    /// A name that no earlier line defines.
    #[error("the name {0:?} is not defined above")]
    Undefined(String),
    /// A member of two groups: a witness must count in one way only.
    #[error("{0:?} is already a member of a group")]
    DuplicateMember(String),
    /// Not `any`, `all` or 1 to the number of members.
    #[error("the threshold must be any, all, or 1 to the number of members")]
    Threshold,
    /// A second quorum line.
    #[error("there is already a quorum line")]
    SecondQuorum,
    /// A genesis comment that is not one hash, or a second one.
    #[error("write: # genesis <base64url of 32 bytes>, once")]
    Genesis,
}

#[derive(Default)]
struct Builder {
    genesis: Option<[u8; 32]>,
    logs: Vec<TrustedLog>,
    members: Vec<Member>,
    grouped: Vec<usize>,
    quorum: Option<Option<usize>>,
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLong(text.len()));
        }
        let mut builder = Builder::default();
        for (line, content) in (1..).zip(text.split('\n')) {
            builder.line(content).map_err(|problem| PolicyError::Line { line, problem })?;
        }
        let quorum = builder.quorum.ok_or(PolicyError::NoQuorum)?;
        Ok(Self { genesis: builder.genesis, logs: builder.logs, members: builder.members, quorum })
    }
}

impl Builder {
    fn line(&mut self, line: &str) -> Result<(), LineProblem> {
        if line.chars().any(|c| c.is_ascii_control() && c != '\t') {
            return Err(LineProblem::Control);
        }
        // Only space and tab separate; other Unicode spaces belong to names.
        let items: Vec<&str> = line.split([' ', '\t']).filter(|item| !item.is_empty()).collect();
        match items[..] {
            [] => Ok(()),
            ["#", "genesis", ref hash @ ..] => self.genesis(hash),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", ref rest @ ..] => self.log(rest),
            ["witness", ref rest @ ..] => self.witness(rest),
            ["group", ref rest @ ..] => self.group(rest),
            ["quorum", ref rest @ ..] => self.quorum(rest),
            [first, ..] => Err(LineProblem::Keyword(first.to_owned())),
        }
    }

    /// A pin with a typing mistake must not silently become a comment.
    fn genesis(&mut self, items: &[&str]) -> Result<(), LineProblem> {
        let [hash] = items else { return Err(LineProblem::Genesis) };
        let hash = b64::decode_url_array(hash).map_err(|_| LineProblem::Genesis)?;
        if self.genesis.replace(hash).is_some() { Err(LineProblem::Genesis) } else { Ok(()) }
    }

    fn log(&mut self, items: &[&str]) -> Result<(), LineProblem> {
        let (vkey, url) = match *items {
            [vkey] => (vkey, None),
            [vkey, url] => (vkey, Some(url.to_owned())),
            _ => return Err(LineProblem::Items("log <vkey> [<url>]")),
        };
        let vkey = key(vkey, KeyKind::Ed25519)?;
        if self.logs.iter().any(|log| log.vkey.public_key() == vkey.public_key()) {
            return Err(LineProblem::DuplicateKey);
        }
        self.logs.push(TrustedLog { vkey, url });
        Ok(())
    }

    fn witness(&mut self, items: &[&str]) -> Result<(), LineProblem> {
        let (name, vkey, url) = match *items {
            [name, vkey] => (name, vkey, None),
            [name, vkey, url] => (name, vkey, Some(url.to_owned())),
            _ => return Err(LineProblem::Items("witness <name> <vkey> [<url>]")),
        };
        let vkey = Box::new(key(vkey, KeyKind::Cosignature)?);
        let same = |member: &Member| match &member.rule {
            Rule::Witness { vkey: other, .. } => other.public_key() == vkey.public_key(),
            Rule::Group { .. } => false,
        };
        if self.members.iter().any(same) {
            return Err(LineProblem::DuplicateKey);
        }
        self.define(name, Rule::Witness { vkey, url })
    }

    fn group(&mut self, items: &[&str]) -> Result<(), LineProblem> {
        let [name, threshold, members @ ..] = items else {
            return Err(LineProblem::Items("group <name> any|all|<k> <member>..."));
        };
        let threshold = match *threshold {
            "any" => 1,
            "all" => members.len(),
            k => parse_number(k).and_then(|k| usize::try_from(k).ok()).ok_or(LineProblem::Threshold)?,
        };
        if threshold < 1 || threshold > members.len() {
            return Err(LineProblem::Threshold);
        }
        let mut places = Vec::new();
        for member in members {
            let at = self.find(member)?;
            if self.grouped.contains(&at) {
                return Err(LineProblem::DuplicateMember((*member).to_owned()));
            }
            self.grouped.push(at);
            places.push(at);
        }
        self.define(name, Rule::Group { threshold, members: places })
    }

    fn quorum(&mut self, items: &[&str]) -> Result<(), LineProblem> {
        let [name] = items else { return Err(LineProblem::Items("quorum <name>|none")) };
        let at = if *name == "none" { None } else { Some(self.find(name)?) };
        if self.quorum.replace(at).is_some() { Err(LineProblem::SecondQuorum) } else { Ok(()) }
    }

    fn find(&self, name: &str) -> Result<usize, LineProblem> {
        let at = self.members.iter().position(|member| member.name == name);
        at.ok_or_else(|| LineProblem::Undefined(name.to_owned()))
    }

    fn define(&mut self, name: &str, rule: Rule) -> Result<(), LineProblem> {
        if name == "none" || self.find(name).is_ok() {
            return Err(LineProblem::DuplicateName(name.to_owned()));
        }
        self.members.push(Member { name: name.to_owned(), rule });
        Ok(())
    }
}

fn key(vkey: &str, kind: KeyKind) -> Result<VerifierKey, LineProblem> {
    let vkey: VerifierKey = vkey.parse()?;
    if vkey.kind() == kind { Ok(vkey) } else { Err(LineProblem::KeyKind) }
}
