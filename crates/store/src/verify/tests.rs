use std::sync::Arc;

use async_trait::async_trait;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::tile::TileId;
use tokio::sync::watch;

use super::verify_events;
use crate::conformance::Sealer;
use crate::{
    Append, CommandReceipt, EventStore, LogHead, MemoryStore, Page, Read, SideStore, StoreError, StreamHead,
    Verdict,
};

/// How a store lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    Nothing,
    Header,
    Signature,
    Gap,
    Order,
    Root,
    Tile,
    Head,
}

struct Lying {
    store: Arc<MemoryStore>,
    lie: Lie,
}

#[async_trait]
impl EventStore for Lying {
    async fn append(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        self.store.append(appends).await
    }

    async fn read(&self, query: Read) -> Result<Page, StoreError> {
        let mut page = self.store.read(query).await?;
        let place = page.events.iter().position(|event| event.index == 7);
        if let Some(place) = place {
            match self.lie {
                Lie::Header => {
                    let mut header = page.events[place].header.to_vec();
                    let end = header.len() - 3;
                    header[end] ^= 1;
                    page.events[place].header = header.into();
                }
                Lie::Signature => page.events[place].signature[5] ^= 1,
                Lie::Gap => drop(page.events.remove(place)),
                Lie::Order => {
                    let (a, b) = (page.events[place].clone(), page.events[place + 1].clone());
                    page.events[place] =
                        crate::StoredEvent { position: a.position, index: a.index, ..b.clone() };
                    page.events[place + 1] = crate::StoredEvent { position: b.position, index: b.index, ..a };
                }
                _ => {}
            }
        }
        Ok(page)
    }

    async fn log_head(&self, tenant: &TenantId) -> Result<Option<LogHead>, StoreError> {
        let head = self.store.log_head(tenant).await?;
        Ok(head.map(|mut head| {
            head.root[0] ^= u8::from(self.lie == Lie::Root);
            head
        }))
    }

    async fn stream_head(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
    ) -> Result<Option<StreamHead>, StoreError> {
        let head = self.store.stream_head(tenant, stream).await?;
        Ok(head.filter(|_| self.lie != Lie::Head || stream.as_str() != "s-1"))
    }

    async fn tile(&self, tenant: &TenantId, tile: &TileId) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self.store.tile(tenant, tile).await?;
        Ok(bytes.map(|mut bytes| {
            bytes[8] ^= u8::from(self.lie == Lie::Tile);
            bytes
        }))
    }

    async fn command(
        &self,
        tenant: &TenantId,
        command: &CommandId,
    ) -> Result<Option<CommandReceipt>, StoreError> {
        self.store.command(tenant, command).await
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.store.subscribe()
    }
}

#[tokio::test]
async fn what_holds_is_accepted_and_each_lie_is_named() {
    let store = Arc::new(MemoryStore::default());
    let mut sealer = Sealer::new("a", 1);
    store.put_log(sealer.log(Some(1))).await.unwrap();
    store.append(vec![sealer.genesis()]).await.unwrap();
    for number in 0..300 {
        store.append(vec![sealer.append(&format!("s-{}", number % 3), 1)]).await.unwrap();
    }
    for (lie, told) in [
        (Lie::Nothing, ""),
        (Lie::Header, "index 7"),
        (Lie::Signature, "index 7"),
        (Lie::Gap, "positions 8 to 8 are missing"),
        (Lie::Order, "the root of its head"),
        (Lie::Root, "the root of its head"),
        (Lie::Tile, "not that of its entries"),
        (Lie::Head, "the head of stream s-1"),
    ] {
        let lying = Lying { store: Arc::clone(&store), lie };
        let report = verify_events(&lying, &*store, |_, _| {}).await.unwrap();
        let words: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
        assert_eq!(report.holds(), lie == Lie::Nothing, "{lie:?}: {words:?}");
        assert!(lie == Lie::Nothing || words.iter().any(|words| words.contains(told)), "{lie:?}: {words:?}");
        assert!(report.events >= 300);
    }
}
