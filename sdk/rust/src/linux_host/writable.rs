//! Files that everyone may write, and directories where everyone may replace the files of others.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::PathBuf;

use super::{Options, Plan};
use crate::report::{CheckReport, Severity, Tally};

/// The check's name, headline and controls.
pub const PLAN: Plan = Plan {
    check: "linux-host/world-writable",
    title: "Files and directories that everyone may write",
    controls: &[("starter", "host-3"), ("nist-800-53", "ac-6"), ("nist-800-53", "cm-6")],
};
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Runs the check.
pub fn check(options: &Options) -> CheckReport {
    let mut tally = Tally::default();
    let mut left = options.walk_entries_max;
    for start in &options.walk {
        let path = options.path(start);
        match fs::symlink_metadata(&path) {
            // A merged /usr has symbolic links for old roots; what they lead to is walked under its own name.
            Ok(meta) if meta.is_dir() => walk(options, path, meta.dev(), &mut left, &mut tally),
            _ => {}
        }
    }
    if left == 0 {
        tally.incomplete(format!("stopped after {} files and directories", options.walk_entries_max));
    }
    PLAN.report(tally)
}

/// Depth first, without following symbolic links and without leaving the file system that `start` is on.
fn walk(options: &Options, start: PathBuf, device: u64, left: &mut usize, tally: &mut Tally) {
    let mut waiting = vec![start];
    while let Some(path) = waiting.pop() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let shown = format!("/{}", path.strip_prefix(&options.root).unwrap_or(&path).display());
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            // Files come and go during a walk.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                tally.skip(shown, error);
                continue;
            }
        };
        let kind = meta.file_type();
        if kind.is_symlink()
            || kind.is_socket()
            || kind.is_fifo()
            || kind.is_char_device()
            || kind.is_block_device()
        {
            continue;
        }
        if meta.dev() != device {
            tally.skip(shown, "another file system is mounted here");
            continue;
        }
        tally.check();
        if kind.is_dir() {
            if meta.mode() & OTHERS_WRITE != 0 && meta.mode() & STICKY == 0 {
                tally.finding(
                    Severity::High,
                    shown.as_str(),
                    format!(
                        "a directory with mode {:04o}: everyone may delete and replace what is in it",
                        meta.mode() & 0o7777
                    ),
                    format!("chmod o-w {shown}, or chmod +t {shown} if everyone has to write there"),
                );
            }
            match fs::read_dir(&path) {
                Ok(entries) => waiting.extend(entries.flatten().map(|entry| entry.path())),
                Err(error) => tally.skip(shown, error),
            }
        } else if meta.mode() & OTHERS_WRITE != 0 {
            tally.finding(
                Severity::High,
                shown.as_str(),
                format!("a file with mode {:04o}: everyone may change it", meta.mode() & 0o7777),
                format!("chmod o-w {shown}"),
            );
        }
    }
}
