//! Where a ledger lives: one log never has two live stores.
//!
//! ```text
//! source   live ─────────────────────────▶ sealed          (nothing is appended any more)
//! target   (none) ─▶ arriving ─────────────────▶ live      (served only once the source is sealed)
//! backup   (none) ─▶ arriving ─▶ backup                    (never served; a ledger is restored from it)
//! ```
//!
//! Each step is one durable write, so that a copy that was cut off anywhere is taken up by the next run, and at every
//! point at most one store is live.

use std::fmt;

/// What a store is to its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Custody {
    /// The ledger lives here.
    Live {
        /// The copy that brought it here; empty: it was made here.
        ticket: String,
    },
    /// It is being copied to here.
    Arriving {
        /// Names this copy.
        ticket: String,
        /// Where from, for people.
        from: String,
    },
    /// It was copied away.
    Sealed {
        /// Names the copy that it was.
        ticket: String,
        /// Where to, for people.
        to: String,
    },
    /// A snapshot of it, whole.
    Backup,
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// To serve the ledger: it must live there.
    #[default]
    Serve,
    /// To read it, or to copy it to or from there.
    Carry,
}

/// What a store that does not exist yet is made as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    /// The store's identity: that of the ledger that is copied, so that its head file fits.
    pub identity: [u8; 16],
    /// What it is to its ledger.
    pub custody: Custody,
}

impl Default for Custody {
    fn default() -> Self {
        Self::Live { ticket: String::new() }
    }
}

impl Custody {
    /// The words that stand in the storage.
    pub fn text(&self) -> String {
        let text = match self {
            Self::Live { ticket } => format!("live {ticket}"),
            Self::Arriving { ticket, from } => format!("arriving {ticket} {from}"),
            Self::Sealed { ticket, to } => format!("sealed {ticket} {to}"),
            Self::Backup => "backup".to_owned(),
        };
        text.trim_end().to_owned()
    }

    /// The inverse of [`Self::text`]; nothing if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let (state, ticket, place) = (words.next()?, words.next(), words.next());
        let ticket = ticket.unwrap_or_default().to_owned();
        let place = place.unwrap_or_default().to_owned();
        match state {
            "live" if place.is_empty() => Some(Self::Live { ticket }),
            "arriving" => Some(Self::Arriving { ticket, from: place }),
            "sealed" => Some(Self::Sealed { ticket, to: place }),
            "backup" if ticket.is_empty() => Some(Self::Backup),
            _ => None,
        }
    }

    /// Why nothing may be written there; nothing if it may.
    pub fn refusal(&self, access: Access) -> Option<String> {
        match (self, access) {
            (Self::Live { .. }, _) | (Self::Arriving { .. }, Access::Carry) => None,
            _ => Some(self.to_string()),
        }
    }
}

impl fmt::Display for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live { .. } => f.write_str("the ledger lives here"),
            Self::Arriving { from, .. } => write!(
                f,
                "a ledger is on its way to here from {from}, and is not served before it is whole: run the same \
                 `ledger copy` or `ledger restore` again until it is done"
            ),
            Self::Sealed { to, .. } => write!(
                f,
                "this ledger was moved to {to}, and one log never has two live stores: serve it there; \
                 `ledger verify` still reads what is here"
            ),
            Self::Backup => f.write_str(
                "this is a backup, which is never written to: make a ledger of it with `ledger restore`",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_storage_is_read_again() {
        let (ticket, place) = (|| "t1".to_owned(), || "sqlite:/a b/c".to_owned());
        let all = [
            Custody::default(),
            Custody::Live { ticket: ticket() },
            Custody::Arriving { ticket: ticket(), from: place() },
            Custody::Sealed { ticket: ticket(), to: place() },
            Custody::Backup,
        ];
        for custody in all {
            assert_eq!(Custody::parse(&custody.text()), Some(custody));
        }
        for text in ["", "lives", "live a b", "backup x"] {
            assert_eq!(Custody::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_lives_there_is_written_and_a_copy_to_where_it_arrives() {
        let arriving = Custody::Arriving { ticket: "t".to_owned(), from: "a".to_owned() };
        let sealed = Custody::Sealed { ticket: "t".to_owned(), to: "b".to_owned() };
        for (custody, serve, carry) in [
            (Custody::default(), true, true),
            (arriving, false, true),
            (sealed, false, false),
            (Custody::Backup, false, false),
        ] {
            assert_eq!(custody.refusal(Access::Serve).is_none(), serve, "{custody}");
            assert_eq!(custody.refusal(Access::Carry).is_none(), carry, "{custody}");
        }
    }
}
