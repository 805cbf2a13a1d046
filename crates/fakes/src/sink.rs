//! A plain HTTP service for tickets: what the example adapter speaks to, and what dispatch is measured against.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::http::{Message, Reply, Request};
use crate::server::Fake;

/// A service that keeps tickets under numbers, and knows a creation or comment again by its `Idempotency-Key`.
#[derive(Debug)]
pub struct Sink {
    token: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tickets: BTreeMap<u64, Value>,
    comments: BTreeMap<u64, Vec<String>>,
    seen: BTreeMap<String, u64>,
    creations: usize,
}

impl Sink {
    /// An empty one that takes this bearer token.
    pub fn new(token: &str) -> Self {
        Self { token: token.to_owned(), state: Mutex::default() }
    }

    /// All tickets.
    pub fn tickets(&self) -> Vec<Value> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tickets.values().cloned().collect()
    }

    /// The comments on a ticket, oldest first.
    pub fn comments(&self, id: u64) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.comments.get(&id).cloned().unwrap_or_default()
    }

    /// Requests to create a ticket, repeated ones included.
    pub fn creations(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).creations
    }
}

impl State {
    /// The number of what this request made before, or a new one.
    fn number(&mut self, request: &Request) -> (u64, bool) {
        let next = self.seen.len() as u64 + 1;
        match request.header("idempotency-key") {
            Some(key) => match self.seen.get(key) {
                Some(known) => (*known, false),
                None => {
                    self.seen.insert(key.to_owned(), next);
                    (next, true)
                }
            },
            None => {
                self.seen.insert(format!("without a key {next}"), next);
                (next, true)
            }
        }
    }

    fn create(&mut self, request: &Request, body: &Value) -> Reply {
        self.creations += 1;
        let (id, is_new) = self.number(request);
        if is_new {
            let mut ticket = body.clone();
            ticket["id"] = id.to_string().into();
            ticket["status"] = "open".into();
            ticket["version"] = 1.into();
            self.tickets.insert(id, ticket);
        }
        Reply::json(201, &self.tickets[&id])
    }

    fn change(&mut self, id: u64, body: &Value) -> Reply {
        let Some(ticket) = self.tickets.get_mut(&id) else { return missing() };
        for (name, value) in body.as_object().into_iter().flatten() {
            ticket[name] = value.clone();
        }
        ticket["version"] = (ticket["version"].as_u64().unwrap_or(0) + 1).into();
        Reply::json(200, ticket)
    }

    fn comment(&mut self, id: u64, request: &Request, body: &Value) -> Reply {
        if !self.tickets.contains_key(&id) {
            return missing();
        }
        if self.number(request).1 {
            let text = body["text"].as_str().unwrap_or_default().to_owned();
            self.comments.entry(id).or_default().push(text);
        }
        Reply::json(201, &json!({}))
    }
}

fn missing() -> Reply {
    Reply::json(404, &json!({ "error": "no such ticket" }))
}

impl Fake for Sink {
    fn handle(&self, request: &Request) -> (Reply, Vec<Message>) {
        if request.bearer() != Some(self.token.as_str()) {
            return (Reply::json(401, &json!({ "error": "no valid token" })), Vec::new());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let body = request.json().unwrap_or_default();
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        let (method, path) = request.route();
        let reply = match (method, path.as_slice()) {
            ("GET", ["health"]) => Reply::json(200, &json!({ "name": "sink" })),
            ("POST", ["tickets"]) => state.create(request, &body),
            ("GET", ["tickets"]) => {
                let key = request.parameter("key");
                let found: Vec<&Value> =
                    state.tickets.values().filter(|ticket| ticket["key"].as_str() == key).collect();
                Reply::json(200, &json!(found))
            }
            ("GET", ["tickets", id]) => {
                state.tickets.get(&number(id)).map_or_else(missing, |ticket| Reply::json(200, ticket))
            }
            ("PATCH", ["tickets", id]) => state.change(number(id), &body),
            ("POST", ["tickets", id, "comments"]) => state.comment(number(id), request, &body),
            _ => missing(),
        };
        (reply, Vec::new())
    }
}
