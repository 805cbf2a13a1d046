//! Ready-made probes that need a client of the system they look at.
//!
//! They are apart from the SDK so that a probe author who needs none of them does not build their clients. Each is a
//! [`Collector`](ledger_probe::runner::Collector) that probe files name in `what`.

use ledger_probe::runner::Registry;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "mlflow")]
pub mod mlflow;
#[cfg(feature = "postgres")]
pub mod postgres;

/// All collectors that this build has: those of the SDK and those of this crate.
pub fn registry() -> Registry {
    let registry = Registry::default();
    #[cfg(feature = "mlflow")]
    let registry = registry.with(mlflow::MlflowCollector);
    #[cfg(feature = "postgres")]
    let registry = registry.with(postgres::PostgresCollector);
    registry
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// The catalogue that ships with the product has every control that the probes name; every template is usable.
    #[test]
    fn templates_and_controls() {
        let catalogue: Value =
            serde_json::from_str(include_str!("../../../aggregates/catalogs/starter.json"))
                .expect("a catalogue");
        let groups = catalogue["groups"].as_array().expect("groups").iter();
        let controls = groups.flat_map(|group| group["controls"].as_array().expect("controls"));
        let known: BTreeSet<&str> = controls.filter_map(|control| control["id"].as_str()).collect();
        let registry = registry();
        for what in registry.names().split(", ") {
            let collector = registry.get(what).expect("it was named");
            for planned in collector.plan(&collector.template()).expect("a usable template") {
                let starter = planned.controls.iter().filter(|control| control.framework == "starter");
                let known = starter.map(|c| known.contains(c.control.as_str())).collect::<Vec<_>>();
                assert!(known.iter().all(|known| *known), "{planned:?}");
                assert!(what == "command" || !known.is_empty(), "{planned:?}");
            }
        }
    }
}
