//! Comments and attachments.

use ledger::time::Timestamp;
use serde_json::json;

use super::config::Config;
use super::place::PROPERTY;
use super::snapshot::comment_mark;
use super::{At, known, respond, text};
use crate::protocol::{
    BlobRef, Body, Document, Effect, Failure, Intent, Method, Part, Plan, Repeat, Response, Step,
};

impl Config {
    /// A comment carries its intent as a property: that is how it is found again.
    pub(super) fn comment(&self, intent: &Intent, document: &Document, last: u64) -> Result<Plan, Failure> {
        let body = json!({
            "body": text::write(document, self.deployment),
            "properties": [{ "key": PROPERTY, "value": { "intent": intent.id } }],
        });
        let path = self.issue(known(intent)?, "/comment");
        let plan = Plan::new(Method::Post, path, Repeat::Once, "POST /issue/comment");
        Ok(plan.json(body).then(At::Adding { last }.value()))
    }

    /// A file is found again by its name and size.
    pub(super) fn attach(&self, intent: &Intent, blob: &BlobRef, last: u64) -> Result<Plan, Failure> {
        let path = self.issue(known(intent)?, "/attachments");
        let mut plan = Plan::new(Method::Post, path, Repeat::Once, "POST /issue/attachments")
            .header("X-Atlassian-Token", "no-check")
            .then(At::Adding { last }.value());
        plan.body = Body::Multipart(vec![Part::File { name: "file".into(), blob: blob.clone() }]);
        Ok(plan)
    }

    pub(super) fn added(
        &self,
        intent: &Intent,
        effect: &Effect,
        last: u64,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let added = respond::json(response, now)?;
        let (wrote, receipts) = match effect {
            Effect::Comment { .. } => (
                vec!["comment".into(), "Comment".into()],
                vec![comment_mark(added["id"].as_str().unwrap_or_default()).0],
            ),
            _ => (vec!["attachment".into(), "Attachment".into()], Vec::new()),
        };
        Ok(Step::send(self.read_back(known(intent)?, last, wrote, Vec::new(), receipts)))
    }
}
