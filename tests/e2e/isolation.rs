//! Tenants see nothing of each other, and each role may do exactly what its permission says, on every documented route.

use ledger::b64;
use ledger::clock::{Entropy as _, SeededEntropy};
use serde_json::{Value, json};

use super::bad_input::{first_control, mark};
use super::openapi::{Operation, nothing, operations};
use super::server::{Answer, Server, agent, evidence, json_headers, wait_for};

const CANARY: &str = "canary-of-the-first-tenant";

/// A tenant with one of everything, each with a canary where people may write.
struct Rich {
    server: Server,
    id: String,
    control: String,
    evidence: String,
    blob: String,
    credential: String,
    index: u64,
    alert: String,
}

impl Rich {
    fn new() -> Self {
        let server = Server::with_starter();
        let control = first_control(&server);
        let blob = server.request("POST", "/v1/blobs", Some(&server.admin), Some(CANARY.as_bytes())).ok();
        let mut body = evidence(&control, "fail");
        for member in ["title", "summary", "target"] {
            body[member] = json!(format!("{CANARY} {member}"));
        }
        body["findings"] = json!([{"what": CANARY}]);
        body["check"] = json!(format!("{CANARY}/check"));
        body["blobs"] = json!([{"id": blob["id"], "name": CANARY, "media_type": "text/plain"}]);
        let receipt = server.post("/v1/evidence", &body).ok();
        let id = "of-the-first";
        let probe = json!({"id": id, "kind": "linux-host", "cadence_seconds": 60, "name": CANARY});
        server.post("/v1/probes", &probe).ok();
        let integration = json!({"id": id, "kind": "jira", "adapter_version": "1.0.0", "name": CANARY});
        server.post("/v1/integrations", &integration).ok();
        let credential = server.post("/v1/credentials", &json!({"role": "viewer", "label": CANARY})).ok();
        let alert = wait_for("the alert on the failure", || {
            server.get("/v1/alerts").ok()["items"][0]["alert"].as_str().map(str::to_owned)
        });
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&receipt["tenant"]),
            evidence: text(&receipt["evidence"]),
            index: receipt["index"].as_u64().unwrap(),
            blob: text(&blob["id"]),
            credential: text(&credential["id"]),
            control,
            alert,
            server,
        }
    }

    /// This tenant's own value for a parameter of a route.
    fn value(&self, template: &str, parameter: &str) -> String {
        let kind = template.split('/').nth(2).unwrap_or_default();
        match (parameter, kind) {
            ("id", "evidence") => self.evidence.clone(),
            ("id", "blobs") => self.blob.clone(),
            ("id", "credentials") => self.credential.clone(),
            ("id", "alerts") => self.alert.clone(),
            // The id `starter` is kept for the shipped catalogue.
            ("id", "frameworks") if template.ends_with("/{id}") => "of-the-first".to_owned(),
            ("id" | "framework", "frameworks" | "controls") => "starter".to_owned(),
            ("id", _) => "of-the-first".to_owned(),
            ("control", _) => self.control.clone(),
            ("index", _) => self.index.to_string(),
            ("tenant", _) => self.id.clone(),
            ("action", _) => if kind == "alerts" { "resolve" } else { "retire" }.to_owned(),
            _ => nothing(parameter),
        }
    }

    /// Does an answer say anything of this tenant? Entries are looked into.
    fn told_by(&self, answer: &Answer) -> bool {
        let decoded =
            |word: &str| b64::decode(word).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let mut texts = vec![answer.text.clone()];
        for depth in 0..2 {
            let words: Vec<String> = texts[depth..]
                .iter()
                .flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))))
                .filter(|word| word.len() > 40)
                .filter_map(|word| decoded(word).ok())
                .collect();
            texts.push(words.join(" "));
        }
        texts.iter().any(|text| text.contains(CANARY))
    }

    fn ask(&self, key: &str, operation: &Operation, for_tenant: Option<&str>) -> Answer {
        let path = operation.path(|parameter| self.value(&operation.template, parameter));
        let mut headers = json_headers(key);
        headers.extend(for_tenant.map(|id| ("ledger-tenant".to_owned(), id.to_owned())));
        self.server.raw(&operation.method, &path, &headers, operation.body())
    }
}

fn whoami(server: &Server) -> String {
    server.get("/v1/whoami").ok()["tenant"].as_str().unwrap().to_owned()
}

#[test]
fn another_tenants_key_reads_nothing_and_changes_nothing() {
    let (rich, other) = (Rich::new(), Server::tenant());
    let all = operations(&rich.server);
    // The control: the own key does see the canary, on most reading routes.
    let reads: Vec<&Operation> = all.iter().filter(|operation| operation.method == "GET").collect();
    let seen = reads.iter().filter(|operation| rich.told_by(&rich.ask(&rich.server.admin, operation, None)));
    let seen = seen.count();
    assert!(seen >= 10, "the check would not notice: it sees the canary on {seen} routes");

    let before = mark(&rich.server);
    // Reads first: the commands below fill the other's own tenant.
    let writes = all.iter().filter(|operation| operation.method != "GET");
    for operation in reads.iter().copied().chain(writes) {
        let own = rich.ask(&other.admin, operation, None);
        let about = format!("{} {}: {} {}", operation.method, operation.template, own.status, own.text);
        assert!(!rich.told_by(&own), "{about}");
        if operation.template.contains('{') && operation.permission != "public" && operation.method == "GET" {
            let empty = own.status == 200 && own.json["items"].as_array().is_some_and(Vec::is_empty);
            assert!(matches!(own.status, 403 | 404) || empty, "{about}");
        }
        // By name: as if it did not exist.
        if operation.permission != "public" {
            let named = rich.ask(&other.admin, operation, Some(&rich.id));
            assert_eq!(named.status, 404, "{about} {}", named.text);
            let nobody = super::server::uuid();
            let unknown = rich.ask(&other.admin, operation, Some(&nobody));
            let said = |answer: &Answer, id: &str| answer.json["detail"].as_str().unwrap().replace(id, "X");
            assert_eq!(said(&named, &rich.id), said(&unknown, &nobody), "another's tenant is told from none");
        }
    }
    assert_eq!(mark(&rich.server), before + 1);
    let blob = rich.server.get(&format!("/v1/blobs/{}", rich.blob));
    assert_eq!((blob.status, blob.text.as_str()), (200, CANARY));
}

/// A draw below `end`, the same in every run.
fn draw(entropy: &SeededEntropy, end: usize) -> usize {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    usize::try_from(u64::from_le_bytes(bytes) % end as u64).unwrap()
}

#[test]
fn random_reads_across_tenants_find_nothing() {
    let tenants = [Rich::new(), Rich::new(), Rich::new()];
    let all = operations(&tenants[0].server);
    let reads: Vec<&Operation> = all
        .iter()
        .filter(|o| o.method == "GET" && o.permission == "read" && o.template.contains("{id}"))
        .collect();
    let (entropy, agent) = (SeededEntropy::new(7), agent());
    let reads_count = if super::long() { 10_000 } else { 300 };
    let mut own = 0;
    for _ in 0..reads_count {
        let (whose, who) = (&tenants[draw(&entropy, 3)], &tenants[draw(&entropy, 3)]);
        let operation = reads[draw(&entropy, reads.len())];
        // Names that every tenant may give are of each tenant's own.
        let shared = ["of-the-first", "starter"];
        let path = operation.path(|parameter| whose.value(&operation.template, parameter));
        if shared.iter().any(|name| path.contains(name)) {
            continue;
        }
        let mut headers = json_headers(&who.server.admin);
        if draw(&entropy, 2) == 0 {
            headers.push(("ledger-tenant".to_owned(), whose.id.clone()));
        }
        let answer = who.server.send(&agent, "GET", &path, &headers, None).unwrap();
        if whose.id == who.id {
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            own += 1;
        } else {
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        }
    }
    assert!(own > 0, "the check would not notice that nothing can be read");
}

/// What each caller may do, spelled out without the product's own table.
fn may(caller: &str, permission: &str) -> bool {
    match permission {
        "public" => true,
        "known" => caller != "nobody",
        "read" => matches!(caller, "admin" | "viewer" | "operator"),
        "submit" => matches!(caller, "admin" | "probe" | "operator"),
        "manage" => matches!(caller, "admin" | "operator"),
        "operate" => caller == "operator",
        other => panic!("unknown permission {other}"),
    }
}

#[test]
fn every_role_on_every_route_is_as_the_permission_says() {
    let server = Server::start();
    let tenant = whoami(&server);
    let mut made = server.post("/v1/tenants", &json!({"name": "other"})).ok();
    let other = made["admin"]["key"].take();
    // The first tenant's own admin, who is no operator: the operator makes the key.
    let (admin, probe, viewer) = (server.key("admin"), server.key("probe"), server.key("viewer"));
    let callers = [
        ("nobody", None),
        ("operator", Some(server.admin.as_str())),
        ("admin", Some(&admin)),
        ("probe", Some(&probe)),
        ("viewer", Some(&viewer)),
        ("stranger", other.as_str()),
    ];
    let mut decisions = 0;
    for operation in operations(&server) {
        let path = operation.path(nothing);
        for (caller, key) in callers {
            let mut headers = key.map_or_else(
                || vec![("content-type".to_owned(), "application/json".to_owned())],
                json_headers,
            );
            headers.push(("ledger-tenant".to_owned(), tenant.clone()));
            let answer = server.raw(&operation.method, &path, &headers, operation.body());
            let at = format!("{caller} {} {path}: {} {}", operation.method, answer.status, answer.text);
            // A file of a log is guarded by what it is, and says so by 404.
            if operation.template.starts_with("/tlog/") {
                assert!(matches!(answer.status, 401 | 404), "{at}");
                continue;
            }
            decisions += 1;
            let refused = matches!(answer.status, 401 | 403)
                || answer.json["detail"].as_str().is_some_and(|detail| detail.starts_with("tenant "));
            let allowed = if caller == "stranger" {
                operation.permission == "public"
            } else {
                may(caller, &operation.permission)
            };
            assert_eq!(!refused, allowed, "{at}");
            match caller {
                "nobody" if !allowed => assert_eq!(answer.problem(), "unauthenticated", "{at}"),
                "stranger" if !allowed => assert_eq!(answer.problem(), "not-found", "{at}"),
                _ if !allowed => assert_eq!(answer.problem(), "forbidden", "{at}"),
                _ => assert!(answer.status < 500, "{at}"),
            }
        }
    }
    assert!(decisions > 200, "{decisions}");
    println!("{decisions} decisions as the oracle says");
}

#[test]
fn a_log_is_read_as_tiles_by_its_own_tenant_only() {
    let (own, other) = (Server::with_starter(), Server::tenant());
    let tenant = whoami(&own);
    let ask =
        |path: &str, key: Option<&str>| own.request("GET", &format!("/tlog/{tenant}/{path}"), key, None);
    let size = wait_for("a checkpoint", || {
        let text = ask("checkpoint", Some(&own.admin)).text;
        text.lines().nth(1).and_then(|size| size.parse::<u64>().ok()).filter(|size| *size > 1)
    });
    for path in
        ["checkpoint".to_owned(), format!("tile/0/000.p/{size}"), format!("tile/entries/000.p/{size}")]
    {
        assert_eq!(ask(&path, Some(&own.admin)).status, 200, "{path}");
        assert_eq!(ask(&path, Some(&own.key("viewer"))).status, 200, "{path}");
        assert_eq!(ask(&path, Some(&own.key("probe"))).status, 404, "{path}");
        assert_eq!(ask(&path, Some(&other.admin)).status, 404, "{path}");
        assert_eq!(ask(&path, None).status, 401, "{path}");
    }
}
