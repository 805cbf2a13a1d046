//! Attachments.

use serde_json::{Value, json};

use super::query::Query;
use super::state::{Record, State, render, time};
use super::table::no_record;
use super::{ServiceNow, failure};
use crate::http::{Reply, Request};

impl ServiceNow {
    pub(super) fn attach(&self, state: &mut State, request: &Request, user: &str) -> Reply {
        let get = |name: &str| request.parameter(name).unwrap_or_default().to_owned();
        let (table, record, name) = (get("table_name"), get("table_sys_id"), get("file_name"));
        if name.is_empty() {
            return failure(400, "Missing parameter", "file_name");
        }
        if state.record(&table, &record).is_none() {
            return no_record();
        }
        let id = state.sys_id();
        let attachment: Record = [
            ("sys_id", id.clone()),
            ("file_name", name),
            ("table_name", table),
            ("table_sys_id", record),
            ("size_bytes", request.body.len().to_string()),
            ("content_type", request.header("content-type").unwrap_or_default().to_owned()),
            ("sys_created_on", time(self.clock.now())),
            ("sys_created_by", user.to_owned()),
            ("download_link", format!("https://fake.service-now.com/api/now/attachment/{id}/file")),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let shown = render(&attachment, None, true);
        state.attachments.push(attachment);
        state.writes += 1;
        let place = format!("https://fake.service-now.com/api/now/attachment/{id}");
        Reply::json(201, &json!({ "result": shown })).header("location", place)
    }

    pub(super) fn attachments(&self, state: &State, request: &Request) -> Reply {
        let query = Query::parse(request.parameter("sysparm_query").unwrap_or_default());
        let all: Vec<Value> = state
            .attachments
            .iter()
            .filter(|attachment| query.matches(attachment))
            .map(|attachment| render(attachment, request.parameter("sysparm_fields"), true))
            .collect();
        Reply::json(200, &json!({ "result": all }))
    }
}
