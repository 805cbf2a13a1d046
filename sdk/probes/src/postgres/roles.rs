//! Roles: what they may do, until when, and what they may become.

use ledger_probe::report::{Severity, Tally};
use postgres::{Client, Error};

use super::Options;

const ROLES: &str =
    "SELECT rolname::text, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
        rolvaliduntil IS NULL OR rolvaliduntil = 'infinity' AS endless
   FROM pg_roles WHERE rolcanlogin AND rolname !~ '^pg_' ORDER BY rolname";
const PASSWORDS: &str = "SELECT rolname::text, rolpassword FROM pg_authid WHERE rolcanlogin AND rolpassword IS NOT NULL ORDER BY rolname";
const MAY_SEE_PASSWORDS: &str = "SELECT has_table_privilege('pg_authid', 'SELECT')";

/// Login roles: superusers, other special rights, end dates, how passwords are stored.
pub fn attributes(client: &mut Client, options: &Options, tally: &mut Tally) -> Result<(), Error> {
    let see_passwords: bool = client.query_one(MAY_SEE_PASSWORDS, &[])?.get(0);
    let mut with_password = Vec::new();
    if see_passwords {
        for row in client.query(PASSWORDS, &[])? {
            let (role, stored): (String, String) = (row.get(0), row.get(1));
            if !stored.starts_with("SCRAM-SHA-256$") {
                tally.finding(
                    Severity::High,
                    format!("role {role}"),
                    "its password is stored as MD5, which is guessed quickly and can be replayed",
                    format!("SET password_encryption = 'scram-sha-256' and set the password of {role} anew"),
                );
            }
            with_password.push(role);
        }
    } else {
        tally.skip("stored passwords", "this role may not read pg_authid");
    }
    for row in client.query(ROLES, &[])? {
        tally.check();
        let role: String = row.get("rolname");
        let object = format!("role {role}");
        let (superuser, endless): (bool, bool) = (row.get("rolsuper"), row.get("endless"));
        if superuser && !options.allowed_superusers.contains(&role) {
            let end = if endless { "without an end date" } else { "with an end date" };
            tally.finding(
                if endless { Severity::High } else { Severity::Medium },
                object.as_str(),
                format!("is a superuser {end}: no right and no row security holds for it"),
                format!("ALTER ROLE {role} NOSUPERUSER, and grant what it needs"),
            );
        }
        for (attribute, what) in [
            ("rolcreaterole", "CREATEROLE"),
            ("rolcreatedb", "CREATEDB"),
            ("rolreplication", "REPLICATION"),
            ("rolbypassrls", "BYPASSRLS"),
        ] {
            if !superuser && row.get::<_, bool>(attribute) {
                tally.finding(
                    if what == "CREATEDB" { Severity::Low } else { Severity::Medium },
                    object.as_str(),
                    format!("has {what}"),
                    format!("ALTER ROLE {role} NO{what}, unless it needs it"),
                );
            }
        }
        // Without the right to see who has a password, only what is known to log in by one is told.
        if endless && !superuser && with_password.contains(&role) {
            tally.finding(
                Severity::Low,
                object,
                "its password never expires",
                format!("ALTER ROLE {role} VALID UNTIL '<date>'"),
            );
        }
    }
    Ok(())
}

const MEMBERSHIPS: &str = "SELECT member.rolname::text AS member, granted.rolname::text AS granted,
        granted.rolsuper AS superuser, m.admin_option AS admin
   FROM pg_auth_members m
   JOIN pg_roles member ON member.oid = m.member
   JOIN pg_roles granted ON granted.oid = m.roleid
  WHERE member.rolname !~ '^pg_'
  ORDER BY 1, 2";

/// Predefined roles that reach the server's files, programs or all data (PostgreSQL manual, Predefined Roles).
const POWERFUL: [(&str, Severity, &str); 6] = [
    ("pg_execute_server_program", Severity::Critical, "may run programs on the server"),
    ("pg_write_server_files", Severity::Critical, "may write files of the server"),
    ("pg_read_server_files", Severity::High, "may read files of the server"),
    ("pg_write_all_data", Severity::High, "may change every table"),
    ("pg_read_all_data", Severity::Medium, "may read every table"),
    ("pg_signal_backend", Severity::Low, "may end the sessions of others"),
];

/// Who is a member of a superuser or of a powerful predefined role, and who may pass on superuser rights.
pub fn memberships(client: &mut Client, _: &Options, tally: &mut Tally) -> Result<(), Error> {
    // A server without memberships was looked at too.
    tally.check();
    for row in client.query(MEMBERSHIPS, &[])? {
        tally.check();
        let (member, granted): (String, String) = (row.get("member"), row.get("granted"));
        let object = format!("role {member}");
        let remediation = format!("REVOKE {granted} FROM {member}, unless it needs it");
        if row.get("superuser") {
            let detail = format!("is a member of the superuser {granted} and can become it by SET ROLE");
            tally.finding(Severity::High, object, detail, remediation);
        } else if let Some((_, severity, what)) = POWERFUL.iter().find(|(name, ..)| *name == granted) {
            tally.finding(*severity, object, format!("is a member of {granted}: it {what}"), remediation);
        } else if row.get("admin") {
            tally.finding(
                Severity::Low,
                object,
                format!("may grant {granted} to others (ADMIN OPTION)"),
                format!("REVOKE ADMIN OPTION FOR {granted} FROM {member}, unless it needs it"),
            );
        }
    }
    Ok(())
}
