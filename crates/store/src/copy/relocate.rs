//! Moving: the source is sealed before the target is served.

use super::{Arrived, CopyError, Holding, Progress, carry, same, turn, verified};
use crate::custody::Custody;

/// How a move ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// The ledger lives at the target now.
    Now(Arrived),
    /// An earlier run had done all of it.
    Before,
}

/// Moves a ledger into a store that was made as arriving. `place` is the target's for people. It can be cut off at any
/// point and run again.
///
/// # Errors
/// [`CopyError`]; the source is sealed only after everything up to then was verified at the target.
pub async fn relocate(
    from: &Holding,
    to: &Holding,
    place: &str,
    progress: Progress<'_>,
) -> Result<Moved, CopyError> {
    let (source, target) = (from.portable.custody().await?, to.portable.custody().await?);
    let ticket = match (&source, &target) {
        (Custody::Sealed { ticket, .. }, Custody::Live { ticket: arrived }) if ticket == arrived => {
            return Ok(Moved::Before);
        }
        (Custody::Sealed { ticket: sealed, .. }, Custody::Arriving { ticket, .. }) if sealed == ticket => {
            ticket.clone()
        }
        (Custody::Live { .. }, Custody::Arriving { ticket, .. }) => ticket.clone(),
        (Custody::Live { .. }, Custody::Live { .. }) => {
            return Err(CopyError::Target("it holds a ledger; name an empty one".to_owned()));
        }
        (Custody::Live { .. }, other) => return Err(CopyError::Target(other.to_string())),
        (other, _) => return Err(CopyError::Source(other.to_string())),
    };
    if from.portable.identity().await? != to.portable.identity().await? {
        return Err(CopyError::Target(
            "another ledger is on its way to there; name an empty store".to_owned(),
        ));
    }
    let (mut position, mut carried) = carry(from, to, progress).await?;
    let mut logs = verified(to, progress).await?;
    if matches!(source, Custody::Live { .. }) {
        let seal = Custody::Sealed { ticket: ticket.clone(), to: place.to_owned() };
        if !from.portable.change_custody(&source, &seal).await? {
            return Err(CopyError::Source("it was moved elsewhere at the same time".to_owned()));
        }
        // Nothing is written there any more: what came in meanwhile.
        let (end, more) = carry(from, to, progress).await?;
        if more > 0 {
            logs = verified(to, progress).await?;
        }
        (position, carried) = (end, carried + more);
    }
    same(from, to, true).await?;
    turn(to, &Custody::Live { ticket }).await?;
    Ok(Moved::Now(Arrived { position, carried, logs }))
}
