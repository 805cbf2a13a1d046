//! What a check has found.

use serde::Serialize;
use serde_json::{Value, json};

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and should be looked at.
    Warn,
    /// It does not work, or will not at the next start.
    Fail,
}

impl Level {
    /// As it stands at the beginning of a line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it stands.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// How to mend it; empty where there is nothing to mend.
    pub mend: String,
}

/// All that was found, in the order in which it was looked at.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// As it should be.
    pub fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, Level::Ok, found.into(), String::new());
    }

    /// It works, and should be looked at.
    pub fn warn(&mut self, check: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Level::Warn, found.into(), mend.into());
    }

    /// It does not work.
    pub fn fail(&mut self, check: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Level::Fail, found.into(), mend.into());
    }

    fn add(&mut self, check: &'static str, level: Level, found: String, mend: String) {
        // One line each: what others say may have several.
        let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.findings.push(Finding { check, level, found: line(found), mend: line(mend) });
    }

    /// Does everything work?
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.level < Level::Fail)
    }

    /// One line a finding, and one for all of them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Finding { check, level, found, mend } in &self.findings {
            let mend = if mend.is_empty() { String::new() } else { format!("; {mend}") };
            text.push_str(&format!("{:<5} {check:<12} {found}{mend}\n", level.word()));
        }
        let count = |level| self.findings.iter().filter(|finding| finding.level == level).count();
        let (ok, warn, fail) = (count(Level::Ok), count(Level::Warn), count(Level::Fail));
        text.push_str(&format!("{ok} ok, {warn} to look at, {fail} failed\n"));
        text
    }

    /// The same as one JSON object.
    pub fn json(&self) -> Value {
        json!({ "ok": self.holds(), "findings": self.findings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_holds_unless_something_failed_and_each_finding_is_a_line() {
        let mut report = Report::default();
        report.ok("one", "fine");
        report.warn("two", "not\nso fine", "mend it");
        assert!(report.holds());
        let text = report.text();
        assert!(text.contains("warn  two          not so fine; mend it\n"), "{text}");
        report.fail("three", "broken", "");
        assert!(!report.holds());
        assert!(report.text().ends_with("1 ok, 1 to look at, 1 failed\n"));
        assert_eq!(report.json()["findings"][2]["level"], "fail");
    }
}
