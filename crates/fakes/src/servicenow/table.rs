//! The Table API.

use serde_json::{Value, json};

use super::query::Query;
use super::state::{JOURNAL, Record, State, TABLES, WRITABLE, render, states, time};
use super::{ServiceNow, failure};
use crate::http::{Reply, Request};

pub(crate) fn no_record() -> Reply {
    failure(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
}

impl ServiceNow {
    pub(super) fn list(&self, state: &mut State, request: &Request, table: &str) -> Reply {
        let choices;
        let all: Vec<&Record> = match table {
            "sys_choice" => {
                choices = self.choices();
                choices.iter().collect()
            }
            "sys_journal_field" => state.journal.iter().collect(),
            _ if TABLES.iter().any(|(name, _)| *name == table) => {
                state.tables.get(table).map(|records| records.values().collect()).unwrap_or_default()
            }
            _ => return failure(400, &format!("Invalid table {table}"), ""),
        };
        let query = Query::parse(request.parameter("sysparm_query").unwrap_or_default());
        let nothing = query.invalid && self.settings.invalid_query_gives_nothing;
        let mut found: Vec<&Record> =
            all.into_iter().filter(|record| !nothing && query.matches(record)).collect();
        query.sort(&mut found);
        let (offset, limit) = (request.number("sysparm_offset", 0), request.number("sysparm_limit", 10_000));
        let total = found.len();
        // The limit is applied before the rights: a page may be short, even empty, and not be the last.
        let page: Vec<Value> = found
            .into_iter()
            .skip(offset)
            .take(limit)
            .filter(|record| record.get("sys_id").is_none_or(|id| !state.hidden.contains(id)))
            .map(|record| shown(request, record))
            .collect();
        let reply = Reply::json(200, &json!({ "result": page })).header("x-total-count", total.to_string());
        if offset + limit >= total {
            return reply;
        }
        let mut next = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in request.query.iter().filter(|(name, _)| name != "sysparm_offset") {
            next.append_pair(name, value);
        }
        next.append_pair("sysparm_offset", &(offset + limit).to_string());
        let link =
            format!("<https://fake.service-now.com/api/now/v2/table/{table}?{}>;rel=\"next\"", next.finish());
        reply.header("link", link)
    }

    pub(super) fn get(&self, state: &State, request: &Request, table: &str, id: &str) -> Reply {
        match state.record(table, id) {
            Some(record) => Reply::json(200, &json!({ "result": shown(request, record) })),
            None => no_record(),
        }
    }

    pub(super) fn insert(&self, state: &mut State, request: &Request, table: &str, user: &str) -> Reply {
        let Some((_, prefix)) = TABLES.iter().find(|(name, _)| *name == table) else {
            return failure(400, &format!("Invalid table {table}"), "");
        };
        let Some(Value::Object(body)) = request.json() else {
            return failure(400, "Exception while reading request", "The payload is not valid JSON");
        };
        let now = time(self.clock.now());
        let (id, number) = (state.sys_id(), state.number());
        let mut record: Record = WRITABLE.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        record.insert("state".into(), "1".into());
        for (name, value) in [
            ("sys_id", id.as_str()),
            ("number", &format!("{prefix}{number:07}")),
            ("sys_class_name", table),
            ("sys_mod_count", "0"),
            ("sys_created_on", &now),
            ("sys_created_by", user),
            ("sys_updated_on", &now),
            ("sys_updated_by", user),
            ("opened_at", &now),
            ("active", "true"),
            ("reopen_count", "0"),
        ] {
            record.insert(name.into(), value.into());
        }
        let before = record.clone();
        if let Err(reply) = self.apply(state, table, &mut record, &before, &body, user) {
            return reply;
        }
        state.writes += 1;
        let place = format!("https://fake.service-now.com/api/now/v2/table/{table}/{id}");
        let reply = Reply::json(201, &json!({ "result": shown(request, &record) })).header("location", place);
        self.business_rule(state, table, &record, "inserted", &[]);
        state.tables.entry(table.into()).or_default().insert(id, record);
        reply
    }

    pub(super) fn update(
        &self,
        state: &mut State,
        request: &Request,
        table: &str,
        id: &str,
        user: &str,
    ) -> Reply {
        let Some(Value::Object(body)) = request.json() else {
            return failure(400, "Exception while reading request", "The payload is not valid JSON");
        };
        if state.record(table, id).is_none() {
            return no_record();
        }
        state.writes += 1;
        match self.write(state, table, id, &body, user) {
            Ok(()) => self.get(state, request, table, id),
            Err(reply) => reply,
        }
    }

    /// Changes a record as `user`, whoever that is.
    pub(super) fn write(
        &self,
        state: &mut State,
        table: &str,
        id: &str,
        body: &serde_json::Map<String, Value>,
        user: &str,
    ) -> Result<(), Reply> {
        let Some(before) = state.tables.get(table).and_then(|records| records.get(id)).cloned() else {
            return Err(no_record());
        };
        let mut record = before.clone();
        self.apply(state, table, &mut record, &before, body, user)?;
        let changed: Vec<&str> =
            WRITABLE.into_iter().filter(|name| record.get(*name) != before.get(*name)).collect();
        let noted = JOURNAL.iter().any(|name| body.get(*name).is_some_and(|note| note != ""));
        if changed.is_empty() && !noted {
            return Ok(());
        }
        let count: u64 = before["sys_mod_count"].parse().unwrap_or(0);
        record.insert("sys_mod_count".into(), (count + 1).to_string());
        record.insert("sys_updated_on".into(), time(self.clock.now()));
        record.insert("sys_updated_by".into(), user.into());
        self.business_rule(state, table, &record, "updated", &changed);
        state.tables.entry(table.into()).or_default().insert(id.into(), record);
        Ok(())
    }

    pub(super) fn remove(&self, state: &mut State, table: &str, id: &str) -> Reply {
        if state.record(table, id).is_none() {
            return no_record();
        }
        state.writes += 1;
        state.tables.get_mut(table).map(|records| records.remove(id));
        Reply::empty(204)
    }

    fn choices(&self) -> Vec<Record> {
        let choice = |table: &str, element: &str, value: &str, label: &str| {
            [
                ("name", table),
                ("element", element),
                ("value", value),
                ("label", label),
                ("inactive", "false"),
                ("language", "en"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect::<Record>()
        };
        let mut all = Vec::new();
        for (table, _) in TABLES {
            all.extend(states(table).iter().map(|(value, label)| choice(table, "state", value, label)));
        }
        all.extend(self.settings.close_codes.iter().map(|code| choice("incident", "close_code", code, code)));
        all
    }
}

fn shown(request: &Request, record: &Record) -> Value {
    let plain = request.parameter("sysparm_exclude_reference_link") == Some("true");
    render(record, request.parameter("sysparm_fields"), plain)
}
