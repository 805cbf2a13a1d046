//! Tampering with a copy of a bundle, to show that it is noticed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Copies a bundle.
///
/// # Errors
/// The file system's.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Changes one bit in the middle of the first bundle of entries; which file, and at which byte.
///
/// # Errors
/// There are no entries.
pub fn flip_a_bit(bundle: &Path) -> Result<(PathBuf, usize)> {
    let dir = bundle.join("tile/entries");
    let first = first_file(&dir)?.context("the bundle has no entries")?;
    let mut bytes = fs::read(&first)?;
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&first, bytes)?;
    Ok((first.strip_prefix(bundle)?.to_owned(), at))
}

fn first_file(dir: &Path) -> Result<Option<PathBuf>> {
    let mut entries = fs::read_dir(dir)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let found = if path.is_dir() { first_file(&path)? } else { Some(path) };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
