//! Reading the ledger's answers: which are receipts, which are refusals for good, which are worth a retry.

use serde::Deserialize;
use serde_json::Value;

use crate::receipt::Receipt;
use crate::transport::Response;

const PROBLEM: &str = "application/problem+json";

/// What became of a whole request.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// A result for each item, in order.
    Results(Vec<Outcome>),
    /// The request was signed with a time that the ledger does not accept; it says what time it is.
    Skewed(Option<String>),
    /// The ledger cannot read this batch: too large, or an item spoils it.
    Unreadable(Value),
    /// Nothing was decided about the items: try again later.
    Later {
        /// Why.
        what: String,
        /// The least number of seconds to wait.
        retry_after: Option<u64>,
    },
}

/// What became of one item.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// The ledger says that it has it.
    Receipt(Box<Receipt>),
    /// It will never take it.
    Rejected(Value),
    /// Not now.
    Later(String),
}

#[derive(Deserialize)]
struct Results {
    results: Vec<ItemResult>,
}

#[derive(Deserialize)]
struct ItemResult {
    status: u16,
    receipt: Option<Receipt>,
    problem: Option<Value>,
}

/// Reads the answer to a batch of `items`.
pub fn read(response: &Response, items: usize) -> Answer {
    if response.status == 200 {
        return match serde_json::from_slice::<Results>(&response.body) {
            Ok(results) if results.results.len() == items => {
                Answer::Results(results.results.into_iter().map(outcome).collect())
            }
            Ok(results) => later(response, format!("{} results for {items} items", results.results.len())),
            Err(error) => later(response, format!("an answer that is not a batch's: {error}")),
        };
    }
    let problem = problem(response);
    let kind = |problem: &Value| problem["type"].as_str().unwrap_or_default().to_owned();
    match (response.status, problem) {
        (401, Some(problem)) if kind(&problem).ends_with("/clock-skew") => {
            Answer::Skewed(response.ledger_time.clone())
        }
        // Only the ledger itself can refuse for good: a 4xx of a proxy is no problem document.
        (400 | 413 | 415 | 422, Some(problem)) => Answer::Unreadable(problem),
        (status, Some(problem)) => later(response, format!("{status} {}", describe(&problem))),
        (status, None) => {
            later(response, format!("{status} without a problem document: is this the ledger?"))
        }
    }
}

fn later(response: &Response, what: String) -> Answer {
    Answer::Later { what, retry_after: response.retry_after }
}

fn problem(response: &Response) -> Option<Value> {
    (response.content_type == PROBLEM).then(|| serde_json::from_slice(&response.body).ok()).flatten()
}

fn outcome(result: ItemResult) -> Outcome {
    let problem = result.problem.unwrap_or(Value::Null);
    match (result.status, result.receipt) {
        (200 | 201, Some(receipt)) => Outcome::Receipt(Box::new(receipt)),
        // 401 and 429 say nothing about the item; 408 is a time-out.
        (401 | 408 | 429, _) => Outcome::Later(describe(&problem)),
        (400..=499, _) => Outcome::Rejected(problem),
        (status, _) => Outcome::Later(format!("{status} {}", describe(&problem))),
    }
}

/// The texts of a problem in one line.
pub fn describe(problem: &Value) -> String {
    let parts = ["title", "detail", "hint"].map(|name| problem[name].as_str().unwrap_or_default());
    let texts: Vec<&str> = parts.into_iter().filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        "without a reason".to_owned()
    } else {
        texts.join(": ").chars().take(500).collect()
    }
}

/// Reads the answer to anything but a batch: the body, or why there is none.
pub fn body(response: &Response) -> Result<&[u8], Answer> {
    match response.status {
        200..=299 => Ok(&response.body),
        _ => Err(match read(response, 0) {
            Answer::Unreadable(problem) => {
                later(response, format!("{} {}", response.status, describe(&problem)))
            }
            other => other,
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, content_type: &str, body: &Value) -> Response {
        Response {
            status,
            content_type: content_type.into(),
            retry_after: Some(7),
            ledger_time: Some("t".into()),
            body: body.to_string().into_bytes(),
        }
    }

    #[test]
    fn only_the_ledger_refuses_for_good() {
        let problem = json!({"type": "https://x/errors/invalid", "title": "No", "status": 422});
        for status in [400, 413, 415, 422] {
            assert!(matches!(read(&answer(status, PROBLEM, &problem), 1), Answer::Unreadable(_)));
            assert!(matches!(read(&answer(status, "text/html", &problem), 1), Answer::Later { .. }));
        }
        for status in [301, 401, 403, 404, 405, 429, 500, 502, 503] {
            let Answer::Later { retry_after, .. } = read(&answer(status, PROBLEM, &problem), 1) else {
                panic!("{status}")
            };
            assert_eq!(retry_after, Some(7));
        }
        let skew = json!({"type": "https://x/errors/clock-skew"});
        assert_eq!(read(&answer(401, PROBLEM, &skew), 1), Answer::Skewed(Some("t".into())));
    }

    #[test]
    fn results_must_fit_the_batch() {
        let results = json!({"results": [
            {"status": 422, "problem": {"detail": "unknown control"}},
            {"status": 503, "problem": {"detail": "busy"}},
            {"status": 201},
        ]});
        let Answer::Results(outcomes) = read(&answer(200, "application/json", &results), 3) else { panic!() };
        assert!(matches!(outcomes[0], Outcome::Rejected(_)));
        assert!(matches!(outcomes[1..], [Outcome::Later(_), Outcome::Later(_)]));
        assert!(matches!(read(&answer(200, "application/json", &results), 2), Answer::Later { .. }));
        assert!(matches!(read(&answer(200, "application/json", &json!({})), 0), Answer::Later { .. }));
    }
}
