//! A connection to one system of one tenant: plans go in, answers come out, everything between is the host's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use ledger::clock::{Clock, Entropy, Stopwatch};
use tokio::time::sleep;

use super::breaker::{Breaker, BreakerSettings, Open};
use super::client::{Client, Outgoing, Received, SendError};
use super::credential::{Credentials, TokenError, Tokens};
use super::exchange::{Exchange, Purpose, RecordError, Recorder, redact_body};
use super::insertions::{Insertions, filled};
use super::limiter::{Limiter, Rates, Wait};
use super::redact::Redactor;
use super::target::{Target, TargetError};
use crate::protocol::{Auth, BlobRef, Body, Part, Plan, Response};

/// A shorter wait is slept through; for a longer one the work goes back to its queue, where a lease does not run.
const WAIT_IN_PLACE_MAX: Duration = Duration::from_secs(1);
/// Attachments are read into memory for a request; vendors take little more.
const BLOB_MAX_BYTES: u64 = 25 << 20;
const USER_AGENT: &str = concat!("integration-ledger/", env!("CARGO_PKG_VERSION"));

/// Where the bytes of blobs come from.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// The bytes of a blob, or why they cannot be had.
    async fn read(&self, blob: &BlobRef) -> Result<Bytes, String>;
}

/// For connections that send none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBlobs;

#[async_trait]
impl Blobs for NoBlobs {
    async fn read(&self, blob: &BlobRef) -> Result<Bytes, String> {
        Err(format!("there is no blob {}", blob.id))
    }
}

/// What a connection is made of.
pub struct ConnectionParts {
    /// Where plans' paths are joined below.
    pub base: Target,
    /// The guarded client.
    pub client: Client,
    /// What is added to requests.
    pub credentials: Credentials,
    /// How fast a scope may go.
    pub rates: Rates,
    /// When to leave the other side alone.
    pub breaker: BreakerSettings,
    /// Keeps the exchanges.
    pub recorder: Arc<dyn Recorder>,
    /// Gives the blobs.
    pub blobs: Arc<dyn Blobs>,
    /// What is put into requests last.
    pub insertions: Arc<dyn Insertions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the borders of multipart bodies.
    pub entropy: Arc<dyn Entropy>,
}

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hold {
    /// Not yet: a rate limit.
    #[error("the rate limit of this connection asks to wait {} ms", .0.0.as_millis())]
    Wait(Wait),
    /// Not yet: the other side was down.
    #[error(transparent)]
    Open(#[from] Open),
    /// There is no valid token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The plan cannot be made a request.
    #[error("the request cannot be made: {0}")]
    Unsendable(String),
    /// There is no answer.
    #[error(transparent)]
    Lost(#[from] SendError),
    /// There was one, perhaps, and it could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<TargetError> for Hold {
    fn from(error: TargetError) -> Self {
        Self::Unsendable(error.to_string())
    }
}

/// A request as it would be sent, for a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The headers; those that carry the credential are named and redacted.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

/// A connection to one system of one tenant.
pub struct Connection {
    parts: ConnectionParts,
    limiter: Limiter,
    breaker: Breaker,
}

impl Connection {
    /// A connection that has sent nothing yet.
    pub fn new(parts: ConnectionParts) -> Self {
        let (limiter, breaker) = (Limiter::new(parts.rates), Breaker::new(parts.breaker));
        Self { parts, limiter, breaker }
    }

    /// This connection, with what one to the same endpoint has seen: rate limits, and that the other side is down.
    #[must_use]
    pub fn going_on_from(mut self, before: &Self) -> Self {
        self.limiter = before.limiter.going_on(self.parts.rates);
        self.breaker = before.breaker.going_on(self.parts.breaker);
        self
    }

    /// Its rate limits, for what adapters read out of answers.
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Its tokens, if it goes by OAuth.
    pub fn tokens(&self) -> Option<&Tokens> {
        match &self.parts.credentials {
            Credentials::OAuth(tokens) => Some(tokens),
            _ => None,
        }
    }

    /// The time that this connection goes by.
    pub fn clock(&self) -> &dyn Clock {
        self.parts.clock.as_ref()
    }

    /// The request that a plan makes, without sending it.
    ///
    /// # Errors
    /// It makes none.
    pub async fn preview(&self, plan: &Plan) -> Result<Preview, Hold> {
        let mut outgoing = self.outgoing(plan).await?;
        if plan.auth == Auth::Connection {
            self.parts.credentials.describe(&mut outgoing.headers);
        }
        Ok(Preview {
            method: outgoing.method.to_string(),
            url: outgoing.target.to_string(),
            headers: outgoing.headers,
            body: outgoing.body,
        })
    }

    /// Sends what a plan says and records it. The answer comes back without secrets, for the adapter.
    ///
    /// A token that the other side no longer takes is renewed once: a request that was refused for it was not carried
    /// out, whatever it is.
    ///
    /// # Errors
    /// There is no answer; [`Hold`] says whether the request may have arrived.
    pub async fn send(&self, plan: &Plan, purpose: &Purpose) -> Result<Response, Hold> {
        let outgoing = self.outgoing(plan).await?;
        self.admit(&plan.scope).await?;
        let result = self.authorised(plan, outgoing, purpose).await;
        match &result {
            // Nobody was asked: that says nothing of the other side.
            Err(Hold::Token(_) | Hold::Unsendable(_)) => self.breaker.withdrawn(),
            Err(Hold::Lost(error)) if error.refused => self.breaker.withdrawn(),
            Err(_) => self.breaker.failed(self.parts.clock.now()),
            Ok(response) if matches!(response.status, 500 | 502..=504) => {
                self.breaker.failed(self.parts.clock.now());
            }
            Ok(_) => self.breaker.answered(),
        }
        let response = result?;
        self.heed_retry_after(plan, &response);
        Ok(response)
    }

    async fn admit(&self, scope: &str) -> Result<(), Hold> {
        loop {
            match self.limiter.admit(scope, self.parts.clock.now()) {
                Ok(()) => break,
                Err(Wait(wait)) if wait <= WAIT_IN_PLACE_MAX => sleep(wait).await,
                Err(wait) => return Err(Hold::Wait(wait)),
            }
        }
        Ok(self.breaker.admit(self.parts.clock.now())?)
    }

    async fn authorised(&self, plan: &Plan, outgoing: Outgoing, purpose: &Purpose) -> Result<Response, Hold> {
        let mut redactor = Redactor::new();
        if plan.auth == Auth::None {
            return self.exchange(outgoing, purpose, &redactor).await;
        }
        let credentials = &self.parts.credentials;
        let mut first = outgoing.clone();
        let token = credentials.add_to(&mut first.headers, &mut redactor).await?;
        let response = self.exchange(first, purpose, &redactor).await?;
        let (401, Some(rejected)) = (response.status, token) else { return Ok(response) };
        credentials.renew(rejected).await?;
        let mut second = outgoing;
        credentials.add_to(&mut second.headers, &mut redactor).await?;
        self.exchange(second, purpose, &redactor).await
    }

    async fn exchange(
        &self,
        outgoing: Outgoing,
        purpose: &Purpose,
        redactor: &Redactor,
    ) -> Result<Response, Hold> {
        let insertions = self.parts.insertions.as_ref();
        let (filled, inserted) = filled(insertions, &outgoing).await.map_err(Hold::Unsendable)?;
        let (started_at, watch) = (self.parts.clock.now(), Stopwatch::start());
        let result = self.parts.client.send(filled).await;
        // The record has what was planned, and of the answer nothing that was put in.
        let mut recorded = redactor.clone();
        inserted.iter().for_each(|inserted| recorded.add_any(&inserted.value));
        let exchange =
            Exchange::new(purpose.clone(), &outgoing, &result, started_at, watch.elapsed(), &recorded);
        self.parts.recorder.record(exchange).await?;
        Ok(for_adapter(result?, redactor))
    }

    /// What every server may say, whatever the vendor; adapters read the rest.
    fn heed_retry_after(&self, plan: &Plan, response: &Response) {
        if !matches!(response.status, 429 | 503) {
            return;
        }
        let seconds = response.header("retry-after").and_then(|value| value.trim().parse::<u64>().ok());
        if let Some(seconds) = seconds {
            let now = self.parts.clock.now();
            // A day is longer than any limit's window; more is a mistake of the other side.
            let until = now.plus(Duration::from_secs(seconds.min(86_400)));
            self.limiter.pause(Some(&plan.scope), until, now);
        }
    }

    async fn outgoing(&self, plan: &Plan) -> Result<Outgoing, Hold> {
        let target = self.parts.base.below(&plan.path)?;
        let method = Method::from_bytes(plan.method.as_str().as_bytes())
            .map_err(|error| Hold::Unsendable(error.to_string()))?;
        let mut headers: BTreeMap<String, String> =
            plan.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        headers.entry("accept".into()).or_insert_with(|| "application/json".into());
        headers.insert("user-agent".into(), USER_AGENT.into());
        let (content_type, body) = self.body(&plan.body).await?;
        if let Some(content_type) = content_type {
            headers.insert("content-type".into(), content_type);
        }
        Ok(Outgoing { method, target, headers, body })
    }

    async fn body(&self, body: &Body) -> Result<(Option<String>, Bytes), Hold> {
        Ok(match body {
            Body::None => (None, Bytes::new()),
            Body::Json(value) => (Some("application/json".into()), Bytes::from(value.to_string())),
            Body::Form(pairs) => {
                let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                (Some("application/x-www-form-urlencoded".into()), Bytes::from(text))
            }
            Body::Blob(blob) => (Some(blob.media_type.clone()), self.blob(blob).await?),
            Body::Multipart(parts) => self.multipart(parts).await?,
        })
    }

    async fn blob(&self, blob: &BlobRef) -> Result<Bytes, Hold> {
        if blob.size_bytes > BLOB_MAX_BYTES {
            let message =
                format!("{} has {} bytes, at most {BLOB_MAX_BYTES} are sent", blob.name, blob.size_bytes);
            return Err(Hold::Unsendable(message));
        }
        self.parts.blobs.read(blob).await.map_err(Hold::Unsendable)
    }

    /// RFC 7578, with names escaped as browsers do.
    async fn multipart(&self, parts: &[Part]) -> Result<(Option<String>, Bytes), Hold> {
        let mut random = [0; 16];
        self.parts.entropy.fill(&mut random);
        let boundary = format!("ledger-{:032x}", u128::from_be_bytes(random));
        let quoted = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let mut body = Vec::new();
        for part in parts {
            body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            match part {
                Part::Text { name, value } => {
                    let head = format!("Content-Disposition: form-data; name=\"{}\"\r\n\r\n", quoted(name));
                    body.extend_from_slice(head.as_bytes());
                    body.extend_from_slice(value.as_bytes());
                }
                Part::File { name, blob } => {
                    let head = format!(
                        "Content-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
                        quoted(name),
                        quoted(&blob.name),
                        quoted(&blob.media_type)
                    );
                    body.extend_from_slice(head.as_bytes());
                    body.extend_from_slice(&self.blob(blob).await?);
                }
            }
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Ok((Some(format!("multipart/form-data; boundary={boundary}")), Bytes::from(body)))
    }
}

/// The answer as an adapter may see it: no cookies, and no secret that the vendor echoes.
fn for_adapter(received: Received, redactor: &Redactor) -> Response {
    let headers = received
        .headers
        .iter()
        .filter(|(name, _)| *name != "set-cookie")
        .map(|(name, value)| (name.clone(), redactor.header(name, value)))
        .collect();
    let body = redact_body(redactor, &received.body);
    let body = String::from_utf8(body.into()).unwrap_or_default();
    Response { status: received.status, headers, body }
}
