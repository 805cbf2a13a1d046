//! What happens to an integration with another system.

use ledger::time::Timestamp;

use crate::events;
use crate::exchange::BodyDigest;
use crate::schema::{Confidential, Kind, Private};
use crate::values::{DegradedReason, IntegrationKind, PauseReason, RetireReason, ValueMac, Version};

events! {
    /// What happened to an integration.
    "integration" IntegrationEvent {
        /// An integration is known; it does nothing yet.
        Registered(IntegrationRegistered) = "ledger.integration.registered.v1" {
            /// Which adapter it uses.
            kind: IntegrationKind,
            /// The adapter's version.
            adapter_version: Version,
            /// What people call it.
            name: Confidential<String>,
            /// Where the other system is.
            endpoint: Confidential<Endpoint>,
        }
        /// An integration has another configuration. Secrets stand in it by reference only.
        Configured(IntegrationConfigured) = "ledger.integration.configured.v1" {
            /// The number of the configuration, counted from 1.
            config_version: u32,
            /// How often it works, in seconds.
            cadence_seconds: Option<u32>,
            /// The configuration.
            config: Confidential<serde_json::Value>,
            /// Where the other system is.
            endpoint: Confidential<Endpoint>,
        }
        /// An earlier configuration is in force again, under a number of its own.
        Restored(IntegrationRestored) = "ledger.integration.restored.v1" {
            /// The number of the configuration, counted from 1.
            config_version: u32,
            /// The number of the one that it repeats.
            restores: u32,
            /// How often it works, in seconds.
            cadence_seconds: Option<u32>,
            /// The configuration.
            config: Confidential<serde_json::Value>,
            /// Where the other system is.
            endpoint: Confidential<Endpoint>,
        }
        /// An integration works.
        Enabled(IntegrationEnabled) = "ledger.integration.enabled.v1" {
        }
        /// An integration stands still; its work waits.
        Paused(IntegrationPaused) = "ledger.integration.paused.v1" {
            /// Why.
            reason: PauseReason,
        }
        /// An integration works again.
        Resumed(IntegrationResumed) = "ledger.integration.resumed.v1" {
        }
        /// An integration works badly.
        Degraded(IntegrationDegraded) = "ledger.integration.degraded.v1" {
            /// Why.
            reason: DegradedReason,
            /// The number of this bad time, counted from 1.
            episode: u32,
            /// What the other side said.
            detail: Confidential<String>,
        }
        /// An integration works well again.
        Recovered(IntegrationRecovered) = "ledger.integration.recovered.v1" {
            /// The number of the bad time that is over.
            episode: u32,
        }
        /// An integration uses another version of its adapter.
        Upgraded(IntegrationUpgraded) = "ledger.integration.upgraded.v1" {
            /// The version before.
            from: Version,
            /// The version now.
            to: Version,
        }
        /// The package of an adapter is pinned: nothing else is run under this version.
        Pinned(IntegrationPinned) = "ledger.integration.pinned.v1" {
            /// The adapter's version.
            version: Version,
            /// The MAC of the package's digest.
            package: ValueMac,
            /// The package's digest: SHA-256, in hexadecimal.
            digest: Confidential<BodyDigest>,
        }
        /// Which adapter an integration runs was chosen for it alone.
        AdapterChosen(IntegrationAdapterChosen) = "ledger.integration.adapter_chosen.v1" {
            /// The version of the package of its kind; absent: the adapter of the product, or what is pinned for all.
            version: Option<Version>,
            /// Does this go back to the choice before?
            back: bool,
        }
        /// Somebody authorised the connection at the other side; the tokens are kept, sealed, and stand nowhere in the log.
        Authorised(IntegrationAuthorised) = "ledger.integration.authorised.v1" {
            /// When the first token ends.
            expires_at: Option<Timestamp>,
            /// Is it renewed by the ledger itself?
            renewed: bool,
        }
        /// An integration is over.
        Retired(IntegrationRetired) = "ledger.integration.retired.v1" {
            /// Why.
            reason: RetireReason,
            /// The number of the bad time that ends with it.
            episode: Option<u32>,
        }
    }
}

/// Where another system is.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(pub String);

impl Private for Endpoint {
    const KIND: Kind = Kind::Url;

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::String(self.0.clone())
    }
}
