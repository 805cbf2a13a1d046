//! The rules of the keys of a log.

use ledger::domain::{Aggregate, DecideCtx};

use super::{KeyCommand, KeyDisputed, KeyEvent, KeyGenesis, KeyRevoked, KeyRotated, KeyState};
use crate::refusals;
use crate::values::KeyIdText;

/// The aggregate of the keys of one log.
#[derive(Debug)]
pub struct Key;

refusals! {
    /// Why a command to the keys of a log is refused.
    KeyRefusal {
        /// The log has begun.
        AlreadyBegun {} => Conflict, "key-genesis-exists", "",
            "the log has its genesis already", "rotate the key instead";
        /// The log has not begun.
        NotBegun {} => NotFound, "key-no-genesis", "",
            "the log has no genesis", "begin the log first";
        /// The key to be replaced is not the one that signs.
        NotActive {
            /// The key.
            kid: KeyIdText
        } => Conflict, "key-not-active", "/old_kid",
            "key {kid} is not the one that signs", "name the active key";
        /// A key that was there before.
        Reused {
            /// The key.
            kid: KeyIdText
        } => Conflict, "key-reused", "/kid",
            "key {kid} was used before in this log", "generate a new key";
        /// A key that never was there.
        UnknownKey {
            /// The key.
            kid: KeyIdText
        } => NotFound, "key-unknown", "/kid",
            "key {kid} was never introduced in this log", "check the key id";
        /// A range that ends before it begins, or behind the log.
        Range {
            /// The size of the log.
            log_size: u64
        } => Invalid, "key-dispute-range", "/to_index",
            "the range is not one of entries 0 to {log_size} (exclusive)", "to_index must not lie before from_index, and must name an entry of the log";
    }
}

impl Aggregate for Key {
    const CATEGORY: &'static str = "key";
    type State = KeyState;
    type Command = KeyCommand;
    type Event = KeyEvent;
    type Error = KeyRefusal;

    fn decide(state: &KeyState, command: &KeyCommand, _ctx: &DecideCtx) -> Result<Vec<KeyEvent>, KeyRefusal> {
        if let KeyCommand::Begin { origin, key, kid, checkpoint_vkey, predecessor } = command {
            if !state.keys.is_empty() {
                return Err(KeyRefusal::AlreadyBegun {});
            }
            let genesis = KeyGenesis {
                origin: origin.clone(),
                key: key.clone(),
                kid: kid.clone(),
                checkpoint_vkey: checkpoint_vkey.clone(),
                predecessor: predecessor.clone(),
            };
            return Ok(vec![genesis.into()]);
        }
        if state.keys.is_empty() {
            return Err(KeyRefusal::NotBegun {});
        }
        change(state, command)
    }

    fn evolve(state: KeyState, event: &KeyEvent) -> KeyState {
        state.after(event)
    }
}

fn change(state: &KeyState, command: &KeyCommand) -> Result<Vec<KeyEvent>, KeyRefusal> {
    match command {
        KeyCommand::Begin { .. } => Err(KeyRefusal::AlreadyBegun {}),
        KeyCommand::Rotate { old_kid, key, kid, proof } => {
            if state.active.as_ref() != Some(old_kid) {
                return Err(KeyRefusal::NotActive { kid: old_kid.clone() });
            }
            if state.keys.contains_key(kid) {
                return Err(KeyRefusal::Reused { kid: kid.clone() });
            }
            let rotated = KeyRotated {
                old_kid: old_kid.clone(),
                key: key.clone(),
                kid: kid.clone(),
                proof: proof.clone(),
            };
            Ok(vec![rotated.into()])
        }
        KeyCommand::Revoke { kid, reason } => match state.keys.get(kid) {
            None => Err(KeyRefusal::UnknownKey { kid: kid.clone() }),
            Some(true) => Ok(Vec::new()),
            Some(false) => Ok(vec![KeyRevoked { kid: kid.clone(), reason: *reason }.into()]),
        },
        KeyCommand::Dispute { kid, from_index, to_index, log_size, reason } => {
            if !state.keys.contains_key(kid) {
                return Err(KeyRefusal::UnknownKey { kid: kid.clone() });
            }
            if to_index < from_index || to_index >= log_size {
                return Err(KeyRefusal::Range { log_size: *log_size });
            }
            let disputed = KeyDisputed {
                kid: kid.clone(),
                from_index: *from_index,
                to_index: *to_index,
                reason: *reason,
            };
            Ok(vec![disputed.into()])
        }
    }
}
