//! A report for people.

use std::fmt::{self, Display, Formatter};

use crate::report::Report;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.trust_lines(f)?;
        self.count_lines(f)?;
        for erasure in &self.erasures {
            row(f, "erased", format_args!("{} members, by entry {}", erasure.members, erasure.index))?;
        }
        for dispute in &self.disputes {
            row(f, "DISPUTED", dispute)?;
        }
        for note in &self.notes {
            row(f, "note", note)?;
        }
        self.failure_lines(f)?;
        let verdict = if self.ok { "VERIFIED" } else { "REFUSED" };
        let pin = if self.trust.pinned { "" } else { " (NOT PINNED)" };
        writeln!(f, "\n{verdict}{pin}: {} entries in {:.2} s", self.counts.entries, self.seconds)
    }
}

impl Report {
    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        row(f, "log", &self.origin)?;
        row(f, "tenant", &self.tenant)?;
        row(f, "checkpoint", format_args!("{} entries, root {}", self.size, self.root))?;
        row(f, "exported", format_args!("{}, for {:?}", self.exported_at, self.purpose))?;
        if self.redactions.is_empty() { Ok(()) } else { row(f, "left out", self.redactions.join(", ")) }
    }

    fn trust_lines(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let trust = &self.trust;
        if trust.pinned {
            row(f, "trust file", &trust.policy)?;
            let genesis =
                if trust.genesis_pinned { "pinned, and it fits" } else { "not pinned by the trust file" };
            row(f, "genesis", genesis)?;
        } else {
            writeln!(f, "\n  *** NOT PINNED: checked against the export's own trust file. ***")?;
            writeln!(f, "  *** This shows that the export is whole, not who wrote it. ***")?;
            writeln!(
                f,
                "  *** Ask the ledger's operator for the trust file by another way: --policy FILE ***\n"
            )?;
        }
        row(f, "signed by", if trust.log_key.is_empty() { "no known key" } else { &trust.log_key })?;
        if trust.anchored_size > 0 {
            row(f, "anchored", format_args!("the first {} entries, in the system log", trust.anchored_size))?;
        }
        if trust.witnessed_size > 0 {
            let (size, by) = (trust.witnessed_size, trust.witnesses.join(", "));
            row(f, "witnessed", format_args!("the first {size} entries, by {by}"))?;
        }
        let Some(since) = &self.since else { return Ok(()) };
        let outcome = if since.consistent { "this export extends it" } else { "NOT CONSISTENT" };
        row(f, "since", format_args!("your checkpoint of {} entries: {outcome}", since.size))
    }

    fn count_lines(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        row(f, "entries", format_args!("{} read, {} signatures verify", counts.entries, counts.signatures))?;
        row(f, "streams", format_args!("{} chains followed", counts.streams))?;
        row(f, "files", format_args!("{} as the manifest says, {} bytes", counts.files, counts.bytes))?;
        let (members, disclosed) = (counts.members, counts.disclosed);
        let (erased, redacted) = (counts.erased, counts.redacted);
        let withheld =
            format!("{members} members: {disclosed} DISCLOSED, {redacted} REDACTED, {erased} ERASED");
        row(f, "withheld", withheld)?;
        row(f, "blobs", counts.blobs)?;
        row(f, "anchors", counts.anchors)?;
        if counts.unknown_types == 0 {
            return Ok(());
        }
        let hint = "a newer version of this program may know their schemas";
        row(f, "unknown", format_args!("{} events are of types unknown here; {hint}", counts.unknown_types))
    }

    fn failure_lines(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.failures_total == 0 {
            return Ok(());
        }
        writeln!(f, "\n{} failures:", self.failures_total)?;
        self.failures.iter().try_for_each(|failure| writeln!(f, "  {failure}"))?;
        match self.failures_total - self.failures.len() as u64 {
            0 => Ok(()),
            more => writeln!(f, "  … and {more} more"),
        }
    }
}

fn row(f: &mut Formatter<'_>, name: &str, value: impl Display) -> fmt::Result {
    writeln!(f, "{name:>11}  {value}")
}
