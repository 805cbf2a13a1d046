//! One process a data directory: an advisory lock that dies with its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::OpenError;

/// Held as long as the store is open. The file stays: removing it would let two processes lock two files.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock of a data directory, whose lock file is at `path`.
    ///
    /// # Errors
    /// [`OpenError::Locked`] names the process that has it.
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        let io = |error: std::io::Error| OpenError::Io {
            path: path.to_owned(),
            reason: format!("{error}; the data directory must be writable"),
        };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // A holder that has not written its number yet is named 0.
                let read = file.read_to_string(&mut text);
                let pid = read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0);
                let path = path.parent().unwrap_or(path).to_owned();
                return Err(OpenError::Locked { path, pid });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        write!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_has_it_and_the_lock_dies_with_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.lock");
        let held = DirectoryLock::take(&path).unwrap();
        let refused = DirectoryLock::take(&path).unwrap_err();
        assert_eq!(refused, OpenError::Locked { path: dir.path().to_owned(), pid: std::process::id() });
        drop(held);
        DirectoryLock::take(&path).unwrap();
    }
}
