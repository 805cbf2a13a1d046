//! Ready-made probes that need a client of the system they look at.
//!
//! They are apart from the SDK so that a probe author who needs none of them does not build their clients. Each is a
//! [`Collector`](ledger_probe::runner::Collector) that probe files name in `what`.

use ledger_probe::runner::Registry;

#[cfg(feature = "mlflow")]
pub mod mlflow;
#[cfg(feature = "postgres")]
pub mod postgres;

/// All collectors that this build has: those of the SDK and those of this crate.
pub fn registry() -> Registry {
    let registry = Registry::default();
    #[cfg(feature = "mlflow")]
    let registry = registry;
    #[cfg(feature = "postgres")]
    let registry = registry.with(postgres::PostgresCollector);
    registry
}
