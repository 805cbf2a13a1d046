//! Access controls of a PostgreSQL server (12 and later), read-only, by any role that may connect.
//!
//! What a plain role may not see (passwords, HBA rules) is skipped and counted. Grant `pg_monitor` and, for the HBA
//! rules, `EXECUTE` on `pg_hba_file_rules()` and `SELECT` on its view, to see more without being a superuser.

use std::path::PathBuf;
use std::time::Duration;

use ::postgres::{Client, Config};
use ledger_probe::ControlRef;
use ledger_probe::report::{CheckReport, Tally};
use ledger_probe::runner::{CollectError, Collector, Planned};
use serde::Deserialize;
use serde_json::{Value, json};

mod connect;
mod grants;
mod hba;
mod roles;
mod rows;
mod settings;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// The options of a PostgreSQL probe.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// `postgresql://user@host:5432/database`; without a password, see `password_file`.
    pub url: String,
    /// A file that holds the password, so that it does not stand in the probe file.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Encrypt the connection and verify the server's certificate; by default for every host but this one.
    #[serde(default)]
    pub tls: Option<bool>,
    /// PEM file of the certificates to trust; the system's if absent.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Roles that may be superusers without an end date. The bootstrap superuser cannot be dropped.
    #[serde(default = "default_superusers")]
    pub allowed_superusers: Vec<String>,
    /// Tables that must restrict their rows, as `schema.table`.
    #[serde(default)]
    pub require_row_security: Vec<String>,
}

fn default_superusers() -> Vec<String> {
    vec!["postgres".to_owned()]
}

/// What a check is called, and which controls it bears on.
struct Plan {
    check: &'static str,
    title: &'static str,
    controls: &'static [(&'static str, &'static str)],
}

type Query = fn(&mut Client, &Options, &mut Tally) -> Result<(), ::postgres::Error>;

const CHECKS: [(Plan, Query); 7] = [
    (
        Plan {
            check: "postgres/roles",
            title: "Roles: superusers, special rights and end dates",
            controls: &[
                ("starter", "db-1"),
                ("nist-800-53", "ac-2"),
                ("nist-800-53", "ac-6"),
                ("nist-800-53", "ia-5"),
            ],
        },
        roles::attributes,
    ),
    (
        Plan {
            check: "postgres/memberships",
            title: "Memberships in roles that reach beyond the database",
            controls: &[("starter", "db-1"), ("nist-800-53", "ac-6")],
        },
        roles::memberships,
    ),
    (
        Plan {
            check: "postgres/grants",
            title: "Rights of everyone: schemas, tables and default privileges",
            controls: &[("starter", "db-1"), ("nist-800-53", "ac-3"), ("nist-800-53", "ac-6")],
        },
        grants::check,
    ),
    (
        Plan {
            check: "postgres/hba",
            title: "Who may connect from where, and how they prove who they are",
            controls: &[
                ("starter", "db-2"),
                ("nist-800-53", "ia-2"),
                ("nist-800-53", "ac-17"),
                ("nist-800-53", "sc-7"),
            ],
        },
        hba::check,
    ),
    (
        Plan {
            check: "postgres/logging",
            title: "What the server logs",
            controls: &[("starter", "db-3"), ("nist-800-53", "au-2"), ("nist-800-53", "au-12")],
        },
        settings::logging,
    ),
    (
        Plan {
            check: "postgres/transport",
            title: "Encryption of connections and storage of passwords",
            controls: &[("starter", "db-2"), ("nist-800-53", "sc-8"), ("nist-800-53", "ia-5")],
        },
        settings::transport,
    ),
    (
        Plan {
            check: "postgres/row-security",
            title: "Row security of tables",
            controls: &[("starter", "db-1"), ("nist-800-53", "ac-3")],
        },
        rows::check,
    ),
];

/// `postgres`: the checks of this module.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresCollector;

impl PostgresCollector {
    fn options(options: &Value) -> Result<Options, CollectError> {
        let wrong = |error: String| CollectError::Options(error);
        let options: Options =
            serde_json::from_value(options.clone()).map_err(|error| wrong(error.to_string()))?;
        // The URL may hold a password: its error says what is wrong, without the text.
        options.url.parse::<Config>().map_err(|error| wrong(format!("url: {error}")))?;
        Ok(options)
    }
}

impl Collector for PostgresCollector {
    fn what(&self) -> &'static str {
        "postgres"
    }

    fn template(&self) -> Value {
        json!({"url": "postgresql://auditor@db.example:5432/app", "password_file": "/etc/ledger-probe/postgres-password"})
    }

    fn plan(&self, options: &Value) -> Result<Vec<Planned>, CollectError> {
        Self::options(options)?;
        let control = |(framework, control): &(&str, &str)| ControlRef::new(*framework, *control);
        let planned = |(plan, _): &(Plan, _)| Planned {
            check: plan.check.to_owned(),
            title: plan.title.to_owned(),
            controls: plan.controls.iter().map(control).collect(),
        };
        Ok(CHECKS.iter().map(planned).collect())
    }

    fn collect(&self, options: &Value, timeout: Duration) -> Result<Vec<CheckReport>, CollectError> {
        let options = Self::options(options)?;
        let mut client = connect::connect(&options, timeout)?;
        CHECKS.iter().map(|(plan, query)| run(plan, *query, &mut client, &options)).collect()
    }
}

/// A query that the role may not make leaves the check inconclusive; a lost connection ends the run.
fn run(
    plan: &Plan,
    query: Query,
    client: &mut Client,
    options: &Options,
) -> Result<CheckReport, CollectError> {
    let mut tally = Tally::default();
    if let Err(error) = query(client, options, &mut tally) {
        if client.is_closed() {
            return Err(CollectError::Failed(format!("the server ended the connection: {error}")));
        }
        let why = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
        tally.skip("a query", &why);
        tally.incomplete(why);
    }
    Ok(tally.report(plan.check, plan.title, plan.controls))
}
