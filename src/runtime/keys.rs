//! The key file: the one secret that wraps all others.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use hkdf::Hkdf;
use ledger::clock::{Entropy, OsEntropy};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::config::Config;

/// The key-encryption key.
pub type Kek = Zeroizing<[u8; 32]>;

/// Makes the data directory, readable by its owner alone.
///
/// # Errors
/// It cannot be made.
pub fn make_dir(dir: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| {
        format!("cannot make the data directory {}; choose another with --data", dir.display())
    })
}

/// The key that wraps all others. It is made at the first start only: a store without its key file cannot be opened.
///
/// # Errors
/// The key file is missing although there is a ledger, or it is damaged, or it cannot be written.
pub fn key_encryption_key(config: &Config, there: bool) -> Result<Kek> {
    let path = config.kek_file();
    let key = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if there {
                bail!(
                    "the key file {} is missing: restore it; without it nothing in {} can be signed or read",
                    path.display(),
                    config.place()
                );
            }
            let mut bytes = Zeroizing::new([0; 32]);
            OsEntropy.fill(&mut *bytes);
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            write_secret(&path, &text)
                .with_context(|| format!("cannot write the key file {}", path.display()))?;
            text
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read the key file {}", path.display()));
        }
    };
    parse_hex(key.trim()).with_context(|| format!("the key file {} must hold 64 hex digits", path.display()))
}

fn parse_hex(text: &str) -> Option<Kek> {
    let mut bytes = Zeroizing::new([0; 32]);
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Writes a file that only its owner may read, durably, so that it never is half there.
///
/// # Errors
/// The file system's.
pub fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
}

/// Authenticates the head file; it follows from the key-encryption key, so that there is one secret to keep.
pub fn head_key(kek: &Kek) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, &**kek)
        .expand(b"ledger-head-file", &mut key)
        .expect("32 bytes are within HKDF's bounds");
    key
}
