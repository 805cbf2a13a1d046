//! What templates show: words, marks, times and links, made from the domain's values.
//!
//! Nothing here is HTML. Templates escape every text, and no value is ever marked as safe.

mod facts;
mod icons;
mod link;
mod mark;
mod score;
mod time;
mod words;

pub use facts::{Fact, Finding, NamedText, facts_of, findings_of, text_of, visible};
pub use icons::icon;
pub use link::{Choice, Link, Pager, address, stream_href};
pub use mark::{Mark, alert_mark, result_mark, severity_mark, state_mark, status_mark};
pub use score::{Score, counts, counts_then};
pub use time::{At, day_end, day_start, day_text};
pub use words::{actor_words, duration_words, event_words, failure_hint, size_words, spoken};

#[cfg(test)]
mod tests;
