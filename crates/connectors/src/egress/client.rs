//! Sends one request to a target and reads its answer, within bounds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use super::address::Policy;
use super::connector::{Connector, Dial, SystemDial, TurnedAway, about_our_certificate};
use super::resolver::{Resolve, SystemResolver};
use super::target::Target;
use super::tls::{TlsError, TlsSettings};

/// Bounds of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Name, TCP and TLS together.
    pub connect: Duration,
    /// The whole request, to the last byte of the answer. A lease on an intent must be longer.
    pub request: Duration,
    /// The answer's body. It travels to the adapter in one line, escaped, so it stays well under a line's bound.
    pub response_bytes: usize,
    /// A connection that nobody uses is closed.
    pub idle: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(30),
            response_bytes: 512 << 10,
            idle: Duration::from_secs(30),
        }
    }
}

/// Idle connections to one host: requests of one connection are few at a time.
const IDLE_PER_HOST_MAX: usize = 4;

/// A request that is ready to go, credential included.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Where to.
    pub target: Target,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The status.
    pub status: u16,
    /// The headers, lower case; of several with one name all, joined by commas.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

/// How far a request got that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// No byte of it left this machine.
    NotSent,
    /// It may have arrived.
    MaybeSent,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// How far the request got.
    pub transport: Transport,
    /// Whether the guard refused the address: an operator's matter, not one of trying again.
    pub refused: bool,
    /// What went wrong, with its causes.
    pub message: String,
}

/// The guarded client of one connection. It is never shared between connections: what one may reach, and the
/// connections that are open because of it, must not become another's.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<Connector, Full<Bytes>>,
    bounds: Bounds,
    turned_away: TurnedAway,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl Client {
    /// A client with the machine's resolver and sockets.
    ///
    /// # Errors
    /// The TLS settings cannot be read.
    pub fn new(policy: Policy, tls: &TlsSettings, bounds: Bounds) -> Result<Self, TlsError> {
        Self::with(policy, tls, bounds, Arc::new(SystemResolver), Arc::new(SystemDial))
    }

    /// A client with another resolver and other sockets.
    ///
    /// # Errors
    /// The TLS settings cannot be read.
    pub fn with(
        policy: Policy,
        tls: &TlsSettings,
        bounds: Bounds,
        resolver: Arc<dyn Resolve>,
        dialer: Arc<dyn Dial>,
    ) -> Result<Self, TlsError> {
        let turned_away = TurnedAway::default();
        let connector = Connector {
            policy: Arc::new(policy),
            resolver,
            dialer,
            tls: tls.build()?,
            connect_max: bounds.connect,
            turned_away: turned_away.clone(),
        };
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(bounds.idle)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .build(connector);
        Ok(Self { inner, bounds, turned_away })
    }

    /// Sends a request, once. Redirects come back as they are.
    ///
    /// # Errors
    /// There is no answer, or it is not within the bounds.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Received, SendError> {
        let request = request(outgoing)?;
        let exchange = async {
            let response = self.inner.request(request).await;
            let turned_away = self.turned_away.take();
            let response = response.map_err(|error| lost(&error, turned_away))?;
            let status = response.status().as_u16();
            let mut headers = BTreeMap::<String, String>::new();
            for (name, value) in response.headers() {
                let value = String::from_utf8_lossy(value.as_bytes());
                headers
                    .entry(name.as_str().to_owned())
                    .and_modify(|all| *all = format!("{all}, {value}"))
                    .or_insert_with(|| value.into_owned());
            }
            let body = Limited::new(response.into_body(), self.bounds.response_bytes)
                .collect()
                .await
                .map_err(|error| SendError {
                    transport: Transport::MaybeSent,
                    refused: false,
                    message: format!("the answer's body: {error}"),
                })?
                .to_bytes();
            Ok(Received { status, headers, body })
        };
        match timeout(self.bounds.request, exchange).await {
            Ok(result) => result,
            Err(_) => Err(SendError {
                transport: Transport::MaybeSent,
                refused: false,
                message: format!("no answer within {} s", self.bounds.request.as_secs_f32()),
            }),
        }
    }
}

fn request(outgoing: Outgoing) -> Result<Request<Full<Bytes>>, SendError> {
    let invalid = |error: &dyn std::fmt::Display| SendError {
        transport: Transport::NotSent,
        refused: true,
        message: format!("the request cannot be made: {error}"),
    };
    let mut request = Request::builder()
        .method(outgoing.method)
        .uri(outgoing.target.as_str())
        .body(Full::new(outgoing.body))
        .map_err(|error| invalid(&error))?;
    for (name, value) in &outgoing.headers {
        let name = HeaderName::try_from(name).map_err(|error| invalid(&error))?;
        let value = HeaderValue::try_from(value).map_err(|error| invalid(&error))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// Until a connection stands nothing of the request has left; afterwards nobody can say.
fn lost(error: &legacy::Error, mut turned_away: Option<&'static str>) -> SendError {
    let mut message = error.to_string();
    let mut refused = false;
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        refused |= inner
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied);
        message = format!("{message}: {inner}");
        let io = inner.downcast_ref::<std::io::Error>();
        turned_away = turned_away.or_else(|| io.and_then(about_our_certificate));
        cause = inner.source();
    }
    // A server that has not finished the handshake reads no request (RFC 8446 §4.4.2.4).
    if let Some(words) = turned_away {
        let message = format!("{words}: {message}");
        return SendError { transport: Transport::NotSent, refused: true, message };
    }
    let transport = if error.is_connect() { Transport::NotSent } else { Transport::MaybeSent };
    SendError { transport, refused, message }
}
