//! Is the target what the source is?

use super::{CopyError, Holding};
use crate::verify::tree_root;

/// Compares the target with the source: each of its logs is the source's, or with `whole` unset a beginning of it, by
/// size and root; with `whole` also the active keys, the last positions, and how much there is beside the logs.
///
/// # Errors
/// [`CopyError::Differs`] names what is not the same.
pub async fn same(from: &Holding, to: &Holding, whole: bool) -> Result<(), CopyError> {
    let (source, target) = (from.portable.logs_as_created().await?, to.portable.logs_as_created().await?);
    let differs = |what: String| Err(CopyError::Differs(what));
    if !source.starts_with(&target) || whole && source.len() != target.len() {
        return differs("its logs are not the source's, in their order".to_owned());
    }
    for log in target {
        let tenant = &log.tenant;
        let heads = (from.events.log_head(tenant).await?, to.events.log_head(tenant).await?);
        let (Some(there), Some(here)) = heads else { return differs(format!("tenant {tenant} has no log")) };
        if whole && there != here || tree_root(&*from.events, tenant, here.size).await? != Some(here.root) {
            return differs(format!(
                "the log of tenant {tenant} has {} entries with another root than the source's {}",
                here.size, there.size
            ));
        }
        if !whole {
            continue;
        }
        let (there, here) = (from.portable.beside(tenant).await?, to.portable.beside(tenant).await?);
        if there != here {
            return differs(format!("tenant {tenant} has {here:?}, at the source {there:?}"));
        }
        if from.side.checkpoint(tenant).await? != to.side.checkpoint(tenant).await? {
            return differs(format!("the checkpoint of tenant {tenant} is another than the source's"));
        }
    }
    Ok(())
}
