//! Settings: what differs from the defaults, and what sets nothing.

use super::Report;
use crate::config::{Config, Examined};

const CHECK: &str = "settings";

/// Says what was read. The settings, unless something in them cannot be used.
pub fn check(report: &mut Report, examined: &Examined) -> Option<Config> {
    for wrong in &examined.wrong {
        report.fail(CHECK, wrong.as_str(), "`ledger config` prints all settings with their meaning");
    }
    if !examined.ignored.is_empty() {
        report.warn(
            CHECK,
            format!("{} sets nothing", examined.ignored.join(", ")),
            "a variable is LEDGER_<section>_<setting>, such as LEDGER_SERVER_LISTEN",
        );
    }
    let config = examined.config.clone()?;
    match &examined.changed[..] {
        [] => report.ok(CHECK, "all as by default"),
        changed => report.ok(CHECK, format!("differ from the defaults: {}", changed.join(", "))),
    }
    Some(config)
}
