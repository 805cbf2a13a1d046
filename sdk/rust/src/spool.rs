//! The probe's outbox on disk: evidence waits here, in order, until the ledger has given a receipt for it.
//!
//! What [`Spool::append`] has accepted survives a crash: it is written and synced before it returns.
//! A record leaves only by [`Spool::done`]. Bytes that are no record are moved to `damaged/` and counted.
//! The spool has a bound and never drops: when it is full, it says so.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub mod disk;
mod record;
mod segment;

use disk::{Append, Disk};
use segment::Segment;

/// A segment is closed beyond this size; it is deleted as a whole, so small ones give space back early.
pub const SEGMENT_BYTES: u64 = 4 << 20;
/// The smallest bound: a few pieces of evidence of the largest size.
pub const SPOOL_BYTES_MIN: u64 = 2 << 20;

/// Why the spool cannot do what is asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process has it.
    #[error("{dir} is in use by another process: one process at a time may send from a spool")]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The bound is reached.
    #[error("the spool is full: {bytes} of {limit} bytes wait for the ledger")]
    Full {
        /// What it holds.
        bytes: u64,
        /// Its bound.
        limit: u64,
    },
    /// The file system refuses.
    #[error("the spool cannot {action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The refusal.
        error: io::Error,
    },
}

/// Names a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    segment: u64,
    number: u32,
}

/// A record that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub key: Key,
    /// Its bytes, as they were appended.
    pub payload: Vec<u8>,
}

/// How full the spool is, and what became unreadable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Records that wait.
    pub events: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// The bound in bytes.
    pub limit: u64,
    /// Bytes of writes that a crash cut off before they were accepted.
    pub torn_bytes: u64,
    /// Bytes that the disk damaged; they are kept in `damaged/`.
    pub damaged_bytes: u64,
}

struct Writer {
    segment: u64,
    file: Box<dyn Append>,
}

/// The outbox. One process has it at a time.
pub struct Spool {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    limit: u64,
    segments: BTreeMap<u64, Segment>,
    next: u64,
    writer: Option<Writer>,
    torn_bytes: u64,
    damaged_bytes: u64,
    _lock: File,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("dir", &self.dir).field("depth", &self.depth()).finish_non_exhaustive()
    }
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> SpoolError + 'a {
    move |error| SpoolError::Io { action, path: path.to_owned(), error }
}

impl Spool {
    /// Opens the spool in `dir`, creating it if needed, and reads back what waits there.
    ///
    /// # Errors
    /// [`SpoolError::Locked`], or the file system's refusal.
    pub fn open(dir: &Path, limit: u64, disk: Arc<dyn Disk>) -> Result<Self, SpoolError> {
        fs::create_dir_all(dir).map_err(failed("create", dir))?;
        let lock_path = dir.join("lock");
        let lock = File::create(&lock_path).map_err(failed("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(SpoolError::Locked { dir: dir.to_owned() }),
            Err(fs::TryLockError::Error(error)) => return Err(failed("lock", &lock_path)(error)),
        }
        let mut spool = Self {
            dir: dir.to_owned(),
            disk,
            limit: limit.max(SPOOL_BYTES_MIN),
            segments: BTreeMap::new(),
            next: 1,
            writer: None,
            torn_bytes: 0,
            damaged_bytes: 0,
            _lock: lock,
        };
        spool.recover()?;
        Ok(spool)
    }

    fn recover(&mut self) -> Result<(), SpoolError> {
        let names = |extension: &'static str| {
            let found = fs::read_dir(&self.dir).map_err(failed("list", &self.dir))?;
            let mut numbers = Vec::new();
            for entry in found {
                let path = entry.map_err(failed("list", &self.dir))?.path();
                let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                if path.extension().is_some_and(|e| e == extension) {
                    numbers.extend(u64::from_str_radix(stem, 16));
                }
            }
            Ok::<_, SpoolError>(numbers)
        };
        let (segments, acks) = (names("seg")?, names("ack")?);
        for number in segments {
            let path = self.segment_path(number);
            let loaded = Segment::load(path.clone(), &self.damaged_dir());
            let (segment, unreadable) = loaded.map_err(failed("read", &path))?;
            for part in unreadable {
                *(if part.torn { &mut self.torn_bytes } else { &mut self.damaged_bytes }) += part.bytes;
            }
            self.segments.insert(number, segment);
            self.next = self.next.max(number + 1);
            self.drop_if_done(number)?;
        }
        for orphan in acks.into_iter().filter(|number| !self.segments.contains_key(number)) {
            let path = self.segment_path(orphan).with_extension("ack");
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("delete", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn segment_path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:016x}.seg"))
    }

    fn damaged_dir(&self) -> PathBuf {
        self.dir.join("damaged")
    }

    /// Appends payloads, all or none; durable when it returns.
    ///
    /// # Errors
    /// [`SpoolError::Full`] at the bound. [`SpoolError::Io`] if the disk refuses: the file is cut back, so that only a
    /// crash of the machine right then can leave a record that was refused.
    pub fn append(&mut self, payloads: &[Vec<u8>]) -> Result<(), SpoolError> {
        let bytes: Vec<u8> = payloads.iter().flat_map(|payload| record::encode(payload)).collect();
        let size = bytes.len() as u64;
        let held = self.bytes();
        if held + size > self.limit {
            return Err(SpoolError::Full { bytes: held, limit: self.limit });
        }
        let mut writer = self.take_writer(size)?;
        let number = writer.segment;
        let start = self.segments.get(&number).map_or(0, |segment| segment.bytes);
        if let Err(error) = writer.file.append(&bytes).and_then(|()| writer.file.sync()) {
            // After a failed sync the kernel may have dropped the pages: this file is not appended to again.
            let cut = writer.file.cut(start);
            self.drop_if_done(number)?;
            let action = if cut.is_ok() { "write" } else { "write, or take back," };
            return Err(failed(action, &self.segment_path(number))(error));
        }
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.appended(payloads.iter().map(Vec::len));
        }
        self.writer = Some(writer);
        Ok(())
    }

    fn take_writer(&mut self, size: u64) -> Result<Writer, SpoolError> {
        if let Some(writer) = self.writer.take() {
            let used = self.segments.get(&writer.segment).map_or(0, |segment| segment.bytes);
            if used == 0 || used + size <= SEGMENT_BYTES {
                return Ok(writer);
            }
        }
        let number = self.next;
        let path = self.segment_path(number);
        let file = self.disk.create(&path).map_err(failed("create", &path))?;
        self.next += 1;
        self.segments.insert(number, Segment::new(path));
        Ok(Writer { segment: number, file })
    }

    /// The oldest records that wait, at most `events_max` and, after the first, `bytes_max`.
    ///
    /// # Errors
    /// The file system's.
    pub fn oldest(&mut self, events_max: usize, bytes_max: usize) -> Result<Vec<Item>, SpoolError> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        let numbers: Vec<u64> = self.segments.keys().copied().collect();
        'segments: for number in numbers {
            let Some(segment) = self.segments.get_mut(&number) else { continue };
            let mut wanted = Vec::new();
            let mut more = true;
            for (record, size) in segment.open() {
                bytes += size;
                more = items.len() + wanted.len() < events_max
                    && (bytes <= bytes_max || items.len() + wanted.len() == 0);
                if !more {
                    break;
                }
                wanted.push(record);
            }
            let path = self.dir.join(format!("{number:016x}.seg"));
            let read = segment.read(&wanted).map_err(failed("read", &path))?;
            for (record, payload) in wanted.into_iter().zip(read) {
                match payload {
                    Some(payload) => {
                        items.push(Item { key: Key { segment: number, number: record }, payload })
                    }
                    None => {
                        let size =
                            segment.open().find(|(open, _)| *open == record).map_or(0, |(_, size)| size);
                        segment
                            .set_aside(record, &self.dir.join("damaged"))
                            .map_err(failed("set aside", &path))?;
                        self.damaged_bytes += size as u64;
                    }
                }
            }
            if !more {
                break 'segments;
            }
        }
        Ok(items)
    }

    /// Takes records out of the spool. Segments that hold nothing more are deleted.
    ///
    /// # Errors
    /// The file system's; the records are out all the same, and may come back after a crash.
    pub fn done(&mut self, keys: impl IntoIterator<Item = Key>) -> Result<(), SpoolError> {
        let mut touched: Vec<u64> = Vec::new();
        for key in keys {
            if let Some(segment) = self.segments.get_mut(&key.segment) {
                segment.ack(key.number);
                touched.push(key.segment);
            }
        }
        touched.dedup();
        touched.into_iter().try_for_each(|number| self.drop_if_done(number))
    }

    fn drop_if_done(&mut self, number: u64) -> Result<(), SpoolError> {
        if self.segments.get(&number).is_some_and(|segment| segment.pending() == 0) {
            if self.writer.as_ref().is_some_and(|writer| writer.segment == number) {
                self.writer = None;
            }
            if let Some(segment) = self.segments.remove(&number) {
                segment.delete().map_err(failed("delete", &self.segment_path(number)))?;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.bytes).sum()
    }

    /// How full it is.
    pub fn depth(&self) -> Depth {
        Depth {
            events: self.segments.values().map(|segment| segment.pending() as u64).sum(),
            bytes: self.bytes(),
            limit: self.limit,
            torn_bytes: self.torn_bytes,
            damaged_bytes: self.damaged_bytes,
        }
    }
}

#[cfg(test)]
#[path = "spool/tests.rs"]
mod tests;
