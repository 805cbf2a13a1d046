//! What may be asked of an integration.

use ledger::time::Timestamp;
use serde_json::Value;

use crate::values::{DegradedReason, IntegrationKind, PauseReason, RetireReason, ValueMac, Version};

/// What may be asked of an integration.
#[derive(Debug, Clone, PartialEq)]
pub enum IntegrationCommand {
    /// Make it known.
    Register {
        /// Which adapter it uses.
        kind: IntegrationKind,
        /// The adapter's version.
        adapter_version: Version,
        /// What people call it.
        name: Option<String>,
        /// Where the other system is.
        endpoint: Option<String>,
    },
    /// Give it another configuration.
    Configure {
        /// The number of the configuration that this one replaces, 0 for the first; none: whichever it is.
        replaces: Option<u32>,
        /// The configuration; secrets by reference only.
        config: Value,
        /// How often it works, in seconds.
        cadence_seconds: Option<u32>,
        /// Where the other system is.
        endpoint: Option<String>,
    },
    /// Give it an earlier configuration again.
    Restore {
        /// The number of the configuration that this one replaces; none: whichever it is.
        replaces: Option<u32>,
        /// The number of the earlier one.
        restores: u32,
        /// The earlier configuration, as its event disclosed it.
        config: Value,
        /// How often it worked, in seconds.
        cadence_seconds: Option<u32>,
        /// Where the other system was.
        endpoint: Option<String>,
    },
    /// Let it work.
    Enable,
    /// Let it stand still.
    Pause {
        /// Why.
        reason: PauseReason,
    },
    /// Let it work again.
    Resume,
    /// Note that it works badly.
    Degrade {
        /// Why.
        reason: DegradedReason,
        /// What the other side said.
        detail: Option<String>,
    },
    /// Note that it works well again.
    Recover,
    /// Use another version of its adapter.
    Upgrade {
        /// The version from here on.
        to: Version,
    },
    /// Note that somebody authorised the connection.
    Authorise {
        /// When the first token ends.
        expires_at: Option<Timestamp>,
        /// Is it renewed by the ledger itself?
        renewed: bool,
    },
    /// Run this version of the package of its kind, whatever others run; none: what others run.
    Choose {
        /// The version.
        version: Option<Version>,
    },
    /// Go back to what was chosen before.
    GoBack,
    /// Run only this package under the version that is in force. The same again changes nothing.
    Pin {
        /// The MAC of the package's digest.
        package: ValueMac,
        /// The package's digest: SHA-256, in hexadecimal.
        digest: String,
    },
    /// Let it be over.
    Retire {
        /// Why.
        reason: RetireReason,
    },
}

/// The bounds of an integration's texts.
pub mod limits {
    /// A name fits a line of a list.
    pub const NAME_CHARS_MAX: usize = 200;
    /// The longest URL that is safe to use everywhere.
    pub const ENDPOINT_CHARS_MAX: usize = 2_000;
    /// A configuration is read at every start of an adapter.
    pub const CONFIG_BYTES_MAX: usize = 256 * 1024;
    /// What another system says about an error, cut to a page.
    pub const DETAIL_CHARS_MAX: usize = 4_000;
    /// So many choices of an adapter can be gone back.
    pub const CHOICES_MAX: usize = 16;
    /// A year and a day.
    pub const CADENCE_SECONDS_MAX: u32 = 366 * 86_400;
}
