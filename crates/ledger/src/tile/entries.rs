//! Entry bundles: each entry behind its length as a big-endian `uint16`.

/// Why bytes are not an entry bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntriesError {
    /// A length points behind the end, or half a length stands there.
    #[error("entry {0} of the bundle is cut off")]
    CutOff(usize),
    /// Another number of entries than the bundle's name says.
    #[error("the bundle has {found} entries where its name says {expected}")]
    Count {
        /// What the name says.
        expected: usize,
        /// What was found, counting stops one above `expected`.
        found: usize,
    },
    /// An entry that a `uint16` length cannot hold.
    #[error("an entry of {0} bytes does not fit a bundle")]
    TooLong(usize),
}

/// Appends one entry to a bundle under construction.
///
/// # Errors
/// [`EntriesError::TooLong`] above 65,535 bytes; the format caps entries at 48,000 (formats §3).
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntriesError> {
    let length = u16::try_from(entry.len()).map_err(|_| EntriesError::TooLong(entry.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The bundle of these entries.
///
/// # Errors
/// [`EntriesError::TooLong`].
pub fn encode_entries<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, EntriesError> {
    let mut bundle = Vec::new();
    for entry in entries {
        push_entry(&mut bundle, entry)?;
    }
    Ok(bundle)
}

/// The entries of a bundle, one by one; ends after the first error.
pub fn entries(bundle: &[u8]) -> impl Iterator<Item = Result<&[u8], EntriesError>> {
    let mut rest = bundle;
    let mut number = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = rest.split_first_chunk::<2>().and_then(|(length, tail)| {
            let length = usize::from(u16::from_be_bytes(*length));
            (tail.len() >= length).then(|| tail.split_at(length))
        });
        let Some((entry, tail)) = entry else {
            rest = &[];
            return Some(Err(EntriesError::CutOff(number)));
        };
        rest = tail;
        number += 1;
        Some(Ok(entry))
    })
}

/// Exactly `width` entries.
///
/// # Errors
/// [`EntriesError`] if the bundle is cut off or has another number of entries.
pub fn decode_entries(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, EntriesError> {
    let expected = usize::from(width);
    let found: Vec<&[u8]> = entries(bundle).take(expected + 1).collect::<Result<_, _>>()?;
    if found.len() == expected {
        Ok(found)
    } else {
        Err(EntriesError::Count { expected, found: found.len() })
    }
}
