//! Scorecards as numbers and shares of a bar.

use ledger_projections::scorecards::{ScorecardHistoryRow, ScorecardRow};

use super::words::spoken;

/// How a framework's controls stand.
#[derive(Debug, Clone)]
pub struct Score {
    /// The framework's title.
    pub title: String,
    /// Where its controls are listed.
    pub href: String,
    /// The share of assessed controls that pass.
    pub percent: String,
    /// What that share is of.
    pub caption: String,
    /// How many controls have evidence and apply.
    pub assessed: u64,
    /// The counts in words, for who cannot see the bar.
    pub spoken: String,
    /// The parts of the bar; statuses that nothing has are left out.
    pub segments: Vec<Segment>,
}

/// One status in a bar.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The status' class.
    pub class: &'static str,
    /// The status in words.
    pub label: String,
    /// How many.
    pub count: u64,
    /// Where it begins, of 100.
    pub x: String,
    /// How wide it is, of 100.
    pub width: String,
}

/// Counts by status, worst first.
pub type Counts = [(&'static str, u64); 7];

/// The counts of a scorecard.
pub fn counts(row: &ScorecardRow) -> Counts {
    [
        ("fail", row.fail),
        ("error", row.error),
        ("stale", row.stale),
        ("inconclusive", row.inconclusive),
        ("pass", row.pass),
        ("not_applicable", row.not_applicable),
        ("unknown", row.unknown),
    ]
}

/// The counts of a scorecard as it was.
pub fn counts_then(row: &ScorecardHistoryRow) -> Counts {
    [
        ("fail", row.fail),
        ("error", row.error),
        ("stale", row.stale),
        ("inconclusive", row.inconclusive),
        ("pass", row.pass),
        ("not_applicable", row.not_applicable),
        ("unknown", row.unknown),
    ]
}

impl Score {
    /// The score of a framework.
    pub fn new(title: String, href: String, counts: &[(&'static str, u64)]) -> Self {
        let total: u64 = counts.iter().map(|(_, count)| count).sum();
        let count_of = |name| counts.iter().find(|(class, _)| *class == name).map_or(0, |(_, count)| *count);
        let (pass, unknown) = (count_of("pass"), count_of("unknown"));
        // What does not apply is no success and no failure.
        let assessed = total - unknown - count_of("not_applicable");
        let percent = match assessed {
            0 => "–".to_owned(),
            _ => format!("{} %", pass * 100 / assessed),
        };
        let caption = match assessed {
            0 => format!("none of {total} controls assessed"),
            _ => format!("{pass} of {assessed} assessed pass, {total} controls"),
        };
        let mut segments = Vec::new();
        let mut start = 0;
        for (class, count) in counts.iter().copied().filter(|(_, count)| *count > 0) {
            segments.push(Segment {
                class,
                label: spoken(class).to_lowercase(),
                count,
                x: share(start, total),
                width: share(count, total),
            });
            start += count;
        }
        let words: Vec<_> = segments.iter().map(|part| format!("{} {}", part.count, part.label)).collect();
        Self {
            spoken: format!("{title}: {}", words.join(", ")),
            title,
            href,
            percent,
            caption,
            assessed,
            segments,
        }
    }
}

/// A share of 100 with two decimals, in integers.
fn share(count: u64, total: u64) -> String {
    let hundredths = (count * 10_000).checked_div(total).unwrap_or(0);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
