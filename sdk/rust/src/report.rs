//! What a check says: the common form of ready-made, custom and declarative probes.

use serde::{Deserialize, Serialize};

use crate::evidence::{CheckResult, ControlRef, Evidence, FINDINGS_MAX, Finding};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Against good practice, of no use alone.
    Low,
    /// Helps an attacker who is in.
    Medium,
    /// Gives an attacker access or rights.
    High,
    /// Open to everyone.
    Critical,
}

impl Severity {
    /// The word in findings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// The outcome of one check. This is also the JSON that a custom probe prints (see `docs/guides/probe-author.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckReport {
    /// What was checked: `linux-host/sshd`.
    pub check: String,
    /// A headline.
    pub title: String,
    /// What was found.
    pub result: CheckResult,
    /// How many things were checked.
    pub checked: u32,
    /// How many things could not be checked.
    #[serde(default)]
    pub skipped: u32,
    /// What was found, in words.
    #[serde(default)]
    pub summary: String,
    /// What was found, in detail.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The controls that it bears on; a probe file may say otherwise.
    #[serde(default)]
    pub controls: Vec<ControlRef>,
}

impl CheckReport {
    /// The evidence of this outcome. A list of findings that is too long is cut, and the summary says so.
    pub fn into_evidence(mut self) -> Evidence {
        if self.findings.len() > FINDINGS_MAX {
            let total = self.findings.len();
            self.findings.truncate(FINDINGS_MAX);
            self.summary =
                format!("{} The first {FINDINGS_MAX} of {total} findings are listed.", self.summary);
        }
        let mut evidence =
            Evidence::new(self.check, self.title, self.result).checked(self.checked).skipped(self.skipped);
        evidence.controls = self.controls;
        evidence.summary = Some(self.summary).filter(|text| !text.trim().is_empty());
        evidence.findings = self.findings;
        evidence
    }
}

/// Counts what a check looks at, and draws the conclusion.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    checked: u32,
    skipped: Vec<String>,
    findings: Vec<Finding>,
    incomplete: Option<String>,
}

impl Tally {
    /// One thing was looked at.
    pub fn check(&mut self) {
        self.checked += 1;
    }

    /// Many things were looked at.
    pub fn check_many(&mut self, count: usize) {
        self.checked = self.checked.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Something could not be looked at.
    pub fn skip(&mut self, object: impl std::fmt::Display, why: impl std::fmt::Display) {
        self.skipped.push(format!("{object} ({why})"));
    }

    /// The check did not get to its end, so that without findings it proves nothing.
    pub fn incomplete(&mut self, why: impl Into<String>) {
        self.incomplete.get_or_insert(why.into());
    }

    /// Something is wrong: where, what, and how to mend it.
    pub fn finding(
        &mut self,
        severity: Severity,
        object: impl Into<String>,
        detail: impl Into<String>,
        remediation: impl Into<String>,
    ) {
        let members = [
            ("severity", severity.as_str().to_owned()),
            ("object", object.into()),
            ("detail", detail.into()),
            ("remediation", remediation.into()),
        ];
        self.findings.push(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    }

    /// How many findings there are.
    pub const fn findings(&self) -> usize {
        self.findings.len()
    }

    /// The outcome: fail with findings; inconclusive if nothing was checked or the check was cut short; else pass.
    pub fn report(self, check: &str, title: &str, controls: &[(&str, &str)]) -> CheckReport {
        let result = if !self.findings.is_empty() {
            CheckResult::Fail
        } else if self.checked == 0 || self.incomplete.is_some() {
            CheckResult::Inconclusive
        } else {
            CheckResult::Pass
        };
        let mut summary = format!(
            "{} checked, {} skipped, {} findings.",
            self.checked,
            self.skipped.len(),
            self.findings.len()
        );
        if let Some(why) = self.incomplete {
            summary.push_str(&format!(" Incomplete: {why}."));
        }
        if !self.skipped.is_empty() {
            let first: Vec<&str> = self.skipped.iter().take(5).map(String::as_str).collect();
            let more = if self.skipped.len() > 5 { ", …" } else { "" };
            summary.push_str(&format!(" Skipped: {}{more}.", first.join(", ")));
        }
        CheckReport {
            check: check.to_owned(),
            title: title.to_owned(),
            result,
            checked: self.checked,
            skipped: u32::try_from(self.skipped.len()).unwrap_or(u32::MAX),
            summary,
            findings: self.findings,
            controls: controls
                .iter()
                .map(|(framework, control)| ControlRef::new(*framework, *control))
                .collect(),
        }
    }
}

/// A check that does not apply to the target, with the reason.
pub fn not_applicable(check: &str, title: &str, controls: &[(&str, &str)], why: &str) -> CheckReport {
    let report = Tally::default().report(check, title, controls);
    CheckReport { result: CheckResult::NotApplicable, summary: why.to_owned(), ..report }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_checked_or_cut_short_is_no_pass() {
        let report = |tally: Tally| tally.report("a/b", "t", &[]).result;
        assert_eq!(report(Tally::default()), CheckResult::Inconclusive);
        let mut tally = Tally::default();
        tally.skip("x", "denied");
        assert_eq!(report(tally.clone()), CheckResult::Inconclusive);
        tally.check();
        assert_eq!(report(tally.clone()), CheckResult::Pass);
        tally.incomplete("the bound was reached");
        assert_eq!(report(tally.clone()), CheckResult::Inconclusive);
        tally.finding(Severity::Low, "x", "y", "z");
        assert_eq!(report(tally), CheckResult::Fail);
    }

    #[test]
    fn too_many_findings_are_cut_and_counted() {
        let mut tally = Tally::default();
        for n in 0..FINDINGS_MAX + 7 {
            tally.finding(Severity::Low, n.to_string(), "d", "r");
        }
        let evidence = tally.report("a/b", "t", &[("starter", "host-3")]).into_evidence();
        assert_eq!(evidence.findings.len(), FINDINGS_MAX);
        assert!(evidence.summary.as_deref().unwrap().contains("first 500 of 507"), "{:?}", evidence.summary);
        assert_eq!(evidence.validate(), Ok(()));
    }
}
