//! `ledger copy`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use ledger_store::copy::{Moved, relocate};
use serde_json::json;

use super::carried::{Bars, print};
use super::serve::runtime;
use crate::config::Config;
use crate::runtime::keys::{make_dir, write_secret};
use crate::runtime::place::{Carried, Place, birth};

/// From where to where.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Where the ledger lives: sqlite:DIR or postgres://…
    #[arg(long, value_name = "STORE")]
    from: Place,
    /// Where it goes: an empty directory or database.
    #[arg(long, value_name = "STORE")]
    to: Place,
    /// The data directory of a process on the database, with its key file. Where the ledger goes to a database it is made,
    /// and `ledger serve --store … --data DIR` goes on there; without it you copy the key file yourself.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Moves a ledger. It can be cut off at any point and run again.
///
/// # Errors
/// What about the source or the target is in the way; nothing is served twice whatever happened.
pub fn run(config: &Config, args: CopyArgs) -> Result<ExitCode> {
    let (from, to) = (args.from.absolute()?, args.to.absolute()?);
    if from == to {
        bail!("the ledger is there already: --from and --to name the same store");
    }
    let node = |place: &Place| match place {
        Place::Directory(dir) => Some(config.in_dir(dir)),
        Place::Database(_) => args.data.as_ref().map(|dir| config.in_dir(dir)),
    };
    let (source, target) = (node(&from), node(&to));
    if let (None, Some(target)) = (&source, &target)
        && !target.kek_file().exists()
    {
        bail!("name the data directory of a process on the database with --data: it has the key file");
    }
    let moved = runtime()?.block_on(async {
        let opened = from.source(source.as_ref().unwrap_or(config)).await?;
        if let (Some(source), Some(target)) = (&source, &target) {
            take_along_key(source, target)?;
        }
        let birth = birth(&opened, &from.to_string()).await?;
        // A head file that is configured stands for the source until the end, and for the target from then on.
        let guarded = target.as_ref().filter(|_| config.data.head_file.as_os_str().is_empty());
        let arriving = to.target(guarded, config, birth).await?;
        let (bars, place) = (Bars::new(), to.to_string());
        let moved =
            relocate(&opened, &arriving, &place, &mut |step, done, of| bars.step(step, done, of)).await?;
        bars.clear();
        if let (Some(source), Some(target)) = (&source, &target) {
            take_along(source, target)?;
        }
        anyhow::Ok(moved)
    })?;
    told(&from, &to, moved, args.data.as_deref(), args.json);
    Ok(ExitCode::SUCCESS)
}

fn told(from: &Place, to: &Place, moved: Moved, data: Option<&Path>, as_json: bool) {
    let carried = match moved {
        Moved::Now(arrived) => Some(Carried::from(arrived)),
        Moved::Before => None,
    };
    if as_json {
        let when = if carried.is_some() { "now" } else { "before" };
        println!(
            "{}",
            json!({ "from": from.to_string(), "to": to.to_string(), "moved": when, "arrived": carried })
        );
        return;
    }
    match &carried {
        Some(carried) => {
            println!("the ledger lives in {to} now");
            print(carried);
        }
        None => println!("an earlier run has moved the ledger to {to}"),
    }
    println!("{from} is sealed: it can be read and verified, and is never written to again");
    match (to, data) {
        (Place::Directory(dir), _) => println!("go on with:  ledger serve --data {}", dir.display()),
        (Place::Database(_), Some(data)) => {
            println!("go on with:  ledger serve --store '{to}' --data {}", data.display())
        }
        (Place::Database(_), None) => println!(
            "go on with:  ledger serve --store '{to}' --data DIR, where DIR has the key file (kek) and the erasure list (erasures) of the ledger"
        ),
    }
}

/// The key file opens the ledger wherever it lives.
fn take_along_key(from: &Config, to: &Config) -> Result<()> {
    let (source, target) = (from.kek_file(), to.kek_file());
    if source == target {
        return Ok(());
    }
    let key = fs::read_to_string(&source).with_context(|| {
        format!("cannot read the key file {}; name the directory that has it with --data", source.display())
    })?;
    match fs::read_to_string(&target) {
        Ok(there) if there == key => Ok(()),
        Ok(_) => bail!("{} is the key file of another ledger; name another directory", target.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_dir(&to.data.dir)?;
            write_secret(&target, key.trim())
                .with_context(|| format!("cannot write the key file {}", target.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", target.display())),
    }
}

/// What else belongs to the ledger and lies beside it: whose data was erased, and packages of adapters.
fn take_along(from: &Config, to: &Config) -> Result<()> {
    let (source, target) = (from.erasure_list(), to.erasure_list());
    if source != target && source.exists() {
        fs::copy(&source, &target)
            .with_context(|| format!("cannot copy the erasure list to {}", target.display()))?;
    }
    let (source, target) = (super::adapters::packages_dir(from), super::adapters::packages_dir(to));
    if source != target && source.exists() {
        copy_tree(&source, &target)
            .with_context(|| format!("cannot copy the packages of adapters to {}", target.display()))?;
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
