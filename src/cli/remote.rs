//! The client of the verbs that talk to a running ledger, and how they show what it answers.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use ledger_probe::transport::{BaseUrl, agent};
use serde_json::Value;

use crate::config;

/// A run waits for the other system; everything else answers at once.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Larger answers are none of this API's lists, which are paged.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// A cell of a table is cut after so many characters; `--json` shows all.
const CELL_CHARS_MAX: usize = 60;

/// How to reach the ledger, and how to print.
#[derive(Debug, Clone, Args)]
pub struct Connection {
    /// The ledger's address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", global = true)]
    url: String,
    /// A file that holds the API key, instead of LEDGER_API_KEY.
    #[arg(long, value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,
    /// The tenant to act for, if you are an operator; the first one without it.
    #[arg(long, value_name = "ID", global = true)]
    tenant: Option<String>,
    /// PEM file of the certificates to trust instead of the system's.
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
    /// Accept plain HTTP to another machine.
    #[arg(long, global = true)]
    allow_plain_http: bool,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

/// A running ledger.
pub struct Remote {
    agent: ureq::Agent,
    base: BaseUrl,
    key: String,
    tenant: Option<String>,
    json: bool,
}

impl Remote {
    /// The ledger that the arguments name.
    ///
    /// # Errors
    /// The address, the key or the certificates.
    pub fn open(connection: &Connection) -> Result<Self> {
        let base = BaseUrl::parse(&connection.url, connection.allow_plain_http)?;
        let key = match &connection.key_file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the API key from {}", path.display()))?,
            None => {
                config::api_key().context("an API key is needed: set LEDGER_API_KEY, or give --key-file")?
            }
        };
        Ok(Self {
            agent: agent(&base, connection.ca.as_ref(), TIMEOUT)?,
            base,
            key: key.trim().to_owned(),
            tenant: connection.tenant.clone(),
            json: connection.json,
        })
    }

    /// Asks for `path` below `/v1`, with a body where the method has one.
    ///
    /// # Errors
    /// The ledger does not answer, or says what is wrong: its detail, each place that does not fit, and its hint.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{}/v1{path}", self.base.origin, self.base.prefix);
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        request = request.header("authorization", format!("Bearer {}", self.key));
        if let Some(tenant) = &self.tenant {
            request = request.header("ledger-tenant", tenant);
        }
        let unreached =
            || format!("{} does not answer; is the ledger running there (--url)?", self.base.origin);
        let answer = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json").body(body.to_string())?;
                self.agent.run(request).with_context(unreached)?
            }
            None => self.agent.run(request.body(())?).with_context(unreached)?,
        };
        let status = answer.status();
        let text = answer.into_body().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?;
        if status.is_success() {
            return serde_json::from_str(&text).with_context(|| format!("{method} {path}: not JSON"));
        }
        Err(problem(status.as_u16(), &text))
    }

    /// A list: asks, and shows some columns of its items.
    ///
    /// # Errors
    /// As of [`Remote::call`].
    pub fn list(&self, path: &str, columns: &[(&str, &str)], empty: &str) -> Result<()> {
        let list = self.call("GET", path, None)?;
        if self.json {
            println!("{list}");
            return Ok(());
        }
        let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
        table(items, columns, empty);
        if !list["next"].is_null() {
            eprintln!("there are more; --json gives the cursor of the next page");
        }
        Ok(())
    }

    /// Asks, and shows the answer member by member.
    ///
    /// # Errors
    /// As of [`Remote::call`].
    pub fn show(&self, method: &str, path: &str, body: Option<&Value>) -> Result<()> {
        let answer = self.call(method, path, body)?;
        self.print(&answer);
        Ok(())
    }

    /// Does something, and says that it is done.
    ///
    /// # Errors
    /// As of [`Remote::call`].
    pub fn order(&self, method: &str, path: &str, body: &Value, done: &str) -> Result<()> {
        let answer = self.call(method, path, Some(body))?;
        if self.json {
            println!("{answer}");
            return Ok(());
        }
        let id = answer["id"].as_str().unwrap_or_default();
        match answer["receipt"]["index"].as_u64() {
            Some(index) => println!("{done} {id} (event {index})"),
            None => println!("{done} {id}: it was so before"),
        }
        Ok(())
    }

    /// Shows an answer.
    pub fn print(&self, answer: &Value) {
        match answer.as_object() {
            Some(members) if !self.json => {
                for (name, value) in members {
                    println!("{name:<18} {}", whole(value));
                }
            }
            _ => println!("{answer}"),
        }
    }

    /// Is JSON asked for?
    pub const fn json(&self) -> bool {
        self.json
    }
}

fn problem(status: u16, text: &str) -> anyhow::Error {
    let Ok(problem) = serde_json::from_str::<Value>(text) else {
        return anyhow!("the ledger answered {status}: {}", text.trim());
    };
    let word = |name: &str| problem[name].as_str().map(str::to_owned);
    let mut out = word("detail").or_else(|| word("title")).unwrap_or_else(|| format!("status {status}"));
    for error in problem["errors"].as_array().into_iter().flatten() {
        let (at, what) = (error["pointer"].as_str().unwrap_or(""), error["detail"].as_str().unwrap_or(""));
        if !at.is_empty() && !out.contains(what) {
            out.push_str(&format!("\n  {at}: {what}"));
        }
    }
    if let Some(hint) = word("hint") {
        out.push_str(&format!("\n  hint: {hint}"));
    }
    anyhow!(out)
}

/// A JSON document out of a file, or from standard input for `-`.
///
/// # Errors
/// The file, or what it holds.
pub fn document(path: &Path) -> Result<Value> {
    let text = read(path)?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// A file as text, or standard input for `-`.
///
/// # Errors
/// The file.
pub fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(text)
}

/// One segment of a path: what would lead elsewhere is refused here, with a word about it.
///
/// # Errors
/// It is no id.
pub fn segment(id: &str) -> Result<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if id.is_empty() || id.starts_with('.') || !id.bytes().all(fits) {
        bail!("{id:?} is not an id: ids have letters, digits, -, _ and .");
    }
    Ok(id)
}

fn table(items: &[Value], columns: &[(&str, &str)], empty: &str) {
    if items.is_empty() {
        println!("{empty}");
        return;
    }
    let cells = |item: &Value| columns.iter().map(|(_, member)| cell(&item[*member])).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = items.iter().map(cells).collect();
    let width = |at: usize| {
        let widest = rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        widest.max(columns[at].0.chars().count())
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(columns.iter().map(|(title, _)| *title).collect());
    for row in &rows {
        line(row.iter().map(String::as_str).collect());
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    match text.char_indices().nth(CELL_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// A value in full: texts as they are, what has members as indented JSON.
fn whole(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => {
            serde_json::to_string_pretty(value).unwrap_or_default().replace('\n', "\n  ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_says_what_where_and_how_to_mend() {
        let text = json!({
            "title": "Invalid", "detail": "2 members do not fit", "hint": "look at the guide",
            "errors": [{ "pointer": "/a", "detail": "is missing" }, { "pointer": "/b", "detail": "is no URL" }],
        });
        let said = problem(422, &text.to_string()).to_string();
        assert_eq!(
            said,
            "2 members do not fit\n  /a: is missing\n  /b: is no URL\n  hint: look at the guide"
        );
        assert_eq!(problem(502, "Bad gateway\n").to_string(), "the ledger answered 502: Bad gateway");
    }

    #[test]
    fn ids_lead_nowhere_else() {
        assert!(segment("jira-main").is_ok());
        for wrong in ["", "..", "a/b", "a?b", "a#b", "ü", "a b", "%2e"] {
            assert!(segment(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn cells_are_cut_at_characters() {
        assert_eq!(cell(&json!("ä".repeat(70))), format!("{}…", "ä".repeat(CELL_CHARS_MAX)));
        assert_eq!((cell(&json!(null)), cell(&json!("a\n b"))), ("–".to_owned(), "a b".to_owned()));
    }
}
