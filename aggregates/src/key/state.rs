//! What is known about the keys of a log.

use std::collections::BTreeMap;

use super::KeyEvent;
use crate::values::KeyIdText;

/// What is known about the keys of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyState {
    /// The key that signs; none: the log has not begun, or its key was revoked.
    pub active: Option<KeyIdText>,
    /// Every key there ever was, and whether it is revoked.
    pub keys: BTreeMap<KeyIdText, bool>,
}

impl KeyState {
    pub(super) fn after(mut self, event: &KeyEvent) -> Self {
        match event {
            KeyEvent::Genesis(e) => self.activate(&e.kid),
            KeyEvent::Rotated(e) => self.activate(&e.kid),
            KeyEvent::Revoked(e) => {
                self.keys.insert(e.kid.clone(), true);
                self.active.take_if(|active| *active == e.kid);
            }
            KeyEvent::Disputed(_) => {}
        }
        self
    }

    fn activate(&mut self, kid: &KeyIdText) {
        self.keys.insert(kid.clone(), false);
        self.active = Some(kid.clone());
    }
}
