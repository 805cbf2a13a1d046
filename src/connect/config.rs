//! The configuration document of an integration: where the other system is, how to come in, how hard to push, when to
//! look, and what the adapter itself is told.
//!
//! Secrets stand in it by reference only. It is kept in the log, every version of it; [`super::validate`] says what does
//! not fit before it gets there.

mod access;

use std::collections::BTreeMap;
use std::time::Duration;

use ledger_connectors::egress::{Bounds, BreakerSettings, Rates};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use access::{Auth, Grant, JwtAlgorithm, Oauth2, SecretRef, Style, Tls};

use super::schedule_spec::ScheduleSpec;

/// All of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Where requests go: scheme, host, and the path that the adapter's paths stand below.
    pub base_url: String,
    /// How to come in.
    #[serde(default)]
    pub auth: Auth,
    /// Whom to trust, and who we are, beside what TLS does anyway.
    #[serde(default)]
    pub tls: Tls,
    /// How fast a scope may go before the vendor complains.
    #[serde(default)]
    pub rates: Rates,
    /// Networks that may be reached though they are not public, such as `10.1.0.0/16`. The operator of the ledger bounds
    /// them by `[egress] networks`.
    #[serde(default)]
    pub allow_networks: Vec<String>,
    /// Ports beside 443 and 8443.
    #[serde(default)]
    pub allow_ports: Vec<u16>,
    /// Plain HTTP: credentials travel in clear.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// When to leave the other side alone.
    #[serde(default)]
    pub breaker: Breaker,
    /// The longest that one request may take, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub request_timeout_ms: u64,
    /// Keep the bodies of requests and answers, encrypted; otherwise their digests alone.
    #[serde(default)]
    pub exchange_bodies: bool,
    /// Pieces of work at once.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
    /// How often and when failed work is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// When to read what has changed over there; without it only messages and people cause that.
    #[serde(default)]
    pub schedule: Option<ScheduleSpec>,
    /// When to read everything anew, and each ticket that was not among it; each day where there is a `schedule`.
    #[serde(default)]
    pub reconcile: Option<ScheduleSpec>,
    /// How often to see whether the connection works, in seconds.
    #[serde(default = "default_health_seconds")]
    pub health_every_seconds: u64,
    /// How the other side's messages are known to be its own; without it none are taken.
    #[serde(default)]
    pub inbound: Option<Inbound>,
    /// What the adapter is told.
    #[serde(default)]
    pub adapter: Value,
}

/// When to leave the other side alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// After so many failures in a row.
    pub failures: u32,
    /// For so long, in seconds; doubled each time.
    pub open_seconds: u64,
    /// Never longer, in seconds.
    pub open_seconds_max: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        let BreakerSettings { failures, open_for, open_max } = BreakerSettings::default();
        Self { failures, open_seconds: open_for.as_secs(), open_seconds_max: open_max.as_secs() }
    }
}

impl From<Breaker> for BreakerSettings {
    fn from(breaker: Breaker) -> Self {
        Self {
            failures: breaker.failures,
            open_for: Duration::from_secs(breaker.open_seconds),
            open_max: Duration::from_secs(breaker.open_seconds_max),
        }
    }
}

/// How often and when failed work is tried again: exponential, with full jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts before the work is parked for an operator.
    pub attempts_max: u32,
    /// The first wait is at most this long, in milliseconds; doubled each time.
    pub base_ms: u64,
    /// Never longer, in milliseconds.
    pub max_ms: u64,
    /// How long the other side's search lags behind its writes, in milliseconds, where it is known better than by the
    /// adapter: a request whose answer was lost is looked up no sooner.
    pub lookup_after_ms: Option<u64>,
}

impl Default for Retry {
    /// Ten attempts are about half an hour of an outage; then somebody should look.
    fn default() -> Self {
        Self { attempts_max: 10, base_ms: 2_000, max_ms: 600_000, lookup_after_ms: None }
    }
}

/// How the other side's messages are known to be its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    /// The secret that both sides hold. Two while it is changed: either is taken.
    pub secrets: Vec<SecretRef>,
    /// How it is used.
    #[serde(default)]
    pub scheme: InboundScheme,
    /// When to see that the other side sends its messages here, where its adapter can register that; without it somebody
    /// has set that up by hand.
    #[serde(default)]
    pub register: Option<ScheduleSpec>,
}

/// How a message is signed, with HMAC-SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InboundScheme {
    /// `X-Hub-Signature: sha256=<hex>` over the body's raw bytes (WebSub; Jira).
    #[default]
    HubSignature,
    /// `X-AIGov-Signature: t=<unix seconds>,v1=<hex or base64 of HMAC over "t.body">`: the script for ServiceNow.
    TimestampedSignature,
    /// `Authorization: Bearer <JWT, HS256>` (RFC 7519): Jira's dynamic webhooks, under the OAuth app's client secret. The
    /// token does not cover the body.
    BearerJwt,
}

fn default_timeout_ms() -> u64 {
    u64::try_from(Bounds::default().request.as_millis()).unwrap_or(30_000)
}

fn default_concurrency() -> usize {
    4
}

fn default_health_seconds() -> u64 {
    300
}

impl Document {
    /// Every secret that it refers to, with the JSON pointer of the reference.
    pub fn secrets(&self) -> BTreeMap<String, &SecretRef> {
        let mut found = BTreeMap::new();
        match &self.auth {
            Auth::None => {}
            Auth::Basic { password, .. } => drop(found.insert("/auth/basic/password".into(), password)),
            Auth::Bearer { token } => drop(found.insert("/auth/bearer/token".into(), token)),
            Auth::Header { value, .. } => drop(found.insert("/auth/header/value".into(), value)),
            Auth::Oauth2(oauth) => {
                found.insert("/auth/oauth2/client_secret".to_owned(), &oauth.client_secret);
                match &oauth.grant {
                    Grant::Password { password, .. } => {
                        found.insert("/auth/oauth2/grant/password/password".into(), password);
                    }
                    Grant::JwtBearer { key, .. } => {
                        found.insert("/auth/oauth2/grant/jwt_bearer/key".into(), key);
                    }
                    Grant::Refresh { token } => {
                        found.insert("/auth/oauth2/grant/refresh/token".into(), token);
                    }
                    Grant::ClientCredentials | Grant::AuthorizationCode => {}
                }
            }
        }
        if let Some(identity) = &self.tls.identity {
            found.insert("/tls/identity/key".into(), &identity.key);
        }
        for (at, secret) in self.inbound.iter().flat_map(|inbound| inbound.secrets.iter().enumerate()) {
            found.insert(format!("/inbound/secrets/{at}"), secret);
        }
        found
    }
}
