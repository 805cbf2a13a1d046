//! Serves a fake on loopback until stdin ends, and prints where: for scripts, other clients and by hand.
//!
//! `cargo run -p ledger-fakes --example serve -- jira-cloud|jira-dc|servicenow`

use std::sync::Arc;

use ledger::clock::SystemClock;
use ledger_fakes::jira::{Deployment, Jira};
use ledger_fakes::servicenow::ServiceNow;
use ledger_fakes::{Fake, jira, serve, servicenow};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let clock = Arc::new(SystemClock);
    let site =
        |deployment| Jira::new(jira::Settings { deployment, ..jira::Settings::default() }, clock.clone());
    match std::env::args().nth(1).as_deref() {
        Some("jira-cloud") => until_stdin_ends(site(Deployment::Cloud)).await,
        Some("jira-dc") => until_stdin_ends(site(Deployment::DataCenter)).await,
        Some("servicenow") => until_stdin_ends(ServiceNow::new(servicenow::Settings::default(), clock)).await,
        _ => Err(std::io::Error::other("which fake? jira-cloud, jira-dc or servicenow")),
    }
}

async fn until_stdin_ends(fake: impl Fake) -> std::io::Result<()> {
    let server = serve(fake, 0).await?;
    println!("{}", server.url());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().lines().for_each(drop));
    ended.await.map_err(std::io::Error::other)
}
