//! The files of the read models, and how their connections are set up.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ledger_store::views::ViewError;
use rusqlite::{Connection, OpenFlags};

use super::view_error;

/// Names the file that counts.
const POINTER: &str = "views.current";
/// 8 KiB pages: fewer of them to walk through, and rows of 200 bytes still fill them well.
const PAGE_BYTES: u32 = 8192;
/// Page cache of the writer, in KiB. Grows only as pages are used.
const WRITER_CACHE_KIB: u32 = 64 << 10;
/// Page cache of one reader, in KiB.
const READER_CACHE_KIB: u32 = 8 << 10;
/// How long a writer waits for a checkpoint that another connection runs, in milliseconds.
const BUSY_MS: u32 = 5_000;

/// The directory of the read models.
#[derive(Debug, Clone)]
pub struct ViewFiles(PathBuf);

impl ViewFiles {
    /// In this directory, which is created if need be.
    pub fn new(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self(directory.to_owned()))
    }

    /// The file of a generation.
    pub fn path(&self, generation: u64) -> PathBuf {
        self.0.join(format!("views-{generation}.db"))
    }

    /// The generation that counts.
    pub fn current(&self) -> io::Result<Option<u64>> {
        match fs::read_to_string(self.0.join(POINTER)) {
            Ok(text) => Ok(number(text.trim())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a generation the one that counts: written beside, synced, renamed, directory synced.
    pub fn point_to(&self, generation: u64) -> io::Result<()> {
        let beside = self.0.join(format!("{POINTER}.new"));
        let mut file = File::create(&beside)?;
        file.write_all(format!("views-{generation}.db\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, self.0.join(POINTER))?;
        File::open(&self.0)?.sync_all()
    }

    /// The numbers of all generations that have a file.
    pub fn generations(&self) -> io::Result<Vec<u64>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            found.extend(name.to_str().and_then(number));
        }
        Ok(found)
    }

    /// Removes the files of a generation.
    pub fn remove(&self, generation: u64) -> io::Result<()> {
        let path = self.path(generation);
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes what was written to a generation's file durable.
    pub fn sync(&self, generation: u64) -> io::Result<()> {
        File::open(self.path(generation))?.sync_all()?;
        File::open(&self.0)?.sync_all()
    }
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix("views-")?.strip_suffix(".db")?.parse().ok()
}

/// A failure of the file system, as the contract says it.
pub fn file_error(error: io::Error) -> ViewError {
    match error.kind() {
        io::ErrorKind::StorageFull => ViewError::Full(error.to_string()),
        _ => ViewError::Unavailable(error.to_string()),
    }
}

/// A new file to be filled without journal: see [`super::bulk`].
pub fn create(path: &Path) -> Result<Connection, ViewError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(view_error)?;
    let setup = format!(
        "PRAGMA page_size={PAGE_BYTES}; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;
         PRAGMA cache_size=-{WRITER_CACHE_KIB}; PRAGMA temp_store=FILE; PRAGMA threads=2;"
    );
    connection.execute_batch(&setup).map_err(view_error)?;
    Ok(connection)
}

/// A connection that writes a generation that is followed.
pub fn open_writer(path: &Path) -> Result<Connection, ViewError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(view_error)?;
    let setup = format!(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-{WRITER_CACHE_KIB};
         PRAGMA busy_timeout={BUSY_MS};"
    );
    connection.execute_batch(&setup).map_err(view_error)?;
    Ok(connection)
}

/// A connection that reads a generation.
pub fn open_reader(path: &Path) -> Result<Connection, ViewError> {
    // Read-write, because a reader of a WAL may have to rebuild its index; `query_only` refuses everything else.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(view_error)?;
    let setup = format!(
        "PRAGMA query_only=ON; PRAGMA cache_size=-{READER_CACHE_KIB}; PRAGMA busy_timeout={BUSY_MS};"
    );
    connection.execute_batch(&setup).map_err(view_error)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
