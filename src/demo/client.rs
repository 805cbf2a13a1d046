//! A client of the REST API, as small as a script's.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use ledger::clock::Stopwatch;
use serde_json::Value;

/// Calls one ledger with one key.
pub struct Client {
    url: String,
    key: String,
    agent: ureq::Agent,
}

impl Client {
    /// A client of the ledger at `url`.
    pub fn new(url: String, key: String) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { url, key, agent }
    }

    /// Where the ledger is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// GET, as text.
    ///
    /// # Errors
    /// The answer is not a success.
    pub fn text(&self, path: &str) -> Result<String> {
        let request = self.agent.get(format!("{}{path}", self.url)).header("authorization", self.bearer());
        read(path, request.call()?)
    }

    /// GET, as JSON.
    ///
    /// # Errors
    /// The answer is not a success, or not JSON.
    pub fn get(&self, path: &str) -> Result<Value> {
        serde_json::from_str(&self.text(path)?).with_context(|| format!("GET {path}"))
    }

    /// POST of JSON.
    ///
    /// # Errors
    /// The answer is not a success.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url));
        self.send(path, request, body).with_context(|| format!("POST {path}"))
    }

    /// PUT of JSON.
    ///
    /// # Errors
    /// The answer is not a success.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.put(format!("{}{path}", self.url));
        self.send(path, request, body).with_context(|| format!("PUT {path}"))
    }

    fn send(
        &self,
        path: &str,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &Value,
    ) -> Result<Value> {
        let request =
            request.header("authorization", self.bearer()).header("content-type", "application/json");
        Ok(serde_json::from_str(&read(path, request.send(body.to_string())?)?)?)
    }

    /// GETs until `holds`, at most half a minute.
    ///
    /// # Errors
    /// It did not come to hold.
    pub fn wait(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let watch = Stopwatch::start();
        loop {
            let answer = self.get(path)?;
            if holds(&answer) {
                return Ok(answer);
            }
            if watch.elapsed() > Duration::from_secs(30) {
                bail!("{path} did not come to what was waited for: {answer}");
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }
}

fn read(path: &str, mut response: ureq::http::Response<ureq::Body>) -> Result<String> {
    let text = response.body_mut().read_to_string()?;
    if response.status().is_success() {
        return Ok(text);
    }
    bail!("{path}: {} {text}", response.status())
}

/// A member that is a text; empty if it is not.
pub fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}
