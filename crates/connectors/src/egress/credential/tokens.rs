//! The tokens of one connection: fetched by one at a time, stored before use.

use std::sync::Arc;
use std::time::Duration;

use ledger::clock::{Clock, Entropy, Stopwatch};
use ledger::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::grant::{Asking, Grant, OAuth};
use super::store::{SaveError, TokenSet, TokenStore};
use crate::egress::client::{Client, Outgoing, Received};
use crate::egress::exchange::{Exchange, Purpose, Recorder};
use crate::egress::redact::{Redactor, Secret};

/// A token that ends sooner is renewed before it is used: the request must arrive while it is valid.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// A token that nobody said the end of is taken for this long.
const LIFE_UNSAID: Duration = Duration::from_secs(300);
/// After a refusal nobody asks again for this long: vendors lock accounts that ask too often.
const REFUSAL_HOLDS: Duration = Duration::from_secs(300);

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The other side refuses: an operator must renew the credential. The work waits.
    #[error("the authorisation is refused ({0}): renew the credential of this connection")]
    Refused(String),
    /// No answer, or none that helps: try again later.
    #[error("no token can be had now: {0}")]
    Unavailable(String),
    /// It could not be stored, so it must not be used.
    #[error("{0}")]
    Store(String),
}

/// What a person brought back from the vendor's authorisation page (RFC 6749 §4.1.3, RFC 7636).
#[derive(Debug, Clone)]
pub struct CodeExchange {
    /// The code.
    pub code: Secret,
    /// The redirect URI that it was asked for with.
    pub redirect_uri: String,
    /// The verifier of PKCE, where the vendor has it.
    pub verifier: Option<Secret>,
}

impl CodeExchange {
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![
            ("grant_type", "authorization_code".into()),
            ("code", self.code.expose().to_owned()),
            ("redirect_uri", self.redirect_uri.clone()),
        ];
        if let Some(verifier) = &self.verifier {
            parameters.push(("code_verifier", verifier.expose().to_owned()));
        }
        parameters
    }
}

/// How a connection stands with its tokens, as far as is known since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// None was needed yet, or one is being fetched just now.
    Unknown,
    /// There is one, and it can be renewed.
    Well,
    /// There is one, and nothing to renew it with.
    Ending(Timestamp),
    /// None can be had for now.
    Failing {
        /// Since when.
        since: Timestamp,
        /// What was said.
        words: String,
    },
    /// The other side refuses: an operator must renew the credential.
    Refused {
        /// The version of the set that ended; 0: there was none.
        version: u64,
        /// What was said.
        words: String,
    },
}

/// Fetches, stores and hands out the tokens of one connection.
pub struct Tokens {
    oauth: OAuth,
    client: Client,
    store: Arc<dyn TokenStore>,
    recorder: Arc<dyn Recorder>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// The lock is the single flight: whoever finds a renewal under way waits for its result.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<TokenSet>,
    /// Since when, for which version, and with which words the other side refuses.
    refused: Option<(Timestamp, u64, String)>,
    /// Since when, and with which words none can be had.
    failing: Option<(Timestamp, String)>,
}

impl Tokens {
    /// Nothing is fetched before it is needed.
    pub fn new(
        oauth: OAuth,
        client: Client,
        store: Arc<dyn TokenStore>,
        recorder: Arc<dyn Recorder>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { oauth, client, store, recorder, clock, entropy, state: Mutex::default() }
    }

    /// A set whose access token is valid for a while, fetched if need be.
    ///
    /// # Errors
    /// None can be had.
    pub async fn current(&self) -> Result<TokenSet, TokenError> {
        let mut state = self.state.lock().await;
        if let Some(set) = state.held.as_ref().filter(|set| self.is_fresh(set)) {
            return Ok(set.clone());
        }
        let stored = self.store.load().await.map_err(TokenError::Store)?;
        if let Some(set) = stored.as_ref().filter(|set| self.is_fresh(set)) {
            // The very set that was refused is still kept, and by its time still good: that is no news.
            if state.refused.as_ref().is_none_or(|(_, version, _)| set.version > *version) {
                (state.refused, state.failing) = (None, None);
            }
            state.held = stored.clone();
            return Ok(set.clone());
        }
        self.fetch(&mut state, stored).await
    }

    /// Another set than the one of this version, which the other side no longer takes.
    ///
    /// # Errors
    /// None can be had.
    pub async fn renew(&self, rejected: u64) -> Result<TokenSet, TokenError> {
        let mut state = self.state.lock().await;
        let stored = self.store.load().await.map_err(TokenError::Store)?;
        // Someone else was faster, here or in another process.
        if let Some(set) = stored.as_ref().filter(|set| set.version > rejected) {
            (state.refused, state.failing) = (None, None);
            state.held = stored.clone();
            return Ok(set.clone());
        }
        self.fetch(&mut state, stored).await
    }

    /// Exchanges the code that a person brought for the first set.
    ///
    /// # Errors
    /// The code is refused, or the set cannot be stored.
    pub async fn exchange_code(&self, code: &CodeExchange) -> Result<TokenSet, TokenError> {
        let mut state = self.state.lock().await;
        let stored = self.store.load().await.map_err(TokenError::Store)?;
        let set = self.ask(&Asking::Code(code), stored.as_ref()).await?;
        self.keep(&mut state, stored.as_ref(), set).await
    }

    /// How it stands. Nothing is fetched, and nobody is waited for.
    pub fn standing(&self) -> Standing {
        let Ok(state) = self.state.try_lock() else { return Standing::Unknown };
        if let Some((_, version, words)) = &state.refused {
            return Standing::Refused { version: *version, words: words.clone() };
        }
        if let Some((since, words)) = &state.failing {
            return Standing::Failing { since: *since, words: words.clone() };
        }
        let by_code = matches!(self.oauth.grant, Grant::AuthorizationCode);
        match &state.held {
            None => Standing::Unknown,
            Some(TokenSet { refresh: None, expires_at: Some(end), .. }) if by_code => Standing::Ending(*end),
            Some(_) => Standing::Well,
        }
    }

    pub(super) fn tell(&self, redactor: &mut Redactor) {
        self.oauth.tell(redactor);
    }

    fn is_fresh(&self, set: &TokenSet) -> bool {
        set.expires_at.is_none_or(|end| end > self.clock.now().plus(RENEW_BEFORE))
    }

    async fn fetch(&self, state: &mut State, stored: Option<TokenSet>) -> Result<TokenSet, TokenError> {
        let version = stored.as_ref().map_or(0, |set| set.version);
        if let Some((since, refused, words)) = &state.refused
            && *refused == version
            && self.clock.now().since(*since) < REFUSAL_HOLDS
        {
            return Err(TokenError::Refused(words.clone()));
        }
        let refresh = stored.as_ref().and_then(|set| set.refresh.as_ref());
        let asked = match refresh {
            Some(token) => self.ask(&Asking::Refresh(token), stored.as_ref()).await,
            None => self.ask(&Asking::First, stored.as_ref()).await,
        };
        // A refresh token that ended is no end where the grant can ask anew; one that a person gave is.
        let asked = match asked {
            Err(TokenError::Refused(words)) if refresh.is_some() => {
                match self.ask(&Asking::First, stored.as_ref()).await {
                    Err(TokenError::Refused(_)) => Err(TokenError::Refused(words)),
                    other => other,
                }
            }
            asked => asked,
        };
        match asked {
            Ok(set) => self.keep(state, stored.as_ref(), set).await,
            Err(TokenError::Refused(words)) => {
                state.refused = Some((self.clock.now(), version, words.clone()));
                state.failing = None;
                state.held = None;
                Err(TokenError::Refused(words))
            }
            Err(error) => {
                let first = || (self.clock.now(), error.to_string());
                state.failing.get_or_insert_with(first);
                Err(error)
            }
        }
    }

    /// Stored first, used afterwards.
    async fn keep(
        &self,
        state: &mut State,
        before: Option<&TokenSet>,
        set: TokenSet,
    ) -> Result<TokenSet, TokenError> {
        let expected = before.map_or(0, |set| set.version);
        let set = match self.store.save(expected, &set).await {
            Ok(()) => set,
            Err(SaveError::Conflict) => {
                let theirs = self.store.load().await.map_err(TokenError::Store)?;
                theirs.ok_or_else(|| TokenError::Store("the stored token is gone".into()))?
            }
            Err(error) => return Err(TokenError::Store(error.to_string())),
        };
        (state.refused, state.failing) = (None, None);
        state.held = Some(set.clone());
        Ok(set)
    }

    async fn ask(&self, asking: &Asking<'_>, before: Option<&TokenSet>) -> Result<TokenSet, TokenError> {
        let now = self.clock.now();
        let request = self.oauth.request(asking, now, self.entropy.as_ref()).map_err(TokenError::Refused)?;
        let Some(outgoing) = request else {
            return Err(TokenError::Refused("nobody has authorised this connection yet".into()));
        };
        let mut redactor = Redactor::new();
        self.oauth.tell(&mut redactor);
        for secret in before.iter().flat_map(|set| [Some(&set.access), set.refresh.as_ref()]).flatten() {
            redactor.add(secret.expose());
        }
        match asking {
            Asking::Code(exchange) => {
                redactor.add(exchange.code.expose());
                if let Some(verifier) = &exchange.verifier {
                    redactor.add(verifier.expose());
                }
            }
            Asking::Refresh(token) => redactor.add(token.expose()),
            Asking::First => {}
        }
        let received = self.send(outgoing, &mut redactor).await?;
        read(&received, before, now, &redactor)
    }

    async fn send(&self, outgoing: Outgoing, redactor: &mut Redactor) -> Result<Received, TokenError> {
        let watch = Stopwatch::start();
        let started_at = self.clock.now();
        // The assertion of a JWT grant is as good as a password while it lives.
        for pair in url::form_urlencoded::parse(&outgoing.body).filter(|(name, _)| name == "assertion") {
            redactor.add(&pair.1);
        }
        let result = self.client.send(outgoing.clone()).await;
        if let Ok(answer) = result.as_ref().map(|received| serde_json::from_slice::<Value>(&received.body)) {
            let answer = answer.unwrap_or_default();
            for member in ["access_token", "refresh_token", "id_token"] {
                redactor.add(answer[member].as_str().unwrap_or_default());
            }
        }
        let exchange =
            Exchange::new(Purpose::Token, &outgoing, &result, started_at, watch.elapsed(), redactor);
        self.recorder.record(exchange).await.map_err(|error| TokenError::Store(error.to_string()))?;
        result.map_err(|error| TokenError::Unavailable(redactor.text(&error.message)))
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<Value>,
}

fn read(
    received: &Received,
    before: Option<&TokenSet>,
    now: Timestamp,
    redactor: &Redactor,
) -> Result<TokenSet, TokenError> {
    if !(200..300).contains(&received.status) {
        let error: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        let said = [&error["error"], &error["error_description"]];
        let said: Vec<&str> = said.iter().filter_map(|word| word.as_str()).collect();
        let words = redactor.text(&format!("HTTP {} {}", received.status, said.join(": ")));
        // 400, 401 and 403 are all used for a grant that is over; everything else may pass.
        return Err(match received.status {
            400 | 401 | 403 => TokenError::Refused(words.trim().into()),
            _ => TokenError::Unavailable(words.trim().into()),
        });
    }
    let malformed = |what: &str| TokenError::Unavailable(format!("the token endpoint's answer {what}"));
    let granted: Granted =
        serde_json::from_slice(&received.body).map_err(|_| malformed("is not what RFC 6749 §5.1 says"))?;
    if granted.token_type.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(malformed("is no bearer token"));
    }
    if granted.access_token.is_empty() || !granted.access_token.bytes().all(|b| (0x21..0x7f).contains(&b)) {
        return Err(malformed("holds no usable token"));
    }
    // A number by the standard, a text at some vendors.
    let seconds = granted.expires_in.as_ref().and_then(|v| v.as_u64().or_else(|| v.as_str()?.parse().ok()));
    let life = seconds.map_or(LIFE_UNSAID, Duration::from_secs);
    Ok(TokenSet {
        version: before.map_or(0, |set| set.version) + 1,
        access: Secret::new(granted.access_token),
        // Some vendors repeat the refresh token, some rotate it, some leave it out when it stays.
        refresh: granted
            .refresh_token
            .filter(|token| !token.is_empty())
            .map(Secret::new)
            .or_else(|| before.and_then(|set| set.refresh.clone())),
        expires_at: Some(now.plus(life)),
    })
}
