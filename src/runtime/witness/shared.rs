//! What the quorum has cosigned, whichever process submitted it.
//!
//! One process submits. The newest checkpoint that enough witnesses have cosigned is the place of its duty, where all
//! processes of the ledger find it: their exports and their clients need it as much. It is believed for its signatures.

use std::time::Duration;

use ledger::checkpoint::Checkpoint;
use ledger::ids::TenantId;
use ledger::note::VerifierKey;
use ledger_store::{StoreError, StoredCheckpoint};
use serde::{Deserialize, Serialize};

use super::Witnesses;
use crate::app::App;

/// Of the processes of a ledger one submits.
pub const DUTY: &str = "witnesses";
/// How often is looked for what another process has submitted.
const LOOK: Duration = Duration::from_millis(250);

/// What is kept with the duty.
#[derive(Serialize, Deserialize)]
struct Place {
    /// The cosigned checkpoint, a signed note.
    note: String,
}

/// The newest checkpoint of the system log that the quorum has cosigned.
pub async fn latest(app: &App) -> Option<StoredCheckpoint> {
    let witnesses = app.witnesses.as_ref()?;
    let keys = app.keyring.log(&TenantId::system())?;
    let place = app.duties.leases().place(DUTY).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "what the witnesses have cosigned cannot be read");
        Vec::new()
    });
    let shared = witnesses.cosigned(&place, keys.checkpoint_signer().verifier());
    [witnesses.latest(), shared].into_iter().flatten().max_by_key(|kept| kept.size)
}

/// As [`latest`], once it covers `size` entries; where no process submits that is never.
pub async fn covering(app: &App, witnesses: &Witnesses, size: u64) -> StoredCheckpoint {
    loop {
        if let Some(found) = latest(app).await.filter(|kept| kept.size >= size) {
            return found;
        }
        tokio::select! {
            found = witnesses.covering(size) => return found,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Keeps what the quorum has cosigned for the other processes, as the holder of the duty in its epoch.
///
/// # Errors
/// The store's.
pub(super) async fn keep(app: &App, epoch: u64, cosigned: StoredCheckpoint) -> Result<(), StoreError> {
    let place = serde_json::to_vec(&Place { note: cosigned.note });
    let place = place.map_err(|error| StoreError::invalid(error.to_string()))?;
    if !app.duties.leases().keep_place(DUTY, epoch, &place).await? {
        tracing::info!("another process has the witnesses by now");
    }
    Ok(())
}

impl Witnesses {
    /// The checkpoint in a kept place: signed by the log's key and by the quorum. Anything else is nothing, such as one
    /// of the log before a loss was accepted, or by witnesses of another trust file.
    fn cosigned(&self, place: &[u8], log: &VerifierKey) -> Option<StoredCheckpoint> {
        let Place { note } = serde_json::from_slice(place).ok()?;
        let (checkpoint, signed) = Checkpoint::open(note.as_bytes(), log).ok()?;
        self.policy.verify_quorum(&signed).ok()?;
        Some(StoredCheckpoint { size: checkpoint.size, note })
    }
}
