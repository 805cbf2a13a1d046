//! Row security: policies that have no effect, and tables that should have some.

use ledger_probe::report::{Severity, Tally};
use postgres::{Client, Error};

use super::Options;

const TABLES: &str = "SELECT format('%I.%I', n.nspname, c.relname) AS shown, n.nspname || '.' || c.relname AS name,
        c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
        (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies, r.rolcanlogin AS owner_logs_in,
        r.rolname::text AS owner
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
  WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  ORDER BY 1";

/// Runs the check.
pub fn check(client: &mut Client, options: &Options, tally: &mut Tally) -> Result<(), Error> {
    let mut required: Vec<&str> = options.require_row_security.iter().map(String::as_str).collect();
    for row in client.query(TABLES, &[])? {
        tally.check();
        let (table, name): (String, String) = (row.get("shown"), row.get("name"));
        let (enabled, forced, policies): (bool, bool, i64) =
            (row.get("enabled"), row.get("forced"), row.get("policies"));
        let must =
            required.iter().position(|wanted| *wanted == name).map(|at| required.swap_remove(at)).is_some();
        let object = format!("table {table}");
        if !enabled && policies > 0 {
            tally.finding(
                Severity::High,
                object.as_str(),
                format!("has {policies} policies that have no effect: row security is off"),
                format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            );
        } else if !enabled && must {
            tally.finding(
                Severity::High,
                object.as_str(),
                "must restrict its rows, and does not",
                format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, and create its policies"),
            );
        }
        if enabled && !forced && row.get::<_, bool>("owner_logs_in") {
            let owner: String = row.get("owner");
            tally.finding(
                Severity::Low,
                object,
                format!("its policies do not hold for its owner {owner}, who can log in"),
                format!(
                    "ALTER TABLE {table} FORCE ROW LEVEL SECURITY, or give it to a role that cannot log in"
                ),
            );
        }
    }
    for missing in required {
        tally.skip(format!("table {missing}"), "it is not in this database");
    }
    Ok(())
}
