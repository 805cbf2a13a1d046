//! Disclosed members against the digests in the headers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::sync::{LazyLock, Mutex};

use ledger::b64;
use ledger::bundle::{DISCLOSURES, DisclosedLine, LINE_BYTES_MAX};
use ledger::disclosure::Disclosure;
use ledger::event::Header;
use ledger::merkle::Hash;
use ledger_aggregates::schema::{EventSchema, MemberClass};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::chunk::{Seen, Work, of};
use super::files::FileTable;
use crate::directory::Directory;
use crate::report::{Counts, Failure, Failures};

static SCHEMAS: LazyLock<HashMap<&'static str, &'static EventSchema>> =
    LazyLock::new(|| ledger_aggregates::all_schemas().map(|schema| (schema.event_type, schema)).collect());

/// The blobs that disclosed members refer to: digest, and the index of an event that does.
pub type BlobRefs = Mutex<HashMap<Hash, u64>>;

/// A line of the disclosures, not yet looked into.
pub struct Raw {
    number: u64,
    line: Vec<u8>,
}

/// The lines of `disclosures.ndjson`, read once, in order.
pub struct Lines<'a> {
    directory: &'a Directory,
    files: &'a FileTable,
    failures: &'a Failures,
    file: Option<BufReader<File>>,
    hash: Sha256,
    size: u64,
    number: u64,
    next: Option<(u64, Raw)>,
}

impl<'a> Lines<'a> {
    /// Before the first line.
    pub fn open(directory: &'a Directory, files: &'a FileTable, failures: &'a Failures) -> Self {
        let file = failures.ok(directory.file(DISCLOSURES), |reason| Failure::file(DISCLOSURES, reason));
        let file = file.map(|file| BufReader::with_capacity(1 << 18, file));
        let mut lines =
            Self { directory, files, failures, file, hash: Sha256::new(), size: 0, number: 0, next: None };
        lines.next = lines.read();
        lines
    }

    /// The lines of entries before `end`.
    pub fn before(&mut self, end: u64) -> Vec<Raw> {
        let mut lines = Vec::new();
        while let Some((_, raw)) = self.next.take_if(|(index, _)| *index < end) {
            lines.push(raw);
            self.next = self.read();
        }
        lines
    }

    /// The next line with the index of its entry. A line without one goes with the entries before it.
    fn read(&mut self) -> Option<(u64, Raw)> {
        let file = self.file.as_mut()?;
        let mut line = Vec::new();
        let read = file.take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line);
        let read = self.failures.ok(read, |reason| Failure::file(DISCLOSURES, reason)).unwrap_or(0);
        if read == 0 {
            self.file = None;
            return None;
        }
        self.number += 1;
        self.hash.update(&line);
        self.size += line.len() as u64;
        if line.pop() != Some(b'\n') {
            let reason = format!("line {} is cut off or too long", self.number);
            self.failures.push(Failure::file(DISCLOSURES, reason));
        }
        Some((index_of(&line).unwrap_or(0), Raw { number: self.number, line }))
    }

    /// After the last entry: nothing may be left, and nothing erased may be disclosed.
    pub fn finish(mut self, erased: &HashMap<Hash, u64>) {
        while let Some((index, raw)) = self.next.take() {
            let reason =
                format!("line {} discloses a member of entry {index}, which is not in the log", raw.number);
            self.failures.push(Failure::file(DISCLOSURES, reason));
            self.next = self.read();
        }
        let digest = self.hash.finalize_reset().into();
        self.files.check_digest(DISCLOSURES, digest, self.size, self.failures);
        if erased.is_empty() {
            return;
        }
        // An erasure comes after what it erases, so only now it is known; erasures are rare, so a second reading is fine.
        let Ok(file) = self.directory.file(DISCLOSURES) else { return };
        for line in BufReader::new(file).split(b'\n').map_while(Result::ok) {
            let Ok(line) = DisclosedLine::parse(&line) else { continue };
            let digest: Hash = Sha256::digest(&line.disclosure).into();
            if let Some(by) = erased.get(&digest) {
                let reason = format!("a member is disclosed that entry {by} says is erased");
                let failure =
                    Failure { file: Some(DISCLOSURES.to_owned()), ..Failure::entry(line.index, reason) };
                self.failures.push(failure);
            }
        }
    }
}

/// The number at the end of `…,"index":41}`, without reading the rest.
fn index_of(line: &[u8]) -> Option<u64> {
    let digits = line.strip_suffix(b"}")?.rsplit(|byte| *byte == b':').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Holds the disclosures of a chunk against its headers.
pub fn check(events: &[(Seen, Header<'_>)], lines: Vec<Raw>, work: &Work<'_>, counts: &mut Counts) {
    let mut before = (0, Vec::<Hash>::new());
    for Raw { number, line } in lines {
        let at = |reason| Failure::file(DISCLOSURES, format!("line {number}: {reason}"));
        let Some(line) = work.failures.ok(DisclosedLine::parse(&line), at) else { continue };
        if line.index != before.0 {
            if line.index < before.0 {
                work.failures.push(at(format!("entry {} comes after entry {}", line.index, before.0)));
            }
            before = (line.index, Vec::new());
        }
        let Ok(found) = events.binary_search_by_key(&line.index, |(seen, _)| seen.index) else {
            work.failures
                .push(at(format!("discloses a member of entry {}, which cannot be read", line.index)));
            continue;
        };
        let header = &events[found].1;
        let digest: Hash = Sha256::digest(&line.disclosure).into();
        let outcome = if before.1.contains(&digest) {
            Err("the same member is disclosed twice".to_owned())
        } else {
            before.1.push(digest);
            open(&line, &digest, header)
        };
        match outcome {
            Ok(disclosure) => {
                counts.disclosed += 1;
                note_blobs(&disclosure, line.index, &work.blobs);
            }
            Err(reason) => work.failures.push(Failure {
                file: Some(DISCLOSURES.to_owned()),
                ..of(line.index, header, format!("line {number}: {reason}"))
            }),
        }
    }
}

fn open(line: &DisclosedLine, digest: &Hash, header: &Header<'_>) -> Result<Disclosure, String> {
    if !header.sd.contains(digest) {
        return Err("the header has no such digest".to_owned());
    }
    let json = b64::decode_url(&line.disclosure).map_err(|error| error.to_string())?;
    let disclosure = Disclosure::from_json(&json).map_err(|error| error.to_string())?;
    let Some(schema) = SCHEMAS.get(&*header.event_type) else { return Ok(disclosure) };
    let member = schema.members.iter().find(|member| member.name == disclosure.name);
    match member {
        None => Err(format!("{:?} is not a member of {}", disclosure.name, header.event_type)),
        Some(member) if member.class == MemberClass::Public => Err(format!(
            "{:?} is a public member of {} and cannot be withheld",
            disclosure.name, header.event_type
        )),
        Some(_) => Ok(disclosure),
    }
}

/// Files that a member refers to name their SHA-256.
fn note_blobs(disclosure: &Disclosure, index: u64, blobs: &BlobRefs) {
    let Value::Array(items) = &disclosure.value else { return };
    let digests: Vec<Hash> = items.iter().filter_map(|item| unhex(item.get("sha256")?.as_str()?)).collect();
    if !digests.is_empty() {
        let mut blobs = blobs.lock().expect("no thread panics while it holds this");
        blobs.extend(digests.into_iter().map(|digest| (digest, index)));
    }
}

fn unhex(text: &str) -> Option<Hash> {
    ledger::bundle::blob_digest(&format!("{}{text}", ledger::bundle::BLOBS))
}
