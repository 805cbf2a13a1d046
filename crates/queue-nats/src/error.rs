//! What can go wrong, in words that name no secret.

/// A setting that names no queue server.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadPlace {
    /// The URL.
    #[error(
        "{0}: nats://host:4222 or tls://user:password@host:4222 is needed (a token stands where the user does), several servers of one cluster separated by commas"
    )]
    Url(&'static str),
    /// The prefix.
    #[error("the prefix {0:?} is not 1 to 32 of A-Z, a-z, 0-9, '_' and '-'")]
    Prefix(String),
    /// The certificates.
    #[error("{0}")]
    Certificates(ledger_tls::Unusable),
}

/// Why the queue did not do what was asked. All of it may be asked again.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum QueueError {
    /// There is no connection, or no answer.
    #[error("{0}")]
    Unreachable(String),
    /// JetStream said no.
    #[error("{0}")]
    Refused(String),
}

impl QueueError {
    pub(crate) fn refused(what: &str, error: &dyn std::error::Error) -> Self {
        Self::Refused(format!("{what}: {}", told(error)))
    }
}

/// An error with its causes, as far as they say something of their own.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}
