//! Digests of stored read models.

use futures_util::TryStreamExt;
use ledger::ids::TenantId;
use ledger::readmodel::{Digester, ProjectionDef, Schema, degrade};
use ledger_store::views::{TenantDigests, ViewError};
use tokio_postgres::types::ToSql;

use super::control::{self, snapshot};
use super::db::Db;
use super::ddl;
use super::link::{Link, view_error};
use super::writer::cells;

/// The digests of a tenant's read models, all from one state.
pub(crate) async fn digests(
    db: &Db,
    link: &Link,
    schema: &Schema,
    generation: i32,
    tenant: &TenantId,
) -> Result<TenantDigests, ViewError> {
    let number = db.tenant(link, tenant).await?;
    snapshot(link).await?;
    let log = match number {
        Some(number) => control::log(link, generation, number).await?,
        None => ledger::readmodel::LogState::default(),
    };
    let mut digests = Vec::new();
    for projection in schema.projections() {
        let mut digester = Digester::new(projection, tenant);
        digest(link, projection, generation, number, &mut digester).await?;
        digests.push(digester.finish());
    }
    degrade(&mut digests, tenant, &control::poisoned(link, generation, -1).await?);
    link.client.batch_execute("COMMIT").await.map_err(view_error)?;
    Ok(TenantDigests { log, digests })
}

/// Rows come one by one: a table may be larger than the memory.
async fn digest(
    link: &Link,
    projection: &ProjectionDef,
    generation: i32,
    tenant: Option<i32>,
    digester: &mut Digester,
) -> Result<(), ViewError> {
    for table in projection.tables {
        digester.table(table);
        let Some(tenant) = tenant else { continue };
        let sql = link.prepared(&ddl::select_all(generation, table)).await?;
        let values: [&(dyn ToSql + Sync); 1] = [&tenant];
        let rows = link.client.query_raw(&sql, values).await.map_err(view_error)?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(view_error)? {
            digester.row(&cells(&row, 0, table.columns.len())?);
        }
    }
    Ok(())
}
