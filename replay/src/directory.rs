//! An export as a directory: listing it without following links, reading with a bound, writing it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use ledger::bundle::BundleSink;

/// Directories below each other in an export: `tile/entries/x…` needs at most nine.
const DEPTH_MAX: usize = 16;

/// Why a file of an export cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The operating system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Larger than such a file can be.
    #[error("the file has more than {0} bytes, which it cannot have")]
    TooLarge(u64),
}

/// What stands in a directory.
#[derive(Debug, Default)]
pub struct Listing {
    /// Regular files, by their path with `/`.
    pub files: BTreeSet<String>,
    /// Everything that an export must not have: links, devices, names that are not UTF-8.
    pub foreign: Vec<(String, &'static str)>,
}

/// A directory that is read.
#[derive(Debug, Clone)]
pub struct Directory(PathBuf);

impl Directory {
    /// The directory at `path`.
    ///
    /// # Errors
    /// If it is not one.
    pub fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            Ok(Self(path.to_owned()))
        } else {
            Err(io::Error::from(io::ErrorKind::NotADirectory))
        }
    }

    /// Everything in it. Links are named, never followed.
    ///
    /// # Errors
    /// If a directory cannot be listed.
    pub fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        let mut open = vec![(self.0.clone(), String::new(), 0)];
        while let Some((directory, prefix, depth)) = open.pop() {
            for entry in fs::read_dir(&directory)? {
                let entry = entry?;
                let name = entry.file_name();
                let path = format!("{prefix}{}", name.to_string_lossy());
                let kind = entry.file_type()?;
                if name.to_str().is_none() {
                    listing.foreign.push((path, "the name is not UTF-8"));
                } else if kind.is_symlink() {
                    listing.foreign.push((path, "a link; an export has only regular files"));
                } else if kind.is_dir() && depth < DEPTH_MAX {
                    open.push((entry.path(), format!("{path}/"), depth + 1));
                } else if kind.is_file() {
                    listing.files.insert(path);
                } else {
                    listing.foreign.push((path, "neither a regular file nor a directory of an export"));
                }
            }
        }
        listing.foreign.sort();
        Ok(listing)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn file(&self, path: &str) -> io::Result<File> {
        File::open(self.0.join(path))
    }

    /// Reads a file into `bytes`, which is emptied first.
    ///
    /// # Errors
    /// [`DirectoryError`] if it cannot be read or has more than `max` bytes.
    pub fn read_into(&self, path: &str, max: u64, bytes: &mut Vec<u8>) -> Result<(), DirectoryError> {
        bytes.clear();
        let read = self.file(path)?.take(max + 1).read_to_end(bytes)?;
        if read as u64 > max { Err(DirectoryError::TooLarge(max)) } else { Ok(()) }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`DirectoryError`] if it cannot be read or has more than `max` bytes.
    pub fn read(&self, path: &str, max: u64) -> Result<Vec<u8>, DirectoryError> {
        let mut bytes = Vec::new();
        self.read_into(path, max, &mut bytes)?;
        Ok(bytes)
    }
}

/// Writes an export into a new directory. Files are made with their final names; the manifest comes last, so that an
/// export that was broken off has none.
#[derive(Debug)]
pub struct DirectorySink {
    root: PathBuf,
    open: Option<(String, BufWriter<File>)>,
}

impl DirectorySink {
    /// Makes the directory.
    ///
    /// # Errors
    /// If it is there already and not empty, or cannot be made.
    pub fn create(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        if fs::read_dir(root)?.next().is_some() {
            return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty));
        }
        Ok(Self { root: root.to_owned(), open: None })
    }

    /// Makes sure that the last file is whole on the disk.
    ///
    /// # Errors
    /// If it cannot be synced.
    pub fn close(mut self) -> io::Result<()> {
        self.finish_open()?;
        File::open(&self.root)?.sync_all()
    }

    fn finish_open(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some((_, file)) => file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data(),
            None => Ok(()),
        }
    }
}

impl BundleSink for DirectorySink {
    type Error = io::Error;

    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if let Some((open, file)) = &mut self.open
            && open == path
        {
            return file.write_all(bytes);
        }
        self.finish_open()?;
        let target = self.root.join(path);
        fs::create_dir_all(target.parent().unwrap_or(&self.root))?;
        let mut file = BufWriter::new(File::create_new(target)?);
        file.write_all(bytes)?;
        self.open = Some((path.to_owned(), file));
        Ok(())
    }
}
