//! Leases as rows, timed by the server's clock alone.

use std::time::Duration;

use async_trait::async_trait;
use ledger_store::StoreError;
use ledger_store::leases::{Lease, Leases};

use crate::error::PgError;
use crate::rows::{signed, unsigned};
use crate::store::{PostgresStore, asked};

// In the order of names, so that two processes that want the same ones do not wait for each other in a ring.
const HOLD: &str = "
    INSERT INTO leases AS l (name, holder, epoch, until)
    SELECT w.name, $2, 1, clock_timestamp() + make_interval(secs => $3)
    FROM unnest($1::text[]) AS w (name) ORDER BY w.name
    ON CONFLICT (name) DO UPDATE SET
        holder = excluded.holder,
        epoch = l.epoch + CASE WHEN l.holder = excluded.holder AND l.until >= clock_timestamp() THEN 0 ELSE 1 END,
        until = excluded.until
    WHERE l.holder = excluded.holder OR l.until < clock_timestamp()
    RETURNING name, epoch";
const RELEASE: &str = "UPDATE leases SET until = '-infinity' WHERE name = ANY($1) AND holder = $2";
const ALL: &str = "SELECT name, holder, epoch FROM leases WHERE until >= clock_timestamp() ORDER BY name";
const PLACE: &str = "SELECT place FROM leases WHERE name = $1";
const KEEP: &str = "UPDATE leases SET place = $3 WHERE name = $1 AND epoch = $2";

#[async_trait]
impl Leases for PostgresStore {
    async fn hold(
        &self,
        names: &[String],
        holder: &str,
        ttl: Duration,
    ) -> Result<Vec<Option<u64>>, StoreError> {
        let client = self.client().await?;
        let rows =
            asked(client.query(HOLD, &[&names, &holder, &ttl.as_secs_f64()]).await.map_err(PgError::from))?;
        let mut epochs = vec![None; names.len()];
        for row in rows {
            let (name, epoch): (&str, i64) = (row.get(0), row.get(1));
            let epoch = asked(unsigned(epoch))?;
            for (_, slot) in names.iter().zip(&mut epochs).filter(|(wanted, _)| *wanted == name) {
                *slot = Some(epoch);
            }
        }
        Ok(epochs)
    }

    async fn release(&self, names: &[String], holder: &str) -> Result<(), StoreError> {
        let client = self.client().await?;
        asked(client.execute(RELEASE, &[&names, &holder]).await.map_err(PgError::from)).map(drop)
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        let client = self.client().await?;
        let rows = asked(client.query(ALL, &[]).await.map_err(PgError::from))?;
        rows.iter()
            .map(|row| {
                let epoch = asked(unsigned(row.get(2)))?;
                Ok(Lease { name: row.get(0), holder: row.get(1), epoch })
            })
            .collect()
    }

    async fn place(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let client = self.client().await?;
        let row = asked(client.query_opt(PLACE, &[&name]).await.map_err(PgError::from))?;
        Ok(row.map(|row| row.get(0)).unwrap_or_default())
    }

    async fn keep_place(&self, name: &str, epoch: u64, place: &[u8]) -> Result<bool, StoreError> {
        let client = self.client().await?;
        let kept = client.execute(KEEP, &[&name, &signed(epoch), &place]).await.map_err(PgError::from);
        Ok(asked(kept)? == 1)
    }
}
