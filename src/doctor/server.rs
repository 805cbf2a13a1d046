//! The process that has the data directory, if one runs: what it says of itself.

use std::time::Duration;

use serde_json::Value;

use super::Report;
use crate::config::Config;
use crate::http::local;

const CHECK: &str = "server";

/// A server that is well answers at once.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Asks it through the socket in the data directory; nothing if none runs.
pub async fn ask(report: &mut Report, config: &Config) -> Option<Value> {
    let asked = tokio::time::timeout(ANSWER_MAX, async {
        match local::get(&config.data.dir, "/readyz").await? {
            Some(response) => local::collect(response).await.map(Some),
            None => Ok(None),
        }
    });
    let at = config.data.dir.display();
    let answer = match asked.await {
        Ok(Ok(Some((_, body)))) => body,
        Ok(Ok(None)) => {
            report.ok(CHECK, format!("none runs on {at}"));
            return None;
        }
        Ok(Err(error)) => {
            report.fail(
                CHECK,
                format!("it does not answer: {error:#}"),
                "look at its log; run as the user that it runs as",
            );
            return None;
        }
        Err(_) => {
            let found = format!("it has not answered for {} s", ANSWER_MAX.as_secs());
            report.fail(CHECK, found, "look at its log, and start it again");
            return None;
        }
    };
    let ready: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let list = |member: &str| words(&ready[member]).join("; ");
    let who = ready["process"].as_str().unwrap_or_default();
    let found = format!("{who} serves as {:?}", ready["role"].as_str().unwrap_or_default());
    match (list("problems"), list("warnings")) {
        (problems, _) if !problems.is_empty() => {
            report.fail(CHECK, format!("{found}: {problems}"), "its log says more")
        }
        (_, warnings) if !warnings.is_empty() => {
            report.warn(CHECK, format!("{found}: {warnings}"), "its log says more")
        }
        _ => report.ok(CHECK, format!("{found}, and is ready")),
    }
    Some(ready)
}

/// The texts of a list.
fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
