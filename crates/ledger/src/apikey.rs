//! API keys: `lgr_<env>_<id>_<secret><crc>`, and the request-signing key that follows from one.
//!
//! The id (16 hex digits) stands in clear so that a key can be named and looked up.
//! The secret is 32 random bytes as 64 hex digits; the last 8 digits are the CRC-32 of everything before them,
//! so that scanners find leaked keys offline and a mistyped key is told from a wrong one without a look-up.
//! A server keeps HMAC-SHA256(pepper, secret) and the public key of [`RequestKey`], never the secret.
//!
//! A key is never printed by `Debug`, and no error repeats a part of one.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::clock::Entropy;
use crate::crc32::crc32;

/// What every key starts with; secret scanners look for it.
pub const PREFIX: &str = "lgr_";
/// `lgr_` + 4 + `_` + 16 + `_` + 64 + 8.
const KEY_LEN: usize = 98;
const CRC_AT: usize = KEY_LEN - 8;
const SECRET_AT: usize = CRC_AT - 64;
/// Binds the derived seed to its one use (RFC 5869 §3.2).
const SEED_INFO: &[u8] = b"ledger-request-signature";

/// Why a text is not an API key. No variant carries any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// It does not start with `lgr_`.
    #[error("an API key starts with \"lgr_\"")]
    Prefix,
    /// It is cut off or has something appended.
    #[error("an API key is {KEY_LEN} characters long: it is cut off, or has something appended")]
    Length,
    /// Neither `live` nor `test`.
    #[error("the environment of an API key is \"live\" or \"test\"")]
    Environment,
    /// Separators or digits are not where they belong.
    #[error("an API key has the form lgr_<live|test>_<16 hex>_<72 hex>, in lower case")]
    Form,
    /// The checksum differs: a typing or copying mistake.
    #[error("the checksum of the API key does not match: a character is wrong")]
    Checksum,
}

/// Which deployments a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Production.
    Live,
    /// Everything else.
    Test,
}

impl Environment {
    /// The name that stands in the key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// An API key, secret included; its memory is wiped when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ApiKey {
    #[zeroize(skip)]
    env: Environment,
    #[zeroize(skip)]
    id: String,
    secret: [u8; 32],
}

impl ApiKey {
    /// A new key.
    pub fn generate(env: Environment, entropy: &dyn Entropy) -> Self {
        let (mut id, mut secret) = ([0; 8], [0; 32]);
        entropy.fill(&mut id);
        entropy.fill(&mut secret);
        Self { env, id: hex(&id), secret }
    }

    /// A new secret for a credential that exists: what a rotation gives.
    ///
    /// # Errors
    /// [`ApiKeyError::Form`] if the id is not 16 lower-case hex digits.
    pub fn renew(env: Environment, id: &str, entropy: &dyn Entropy) -> Result<Self, ApiKeyError> {
        let fits = id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let mut secret = [0; 32];
        entropy.fill(&mut secret);
        if fits { Ok(Self { env, id: id.to_owned(), secret }) } else { Err(ApiKeyError::Form) }
    }

    /// Reads a key and checks its checksum.
    ///
    /// # Errors
    /// [`ApiKeyError`] says which rule is broken.
    pub fn parse(text: &str) -> Result<Self, ApiKeyError> {
        let bytes = text.as_bytes();
        if !bytes.starts_with(PREFIX.as_bytes()) {
            return Err(ApiKeyError::Prefix);
        }
        if bytes.len() != KEY_LEN {
            return Err(ApiKeyError::Length);
        }
        let env = match &bytes[4..8] {
            b"live" => Environment::Live,
            b"test" => Environment::Test,
            _ => return Err(ApiKeyError::Environment),
        };
        let separators = bytes[8] == b'_' && bytes[SECRET_AT - 1] == b'_';
        let digits = bytes[9..SECRET_AT - 1].iter().chain(&bytes[SECRET_AT..]);
        if !separators || !digits.into_iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ApiKeyError::Form);
        }
        if format!("{:08x}", crc32(&bytes[..CRC_AT])).as_bytes() != &bytes[CRC_AT..] {
            return Err(ApiKeyError::Checksum);
        }
        let mut secret = [0; 32];
        for (byte, pair) in secret.iter_mut().zip(bytes[SECRET_AT..CRC_AT].chunks_exact(2)) {
            *byte = (nibble(pair[0]) << 4) | nibble(pair[1]);
        }
        Ok(Self { env, id: text[9..SECRET_AT - 1].to_owned(), secret })
    }

    /// The whole key, to be shown once.
    pub fn expose(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(hex(&self.secret));
        let mut text = Zeroizing::new(String::with_capacity(KEY_LEN));
        for part in [PREFIX, self.env.as_str(), "_", &self.id, "_", &secret] {
            text.push_str(part);
        }
        let crc = crc32(text.as_bytes());
        text.push_str(&format!("{crc:08x}"));
        text
    }

    /// The credential's id: 16 hex digits, not secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which deployments the key is for.
    pub const fn environment(&self) -> Environment {
        self.env
    }

    /// HMAC-SHA256(pepper, secret): what a server stores instead of the secret.
    pub fn mac(&self, pepper: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(pepper).expect("HMAC takes a key of any length");
        mac.update(&self.secret);
        mac.finalize().into_bytes().into()
    }

    /// Does a stored MAC belong to this key? Takes the same time whatever the answer.
    pub fn matches(&self, pepper: &[u8], stored: &[u8; 32]) -> bool {
        self.mac(pepper).ct_eq(stored).into()
    }

    /// The key that signs this credential's requests: HKDF-SHA256 of the secret.
    pub fn request_key(&self) -> RequestKey {
        let mut seed = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, &self.secret)
            .expand(SEED_INFO, &mut *seed)
            .expect("32 bytes are within what HKDF-SHA256 gives");
        RequestKey::from_seed(&seed)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey(lgr_{}_{}_…)", self.env.as_str(), self.id)
    }
}

/// The Ed25519 key that signs requests (see [`crate::http_signature`]).
#[derive(Clone)]
pub struct RequestKey(SigningKey);

impl RequestKey {
    /// From a raw Ed25519 seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half, which the server keeps.
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestKey({})", hex(&self.public_key()))
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

const fn nibble(digit: u8) -> u8 {
    if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededEntropy;

    fn key() -> ApiKey {
        ApiKey::generate(Environment::Live, &SeededEntropy::new(1))
    }

    #[test]
    fn a_key_is_read_back() {
        let text = key().expose();
        assert_eq!(text.len(), KEY_LEN);
        let back = ApiKey::parse(&text).unwrap();
        assert_eq!((back.id(), back.environment()), (key().id(), Environment::Live));
        assert_eq!(back.expose(), text);
    }

    /// A fixed secret, so that SDKs in other languages can hold themselves to the same bytes.
    #[test]
    fn golden() {
        let key = ApiKey {
            env: Environment::Test,
            id: "0011223344556677".into(),
            secret: std::array::from_fn(|i| u8::try_from(i).unwrap()),
        };
        assert_eq!(
            *key.expose(),
            "lgr_test_0011223344556677_000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f59fedb62"
        );
        assert_eq!(
            hex(&key.mac(b"pepper")),
            "a720908deac12464010d725643fcb500e5056c4e67a23e602a3735b8bf47825e"
        );
        assert_eq!(
            hex(&key.request_key().public_key()),
            "cca4be8ed4584959b932108a74b678ccd8747fa9af3b984090be00eb1e3ee34c"
        );
    }

    #[test]
    fn every_changed_character_is_refused() {
        let text = key().expose();
        for at in 0..text.len() {
            for other in ['0', 'f', '_', 'G', 'x'] {
                let mut changed: Vec<char> = text.chars().collect();
                if changed[at] != other {
                    changed[at] = other;
                    assert!(ApiKey::parse(&changed.iter().collect::<String>()).is_err(), "{at} {other}");
                }
            }
        }
        assert_eq!(ApiKey::parse(&text[..50]).unwrap_err(), ApiKeyError::Length);
        assert_eq!(ApiKey::parse("Bearer").unwrap_err(), ApiKeyError::Prefix);
        assert_eq!(ApiKey::parse(&text.replace("live", "prod")).unwrap_err(), ApiKeyError::Environment);
        assert!(ApiKey::parse(&format!("lgr_{}", "é".repeat(47))).is_err());
    }

    #[test]
    fn the_mac_tells_keys_and_peppers_apart() {
        let other = ApiKey::generate(Environment::Live, &SeededEntropy::new(2));
        let stored = key().mac(b"pepper");
        assert!(key().matches(b"pepper", &stored));
        assert!(!other.matches(b"pepper", &stored));
        assert!(!key().matches(b"salt", &stored));
    }

    #[test]
    fn nothing_prints_the_secret() {
        let text = key().expose();
        let shown = format!("{:?} {:?}", key(), key().request_key());
        assert!(!shown.contains(&text[SECRET_AT..SECRET_AT + 8]), "{shown}");
    }
}
