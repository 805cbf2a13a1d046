//! Scorecards: how many controls of each framework have which status, now and over time.

use ledger::read_model;
use ledger::readmodel::{Cell, FoldError, ProjectionDef, Rows};
use ledger::time::Timestamp;
use ledger_aggregates::control::ControlEvent;
use ledger_aggregates::framework::FrameworkEvent;
use ledger_aggregates::values::{ControlId, ControlRef, ControlStatus, FrameworkId};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

/// The history keeps one point an hour, so that it grows with time and not with the number of events.
pub const HISTORY_BUCKET_SECONDS: i64 = 3600;

read_model! {
    /// Scorecards, one for each framework.
    pub table SCORECARD = "scorecard" (resident);
    /// One framework's controls by status, as it was recorded. Only controls in the catalogue count.
    pub row ScorecardRow {
        key {
            /// The framework.
            framework: Text as FrameworkId,
        }
        /// All controls.
        total: Int as u64,
        /// Controls without evidence.
        unknown: Int as u64,
        /// Controls that pass.
        pass: Int as u64,
        /// Controls that fail.
        fail: Int as u64,
        /// Controls that do not apply.
        not_applicable: Int as u64,
        /// Controls whose evidence says neither.
        inconclusive: Int as u64,
        /// Controls whose checks failed themselves.
        error: Int as u64,
        /// Controls whose evidence missed its cadence.
        stale: Int as u64,
        /// When it changed last.
        changed_at: Time as Timestamp,
        /// Log index of that.
        changed_index: Int as u64,
    }
}

read_model! {
    /// Scorecards over time: how each hour ended. Hours without a change have no row.
    pub table SCORECARD_HISTORY = "scorecard_history" (growing);
    /// One framework's controls by status at the end of one hour.
    pub row ScorecardHistoryRow {
        key {
            /// The framework.
            framework: Text as FrameworkId,
            /// The beginning of the hour.
            hour: Time as Timestamp,
        }
        /// All controls.
        total: Int as u64,
        /// Controls without evidence.
        unknown: Int as u64,
        /// Controls that pass.
        pass: Int as u64,
        /// Controls that fail.
        fail: Int as u64,
        /// Controls that do not apply.
        not_applicable: Int as u64,
        /// Controls whose evidence says neither.
        inconclusive: Int as u64,
        /// Controls whose checks failed themselves.
        error: Int as u64,
        /// Controls whose evidence missed its cadence.
        stale: Int as u64,
        /// Log index of the last change in the hour.
        changed_index: Int as u64,
    }
}

read_model! {
    /// What each control counts as: the fold's own memory.
    pub table SCORECARD_CONTROL = "scorecard_control" (resident);
    /// One control.
    pub row ScorecardControlRow {
        key {
            /// The framework.
            framework: Text as FrameworkId,
            /// The control within it.
            control: Text as ControlId,
        }
        /// Does the catalogue have it?
        listed: Bool as bool,
        /// Its status.
        status: Symbol as ControlStatus,
    }
}

impl ScorecardRow {
    fn empty(framework: &FrameworkId) -> Self {
        Self {
            framework: framework.clone(),
            total: 0,
            unknown: 0,
            pass: 0,
            fail: 0,
            not_applicable: 0,
            inconclusive: 0,
            error: 0,
            stale: 0,
            changed_at: Timestamp::from_micros(0),
            changed_index: 0,
        }
    }

    fn count(&mut self, status: ControlStatus) -> &mut u64 {
        match status {
            ControlStatus::Unknown => &mut self.unknown,
            ControlStatus::Pass => &mut self.pass,
            ControlStatus::Fail => &mut self.fail,
            ControlStatus::NotApplicable => &mut self.not_applicable,
            ControlStatus::Inconclusive => &mut self.inconclusive,
            ControlStatus::Error => &mut self.error,
            ControlStatus::Stale => &mut self.stale,
        }
    }

    fn add(&mut self, status: ControlStatus) {
        self.total += 1;
        *self.count(status) += 1;
    }

    fn remove(&mut self, status: ControlStatus) {
        self.total = self.total.saturating_sub(1);
        let count = self.count(status);
        *count = count.saturating_sub(1);
    }

    /// Passing controls out of those that apply, in thousandths; `None`: none applies.
    pub fn score_permille(&self) -> Option<u64> {
        let applying = self.total.saturating_sub(self.not_applicable);
        (applying > 0).then(|| self.pass * 1000 / applying)
    }
}

static DEF: ProjectionDef = ProjectionDef {
    name: "scorecards",
    version: 1,
    tables: &[&SCORECARD, &SCORECARD_HISTORY, &SCORECARD_CONTROL],
};

/// The projection.
#[derive(Debug)]
pub struct Scorecards;

impl Projection for Scorecards {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        if let Some(fact) = event.control()? {
            let ControlEvent::StatusChanged(changed) = fact else { return Ok(()) };
            let ControlRef { framework, control } = aggregate_id(event, ControlRef::from_stream)?;
            return recount(event, &framework, &[(control, None, Some(changed.to))], rows);
        }
        let Some(fact) = event.framework()? else { return Ok(()) };
        let framework = aggregate_id(event, FrameworkId::from_stream)?;
        let changes: Vec<_> = match fact {
            FrameworkEvent::Imported(_) => Vec::new(),
            FrameworkEvent::ControlsAdded(added) => {
                added.controls.iter().map(|control| (control.id.clone(), Some(true), None)).collect()
            }
            FrameworkEvent::ControlsWithdrawn(withdrawn) => {
                withdrawn.controls.iter().map(|control| (control.clone(), Some(false), None)).collect()
            }
        };
        recount(event, &framework, &changes, rows)
    }
}

/// A control, whether the catalogue has it from here on, and its status from here on.
type CountChange = (ControlId, Option<bool>, Option<ControlStatus>);

fn recount(
    event: &LogEvent,
    framework: &FrameworkId,
    changes: &[CountChange],
    rows: &mut dyn Rows,
) -> Result<(), FoldError> {
    let known = rows.fetch::<ScorecardRow>(&[Cell::of(framework)])?;
    let mut card = known.clone().unwrap_or_else(|| ScorecardRow::empty(framework));
    for (control, listed, status) in changes {
        let key = [Cell::of(framework), Cell::of(control)];
        let mut entry = rows.fetch::<ScorecardControlRow>(&key)?.unwrap_or_else(|| ScorecardControlRow {
            framework: framework.clone(),
            control: control.clone(),
            listed: false,
            status: ControlStatus::Unknown,
        });
        if entry.listed {
            card.remove(entry.status);
        }
        entry.listed = listed.unwrap_or(entry.listed);
        entry.status = status.unwrap_or(entry.status);
        if entry.listed {
            card.add(entry.status);
        }
        rows.store(&entry);
    }
    if known.as_ref() == Some(&card) {
        return Ok(());
    }
    card.changed_at = event.time;
    card.changed_index = event.index;
    rows.store(&card);
    rows.store(&point(event, &card));
    Ok(())
}

/// The point of the event's hour. The running maximum of time decides the hour: a history never goes back.
fn point(event: &LogEvent, card: &ScorecardRow) -> ScorecardHistoryRow {
    let seconds = event.as_of.seconds().div_euclid(HISTORY_BUCKET_SECONDS) * HISTORY_BUCKET_SECONDS;
    ScorecardHistoryRow {
        framework: card.framework.clone(),
        hour: Timestamp::from_micros(seconds * 1_000_000),
        total: card.total,
        unknown: card.unknown,
        pass: card.pass,
        fail: card.fail,
        not_applicable: card.not_applicable,
        inconclusive: card.inconclusive,
        error: card.error,
        stale: card.stale,
        changed_index: event.index,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{History, at, given, minute, stream, tenant};

    fn listed(controls: &[&str]) -> Value {
        let control = |id: &&str| json!({ "id": id, "title": "A control", "maps_to": [] });
        json!({ "controls": controls.iter().map(control).collect::<Vec<_>>() })
    }

    fn changed(from: &str, to: &str) -> Value {
        json!({ "from": from, "to": to })
    }

    #[test]
    fn controls_are_counted_by_status_while_the_catalogue_has_them() {
        let folded = given(&[
            ("framework-nist", "framework.controls_added", listed(&["ac-1", "ac-2", "ac-3"])),
            ("control-nist.ac-1", "control.status_changed", changed("unknown", "fail")),
            ("control-nist.ac-2", "control.status_changed", changed("unknown", "pass")),
            ("control-nist.ac-1", "control.status_changed", changed("fail", "not_applicable")),
            // A control that no catalogue has counts nowhere until one does.
            ("control-nist.zz-9", "control.status_changed", changed("unknown", "fail")),
            ("framework-nist", "framework.controls_withdrawn", json!({ "controls": ["ac-3"] })),
            // An edition that words it otherwise adds no second one.
            ("framework-nist", "framework.controls_added", listed(&["ac-2", "zz-9"])),
        ]);
        let card = folded.only::<ScorecardRow>(&tenant("t"));
        assert_eq!((card.total, card.unknown, card.pass, card.fail, card.not_applicable), (3, 0, 1, 1, 1));
        assert_eq!((card.inconclusive, card.error, card.stale), (0, 0, 0));
        assert_eq!((card.changed_at, card.changed_index), (minute(6), 6));
        assert_eq!(card.score_permille(), Some(500));
    }

    #[test]
    fn the_history_has_a_point_for_each_hour_in_which_something_changed() {
        let mut history = History::new();
        let steps = [
            ("2026-03-01T10:05:00Z", "framework-nist", "framework.controls_added", listed(&["ac-1"])),
            (
                "2026-03-01T10:15:00Z",
                "control-nist.ac-1",
                "control.status_changed",
                changed("unknown", "fail"),
            ),
            (
                "2026-03-01T10:59:59.999999Z",
                "control-nist.ac-1",
                "control.status_changed",
                changed("fail", "pass"),
            ),
            ("2026-03-01T13:00:00Z", "control-nist.ac-1", "control.status_changed", changed("pass", "stale")),
            // A clock that went back changes the hour that is open, never one that is over.
            (
                "2026-03-01T10:30:00Z",
                "control-nist.ac-1",
                "control.status_changed",
                changed("stale", "error"),
            ),
        ];
        for (time, on, event_type, data) in steps {
            history.now = at(time);
            let data = data.as_object().unwrap().clone();
            history.push_raw(&tenant("t"), &stream(on), &format!("ledger.{event_type}.v1"), data);
        }
        let points = history.fold().all::<ScorecardHistoryRow>(&tenant("t"));
        let told: Vec<_> =
            points.iter().map(|row| (row.hour, row.pass, row.stale, row.error, row.changed_index)).collect();
        assert_eq!(
            told,
            [(at("2026-03-01T10:00:00Z"), 1, 0, 0, 2), (at("2026-03-01T13:00:00Z"), 0, 0, 1, 4)]
        );
    }

    #[test]
    fn without_controls_that_apply_there_is_no_score() {
        assert_eq!(ScorecardRow::empty(&FrameworkId::new("nist").unwrap()).score_permille(), None);
    }
}
