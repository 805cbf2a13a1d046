//! One file of records and, beside it, which of them are done.
//!
//! `<seq>.seg` holds the records, `<seq>.ack` the numbers of those that are done (u32 LE ‖ CRC-32 of it, a pair each).
//! The second is a hint: an ack that is lost in a crash means one record sent twice, which the ledger answers with the
//! first receipt. So acks are not synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use ledger::crc32::crc32;

use super::record::{self, HEAD, Part};

/// Where a record's payload lies, and whether it is done.
#[derive(Debug, Clone, Copy)]
struct Slot {
    at: u32,
    len: u32,
    done: bool,
}

/// The records of one file.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    slots: Vec<Slot>,
    pending: usize,
    acks: Option<File>,
    /// The file's size.
    pub bytes: u64,
}

/// A stretch of a file that is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// Its length.
    pub bytes: u64,
    /// Was it a write that was cut off (true), or are there whole records behind it?
    pub torn: bool,
}

impl Segment {
    /// A new, empty segment whose file is at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path, slots: Vec::new(), pending: 0, acks: None, bytes: 0 }
    }

    /// Reads a segment back. What is no record is moved to `damaged`, so that nothing vanishes unseen.
    ///
    /// # Errors
    /// The file system's.
    pub fn load(path: PathBuf, damaged: &Path) -> io::Result<(Self, Vec<Unreadable>)> {
        let bytes = fs::read(&path)?;
        let mut segment = Self::new(path);
        segment.bytes = bytes.len() as u64;
        let mut unreadable = Vec::new();
        for part in record::scan(&bytes) {
            match part {
                Part::Record { at, len } => segment.push(at, len),
                Part::Damage { at, len } | Part::Torn { at, len } => {
                    let torn = matches!(part, Part::Torn { .. });
                    keep(damaged, &segment.path, at, &bytes[at..at + len])?;
                    unreadable.push(Unreadable { bytes: len as u64, torn });
                    if torn {
                        OpenOptions::new().write(true).open(&segment.path)?.set_len(at as u64)?;
                        segment.bytes = at as u64;
                    }
                }
            }
        }
        segment.read_acks()?;
        Ok((segment, unreadable))
    }

    fn read_acks(&mut self) -> io::Result<()> {
        let bytes = match fs::read(self.ack_path()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for pair in bytes.chunks_exact(8) {
            let (number, crc) = pair.split_at(4);
            if crc32(number).to_le_bytes() == crc {
                let number = number.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte));
                self.mark(number);
            }
        }
        Ok(())
    }

    fn ack_path(&self) -> PathBuf {
        self.path.with_extension("ack")
    }

    fn push(&mut self, at: usize, len: usize) {
        let small = |n| u32::try_from(n).expect("segments are smaller than 4 GiB");
        self.slots.push(Slot { at: small(at), len: small(len), done: false });
        self.pending += 1;
    }

    /// Takes over records that were appended to the file behind what it holds.
    pub fn appended(&mut self, payload_sizes: impl Iterator<Item = usize>) {
        for size in payload_sizes {
            self.push(self.bytes as usize + HEAD, size);
            self.bytes += (HEAD + size) as u64;
        }
    }

    /// How many records are not done.
    pub const fn pending(&self) -> usize {
        self.pending
    }

    /// The numbers of the records that are not done, with their sizes.
    pub fn open(&self) -> impl Iterator<Item = (u32, usize)> {
        let numbered = (0_u32..).zip(&self.slots);
        numbered.filter(|(_, slot)| !slot.done).map(|(number, slot)| (number, slot.len as usize))
    }

    /// Reads payloads, checking each against its checksum again: `None` where the disk gives other bytes than before.
    ///
    /// # Errors
    /// The file system's.
    pub fn read(&self, numbers: &[u32]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let file = File::open(&self.path)?;
        let one = |number: &u32| {
            let slot = self.slots[*number as usize];
            let mut whole = vec![0; slot.len as usize + HEAD];
            file.read_exact_at(&mut whole, u64::from(slot.at) - HEAD as u64)?;
            Ok(record::decode(&whole).filter(|p| p.len() == slot.len as usize).map(<[u8]>::to_vec))
        };
        numbers.iter().map(one).collect()
    }

    fn mark(&mut self, number: usize) -> bool {
        match self.slots.get_mut(number) {
            Some(slot) if !slot.done => {
                slot.done = true;
                self.pending -= 1;
                true
            }
            _ => false,
        }
    }

    /// Notes that a record is done. A failing disk only means that it may be sent again after a crash.
    pub fn ack(&mut self, number: u32) {
        if !self.mark(number as usize) {
            return;
        }
        if self.acks.is_none() {
            self.acks = OpenOptions::new().append(true).create(true).open(self.ack_path()).ok();
        }
        let bytes = number.to_le_bytes();
        let pair = [bytes, crc32(&bytes).to_le_bytes()].concat();
        if self.acks.as_mut().is_some_and(|file| file.write_all(&pair).is_err()) {
            self.acks = None;
        }
    }

    /// Deletes the files: the records first, so that acks never stand for other records.
    ///
    /// # Errors
    /// The file system's.
    pub fn delete(self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        match fs::remove_file(self.ack_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Keeps bytes that the disk gives back differently, and counts the record as done.
    ///
    /// # Errors
    /// The file system's; the record is not done then.
    pub fn set_aside(&mut self, number: u32, damaged: &Path) -> io::Result<()> {
        let slot = self.slots[number as usize];
        let mut bytes = vec![0; slot.len as usize];
        File::open(&self.path)?.read_exact_at(&mut bytes, u64::from(slot.at))?;
        keep(damaged, &self.path, slot.at as usize, &bytes)?;
        self.ack(number);
        Ok(())
    }
}

fn keep(damaged: &Path, segment: &Path, at: usize, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(damaged)?;
    let stem = segment.file_stem().unwrap_or_default().to_string_lossy();
    super::disk::replace(&damaged.join(format!("{stem}-{at}.bin")), bytes)
}
