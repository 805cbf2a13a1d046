//! A database that several processes share, over one read connection.

use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger_projections::LedgerModels;
use ledger_store_postgres::{Contents, HeadOptions, Look, OpenError, look};
use serde_json::Value;

use super::embedded::HEAD_FILE;
use super::processes::{self, lag};
use super::{Report, clock, files};
use crate::config::{Config, ReadModelsPlace};
use crate::runtime::backend::postgres_options;
use crate::runtime::keys::{Kek, head_key};

const STORE: &str = "store";
const RIGHTS: &str = "rights";

/// Each commit is a few round trips: a database that is farther away is a slow ledger.
const ROUND_TRIP_WARN: Duration = Duration::from_millis(10);
/// Heads are written when a fraction of this is behind.
const HEADS_BEHIND_WARN: u64 = 300_000;
/// A duty whose holder was killed is taken over in this time.
const TAKE_OVER: Duration = Duration::from_secs(7);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Of the server's connections so many percent may be in use.
const CONNECTIONS_PERCENT_WARN: u64 = 80;

/// Looks at the database of `url`; `ready` is what the process says that has the data directory.
pub async fn check(
    report: &mut Report,
    config: &Config,
    url: &str,
    kek: Option<&Kek>,
    ready: Option<&Value>,
) {
    let shared_views = config.store.read_models == ReadModelsPlace::Shared;
    let witnesses = !config.witness.policy.as_os_str().is_empty();
    let wanted = processes::wanted(shared_views, witnesses, !config.queue.url.is_empty());
    let seen = match seen(config, url, kek, &wanted).await {
        Ok(seen) => seen,
        Err(error) => {
            let mend =
                "check store.url, that the server runs and takes connections from here, and its pg_hba.conf";
            return report.fail(STORE, format!("{}: {error:#}", config.store.shown()), mend);
        }
    };
    server(report, config, &seen);
    connection(report, &seen);
    let own = clock::now();
    let contents = seen.contents.as_ref();
    clock::check(
        report,
        own,
        contents.and_then(|contents| contents.newest.as_deref()),
        Some(seen.server_micros),
    );
    let Some(contents) = contents else { return };
    rights(report, &seen, contents, shared_views);
    if let Some(kek) = kek {
        files::key_fits(report, config, kek, contents.secret.as_deref());
    }
    head(report, config, kek.is_some(), contents);
    processes::check(report, &wanted, &contents.leases);
    match ready {
        _ if shared_views => processes::folded(report, contents.folded, contents.position, &contents.leases),
        Some(ready) => lag(report, ready),
        None => report.ok(processes::READ_MODELS, "each process keeps its own (store.read_models)"),
    }
}

/// Looks, and again while a duty may just be changing hands.
async fn seen(config: &Config, url: &str, kek: Option<&Kek>, wanted: &[String]) -> anyhow::Result<Look> {
    let mut options = postgres_options(config, url)?;
    options.head = kek
        .filter(|_| config.head_file().exists())
        .map(|kek| HeadOptions { path: config.head_file(), key: head_key(kek) });
    let watch = Stopwatch::start();
    loop {
        let seen = look(&options, LedgerModels::schema()).await?;
        let leases = seen.contents.as_ref().map(|contents| &contents.leases[..]).unwrap_or_default();
        let moving = !leases.is_empty() && !processes::undone(wanted, leases).is_empty();
        if !moving || watch.elapsed() > TAKE_OVER {
            return Ok(seen);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn server(report: &mut Report, config: &Config, seen: &Look) {
    let place = config.store.shown();
    let found = format!("{place}: PostgreSQL {}, {}", seen.version, seen.encoding);
    match &seen.refused {
        Some(error @ OpenError::Setting { setting: "transaction_read_only", .. }) => {
            let mend = "connect to the primary: this is a standby, or a role that may only read";
            return report.fail(STORE, format!("{found}: {error}"), mend);
        }
        Some(error) => {
            return report.fail(
                STORE,
                format!("{found}: {error}"),
                "mend the server's settings, or use another",
            );
        }
        None => {}
    }
    match (&seen.pending[..], &seen.contents) {
        ([], Some(contents)) if contents.heads_behind > HEADS_BEHIND_WARN => report.warn(
            STORE,
            format!("{found}, the heads of streams are {} events behind", contents.heads_behind),
            "a process that commits writes them behind the log: see in the server's log what keeps it from that",
        ),
        ([], Some(contents)) => {
            let size = format!("{} events in {} logs, no migration to do", contents.position, contents.logs);
            report.ok(STORE, format!("{found}, {size}"));
        }
        (pending, _) => report.warn(
            STORE,
            format!("{found}, to do: {}", pending.join(", ")),
            "`ledger migrate` with the role that owns the schema, or the next start of a process that may",
        ),
    }
}

fn connection(report: &mut Report, seen: &Look) {
    const CHECK: &str = "connection";
    let how = if seen.encrypted { "TLS, certificate checked" } else { "not encrypted" };
    let (own, all, most) = seen.connections;
    let standbys = match seen.synchronous_standbys.as_str() {
        "" => "no standby is waited for".to_owned(),
        names => format!("commits wait for standby {names}"),
    };
    let round_trip = seen.round_trip.as_secs_f64() * 1e3;
    let found = format!(
        "{how}, round trip {round_trip:.1} ms, {own} of {most} connections are this program's; {standbys}"
    );
    if !seen.encrypted && seen.remote {
        let mend = "take sslmode=disable out of store.url, and name the certificates with store.ca_file";
        return report.fail(
            CHECK,
            format!("{found}: whoever is between reads and changes what is sent"),
            mend,
        );
    }
    if all * 100 > most * CONNECTIONS_PERCENT_WARN {
        let mend = "raise max_connections of the server, or run fewer processes";
        return report.warn(CHECK, format!("{found}; {all} are in use by all"), mend);
    }
    if seen.round_trip > ROUND_TRIP_WARN {
        let mend = "put the processes near the database: each commit is several round trips";
        return report.warn(CHECK, found, mend);
    }
    report.ok(CHECK, found);
}

fn rights(report: &mut Report, seen: &Look, contents: &Contents, shared_views: bool) {
    let role = &seen.role;
    let guide = "the guide to operations has the statements that grant them";
    if !contents.rights_missing.is_empty() {
        let missing: Vec<String> =
            contents.rights_missing.iter().map(|(table, right)| format!("{right} on {table}")).collect();
        return report.fail(RIGHTS, format!("{role} lacks {}", missing.join(", ")), guide);
    }
    if shared_views && !seen.may_create {
        let found = format!("{role} may not make tables, and read models are tables");
        return report.fail(
            RIGHTS,
            found,
            "GRANT CREATE on the schema, or set store.read_models = \"local\"",
        );
    }
    if seen.superuser {
        let found =
            format!("{role} is a superuser: nothing keeps it from switching the guards of events off");
        return report.warn(RIGHTS, found, guide);
    }
    if !contents.may_vacuum {
        let found = format!(
            "{role} may not vacuum: what an erasure destroys stays in the pages until autovacuum comes by"
        );
        return report.warn(
            RIGHTS,
            found,
            "make the role a member of the tables' owner, or vacuum after erasures",
        );
    }
    report.ok(RIGHTS, format!("{role} may do what a process needs"));
}

fn head(report: &mut Report, config: &Config, with_key: bool, contents: &Contents) {
    let at = config.head_file().display().to_string();
    match &contents.head {
        Some(Ok(())) => report.ok(HEAD_FILE, format!("the database has everything that {at} names")),
        Some(Err(error)) => {
            report.fail(HEAD_FILE, error.to_string(), "nothing is signed until the newest database is back")
        }
        // Without the key it cannot be read, and that was told.
        None if !with_key => {}
        None => report.ok(HEAD_FILE, format!("none at {at}: this process has acknowledged nothing yet")),
    }
}
