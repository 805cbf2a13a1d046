//! A stand-in to try things on: prints its connection string, and serves until its standard input ends.
//!
//! `cargo run -p ledger-fakes-eventstore --example serve [nodes]`

use ledger_fakes_eventstore::Cluster;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let nodes = std::env::args().nth(1).and_then(|nodes| nodes.parse().ok()).unwrap_or(1);
    let cluster = Cluster::start(nodes).await?;
    println!("{}", cluster.url());
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}
