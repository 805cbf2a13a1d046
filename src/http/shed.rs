//! Load shedding and deadlines: more than the ledger can take is refused at once, and nothing waits for ever.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Version;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::config::Server;
use crate::error::{ApiError, OVERLOADED, TIMEOUT};

/// How many requests are served at once, and for how long each.
#[derive(Debug, Clone)]
pub struct Shed {
    places: Arc<Semaphore>,
    timeout: Duration,
}

impl Shed {
    /// The limits of the settings.
    pub fn new(server: &Server) -> Self {
        Self {
            places: Arc::new(Semaphore::new(server.in_flight_max)),
            timeout: Duration::from_millis(server.request_timeout_ms),
        }
    }
}

/// Refuses what is too much, ends what takes too long.
pub async fn shed(State(shed): State<Shed>, request: Request, next: Next) -> Response {
    let Ok(_place) = shed.places.try_acquire() else {
        let version = request.version();
        let mut refusal =
            ApiError::new(OVERLOADED, "too many requests are being served").retry_after(1).into_response();
        // The body was not read, so the connection ends with this answer: who was not told would send the next request
        // on it and lose that one (RFC 9112 §9.6). HTTP/2 has streams for that.
        if version < Version::HTTP_2 {
            refusal.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        return refusal;
    };
    match tokio::time::timeout(shed.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(TIMEOUT, format!("no answer within {:?}", shed.timeout))
            .retry_after(1)
            .into_response(),
    }
}
