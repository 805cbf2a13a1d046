//! Notes and attachments.

use ledger::time::Timestamp;
use serde_json::{Map, Value};

use super::config::Config;
use super::snapshot::text;
use super::{At, known, respond};
use crate::protocol::{
    BlobRef, Body, Document, Failure, Intent, Method, Outcome, Plan, RemoteRef, Repeat, Response, Step,
};
use crate::vendor::encode;

/// The mark of an intent in a note's text: journals have no other place for it.
fn mark(intent: &Intent) -> String {
    format!("[aigov {}]", intent.id)
}

impl Config {
    /// A note is appended by a PATCH, so twice is twice.
    pub(super) fn comment(
        &self,
        intent: &Intent,
        document: &Document,
        public: bool,
        record: &Value,
    ) -> Result<Step, Failure> {
        let column = if public { "comments" } else { "work_notes" };
        let note = format!("{}\n\n{}", document.to_plain(), mark(intent));
        let columns = Map::from_iter([(column.to_owned(), Value::String(note))]);
        self.send(intent, columns, record, Repeat::Once)
    }

    pub(super) fn journal(&self, remote: &RemoteRef) -> Plan {
        let query = encode(&format!("element_id={}^ORDERBYsys_created_on", remote.id));
        let path = format!(
            "/api/now/v2/table/sys_journal_field?sysparm_query={query}&sysparm_fields=element_id,value"
        );
        Plan::get(path, "GET table").then(At::Journal {}.value())
    }

    pub(super) fn journal_read(
        &self,
        intent: &Intent,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let (remote, mark) = (known(intent)?, mark(intent));
        let ours =
            |entry: &Value| text(entry, "element_id") == remote.id && text(entry, "value").contains(&mark);
        let there = respond::list(response, now)?.iter().any(ours);
        Ok(done_or_absent(remote, there))
    }

    pub(super) fn attach(&self, intent: &Intent, blob: &BlobRef) -> Result<Plan, Failure> {
        let path = format!(
            "/api/now/v2/attachment/file?table_name={}&table_sys_id={}&file_name={}",
            encode(&self.table),
            encode(&known(intent)?.id),
            encode(&blob.name)
        );
        let mut plan =
            Plan::new(Method::Post, path, Repeat::Once, "POST attachment").then(At::Attaching {}.value());
        plan.body = Body::Blob(blob.clone());
        Ok(plan)
    }

    pub(super) fn attached(
        &self,
        intent: &Intent,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        respond::record(response, now)?;
        Ok(done_or_absent(known(intent)?, true))
    }

    pub(super) fn files(&self, remote: &RemoteRef, name: &str) -> Plan {
        // A circumflex would end the condition; the rest of the name is enough, for the answer is compared whole.
        let safe = name.split('^').next().unwrap_or_default();
        let query = encode(&format!("table_sys_id={}^file_nameSTARTSWITH{safe}", remote.id));
        let fields = "sys_id,file_name,size_bytes,table_sys_id";
        let path = format!("/api/now/v2/attachment?sysparm_query={query}&sysparm_fields={fields}");
        Plan::get(path, "GET attachment").then(At::Files {}.value())
    }

    pub(super) fn files_read(
        &self,
        intent: &Intent,
        blob: &BlobRef,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let remote = known(intent)?;
        let ours = |file: &Value| {
            text(file, "table_sys_id") == remote.id
                && text(file, "file_name") == blob.name
                && text(file, "size_bytes") == blob.size_bytes.to_string()
        };
        let there = respond::list(response, now)?.iter().any(ours);
        Ok(done_or_absent(remote, there))
    }
}

fn done_or_absent(remote: &RemoteRef, there: bool) -> Step {
    Step::done(if there {
        Outcome::Succeeded { remote: remote.clone(), snapshot: None, receipts: Vec::new(), notes: Vec::new() }
    } else {
        Outcome::Absent {}
    })
}
