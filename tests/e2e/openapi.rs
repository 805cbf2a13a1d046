//! The OpenAPI document is what the server does: every operation in it answers, with the guard that it names.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::server::{Server, ledger, uuid};

/// An operation of the document.
pub struct Operation {
    /// The method, upper case.
    pub method: String,
    /// The path with its parameters in braces.
    pub template: String,
    /// What it needs.
    pub permission: String,
}

impl Operation {
    /// The path with every parameter replaced.
    pub fn path(&self, value: impl Fn(&str) -> String) -> String {
        let segments = self.template.split('/').map(|segment| {
            let name = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}'));
            name.map_or_else(|| segment.to_owned(), &value)
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// A body that well-formed requests of this kind may have.
    pub fn body(&self) -> Option<&'static [u8]> {
        (self.method != "GET").then_some(b"{}")
    }
}

/// All operations that the server documents.
pub fn operations(server: &Server) -> Vec<Operation> {
    let document = server.request("GET", "/openapi.json", None, None).ok();
    let mut found = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !matches!(method.as_str(), "get" | "put" | "post" | "delete" | "patch") {
                continue;
            }
            let permission = operation["x-permission"].as_str();
            found.push(Operation {
                method: method.to_uppercase(),
                template: template.clone(),
                permission: permission.unwrap_or_else(|| panic!("{method} {template}")).to_owned(),
            });
        }
    }
    found
}

/// A value that names nothing, of the right form where the form is known.
pub fn nothing(parameter: &str) -> String {
    match parameter {
        "index" => "999999".to_owned(),
        "tenant" => uuid(),
        "resource" => "checkpoint".to_owned(),
        "code" => "invalid".to_owned(),
        "action" => "pause".to_owned(),
        _ => "no-such".to_owned(),
    }
}

#[test]
fn every_documented_operation_is_there_and_guarded_as_documented() {
    let server = Server::tenant();
    let operations = operations(&server);
    assert!(operations.len() > 35, "{}", operations.len());
    for operation in &operations {
        let path = operation.path(nothing);
        let at = format!("{} {path}", operation.method);
        let open = server.request(&operation.method, &path, None, operation.body());
        let closed = operation.permission != "public" || operation.template.starts_with("/tlog/");
        assert_eq!(open.status == 401, closed, "{at} without a key: {} {}", open.status, open.text);
        let known = server.request(&operation.method, &path, Some(&server.admin), operation.body());
        assert!(known.status != 405 && known.status < 500, "{at}: {} {}", known.status, known.text);
        let no_route = known.status == 404 && known.json["detail"].as_str().unwrap().starts_with("this path");
        assert!(!no_route, "{at}: {}", known.text);
    }
    // The control: what is not documented is not there.
    assert!(
        server.get("/v1/no-such-thing").json["detail"].as_str().unwrap().starts_with("this path"),
        "the check for unknown paths sees none"
    );
}

/// Paths whose last word stands where another path has a parameter that never is this word.
const NO_IDS: [(&str, &str); 9] = [
    // Ids of evidence are UUIDs.
    ("/v1/evidence/batch", "/v1/evidence/{id}"),
    // Actions are words of a fixed list.
    ("/v1/integrations/{id}/authorise", "/v1/integrations/{id}/{action}"),
    ("/v1/integrations/{id}/configuration", "/v1/integrations/{id}/{action}"),
    ("/v1/integrations/{id}/configurations", "/v1/integrations/{id}/{action}"),
    ("/v1/integrations/{id}/dry-run", "/v1/integrations/{id}/{action}"),
    ("/v1/integrations/{id}/health", "/v1/integrations/{id}/{action}"),
    ("/v1/integrations/{id}/runs", "/v1/integrations/{id}/{action}"),
    ("/v1/integrations/{id}/rollback", "/v1/integrations/{id}/{action}"),
    ("/v1/integrations/{id}/upgrade", "/v1/integrations/{id}/{action}"),
];

/// Is there a request path that both templates match, which the first then takes from the second?
fn shadows(narrow: &str, wide: &str) -> bool {
    let parameter = |segment: &str| segment.starts_with('{');
    let (narrow, wide): (Vec<_>, Vec<_>) = (narrow.split('/').collect(), wide.split('/').collect());
    let fits = |(n, w): (&&str, &&str)| n == w || parameter(w);
    narrow != wide
        && narrow.len() == wide.len()
        && narrow.iter().zip(&wide).all(fits)
        && narrow.iter().zip(&wide).any(|(n, w)| parameter(w) && !parameter(n))
}

#[test]
fn no_path_takes_requests_from_a_path_with_a_parameter() {
    let operations = operations(&Server::tenant());
    let shadowed = |narrow: &Operation| {
        let wide = operations.iter().find(|wide| shadows(&narrow.template, &wide.template))?;
        Some((narrow.template.clone(), wide.template.clone()))
    };
    let found: BTreeSet<_> = operations.iter().filter_map(shadowed).collect();
    let known: BTreeSet<_> = NO_IDS.map(|(narrow, wide)| (narrow.to_owned(), wide.to_owned())).into();
    assert_eq!(found, known);
    // The control.
    assert!(shadows("/v1/frameworks/starter", "/v1/frameworks/{id}"));
    assert!(!shadows("/v1/frameworks/{id}", "/v1/frameworks/{id}"));
}

#[test]
fn the_verb_prints_what_the_server_serves() {
    let output = ledger(&["openapi"]);
    assert!(output.status.success());
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let served = Server::tenant().request("GET", "/openapi.json", None, None).ok();
    assert_eq!(printed, served);
    assert!(printed["openapi"].as_str().unwrap().starts_with("3."));
    assert_eq!(printed["components"]["securitySchemes"]["apiKey"]["scheme"], "bearer");
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn check(document: &Value, at: &Value) {
        match at {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                members.values().for_each(|value| check(document, value));
            }
            Value::Array(items) => items.iter().for_each(|item| check(document, item)),
            _ => {}
        }
    }
    let document = Server::tenant().request("GET", "/openapi.json", None, None).ok();
    check(&document, &document);
}

#[test]
fn every_kind_of_problem_has_its_page() {
    let server = Server::tenant();
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
    let mut seen = 0;
    for entry in std::fs::read_dir(pages).unwrap() {
        let path = entry.unwrap().path();
        let (name, text) =
            (path.file_stem().unwrap().to_str().unwrap(), std::fs::read_to_string(&path).unwrap());
        let answer = server.request("GET", &format!("/problems/{name}"), None, None);
        assert_eq!((answer.status, answer.text), (200, text), "{name}");
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
    assert_eq!(server.request("GET", "/problems/no-such", None, None).status, 404);
}
