//! The witnesses of the system log: at start they are asked what they have cosigned, afterwards every checkpoint goes to
//! them (formats.md §4). Appends never wait for them.
//!
//! Tenants' logs need none of their own: their checkpoints are anchored in the system log.

mod client;
mod follow;
mod shared;

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ledger::checkpoint::Checkpoint;
use ledger::ids::TenantId;
use ledger::note::{Note, NoteSignature, VerifierKey};
use ledger::policy::Policy;
use ledger_store::keyring::LogKeys;
use ledger_store::{EventStore, SideStore, StoreError, StoredCheckpoint};
use tokio::sync::watch;

use client::{Client, Refusal};
pub use follow::run;
pub use shared::{DUTY, covering, latest};

use crate::config::Config;

/// The witnesses, and what they have cosigned.
pub struct Witnesses {
    policy: Policy,
    clients: Vec<Client>,
    /// The newest checkpoint that enough of them have cosigned.
    latest: watch::Sender<Option<StoredCheckpoint>>,
    held: Mutex<Held>,
    troubles: Mutex<BTreeMap<String, Refusal>>,
}

/// The cosignatures of the checkpoint that was submitted last.
#[derive(Default)]
struct Held {
    text: String,
    lines: BTreeMap<String, NoteSignature>,
}

impl std::fmt::Debug for Witnesses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witnesses").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Witnesses {
    /// The witnesses of the configured trust file; none where none is configured.
    ///
    /// # Errors
    /// The file cannot be read, is no trust file, names no witness, or one without an address.
    pub fn configured(config: &Config) -> Result<Option<Self>> {
        let settings = &config.witness;
        if settings.policy.as_os_str().is_empty() {
            return Ok(None);
        }
        let at = settings.policy.display();
        let text = fs::read_to_string(&settings.policy)
            .with_context(|| format!("cannot read witness.policy {at}"))?;
        let policy: Policy = text.parse().with_context(|| format!("witness.policy {at}"))?;
        let ca_file = Some(settings.ca_file.as_path()).filter(|path| !path.as_os_str().is_empty());
        let timeout = Duration::from_millis(settings.timeout_ms.max(1));
        let client = |(name, vkey, url): (&str, &_, Option<&str>)| {
            let url = url.ok_or_else(|| {
                anyhow!("witness.policy {at}: write where {name} is: witness {name} <vkey> <url>")
            })?;
            Client::new(name, vkey, url, ca_file, timeout)
        };
        let clients = policy.witnesses().map(client).collect::<Result<Vec<_>>>()?;
        if clients.is_empty() {
            bail!("witness.policy {at} names no witness: write witness <name> <vkey> <url>");
        }
        Ok(Some(Self::new(policy, clients)))
    }

    fn new(policy: Policy, clients: Vec<Client>) -> Self {
        let (latest, held, troubles) = (watch::Sender::default(), Mutex::default(), Mutex::default());
        Self { policy, clients, latest, held, troubles }
    }

    /// The trust file that names them, with the quorum.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The newest checkpoint of the system log that the quorum has cosigned for this process.
    fn latest(&self) -> Option<StoredCheckpoint> {
        self.latest.borrow().clone()
    }

    /// The newest one that the quorum has cosigned for this process, once it covers `size` entries.
    async fn covering(&self, size: u64) -> StoredCheckpoint {
        let mut latest = self.latest.subscribe();
        let covers =
            |latest: &Option<StoredCheckpoint>| latest.as_ref().is_some_and(|kept| kept.size >= size);
        let found = latest.wait_for(covers).await.ok().and_then(|latest| latest.clone());
        // The sender lives in `self`: the wait ends with what was waited for.
        match found {
            Some(found) => found,
            None => std::future::pending().await,
        }
    }

    /// The witnesses that do not answer at all, with the reason. Nothing is submitted to them.
    pub async fn silent(&self) -> Vec<(String, String)> {
        let asking = self.clients.iter().map(|client| async {
            client.reach().await.err().map(|refusal| (client.name.clone(), refusal.to_string()))
        });
        futures_util::future::join_all(asking).await.into_iter().flatten().collect()
    }

    /// What each witness that does not cosign says: those that contradict the ledger, and the others.
    pub fn troubles(&self) -> (Vec<String>, Vec<String>) {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let (hard, soft): (Vec<_>, Vec<_>) = troubles.iter().partition(|(_, refusal)| refusal.contradicts());
        let told = |(name, refusal): (&String, &Refusal)| format!("witness {name}: {refusal}");
        (hard.into_iter().map(told).collect(), soft.into_iter().map(told).collect())
    }

    /// Asks all of them what they have seen, before anything is signed.
    ///
    /// A witness that cannot be asked may know of a newer history. That matters if those that cannot be asked are
    /// enough for a quorum among themselves: then something could be published that nobody else has seen.
    ///
    /// # Errors
    /// One contradicts the ledger, or too many cannot be asked.
    pub async fn check_at_start(
        &self,
        store: &dyn EventStore,
        side: &dyn SideStore,
        keys: &LogKeys,
    ) -> Result<()> {
        let system = TenantId::system();
        let kept = match side.checkpoint(&system).await? {
            Some(kept) => kept,
            // Cut off before its first checkpoint: the head as it is, which nothing but the witnesses gets to see.
            None => {
                let head = store.log_head(&system).await?.context("the system log is there")?;
                let origin = keys.origin.clone();
                let head = Checkpoint { origin, size: head.size, root: head.root };
                StoredCheckpoint { size: head.size, note: head.sign(keys.checkpoint_signer())?.to_string() }
            }
        };
        self.submit(store, side, keys.checkpoint_signer().verifier(), kept).await?;
        let (contradicting, silent) = self.troubles();
        if !contradicting.is_empty() {
            bail!(
                "nothing may be signed: {}; restore the newest database; if it is gone for good, move the head file away \
                 and run `ledger recover --accept-loss`, which goes on under successor origins",
                contradicting.join("; ")
            );
        }
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<&str> = troubles.keys().map(String::as_str).collect();
        if !missing.is_empty() && self.policy.is_quorum(&missing) {
            bail!(
                "nothing may be signed before the witnesses were asked what they have seen: {}; start again when they \
                 answer, or take them out of witness.policy",
                silent.join("; ")
            );
        }
        for trouble in silent {
            tracing::warn!("{trouble}; the others are enough to start");
        }
        Ok(())
    }

    /// Lets every witness that has not done so cosign a checkpoint, all at the same time, and keeps what they sign.
    /// `true`: all have.
    ///
    /// # Errors
    /// The store. What a witness says against it is in [`troubles`](Self::troubles).
    pub async fn submit(
        &self,
        store: &dyn EventStore,
        side: &dyn SideStore,
        log: &VerifierKey,
        kept: StoredCheckpoint,
    ) -> Result<bool, StoreError> {
        let damaged = |error: String| StoreError::corrupt(format!("the system log's checkpoint: {error}"));
        let (head, note) =
            Checkpoint::parse_note(kept.note.as_bytes()).map_err(|e| damaged(e.to_string()))?;
        let mut own = Note::new(note.text()).map_err(|error| damaged(error.to_string()))?;
        note.signatures()
            .iter()
            .filter(|line| line.name == head.origin)
            .for_each(|line| own.add(line.clone()));
        let done = self.begin(own.text());
        let missing: Vec<&Client> =
            self.clients.iter().filter(|client| !done.contains(&client.name)).collect();
        let text = own.to_string();
        let asking = missing.iter().map(|client| client.cosign(store, log, &head, &text));
        let outcomes = futures_util::future::join_all(asking).await;
        for (client, outcome) in missing.into_iter().zip(outcomes) {
            self.note(client, outcome);
        }
        let lines: Vec<NoteSignature> = {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.lines.values().cloned().collect()
        };
        let all = lines.len() == self.clients.len();
        lines.into_iter().for_each(|line| own.add(line));
        let cosigned = StoredCheckpoint { size: head.size, note: own.to_string() };
        if self.policy.verify_quorum(&own).is_ok() {
            self.latest.send_replace(Some(cosigned.clone()));
        }
        match side.put_checkpoint(&TenantId::system(), cosigned).await {
            // A larger one was signed meanwhile: that one is cosigned next.
            Ok(()) | Err(StoreError::Invalid { .. }) => Ok(all),
            Err(error) => Err(error),
        }
    }

    /// The witnesses that have cosigned this text already; another text begins anew.
    fn begin(&self, text: &str) -> Vec<String> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.text != text {
            *held = Held { text: text.to_owned(), lines: BTreeMap::new() };
        }
        held.lines.keys().cloned().collect()
    }

    fn note(&self, client: &Client, outcome: Result<NoteSignature, Refusal>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(line) => {
                troubles.remove(&client.name);
                let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                held.lines.insert(client.name.clone(), line);
            }
            Err(refusal) => {
                if troubles.insert(client.name.clone(), refusal.clone()).is_none() {
                    tracing::warn!(witness = %client.name, %refusal, "a checkpoint was not cosigned");
                }
            }
        }
    }
}
