//! The erasure list: one line a step, appended and synced, in a file that no backup holds.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ledger::ids::{SubjectId, TenantId};
use serde::{Deserialize, Serialize};

/// How far an erasure has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Somebody asked for it.
    Asked,
    /// The log says that it is done.
    Recorded,
    /// It was refused, so that nothing is to be done.
    Refused,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    tenant: TenantId,
    subject: SubjectId,
    step: Step,
}

/// The file.
#[derive(Debug)]
pub struct ErasureList {
    path: PathBuf,
    writing: Mutex<()>,
}

impl ErasureList {
    /// The list at `path`; made with its first line.
    pub const fn at(path: PathBuf) -> Self {
        Self { path, writing: Mutex::new(()) }
    }

    /// Notes a step, durably.
    ///
    /// # Errors
    /// The file system's.
    pub fn note(&self, tenant: &TenantId, subject: &SubjectId, step: Step) -> io::Result<()> {
        let line = Line { tenant: tenant.clone(), subject: subject.clone(), step };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = !self.path.exists();
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        file.write_all(&text)?;
        file.sync_all()?;
        match self.path.parent() {
            Some(dir) if fresh => fs::File::open(dir)?.sync_all(),
            _ => Ok(()),
        }
    }

    /// What is to be held against a store that was opened, each subject once, with the last step.
    ///
    /// # Errors
    /// The file cannot be read, or has a line that is none: what it says is not guessed. A last line without its end is
    /// what a crash left of a step that nobody was told of.
    pub fn open(&self) -> io::Result<Vec<(TenantId, SubjectId, Step)>> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read?,
        };
        let mut last = BTreeMap::new();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for (number, line) in (1..).zip(text[..whole].lines()) {
            let Line { tenant, subject, step } = serde_json::from_str(line).map_err(|error| {
                let at = self.path.display();
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{at}, line {number}: {error}; restore the file"),
                )
            })?;
            let kept = last.entry((tenant, subject)).or_insert(step);
            // What was erased once stays erased.
            if *kept != Step::Recorded {
                *kept = step;
            }
        }
        let open = last.into_iter().filter(|(_, step)| *step != Step::Refused);
        Ok(open.map(|((tenant, subject), step)| (tenant, subject, step)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_counts_but_an_erasure_stays() {
        let dir = tempfile::tempdir().unwrap();
        let list = ErasureList::at(dir.path().join("erasures"));
        assert!(list.open().unwrap().is_empty());
        let (t, [a, b, c]) = (TenantId::system(), ["a", "b", "c"].map(|id| SubjectId::new(id).unwrap()));
        for (subject, step) in [
            (&a, Step::Asked),
            (&b, Step::Asked),
            (&b, Step::Refused),
            (&c, Step::Recorded),
            (&c, Step::Refused),
        ] {
            list.note(&t, subject, step).unwrap();
        }
        let expected = vec![(t.clone(), a, Step::Asked), (t.clone(), c, Step::Recorded)];
        assert_eq!(list.open().unwrap(), expected);
        // What a crash cut off was never told; what somebody changed is named.
        let path = dir.path().join("erasures");
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{{\"ten")).unwrap();
        assert_eq!(list.open().unwrap(), expected);
        fs::write(&path, format!("x{whole}")).unwrap();
        assert!(list.open().unwrap_err().to_string().contains("line 1"));
    }
}
