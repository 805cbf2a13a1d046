//! Requests to MLflow: `GET`, JSON, with a deadline for the whole run.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::clock::Stopwatch;
use ledger_probe::runner::CollectError;
use ledger_probe::transport::{self, BaseUrl};
use serde::de::DeserializeOwned;

use super::Options;

/// The largest page that is read: MLflow gives at most 200,000 versions on one, which we never ask for.
const ANSWER_BYTES_MAX: u64 = 32 << 20;
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one tracking server.
pub struct Client {
    agent: ureq::Agent,
    base: String,
    authorization: Option<String>,
    started: Stopwatch,
    timeout: Duration,
}

/// Why a request gave nothing.
pub enum Refusal {
    /// There is no such thing.
    NotFound,
    /// Anything else: the run cannot go on.
    Failed(CollectError),
}

impl From<Refusal> for CollectError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => {
                Self::Failed("MLflow does not know this path: is it an MLflow server?".to_owned())
            }
            Refusal::Failed(error) => error,
        }
    }
}

impl Client {
    /// A client that has `timeout` for everything.
    pub fn new(options: &Options, url: &BaseUrl, timeout: Duration) -> Result<Self, CollectError> {
        let failed = |what: String| CollectError::Failed(what);
        let secret = match &options.secret_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    failed(format!("cannot read the secret from {}: {error}", path.display()))
                })?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            None => None,
        };
        let authorization = secret.map(|secret| match &options.user {
            Some(user) => format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))),
            None => format!("Bearer {secret}"),
        });
        let agent = transport::agent(url, options.ca_file.as_ref(), REQUEST_TIMEOUT)
            .map_err(|error| failed(error.to_string()))?;
        let base = format!("{}{}/api/2.0/mlflow", url.origin, url.prefix);
        Ok(Self { agent, base, authorization, started: Stopwatch::start(), timeout })
    }

    /// Asks for `path` with a query.
    pub fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Refusal> {
        let failed = |what: String| Refusal::Failed(CollectError::Failed(format!("MLflow, {path}: {what}")));
        if self.started.elapsed() > self.timeout {
            return Err(failed(format!("the run took longer than {} s", self.timeout.as_secs())));
        }
        let mut request = self.agent.get(format!("{}/{path}", self.base));
        for (name, value) in query {
            request = request.query(*name, *value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let mut answer = request.call().map_err(|error| failed(error.to_string()))?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Err(Refusal::NotFound),
            401 | 403 => return Err(failed("the credentials are refused".to_owned())),
            status => return Err(failed(format!("status {status}"))),
        }
        let text = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&text)
            .map_err(|error| failed(format!("an answer that is not MLflow's: {error}")))
    }
}
