//! The second process of a benchmark: this binary once more, on the same database, with a directory of its own.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio::task::JoinHandle;

use super::append::{Writing, streams, write};
use super::ground::Ground;
use super::place::{Place, Scratch};
use super::process::once_more;
use crate::cli::bench::BenchArgs;
use crate::config::Config;

/// The process, which waits to begin. It ends with its owner.
pub struct Second {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Second {
    /// Starts it beside the process whose directory is `first`, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start; it tells why on standard error.
    pub fn start(ground: &Ground, args: &BenchArgs, first: &Path) -> Result<Self> {
        let number = |name: &str, value: u64| [format!("--{name}"), value.to_string()];
        let mut child = once_more(ground)?
            .args(["bench", "append", "--beside"])
            .arg(first)
            .args(number("events", args.events))
            .args(number("streams", args.streams))
            .args(number("writers", args.writers as u64))
            .args(number("batch", args.batch as u64))
            .stdin(Stdio::piped())
            .spawn()
            .context("this program cannot be started again")?;
        let says = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut second = Self { child, says };
        second.said("ready")?;
        Ok(second)
    }

    /// Lets it begin; what is given back ends when it has.
    ///
    /// # Errors
    /// It has ended.
    pub fn go(mut self) -> Result<JoinHandle<Result<()>>> {
        writeln!(self.child.stdin.take().context("its input is piped")?, "go")?;
        Ok(tokio::task::spawn_blocking(move || self.said("done")))
    }

    fn said(&mut self, word: &str) -> Result<()> {
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        if line.trim_end() != word {
            bail!("the second process ended before it was {word}");
        }
        Ok(())
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        // What it wrote is committed or not: there is nothing to end in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The work of the second process: half of the events, over the other half of the streams.
///
/// # Errors
/// The store's.
pub fn run(config: &Config, args: &BenchArgs, first: &Path) -> Result<()> {
    crate::cli::serve::runtime()?.block_on(async {
        let ground = Ground::shared(config)?;
        let scratch = Scratch::new()?;
        let place = Arc::new(Place::beside(&ground, scratch.path(), first).await?);
        let (streams, how) = (streams(args.streams, 1, 2)?, Writing::of(args));
        write(&place, &streams, streams.len() as u64, how).await?;
        println!("ready");
        tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
        write(&place, &streams, args.events / 2, how).await?;
        println!("done");
        Ok(())
    })
}
