//! One message, one line: written and read under bounds.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Answer, PROTOCOL_VERSION, Plan, Reply, Request, Step, Then};

/// The longest line, its end included. A reader needs a bound, and blobs never travel in lines.
pub const LINE_MAX: usize = 1 << 20;

/// The largest continuation: it is stored with every request that is sent.
pub const CONTINUATION_MAX: usize = 64 << 10;

/// A line that is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Too long.
    #[error("the line has more than {LINE_MAX} bytes")]
    TooLong,
    /// Not a message of this protocol.
    #[error("not a message of protocol {PROTOCOL_VERSION}: {0}")]
    Malformed(String),
    /// Another version.
    #[error("version {0} of the protocol is not spoken, only {PROTOCOL_VERSION}")]
    Version(u32),
    /// A continuation over its bound.
    #[error("the continuation has {0} bytes, at most {CONTINUATION_MAX} are stored")]
    Continuation(usize),
    /// A plan that names a host, a credential or the framing of the request.
    #[error("the plan may not set {0}")]
    Plan(String),
}

/// A message that knows its version and its own rules.
pub trait Message: Serialize + DeserializeOwned {
    /// The version that it states.
    fn version(&self) -> u32;

    /// What its shape alone does not say.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check(&self) -> Result<(), LineError>;
}

impl Message for Request {
    fn version(&self) -> u32 {
        self.v
    }

    fn check(&self) -> Result<(), LineError> {
        Ok(())
    }
}

impl Message for Answer {
    fn version(&self) -> u32 {
        self.v
    }

    fn check(&self) -> Result<(), LineError> {
        match &self.reply {
            Reply::Step(Step { then: Then::Send(plan), .. }) => check_plan(plan),
            _ => Ok(()),
        }
    }
}

/// Headers that say who asks, or how the request is framed: they are the host's.
const RESERVED: [&str; 14] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "keep-alive",
    "forwarded",
    "x-forwarded-for",
];

fn check_plan(plan: &Plan) -> Result<(), LineError> {
    let continuation = serde_json::to_vec(&plan.continuation).map_or(usize::MAX, |bytes| bytes.len());
    if continuation > CONTINUATION_MAX {
        return Err(LineError::Continuation(continuation));
    }
    // `//host/path` is an authority to a URL parser, and a backslash is a slash to some.
    let path = plan.path.as_bytes();
    let printable = path.iter().all(|byte| (0x21..0x7f).contains(byte) && *byte != b'\\' && *byte != b'#');
    if path.first() != Some(&b'/') || path.get(1) == Some(&b'/') || !printable {
        return Err(LineError::Plan(format!(
            "the path {:?}",
            plan.path.chars().take(80).collect::<String>()
        )));
    }
    let climbs = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    let only_path = plan.path.split('?').next().unwrap_or_default();
    if only_path.split('/').any(climbs) {
        return Err(LineError::Plan("a path that climbs out of the base".into()));
    }
    for (name, value) in &plan.headers {
        let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let lower = name.to_ascii_lowercase();
        let visible = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if name.is_empty() || !name.bytes().all(token) || !visible || RESERVED.contains(&lower.as_str()) {
            return Err(LineError::Plan(format!("the header {name:?}")));
        }
    }
    Ok(())
}

/// The message as one line, with its end.
///
/// # Errors
/// It is longer than a line may be.
pub fn encode(message: &impl Message) -> Result<Vec<u8>, LineError> {
    let mut line = serde_json::to_vec(message).map_err(|error| LineError::Malformed(error.to_string()))?;
    line.push(b'\n');
    if line.len() > LINE_MAX { Err(LineError::TooLong) } else { Ok(line) }
}

/// The message of a line, with or without its end. Depth is bounded by the JSON parser (128).
///
/// # Errors
/// Too long, not of this protocol, or against its rules.
pub fn decode<M: Message>(line: &[u8]) -> Result<M, LineError> {
    if line.len() > LINE_MAX {
        return Err(LineError::TooLong);
    }
    let message: M = match serde_json::from_slice(line) {
        Ok(message) => message,
        Err(error) => return Err(version_of(line).unwrap_or(LineError::Malformed(error.to_string()))),
    };
    if message.version() != PROTOCOL_VERSION {
        return Err(LineError::Version(message.version()));
    }
    message.check()?;
    Ok(message)
}

/// A line of another version is named as such, though its members are not known.
fn version_of(line: &[u8]) -> Option<LineError> {
    #[derive(serde::Deserialize)]
    struct Version {
        v: u32,
    }
    let Version { v } = serde_json::from_slice(line).ok()?;
    (v != PROTOCOL_VERSION).then_some(LineError::Version(v))
}

#[cfg(test)]
mod tests;
