//! What everyone may do: rights of PUBLIC on schemas and tables, and default privileges that will give more.

use ledger_probe::report::{Severity, Tally};
use postgres::{Client, Error};

use super::Options;

/// `acldefault` stands for the rights that no grant has changed yet.
const SCHEMAS: &str = "SELECT n.nspname::text, bool_or(a.grantee = 0 AND a.privilege_type = 'CREATE') AS open
   FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  GROUP BY 1 ORDER BY 1";

const RELATIONS: &str = "SELECT format('%I.%I', n.nspname, c.relname) AS relation,
        string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) FILTER (WHERE a.grantee = 0) AS rights
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
        aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  GROUP BY 1 ORDER BY 1";

const DEFAULTS: &str = "SELECT r.rolname::text AS owner, coalesce(n.nspname::text, 'every schema') AS place,
        CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
             WHEN 'T' THEN 'types' ELSE 'schemas' END AS kind,
        string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS rights
   FROM pg_default_acl d JOIN pg_roles r ON r.oid = d.defaclrole
   LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
  WHERE a.grantee = 0
    AND NOT (d.defaclobjtype = 'f' AND a.privilege_type = 'EXECUTE')
    AND NOT (d.defaclobjtype = 'T' AND a.privilege_type = 'USAGE')
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

const COUNT_DEFAULTS: &str = "SELECT count(*) FROM pg_default_acl";

/// Runs the check.
pub fn check(client: &mut Client, _: &Options, tally: &mut Tally) -> Result<(), Error> {
    for row in client.query(SCHEMAS, &[])? {
        tally.check();
        let schema: String = row.get(0);
        if row.get(1) {
            tally.finding(
                Severity::Medium,
                format!("schema {schema}"),
                "everyone may create objects in it, and so put functions in the way of others",
                format!("REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"),
            );
        }
    }
    for row in client.query(RELATIONS, &[])? {
        tally.check();
        let (relation, rights): (String, Option<String>) = (row.get(0), row.get(1));
        if let Some(rights) = rights {
            let severity = if rights == "SELECT" { Severity::Medium } else { Severity::High };
            tally.finding(
                severity,
                format!("table {relation}"),
                format!("every role has {rights} on it"),
                format!("REVOKE ALL ON {relation} FROM PUBLIC, and grant to those who need it"),
            );
        }
    }
    let defaults: i64 = client.query_one(COUNT_DEFAULTS, &[])?.get(0);
    tally.check_many(usize::try_from(defaults).unwrap_or(0));
    for row in client.query(DEFAULTS, &[])? {
        let (owner, place, kind, rights): (String, String, String, String) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        tally.finding(
            Severity::High,
            format!("default privileges of {owner} in {place}"),
            format!("everyone will have {rights} on {kind} that {owner} makes"),
            format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} … REVOKE ALL ON {kind} FROM PUBLIC"),
        );
    }
    Ok(())
}
