//! The rules of evidence.

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;

use super::command::limits;
use super::{
    EvidenceCommand, EvidenceEvent, EvidenceExpired, EvidenceLinked, EvidenceReviewed, EvidenceState,
};
use super::{EvidenceSubmitted, EvidenceSuperseded, Submission, SubmitEvidence};
use crate::refusals;
use crate::schema::Confidential;
use crate::values::{CheckResult, ControlRef, ReviewVerdict};

/// The aggregate of one piece of evidence.
#[derive(Debug)]
pub struct Evidence;

refusals! {
    /// Why a command to a piece of evidence is refused.
    EvidenceRefusal {
        /// The stream exists.
        AlreadySubmitted {} => Conflict, "evidence-already-submitted", "/id",
            "evidence with this id was handed in already",
            "give every observation an id of its own (a UUIDv7); repeat a request unchanged to get its receipt again";
        /// The stream does not exist.
        NotSubmitted {} => NotFound, "evidence-unknown", "",
            "there is no evidence with this id", "hand it in first, or check the id";
        /// It no longer counts.
        Over {} => Gone, "evidence-over", "",
            "the evidence was rejected or superseded, or has expired", "act on newer evidence, or hand it in";
        /// No controls, or too many.
        Controls {
            /// How many.
            count: usize
        } => Invalid, "evidence-controls", "/controls",
            "evidence bears on 1 to 32 controls, not on {count}", "split it, or name the controls that it shows something about";
        /// A control twice.
        ControlTwice {
            /// Its place in the list.
            at: usize,
            /// Which.
            control: ControlRef
        } => Invalid, "evidence-control-twice", "/controls/{at}",
            "control {control} is named already", "name each control once";
        /// An observation that ends before it begins.
        EndsBeforeItBegins {} => Invalid, "evidence-times", "/observed_to",
            "the observation ends before it begins", "observed_to must not lie before observed_from";
        /// A time that has not come.
        InTheFuture {
            /// Which member.
            member: &'static str,
            /// What it says.
            time: Timestamp,
            /// The ledger's time.
            now: Timestamp
        } => Invalid, "evidence-in-the-future", "/{member}",
            "{member} {time} lies more than 300 seconds ahead of the ledger's clock {now}", "set the sender's clock";
        /// A cadence out of bounds.
        Cadence {
            /// In seconds.
            seconds: u32
        } => Invalid, "evidence-cadence", "/cadence_seconds",
            "a cadence of {seconds} seconds is out of bounds", "use 1 to 31622400 seconds, or leave it out";
        /// A text without content or too long.
        Text {
            /// Which member.
            member: &'static str,
            /// How many characters it may have.
            max: usize,
            /// How many it has.
            found: usize
        } => Invalid, "evidence-text", "/{member}",
            "{member} has {found} characters; it takes 1 to {max}", "shorten it, or attach it as a blob";
        /// Findings that are no list.
        FindingsNotAList {} => Invalid, "evidence-findings", "/findings",
            "findings are not a list of objects", "send a list with one object for each finding";
        /// Too many or too large findings.
        FindingsTooLarge {
            /// How many.
            count: usize,
            /// How many bytes of JSON.
            bytes: usize
        } => Invalid, "evidence-findings-too-large", "/findings",
            "{count} findings of {bytes} bytes are too many; 1,000 of 262,144 bytes together fit", "attach the report as a blob";
        /// Too many blobs.
        Blobs {
            /// How many.
            count: usize
        } => Invalid, "evidence-blobs", "/blobs",
            "{count} blobs are too many; 16 fit", "pack them into one";
        /// A blob whose reference cannot be stored.
        Blob {
            /// Its place in the list.
            at: usize
        } => Invalid, "evidence-blob", "/blobs/{at}",
            "the blob has no id, or a name or media type that is empty or longer than 255 bytes", "upload it first and send the id that you were given";
    }
}

impl Aggregate for Evidence {
    const CATEGORY: &'static str = "evidence";
    type State = EvidenceState;
    type Command = EvidenceCommand;
    type Event = EvidenceEvent;
    type Error = EvidenceRefusal;

    fn decide(
        state: &EvidenceState,
        command: &EvidenceCommand,
        ctx: &DecideCtx,
    ) -> Result<Vec<EvidenceEvent>, EvidenceRefusal> {
        if let EvidenceCommand::Submit(submission) = command {
            return match state {
                EvidenceState::Absent => submit(submission, ctx.now),
                _ => Err(EvidenceRefusal::AlreadySubmitted {}),
            };
        }
        match state {
            EvidenceState::Absent => Err(EvidenceRefusal::NotSubmitted {}),
            EvidenceState::Rejected | EvidenceState::Superseded { .. } | EvidenceState::Expired { .. } => {
                Err(EvidenceRefusal::Over {})
            }
            EvidenceState::Submitted(submission) => amend(submission, command, ctx),
        }
    }

    fn evolve(state: EvidenceState, event: &EvidenceEvent) -> EvidenceState {
        state.after(event)
    }
}

fn amend(
    submission: &Submission,
    command: &EvidenceCommand,
    ctx: &DecideCtx,
) -> Result<Vec<EvidenceEvent>, EvidenceRefusal> {
    let controls = submission.controls.clone();
    Ok(match command {
        EvidenceCommand::Submit(_) => return Err(EvidenceRefusal::AlreadySubmitted {}),
        EvidenceCommand::Link { controls } => link(submission, controls)?,
        EvidenceCommand::Review { verdict, note } => {
            check_text("note", note.as_deref(), limits::SUMMARY_CHARS_MAX)?;
            if *verdict == ReviewVerdict::Accepted && submission.accepted {
                return Ok(Vec::new());
            }
            vec![EvidenceReviewed { verdict: *verdict, controls, note: note.clone().into() }.into()]
        }
        EvidenceCommand::Supersede { by } => vec![EvidenceSuperseded { by: *by, controls }.into()],
        EvidenceCommand::Expire => vec![EvidenceExpired { expired_at: ctx.now, controls }.into()],
    })
}

fn link(submission: &Submission, controls: &[ControlRef]) -> Result<Vec<EvidenceEvent>, EvidenceRefusal> {
    check_controls(controls)?;
    let linked = &submission.controls;
    let new: Vec<ControlRef> = controls.iter().filter(|control| !linked.contains(control)).cloned().collect();
    let count = linked.len() + new.len();
    if count > limits::CONTROLS_MAX {
        return Err(EvidenceRefusal::Controls { count });
    }
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let linked = EvidenceLinked {
        controls: new,
        check: submission.check.clone(),
        probe: submission.probe.clone(),
        target_ref: submission.target_ref.clone(),
        result: submission.result,
        observed_to: submission.observed_to,
        cadence_seconds: submission.cadence_seconds,
    };
    Ok(vec![linked.into()])
}

fn submit(s: &SubmitEvidence, now: Timestamp) -> Result<Vec<EvidenceEvent>, EvidenceRefusal> {
    check_controls(&s.controls)?;
    check_times(s, now)?;
    check_content(s)?;
    let result = s.recorded_result();
    let submitted = EvidenceSubmitted {
        check: s.check.clone(),
        probe: s.probe.clone(),
        target_ref: s.target_ref.clone(),
        controls: s.controls.clone(),
        result,
        reported_result: (result != s.result).then_some(s.result),
        checked: s.checked,
        skipped: s.skipped,
        observed_from: s.observed_from,
        observed_to: s.observed_to,
        sent_at: s.sent_at,
        received_at: now,
        cadence_seconds: s.cadence_seconds,
        title: Confidential::of(s.title.clone()),
        summary: s.summary.clone().into(),
        target: s.target.clone().into(),
        findings: s.findings.clone().into(),
        blobs: (!s.blobs.is_empty()).then(|| s.blobs.clone()).into(),
    };
    Ok(vec![submitted.into()])
}

impl SubmitEvidence {
    /// The result that will count.
    #[must_use]
    pub const fn recorded_result(&self) -> CheckResult {
        recorded_result(self.result, self.checked)
    }
}

/// Nothing checked shows nothing: a pass or a failure of nothing is inconclusive.
/// An error or a check that does not apply says itself that nothing was checked.
pub(super) const fn recorded_result(reported: CheckResult, checked: u32) -> CheckResult {
    match reported {
        CheckResult::Pass | CheckResult::Fail if checked == 0 => CheckResult::Inconclusive,
        other => other,
    }
}

fn check_controls(controls: &[ControlRef]) -> Result<(), EvidenceRefusal> {
    if controls.is_empty() || controls.len() > limits::CONTROLS_MAX {
        return Err(EvidenceRefusal::Controls { count: controls.len() });
    }
    // At most 32: comparing each with those before it is cheaper than a set.
    match controls.iter().enumerate().find(|(at, control)| controls[..*at].contains(control)) {
        Some((at, control)) => Err(EvidenceRefusal::ControlTwice { at, control: control.clone() }),
        None => Ok(()),
    }
}

fn check_times(s: &SubmitEvidence, now: Timestamp) -> Result<(), EvidenceRefusal> {
    let latest = now.plus(limits::FUTURE_MAX);
    let times = [("observed_from", s.observed_from), ("observed_to", s.observed_to), ("sent_at", s.sent_at)];
    if let Some((member, time)) = times.into_iter().find(|(_, time)| *time > latest) {
        return Err(EvidenceRefusal::InTheFuture { member, time, now });
    }
    if s.observed_to < s.observed_from {
        return Err(EvidenceRefusal::EndsBeforeItBegins {});
    }
    match s.cadence_seconds {
        Some(seconds) if seconds == 0 || seconds > limits::CADENCE_SECONDS_MAX => {
            Err(EvidenceRefusal::Cadence { seconds })
        }
        _ => Ok(()),
    }
}

fn check_content(s: &SubmitEvidence) -> Result<(), EvidenceRefusal> {
    check_text("title", Some(&s.title), limits::TITLE_CHARS_MAX)?;
    check_text("summary", s.summary.as_deref(), limits::SUMMARY_CHARS_MAX)?;
    check_text("target", s.target.as_deref(), limits::TARGET_CHARS_MAX)?;
    if let Some(findings) = &s.findings {
        let list = findings.as_array().ok_or(EvidenceRefusal::FindingsNotAList {})?;
        if list.iter().any(|finding| !finding.is_object()) {
            return Err(EvidenceRefusal::FindingsNotAList {});
        }
        let bytes = findings.to_string().len();
        if list.len() > limits::FINDINGS_MAX || bytes > limits::FINDINGS_BYTES_MAX {
            return Err(EvidenceRefusal::FindingsTooLarge { count: list.len(), bytes });
        }
    }
    if s.blobs.len() > limits::BLOBS_MAX {
        return Err(EvidenceRefusal::Blobs { count: s.blobs.len() });
    }
    let named = |text: &str| (1..=limits::BLOB_NAME_BYTES_MAX).contains(&text.len());
    match s.blobs.iter().position(|b| !(named(&b.id) && named(&b.name) && named(&b.media_type))) {
        Some(at) => Err(EvidenceRefusal::Blob { at }),
        None => Ok(()),
    }
}

fn check_text(member: &'static str, text: Option<&str>, max: usize) -> Result<(), EvidenceRefusal> {
    let Some(text) = text else { return Ok(()) };
    let found = text.chars().count();
    if found == 0 || found > max {
        return Err(EvidenceRefusal::Text { member, max, found });
    }
    Ok(())
}
