//! `ledger serve`.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::router::{operations, router};
use crate::config::{Config, LogFormat, StoreUrl};
use crate::http::listen;
use crate::runtime::node::{Node, Role};

/// How to run it.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The data directory; made if it does not exist.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The address to serve on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Answer requests alone: the work is done by `ledger worker` on the same database.
    #[arg(long)]
    pub api_only: bool,
}

/// How to run a worker.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// The data directory of this process; made if it does not exist.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The address of /healthz, /readyz and /metrics; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// The ledger cannot be opened or the address not be bound.
pub fn run(config: Config, args: &ServeArgs) -> Result<ExitCode> {
    let role = if args.api_only { Role::Serve } else { Role::All };
    run_as(config, role, args.data.as_ref(), args.listen)
}

/// Works until SIGINT or SIGTERM.
///
/// # Errors
/// The ledger cannot be opened or the address not be bound.
pub fn work(config: Config, args: &WorkerArgs) -> Result<ExitCode> {
    run_as(config, Role::Work, args.data.as_ref(), Some(args.listen))
}

fn run_as(
    mut config: Config,
    role: Role,
    data: Option<&PathBuf>,
    listen: Option<SocketAddr>,
) -> Result<ExitCode> {
    if role != Role::All && config.store.url()? == StoreUrl::Embedded {
        bail!(
            "an embedded ledger has one process: name the database that several share with --store or store.url"
        );
    }
    if let Some(data) = data {
        config.data.dir.clone_from(data);
    }
    if let Some(listen) = listen {
        config.server.listen = listen;
    }
    init_log(&config);
    runtime()?.block_on(serve(config, role))
}

/// The async runtime: two threads are enough for the machines this is sized for, more are used where there are more.
///
/// # Errors
/// The system refuses threads.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the async runtime cannot start")
}

/// Log lines go to standard error; standard output is for answers.
pub fn init_log(config: &Config) {
    // What its client says of a queue server is said by the ledger in its own words; settings may ask for it all the same.
    let level = format!("async_nats=off,{}", config.log.level);
    let filter = tracing_subscriber::EnvFilter::new(level);
    let colours = std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match config.log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

async fn serve(config: Config, role: Role) -> Result<ExitCode> {
    let server = Server::start(config, role).await?;
    for warning in server.node.app.warnings() {
        tracing::warn!("{warning}");
    }
    // Whoever reads the announcement may stop the server at once.
    let signalled = signalled();
    server.announce();
    signalled.await;
    tracing::info!("stopping: requests in flight end first");
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for SIGINT or SIGTERM; from the call on, neither ends the process by itself.
pub fn signalled() -> impl Future<Output = ()> {
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        match (interrupt, terminate) {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            // Without handlers the signals end the process as they do by default.
            _ => std::future::pending().await,
        }
    }
}

/// A node that serves.
pub struct Server {
    /// The node.
    pub node: Node,
    /// Where it listens.
    pub address: SocketAddr,
    /// The key of the first start, if this was it.
    pub first_key: Option<String>,
    scheme: &'static str,
    stop: tokio::sync::watch::Sender<bool>,
    listeners: tokio::task::JoinSet<()>,
}

impl Server {
    /// Opens the ledger and serves it.
    ///
    /// # Errors
    /// The ledger cannot be opened or the address not be bound.
    pub async fn start(config: Config, role: Role) -> Result<Self> {
        let settings = config.server.clone();
        let plain = settings.tls_cert.as_os_str().is_empty();
        if plain && !settings.listen.ip().is_loopback() && !settings.allow_plain {
            bail!(
                "plain HTTP on {} would send keys in clear: give server.tls_cert and server.tls_key, or set server.allow_plain behind a proxy that ends TLS",
                settings.listen
            );
        }
        let tls = if plain { None } else { Some(listen::tls(&settings.tls_cert, &settings.tls_key)?) };
        let listener = TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("cannot listen on {}; choose another with --listen", settings.listen))?;
        let address = listener.local_addr()?;
        let node = Node::open(config, role).await?;
        let first_key = crate::runtime::first::prepare(&node.app).await?;
        let routes = if role == Role::Work { operations(&node.app) } else { router(&node.app) };
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut listeners = tokio::task::JoinSet::new();
        listeners.spawn(listen::serve(listener, tls, routes, stopped.clone()));
        let socket = crate::http::local::bind(&node.app.config.data.dir)?;
        listeners.spawn(crate::http::local::serve(socket, crate::api::local::router(&node.app), stopped));
        Ok(Self { node, address, first_key, scheme: if plain { "http" } else { "https" }, stop, listeners })
    }

    /// Where it can be reached.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    fn announce(&self) {
        let app = &self.node.app;
        println!("ledger {} {}", env!("CARGO_PKG_VERSION"), app.name);
        println!("  data       {}", app.config.data.dir.display());
        if !app.config.store.url.is_empty() {
            println!("  store      {}", app.config.store.shown());
            println!("  role       {}", app.role.as_str());
        }
        println!("  tenant     {}", app.first_tenant());
        if let Some(key) = &self.first_key {
            println!("  admin key  {key}");
            println!(
                "             shown once; kept in {}, readable by you alone",
                app.config.data.dir.join("admin.key").display()
            );
        }
        println!("  listening  {}", self.url());
    }

    /// Ends requests in flight, then the node.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.listeners.join_next().await.is_some() {}
        self.node.close().await;
    }
}
