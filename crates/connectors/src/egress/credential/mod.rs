//! Credentials: what the host adds to a request, last, and the tokens that it fetches for that.

mod grant;
mod jwt;
mod store;
mod tokens;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use grant::{ClientAuth, Grant, OAuth, Style};
pub use jwt::{JwtAlgorithm, JwtKey};
pub use store::{MemoryTokens, SaveError, TokenSet, TokenStore};
pub use tokens::{CodeExchange, Standing, TokenError, Tokens};

use super::redact::{Redactor, Secret};

/// What proves to the other side who asks. mTLS is part of the client's TLS settings and stands beside any of these.
pub enum Credentials {
    /// Nothing.
    None,
    /// RFC 7617: Jira Cloud's email and API token, ServiceNow's user and password.
    Basic {
        /// The user.
        user: String,
        /// The password or API token.
        password: Secret,
    },
    /// RFC 6750 with a token that does not expire by itself: a personal access token.
    Bearer(Secret),
    /// An API key in a header of the vendor's choice.
    Header {
        /// The header.
        name: String,
        /// The key.
        value: Secret,
    },
    /// RFC 6749.
    OAuth(Box<Tokens>),
}

/// The state of a token that was used, to tell whether it has been renewed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenVersion(pub(super) u64);

impl Credentials {
    /// Adds the credential, and tells the redactor what must not be seen.
    pub(super) async fn add_to(
        &self,
        headers: &mut BTreeMap<String, String>,
        redactor: &mut Redactor,
    ) -> Result<Option<TokenVersion>, TokenError> {
        match self {
            Self::None => Ok(None),
            Self::Basic { user, password } => {
                redactor.add(password.expose());
                let pair = format!("{user}:{}", password.expose());
                redactor.add(&pair);
                headers.insert("authorization".into(), format!("Basic {}", STANDARD.encode(pair)));
                Ok(None)
            }
            Self::Bearer(token) => {
                redactor.add(token.expose());
                headers.insert("authorization".into(), format!("Bearer {}", token.expose()));
                Ok(None)
            }
            Self::Header { name, value } => {
                redactor.add(value.expose());
                headers.insert(name.to_ascii_lowercase(), value.expose().to_owned());
                Ok(None)
            }
            Self::OAuth(tokens) => {
                let set = tokens.current().await?;
                tokens.tell(redactor);
                redactor.add(set.access.expose());
                if let Some(refresh) = &set.refresh {
                    redactor.add(refresh.expose());
                }
                headers.insert("authorization".into(), format!("Bearer {}", set.access.expose()));
                Ok(Some(TokenVersion(set.version)))
            }
        }
    }

    /// The other side no longer takes this token.
    pub(super) async fn renew(&self, rejected: TokenVersion) -> Result<(), TokenError> {
        match self {
            Self::OAuth(tokens) => tokens.renew(rejected.0).await.map(drop),
            _ => Ok(()),
        }
    }

    /// Names the header that would be added, without its value.
    pub(super) fn describe(&self, headers: &mut BTreeMap<String, String>) {
        let name = match self {
            Self::None => return,
            Self::Header { name, .. } => name.to_ascii_lowercase(),
            _ => "authorization".into(),
        };
        headers.insert(name, "[redacted]".into());
    }
}
