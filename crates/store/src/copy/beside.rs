//! What lives beside the events: carried before them, so that what they need is there.

use std::collections::{BTreeMap, BTreeSet};

use ledger::event::Header;
use ledger::ids::{SubjectId, TenantId};

use super::{CopyError, Holding, refused};
use crate::read::Read;
use crate::side::{PutOutcome, SecretKey, SecretKind, StoredCheckpoint};

/// The latest checkpoints.
pub(super) async fn checkpoints(from: &Holding) -> Result<Vec<(TenantId, StoredCheckpoint)>, CopyError> {
    let mut found = Vec::new();
    for log in from.side.logs().await? {
        let checkpoint = from.side.checkpoint(&log.tenant).await?;
        found.extend(checkpoint.map(|checkpoint| (log.tenant, checkpoint)));
    }
    Ok(found)
}

/// The logs, in the order in which they were created: so they get the same numbers.
pub(super) async fn logs(from: &Holding, to: &Holding) -> Result<(), CopyError> {
    let source = from.portable.logs_as_created().await?;
    for log in &source {
        if from.side.succession(&log.tenant).await?.is_some() {
            return Err(CopyError::Source(format!(
                "the log of tenant {} waits for the genesis that names an accepted loss: start it once with `ledger serve`",
                log.tenant
            )));
        }
        to.side.put_log(log.clone()).await?;
    }
    if to.portable.logs_as_created().await? != source {
        return Err(CopyError::Target("it has logs that the source does not have".to_owned()));
    }
    Ok(())
}

/// Secrets, as they are: what was destroyed at the source since an earlier pass is destroyed here, with what it opens.
pub(super) async fn secrets(from: &Holding, to: &Holding) -> Result<(), CopyError> {
    let mut owners: BTreeSet<TenantId> = from.portable.secret_owners().await?.into_iter().collect();
    owners.extend(to.portable.secret_owners().await?);
    for tenant in owners {
        for kind in SecretKind::ALL {
            let mut there: BTreeMap<String, Vec<u8>> =
                to.side.secrets(&tenant, kind).await?.into_iter().collect();
            let key = |id: &str| SecretKey { tenant: tenant.clone(), kind, id: id.to_owned() };
            for (id, wrapped) in from.side.secrets(&tenant, kind).await? {
                match there.remove(&id) {
                    Some(same) if same == wrapped => {}
                    Some(old) => _ = to.side.rewrap_secret(&key(&id), old, wrapped).await?,
                    None => _ = to.side.put_secret(&key(&id), wrapped).await?,
                }
            }
            for id in there.into_keys() {
                to.side.delete_secret(&key(&id)).await?;
                if kind == SecretKind::SubjectDataKey {
                    forget(from, to, &tenant, &id).await?;
                }
            }
        }
    }
    Ok(())
}

/// Destroys what an earlier pass carried of a subject that was erased since.
async fn forget(from: &Holding, to: &Holding, tenant: &TenantId, subject: &str) -> Result<(), CopyError> {
    let subject = SubjectId::new(subject).map_err(|error| refused(tenant, error))?;
    if !from.side.disclosures_of(tenant, &subject).await?.is_empty() {
        // The erasure was cut off between key and ciphertexts; so it is here.
        return Ok(());
    }
    let mut commands = BTreeSet::new();
    for kept in to.side.disclosures_of(tenant, &subject).await? {
        let page = to.events.read(Read::log(tenant, kept.index).limit(1)).await?;
        for event in page {
            let header = Header::parse(&event.header).map_err(|error| refused(tenant, error))?;
            commands.extend(header.cmd.iter().cloned());
        }
    }
    let commands: Vec<_> = commands.into_iter().collect();
    to.side.erase(tenant, &subject, &commands).await?;
    Ok(())
}

/// Blobs; those that the source does not have are removed.
pub(super) async fn blobs(from: &Holding, to: &Holding) -> Result<(), CopyError> {
    for log in from.side.logs().await? {
        let tenant = log.tenant;
        let (mut after, mut there) = (None, BTreeSet::new());
        loop {
            let page = to.portable.blobs(&tenant, after.as_ref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            there.extend(page);
        }
        after = None;
        loop {
            let page = from.portable.blobs(&tenant, after.as_ref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            for id in page.into_iter().filter(|id| !there.remove(id)) {
                // Deleted since it was listed: no event needs it.
                let Some(ciphertext) = from.side.blob(&tenant, &id).await? else { continue };
                to.side.put_blob(&tenant, &id, ciphertext).await?;
            }
        }
        for id in there {
            to.side.delete_blob(&tenant, &id).await?;
        }
    }
    Ok(())
}

/// Anchors; they are never removed.
pub(super) async fn anchors(from: &Holding, to: &Holding) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let page = from.portable.anchors(after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(*last);
        for root in page {
            let Some(anchor) = from.side.anchor(&root).await? else { continue };
            if to.side.anchor(&root).await?.is_none() {
                let put = to.side.put_anchor(anchor).await?;
                debug_assert_eq!(put, PutOutcome::Stored);
            }
        }
    }
}
