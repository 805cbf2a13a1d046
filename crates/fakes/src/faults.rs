//! What can go wrong on demand.

use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::http::{Reply, Request};

/// One way to go wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The request is carried out, and the connection closed without an answer.
    LoseAnswer,
    /// The connection is closed before anything is carried out.
    LoseRequest,
    /// Never answers, though the request is carried out.
    Hang,
    /// The request is carried out, and a gateway answers this instead.
    GatewayAfter(u16),
    /// This status instead, and nothing is carried out.
    Refuse(u16),
    /// 429 with these headers, and nothing is carried out.
    RateLimit(Vec<(String, String)>),
    /// 200 with an HTML page, as a sleeping instance sends.
    Page,
}

/// To which requests a fault applies, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The method, or any.
    pub method: Option<String>,
    /// A part of the path, slashes included; empty for all.
    pub path: String,
    /// How many requests pass before.
    pub skip: u32,
    /// How many it hits.
    pub times: u32,
    /// What happens.
    pub fault: Fault,
}

impl Rule {
    /// The next request whose method and path match.
    pub fn next(method: &str, path: &str, fault: Fault) -> Self {
        Self { method: Some(method.into()), path: path.into(), skip: 0, times: 1, fault }
    }
}

/// The faults that wait to happen.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    /// Adds one.
    pub fn add(&self, rule: Rule) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many have not happened yet.
    pub fn waiting(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The fault of this request, if any.
    pub(crate) fn of(&self, request: &Request) -> Option<Fault> {
        let path = format!("/{}", request.path.join("/"));
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let matches = |rule: &Rule| {
            rule.method.as_ref().is_none_or(|method| *method == request.method) && path.contains(&rule.path)
        };
        let rule = rules.iter_mut().find(|rule| matches(rule))?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times = rule.times.saturating_sub(1);
        let fault = rule.fault.clone();
        rules.retain(|rule| rule.times > 0);
        Some(fault)
    }
}

/// The reply of a fault that carries nothing out.
pub(crate) fn reply(fault: &Fault) -> Option<Reply> {
    match fault {
        Fault::Refuse(status) => Some(Reply::json(
            *status,
            &json!({ "errorMessages": ["injected"], "error": { "message": "injected", "detail": "" } }),
        )),
        Fault::RateLimit(headers) => {
            let body = json!({ "errorMessages": ["Rate limit exceeded."], "errors": {}, "error": { "message": "Rate limit exceeded", "detail": "Rate limit of 100 requests per hour for Table API exceeded" }, "status": "failure" });
            let reply = Reply::json(429, &body);
            Some(headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value)))
        }
        Fault::Page => Some(Reply::html(200, "<html><body>Your instance is hibernating</body></html>")),
        Fault::LoseAnswer | Fault::LoseRequest | Fault::Hang | Fault::GatewayAfter(_) => None,
    }
}
