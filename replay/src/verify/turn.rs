//! Doing one part of concurrent work in order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};

/// Hands out numbers and lets their holders in, one at a time and in that order.
pub struct Turnstile<'a, T> {
    next: AtomicU64,
    state: Mutex<State<'a, T>>,
    moved: Condvar,
}

struct State<'a, T> {
    turn: u64,
    value: &'a mut T,
}

/// Passes the turn on even if its holder panics: the others must not wait for ever.
struct Pass<'p, 'a, T>(&'p Turnstile<'a, T>);

impl<T> Drop for Pass<'_, '_, T> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).turn += 1;
        self.0.moved.notify_all();
    }
}

/// A number whose turn will come. Dropping it unused gives the turn up.
pub struct Ticket<'p, 'a, T> {
    number: u64,
    turnstile: &'p Turnstile<'a, T>,
    used: bool,
}

impl<'a, T> Turnstile<'a, T> {
    /// Guards `value`.
    pub fn new(value: &'a mut T) -> Self {
        Self { next: AtomicU64::new(0), state: Mutex::new(State { turn: 0, value }), moved: Condvar::new() }
    }

    /// The next number. Its holder must soon [`Ticket::enter`]: all later ones wait for it.
    pub fn ticket(&self) -> Ticket<'_, 'a, T> {
        Ticket { number: self.next.fetch_add(1, Ordering::Relaxed), turnstile: self, used: false }
    }
}

impl<T> Ticket<'_, '_, T> {
    /// The number.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Waits for the turn and uses it.
    pub fn enter<R>(mut self, work: impl FnOnce(&mut T) -> R) -> R {
        self.take_turn(work)
    }

    fn take_turn<R>(&mut self, work: impl FnOnce(&mut T) -> R) -> R {
        self.used = true;
        let turnstile = self.turnstile;
        // Declared first, so that it drops last, also when `work` panics: the turn passes once the lock is given back.
        let pass = Pass(turnstile);
        let state = turnstile.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let waiting = |state: &mut State<'_, T>| state.turn != self.number;
        let waited = turnstile.moved.wait_while(state, waiting);
        let mut state = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
        let result = work(state.value);
        drop(state);
        drop(pass);
        result
    }
}

impl<T> Drop for Ticket<'_, '_, T> {
    fn drop(&mut self) {
        if !self.used {
            self.take_turn(|_| ());
        }
    }
}
