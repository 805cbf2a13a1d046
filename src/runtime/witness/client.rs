//! One witness: a checkpoint goes to it with a proof from the size that it has cosigned (C2SP tlog-witness).

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use ledger::checkpoint::Checkpoint;
use ledger::cosignature::{AddCheckpoint, parse_conflict, time_of};
use ledger::ids::TenantId;
use ledger::note::{NOTE_BYTES_MAX, NoteSignature, VerifierKey, parse_signatures};
use ledger_probe::transport::{BaseUrl, agent};
use ledger_store::EventStore;

use crate::history::proof::{ProofError, consistency};

/// A witness may name another size once while another of the log's submissions is on its way, hardly twice.
const ATTEMPTS_MAX: usize = 3;
/// What is shown of an answer that is not understood.
const SHOWN_CHARS_MAX: usize = 200;

/// Why a witness did not cosign.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// It has cosigned more than there is.
    #[error(
        "it has cosigned {seen} entries, the ledger has signed {size}: the ledger is behind what it has published"
    )]
    Ahead {
        /// What it has cosigned.
        seen: u64,
        /// What the ledger has.
        size: u64,
    },
    /// It has cosigned another history.
    #[error("it has cosigned another history than the {size} entries that the ledger has ({told})")]
    Forked {
        /// What the ledger has.
        size: u64,
        /// What it answers.
        told: String,
    },
    /// It does not know the log, or its key.
    #[error("it does not know the log; register this key there: {vkey} ({told})")]
    Unknown {
        /// The log's checkpoint key.
        vkey: String,
        /// What it answers.
        told: String,
    },
    /// No answer, or none that follows the protocol.
    #[error("it cannot be asked: {0}")]
    NoAnswer(String),
}

impl Refusal {
    /// Does it contradict the ledger, rather than say nothing?
    pub const fn contradicts(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Forked { .. })
    }
}

/// A witness that can be asked.
pub struct Client {
    /// The name under which the trust file's quorum knows it.
    pub name: String,
    vkey: VerifierKey,
    url: String,
    agent: ureq::Agent,
    /// The size that it is believed to have cosigned last; `u64::MAX` before it was asked.
    seen: AtomicU64,
}

/// What it answered.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    fn told(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = text.trim().chars().take(SHOWN_CHARS_MAX).collect::<String>().escape_debug().to_string();
        format!("status {}: {text}", self.status)
    }
}

impl Client {
    /// A witness at `url`, to which `/add-checkpoint` is appended. Checkpoints and cosignatures are public and signed, so
    /// that plain HTTP is as good.
    ///
    /// # Errors
    /// The address or the certificates cannot be used.
    pub fn new(
        name: &str,
        vkey: &VerifierKey,
        url: &str,
        ca_file: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self> {
        let base = BaseUrl::parse(url, true).with_context(|| format!("witness {name}"))?;
        let ca_file = ca_file.map(Path::to_owned);
        let agent = agent(&base, ca_file.as_ref(), timeout).with_context(|| format!("witness {name}"))?;
        let url = format!("{}{}/add-checkpoint", base.origin, base.prefix);
        Ok(Self { name: name.to_owned(), vkey: vkey.clone(), url, agent, seen: AtomicU64::new(u64::MAX) })
    }

    /// Lets it cosign a checkpoint.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn cosign(
        &self,
        store: &dyn EventStore,
        log: &VerifierKey,
        head: &Checkpoint,
        note: &str,
    ) -> Result<NoteSignature, Refusal> {
        let mut old_size = self.seen.load(Ordering::Relaxed).min(head.size);
        for _ in 0..ATTEMPTS_MAX {
            let proof = consistency(store, &TenantId::system(), old_size, head.size).await;
            let proof = proof.map_err(|error: ProofError| Refusal::NoAnswer(error.to_string()))?;
            let body = AddCheckpoint { old_size, proof, checkpoint: note.to_owned() }.encode();
            let answer = self.post(body).await?;
            let told = answer.told();
            match answer.status {
                200 => {
                    let signature = self.cosignature(head, &answer)?;
                    self.seen.store(head.size, Ordering::Relaxed);
                    return Ok(signature);
                }
                409 => {
                    let seen = parse_conflict(&answer.body).map_err(|_| Refusal::NoAnswer(told.clone()))?;
                    if seen > head.size {
                        return Err(Refusal::Ahead { seen, size: head.size });
                    }
                    if seen == old_size {
                        // The size fits, and still it conflicts: the root does not.
                        return Err(Refusal::Forked { size: head.size, told });
                    }
                    old_size = seen;
                }
                422 => return Err(Refusal::Forked { size: head.size, told }),
                403 | 404 => return Err(Refusal::Unknown { vkey: log.to_string(), told }),
                _ => return Err(Refusal::NoAnswer(told)),
            }
        }
        Err(Refusal::NoAnswer(format!("it named another size {ATTEMPTS_MAX} times")))
    }

    /// Does it answer at all? Any status will do: what is asked for is not there to be read.
    ///
    /// # Errors
    /// [`Refusal::NoAnswer`]
    pub async fn reach(&self) -> Result<(), Refusal> {
        let (agent, url) = (self.agent.clone(), self.url.clone());
        let asked = tokio::task::spawn_blocking(move || agent.get(&url).call().map(drop));
        let no_answer = |reason: String| Refusal::NoAnswer(format!("{}: {reason}", self.url));
        let answer = asked.await.map_err(|error| no_answer(error.to_string()))?;
        answer.map_err(|error| no_answer(error.to_string()))
    }

    /// The client blocks, within its time limit.
    async fn post(&self, body: String) -> Result<Answer, Refusal> {
        let (agent, url) = (self.agent.clone(), self.url.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let mut answer =
                agent.post(&url).header("content-type", "text/plain; charset=utf-8").send(body)?;
            let status = answer.status().as_u16();
            let body = answer.body_mut().with_config().limit(NOTE_BYTES_MAX as u64).read_to_vec()?;
            Ok::<_, ureq::Error>(Answer { status, body })
        });
        let no_answer = |reason: String| Refusal::NoAnswer(format!("{}: {reason}", self.url));
        let answer = asked.await.map_err(|error| no_answer(error.to_string()))?;
        answer.map_err(|error| no_answer(error.to_string()))
    }

    /// Its own line in the answer, verified; lines of other keys are ignored.
    fn cosignature(&self, head: &Checkpoint, answer: &Answer) -> Result<NoteSignature, Refusal> {
        let no_answer = |reason: &str| Refusal::NoAnswer(format!("{}: {reason}", self.url));
        let text = std::str::from_utf8(&answer.body).map_err(|_| no_answer("the answer is not UTF-8"))?;
        let lines = parse_signatures(text).map_err(|error| no_answer(&error.to_string()))?;
        let own = |line: &NoteSignature| line.name == self.vkey.name() && line.key_id == self.vkey.key_id();
        let line = lines.into_iter().find(own).ok_or_else(|| no_answer("no cosignature of its key"))?;
        match time_of(&self.vkey, &head.text(), &line.signature) {
            Some(_) => Ok(line),
            None => Err(no_answer("its cosignature does not verify")),
        }
    }
}
