//! The queue server between workers, over a connection of its own; nothing is offered, taken or made.

use ledger_queue_nats::{Look, Place, look};
use serde_json::Value;

use super::Report;
use crate::config::Config;

const CHECK: &str = "queue";

/// Looks at the server that the settings name; `ready` is what the process says that has the data directory.
pub async fn check(report: &mut Report, config: &Config, ready: Option<&Value>) {
    let place = match config.queue.place() {
        Ok(Some(place)) => place,
        Ok(None) => return report.ok(CHECK, "none is set (queue.url): workers take work from the log"),
        // The settings were read before, and so was this.
        Err(error) => return report.fail(CHECK, error.to_string(), "mend the settings of [queue]"),
    };
    let name = ready.and_then(|ready| ready["ledger"].as_str()).unwrap_or(&config.ledger.name);
    let name = Some(name).filter(|name| !name.is_empty());
    match look(&place, name).await {
        Ok(seen) => told(report, &place, &seen),
        Err(error) => report.fail(
            CHECK,
            format!("{error}; work waits in the ledger"),
            "check queue.url, and that the server runs with JetStream and takes connections from here",
        ),
    }
}

fn told(report: &mut Report, place: &Place, seen: &Look) {
    let pieces = match (seen.pieces, seen.named) {
        (Some(pieces), _) => format!("{pieces} pieces of work in it"),
        (None, true) => "no queue in it yet".to_owned(),
        (None, false) => "its queue is looked at where a process runs, or with ledger.name".to_owned(),
    };
    let found = format!("{}: NATS {}, {pieces}", place.shown(), seen.version);
    if place.in_clear() {
        let mend = "name it with tls:// in queue.url, and its certificates with queue.ca_file";
        return report.warn(CHECK, format!("{found}; what goes there is not encrypted"), mend);
    }
    if seen.stuck > 0 {
        let found = format!("{found}; {} were handed out too often and are not parked yet", seen.stuck);
        return report.warn(CHECK, found, "a worker parks them within seconds: look whether one runs");
    }
    report.ok(CHECK, found);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(url: &str, pieces: Option<u64>, stuck: u64) -> String {
        let (mut report, place) = (Report::default(), Place::new(url, None, "ledger").unwrap());
        told(&mut report, &place, &Look { version: "2.9.10".into(), named: true, pieces, stuck });
        report.text()
    }

    #[test]
    fn what_is_in_it_what_is_stuck_and_what_crosses_a_network_is_told() {
        assert!(said("nats://u:geheim@localhost", Some(3), 0).starts_with("ok"));
        assert!(said("nats://u:geheim@localhost", Some(3), 0).contains("NATS 2.9.10, 3 pieces"));
        assert!(said("nats://localhost", None, 0).contains("no queue in it yet"));
        assert!(said("nats://localhost", Some(1), 1).starts_with("warn"));
        assert!(said("nats://u:geheim@q", Some(1), 0).starts_with("warn"));
        assert!(!said("nats://u:geheim@q", Some(1), 0).contains("geheim"));
    }
}
