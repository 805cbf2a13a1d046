//! The only module that reads the system clock and the system's randomness.
//!
//! Everything else takes a [`Clock`] and an [`Entropy`], so that a run can be repeated.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the one module that reads the system clock and randomness"
)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use zeroize::Zeroize;

use crate::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.micros()))
    }

    /// Sets the clock, also backward.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.micros(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Measures how long something took, monotonic.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `into` with random bytes.
    fn fill(&self, into: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, into: &mut [u8]) {
        getrandom::fill(into).expect("the operating system gives random bytes");
    }
}

/// The operating system's randomness, fetched ahead a page at a time: small requests (ids, salts, nonces) are one
/// system call in some hundred instead of three an event.
///
/// What was given out is erased at once. Requests as large as a key go to the operating system directly, so that no key
/// ever lay in the buffer before it was made. A process that forks would share the buffer: this one never does.
pub struct BufferedEntropy(Mutex<Ahead>);

struct Ahead {
    bytes: [u8; BUFFER_BYTES],
    /// From here on the bytes are unused.
    next: usize,
}

/// Some seventy events' worth; what waits in memory stays small.
const BUFFER_BYTES: usize = 4096;
/// From this size on a request is taken for a key.
const KEY_BYTES_MIN: usize = 32;

impl Default for BufferedEntropy {
    fn default() -> Self {
        Self(Mutex::new(Ahead { bytes: [0; BUFFER_BYTES], next: BUFFER_BYTES }))
    }
}

impl std::fmt::Debug for BufferedEntropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BufferedEntropy").finish_non_exhaustive()
    }
}

impl Entropy for BufferedEntropy {
    fn fill(&self, into: &mut [u8]) {
        if into.len() >= KEY_BYTES_MIN {
            return OsEntropy.fill(into);
        }
        let mut ahead = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if BUFFER_BYTES - ahead.next < into.len() {
            OsEntropy.fill(&mut ahead.bytes);
            ahead.next = 0;
        }
        let (from, until) = (ahead.next, ahead.next + into.len());
        into.copy_from_slice(&ahead.bytes[from..until]);
        ahead.bytes[from..until].zeroize();
        ahead.next = until;
    }
}

/// Bytes that follow from a seed, for tests and simulations (SplitMix64; not for keys).
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, into: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in into.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn buffered_bytes_are_given_once_and_then_erased() {
        let entropy = BufferedEntropy::default();
        let mut seen = HashSet::new();
        for _ in 0..1_000 {
            let mut bytes = [0; 16];
            entropy.fill(&mut bytes);
            assert!(seen.insert(bytes), "given twice");
        }
        let ahead = entropy.0.lock().unwrap();
        assert!(ahead.bytes[..ahead.next].iter().all(|byte| *byte == 0));
        assert!(ahead.bytes[ahead.next..].iter().any(|byte| *byte != 0));
    }

    #[test]
    fn a_key_never_lies_in_the_buffer() {
        let entropy = BufferedEntropy::default();
        let mut key = [0; 32];
        entropy.fill(&mut key);
        assert_ne!(key, [0; 32]);
        assert_eq!(entropy.0.lock().unwrap().next, BUFFER_BYTES, "nothing was fetched ahead");
    }
}
