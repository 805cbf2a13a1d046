//! Evidence as it is handed in, from bytes to a command.

use ledger::ids::CommandId;
use ledger::time::Timestamp;
use ledger_aggregates::evidence::SubmitEvidence;
use ledger_aggregates::values::{CheckId, CheckResult, ControlRef, EvidenceId, ProbeId, TargetRef};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::word;
use crate::error::{ApiError, INVALID};

/// The result of a check.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceInput<'a> {
    /// A UUIDv7 of the sender's: the evidence's id and its idempotency key.
    #[schema(example = "0199a3f2-6c1e-7cc0-8a52-0f6f3f3f9a10")]
    pub id: &'a str,
    /// What was checked.
    #[schema(example = "linux-host/sshd-permit-root-login")]
    pub check: &'a str,
    /// The probe that checked; without it the key counts as the source.
    pub probe: Option<&'a str>,
    /// What was looked at, as an opaque reference; `default` without it.
    pub target_ref: Option<&'a str>,
    /// The controls that it bears on, 1 to 32.
    pub controls: Vec<ControlInput<'a>>,
    /// pass, fail, `not_applicable`, inconclusive or error.
    #[schema(example = "pass")]
    pub result: &'a str,
    /// How many things were checked; a pass of nothing is recorded as inconclusive.
    pub checked: u32,
    /// How many things were left out.
    #[serde(default)]
    pub skipped: u32,
    /// When the observation began.
    #[schema(value_type = String, format = DateTime)]
    pub observed_from: Timestamp,
    /// When the observation ended.
    #[schema(value_type = String, format = DateTime)]
    pub observed_to: Timestamp,
    /// When it is sent; a repetition may say another time.
    #[serde(borrow)]
    #[schema(value_type = String, format = DateTime)]
    pub sent_at: &'a RawValue,
    /// When the next is expected at the latest, in seconds after `observed_to`: later the control is stale.
    pub cadence_seconds: Option<u32>,
    /// A headline (confidential).
    pub title: String,
    /// What was found, in words (confidential).
    pub summary: Option<String>,
    /// The name of what was looked at (confidential).
    pub target: Option<String>,
    /// What was found, in detail: a list of objects (confidential).
    pub findings: Option<Value>,
    /// Files, uploaded before (confidential).
    #[serde(default)]
    pub blobs: Vec<BlobInput>,
}

/// A control, by framework and id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlInput<'a> {
    /// The framework's id.
    #[schema(example = "starter")]
    pub framework: &'a str,
    /// The control's id in it.
    #[schema(example = "access-1")]
    pub control: &'a str,
}

/// A file that was uploaded before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlobInput {
    /// The id that the upload gave.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
}

/// Evidence ready to be commanded.
#[derive(Debug)]
pub struct Submission {
    /// Its id.
    pub id: EvidenceId,
    /// The id as that of the command.
    pub command_id: CommandId,
    /// The command; blobs are resolved later.
    pub command: SubmitEvidence,
    /// Files to be resolved.
    pub blobs: Vec<BlobInput>,
    /// What tells a repetition from another command: the canonical body without `sent_at`.
    pub identity: Vec<u8>,
}

/// Reads evidence from its canonical form.
///
/// # Errors
/// `invalid`, with the pointer of the member.
pub fn read(canonical: &[u8]) -> Result<Submission, ApiError> {
    let input: EvidenceInput<'_> = crate::http::body::shape(canonical)?;
    let sent_at = word::<Timestamp>("/sent_at", input.sent_at.get().trim_matches('"'))?;
    let identity = without(canonical, input.sent_at.get());
    let id = word::<EvidenceId>("/id", input.id)?;
    let controls = input.controls.iter().enumerate().map(control).collect::<Result<Vec<_>, _>>()?;
    let command = SubmitEvidence {
        check: word::<CheckId>("/check", input.check)?,
        probe: input.probe.map(|probe| word::<ProbeId>("/probe", probe)).transpose()?,
        target_ref: match input.target_ref {
            Some(text) => word::<TargetRef>("/target_ref", text)?,
            None => TargetRef::default_ref(),
        },
        controls,
        result: word::<CheckResult>("/result", input.result)?,
        checked: input.checked,
        skipped: input.skipped,
        observed_from: input.observed_from,
        observed_to: input.observed_to,
        sent_at,
        cadence_seconds: input.cadence_seconds,
        title: input.title,
        summary: input.summary,
        target: input.target,
        findings: input.findings,
        blobs: Vec::new(),
    };
    let command_id = CommandId::new(input.id).map_err(|error| ApiError::new(INVALID, error.to_string()))?;
    Ok(Submission { id, command_id, command, blobs: input.blobs, identity })
}

fn control((at, input): (usize, &ControlInput<'_>)) -> Result<ControlRef, ApiError> {
    ControlRef::new(input.framework, input.control).map_err(|error| {
        ApiError::new(INVALID, format!("/controls/{at}: {error}"))
            .at(format!("/controls/{at}"), error.to_string())
    })
}

/// `whole` without `part`, which is a slice of it.
fn without(whole: &[u8], part: &str) -> Vec<u8> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
    let end = (start + part.len()).min(whole.len());
    [&whole[..start], &whole[end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"check":"a/b","checked":1,"controls":[{"control":"ac-1","framework":"starter"}],"id":"0199a3f2-6c1e-7cc0-8a52-0f6f3f3f9a10","observed_from":"2026-01-01T00:00:00Z","observed_to":"2026-01-01T00:00:00Z","result":"pass","sent_at":"2026-01-01T00:00:00Z","title":"t"}"#;

    #[test]
    fn the_time_of_sending_does_not_make_another_command() {
        let one = read(BODY.as_bytes()).unwrap();
        let later = BODY.replace("\"sent_at\":\"2026-01-01", "\"sent_at\":\"2026-01-09");
        assert_eq!(one.identity, read(later.as_bytes()).unwrap().identity);
        let other = BODY.replace("\"checked\":1", "\"checked\":2");
        assert_ne!(one.identity, read(other.as_bytes()).unwrap().identity);
    }

    #[test]
    fn a_member_that_does_not_fit_is_named() {
        for (from, to, pointer) in [
            ("\"a/b\"", "\"A B\"", "/check"),
            ("\"pass\"", "\"passed\"", "/result"),
            ("\"ac-1\"", "\"AC 1\"", "/controls/0"),
            ("\"checked\":1", "\"checked\":\"1\"", "/checked"),
        ] {
            let error = read(BODY.replace(from, to).as_bytes()).unwrap_err();
            assert_eq!(error.errors[0].pointer, pointer, "{error:?}");
        }
    }
}
