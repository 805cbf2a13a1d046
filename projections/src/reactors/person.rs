//! Where a person is named: the place of the event that names them stands in a note, never the name.

use ledger_aggregates::values::TaskId;
use serde_json::{Value, json};

use super::{Around, SeenEvent};

const BEGIN: &str = "{{person:";
const END: &str = "}}";

/// A place in a text that stands for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    /// All of it.
    pub text: &'a str,
    /// The task that the person was assigned to.
    pub task: TaskId,
    /// The place of that event in the task's stream.
    pub seq: u64,
    /// The mark that tells it from what somebody wrote.
    pub mark: &'a str,
}

/// What the mark is of.
pub fn marked(task: TaskId, seq: u64) -> Value {
    json!(["person", task.to_string(), seq])
}

/// The place that stands for whoever an event assigns; none: the tenant has no keys here.
pub(super) fn place(seen: &SeenEvent, around: &Around<'_>) -> Option<String> {
    let task = TaskId::from_stream(&seen.stream)?;
    let mark = (around.mac)(&seen.tenant, &marked(task, seen.seq))?;
    Some(format!("{BEGIN}{task}:{}:{mark}{END}", seen.seq))
}

/// All such places in a text.
pub fn places(text: &str) -> Vec<Named<'_>> {
    text.match_indices(BEGIN).filter_map(|(at, _)| read(&text[at..])).collect()
}

fn read(text: &str) -> Option<Named<'_>> {
    let inside = text[BEGIN.len()..].split_once(END)?.0;
    let mut parts = inside.splitn(3, ':');
    let (task, seq, mark) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    Some(Named { text: &text[..BEGIN.len() + inside.len() + END.len()], task, seq, mark })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_and_other_braces_are_not() {
        let task = "0190b7c2-6f7e-7c3a-9d2e-3f1a2b3c4d5e";
        let text =
            format!("To {{{{person:{task}:7:ab12}}}} and {{{{person:x:7:ab}}}}, {{{{title}}}} {{{{person:");
        let found = places(&text);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].task.to_string().as_str(), found[0].seq, found[0].mark), (task, 7, "ab12"));
        assert_eq!(found[0].text, format!("{{{{person:{task}:7:ab12}}}}"));
    }
}
