//! Digests of stored read models.

use ledger::ids::TenantId;
use ledger::readmodel::{Digester, ProjectionDef, Schema, degrade};
use ledger_store::views::{TenantDigests, ViewError};
use rusqlite::{Connection, params_from_iter};

use super::codec::Decoder;
use super::dictionary::Texts;
use super::writer::{read_log, read_poisoned};
use super::{ddl, view_error};

/// The digests of a tenant's read models, from the state that the connection reads.
pub fn digests(
    connection: &Connection,
    schema: &Schema,
    tenant: &TenantId,
    tenants: &Texts,
    symbols: &Texts,
) -> Result<TenantDigests, ViewError> {
    let number = tenants.number(tenant.as_str());
    let log = number.map(|number| read_log(connection, number)).transpose().map_err(view_error)?;
    let mut digests = Vec::new();
    for projection in schema.projections() {
        let mut digester = Digester::new(projection, tenant);
        digest_projection(connection, projection, number, symbols, &mut digester)?;
        digests.push(digester.finish());
    }
    degrade(&mut digests, tenant, &read_poisoned(connection).map_err(view_error)?);
    Ok(TenantDigests { log: log.unwrap_or_default(), digests })
}

fn digest_projection(
    connection: &Connection,
    projection: &ProjectionDef,
    tenant: Option<i64>,
    symbols: &Texts,
    digester: &mut Digester,
) -> Result<(), ViewError> {
    for table in projection.tables {
        digester.table(table);
        let Some(tenant) = tenant else { continue };
        let (condition, values) = ddl::of_tenant(table, tenant);
        let (columns, name, order) = (ddl::columns(table), ddl::table_name(table), ddl::key_order(table));
        let sql = format!("SELECT {columns} FROM {name} WHERE {condition} ORDER BY {order}");
        let mut statement = connection.prepare(&sql).map_err(view_error)?;
        let decoder = Decoder::new(table, symbols, 0);
        let mut rows = statement.query(params_from_iter(values)).map_err(view_error)?;
        while let Some(row) = rows.next().map_err(view_error)? {
            digester.row(&decoder.cells(row)?);
        }
    }
    Ok(())
}
