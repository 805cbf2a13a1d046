//! The paths of C2SP tlog-tiles: `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`.

use std::fmt;
use std::str::FromStr;

use super::{EntriesId, TILE_WIDTH, TileId};

/// A path that names no resource of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a path of a tiled log")]
pub struct PathError;

/// What a path below a log's prefix names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `checkpoint`
    Checkpoint,
    /// `tile/<L>/<N>[.p/<W>]`
    Tile(TileId),
    /// `tile/entries/<N>[.p/<W>]`
    Entries(EntriesId),
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        write_place(f, self.index, self.width)
    }
}

impl fmt::Display for EntriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_place(f, self.index, self.width)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Tile(id) => id.fmt(f),
            Self::Entries(id) => id.fmt(f),
        }
    }
}

impl FromStr for Resource {
    type Err = PathError;

    /// Reads a path; every resource has exactly one.
    fn from_str(path: &str) -> Result<Self, PathError> {
        parse(path).ok_or(PathError)
    }
}

impl TileId {
    /// The path below the log's prefix.
    pub fn path(self) -> String {
        self.to_string()
    }
}

impl EntriesId {
    /// The path below the log's prefix.
    pub fn path(self) -> String {
        self.to_string()
    }
}

/// `1234067` is written `x001/x234/067`: a directory never has more than a thousand files.
fn write_place(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut unit = 1;
    while index / unit >= 1000 {
        unit *= 1000;
    }
    while unit > 1 {
        write!(f, "x{:03}/", index / unit % 1000)?;
        unit /= 1000;
    }
    write!(f, "{:03}", index % 1000)?;
    if u64::from(width) < TILE_WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
}

fn parse(path: &str) -> Option<Resource> {
    if path == "checkpoint" {
        return Some(Resource::Checkpoint);
    }
    let (kind, place) = path.strip_prefix("tile/")?.split_once('/')?;
    let (index, width) = parse_place(place)?;
    if kind == "entries" {
        return Some(Resource::Entries(EntriesId { index, width }));
    }
    let level = u8::try_from(parse_number(kind)?).ok().filter(|level| *level < 64)?;
    Some(Resource::Tile(TileId { level, index, width }))
}

fn parse_place(place: &str) -> Option<(u64, u16)> {
    let (digits, width) = match place.split_once(".p/") {
        None => (place, 256),
        Some((digits, width)) => {
            let width = u16::try_from(parse_number(width)?).ok()?;
            (digits, Some(width).filter(|w| (1..=255).contains(w))?)
        }
    };
    let mut index = 0_u64;
    let mut groups = digits.split('/').peekable();
    let mut first = true;
    while let Some(group) = groups.next() {
        let last = groups.peek().is_none();
        let number = if last { group } else { group.strip_prefix('x')? };
        if number.len() != 3
            || !number.bytes().all(|b| b.is_ascii_digit())
            || (first && !last && number == "000")
        {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(number.parse().ok()?)?;
        first = false;
    }
    Some((index, width))
}

/// A decimal number without sign and without leading zeros.
pub(crate) fn parse_number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let shortest = text == "0" || !text.starts_with('0');
    (plain && shortest).then(|| text.parse().ok()).flatten()
}
