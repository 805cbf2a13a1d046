//! The queue between workers.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use ledger_queue_nats::Place;
use serde::Deserialize;

/// The queue between workers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// The NATS server; empty: each worker takes its work from the log.
    pub url: String,
    /// The PEM file of certificates trusted for the server; empty: the system's.
    pub ca_file: PathBuf,
    /// What everything on the server begins with.
    pub prefix: String,
    /// How often the queue is held against the log, in seconds.
    pub sweep_seconds: u64,
}

/// What was lost is back within an hour, whatever is set.
const SWEEP_SECONDS_MAX: u64 = 3_600;

impl Queue {
    /// The server; nothing: there is none.
    ///
    /// # Errors
    /// A setting that cannot be used, without what may be secret in it.
    pub fn place(&self) -> Result<Option<Place>> {
        if !(1..=SWEEP_SECONDS_MAX).contains(&self.sweep_seconds) {
            bail!("queue.sweep_seconds = {}: 1 to {SWEEP_SECONDS_MAX} is needed", self.sweep_seconds);
        }
        if self.url.is_empty() {
            return Ok(None);
        }
        let ca_file: Option<&Path> = Some(self.ca_file.as_path()).filter(|path| !path.as_os_str().is_empty());
        let place = Place::new(&self.url, ca_file, &self.prefix);
        place.map(Some).map_err(|error| anyhow!("[queue]: {error}"))
    }
}

/// The servers of a URL, without anything that may be secret.
pub(super) fn shown(url: &str) -> String {
    // What is no URL may be a password as well as anything else.
    Place::new(url, None, "x").map_or_else(|_| "(no URL)".to_owned(), |place| place.shown())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(url: &str) -> Queue {
        Queue { url: url.to_owned(), ca_file: PathBuf::new(), prefix: "ledger".to_owned(), sweep_seconds: 10 }
    }

    #[test]
    fn a_url_names_a_server_and_nothing_secret_is_shown() {
        assert!(queue("").place().unwrap().is_none());
        let place = queue("tls://ledger:geheim@q.example.org").place().unwrap().unwrap();
        assert_eq!(place.shown(), "tls://q.example.org:4222");
        for (url, known) in [("nats://geheim@q:1", "nats://q:1"), ("geheim", "(no URL)")] {
            assert_eq!(shown(url), known);
        }
        let refused = queue("amqp://u:geheim@q").place().unwrap_err().to_string();
        assert!(refused.contains("[queue]") && !refused.contains("geheim"), "{refused}");
        let never = Queue { sweep_seconds: 0, ..queue("") };
        assert!(never.place().unwrap_err().to_string().contains("sweep_seconds"));
    }
}
