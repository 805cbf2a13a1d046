//! What of a configuration does not fit, by JSON pointer, with what to do about it.

use ledger_connectors::egress::{Cidr, Policy, Target};
use ledger_connectors::host::schema::ConfigSchema;
use ledger_connectors::protocol::Failure;
use ledger_connectors::registry;
use serde_json::Value;

use super::config::{Auth, Document, SecretRef};
use crate::config::SECRET_PREFIX;
use crate::error::{ApiError, INVALID};
use crate::http::body::shape;

/// The bounds that the ledger sets to every integration.
#[derive(Debug, Clone, Default)]
pub struct Ceiling {
    /// Networks that integrations may unlock, or parts of them.
    pub networks: Vec<Cidr>,
}

/// More pieces of work at once than any vendor takes of one account.
pub const CONCURRENCY_MAX: usize = 64;
/// Requests are given up at the latest then; an attempt's lease is longer.
const REQUEST_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=120_000;

/// A place that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where, as a JSON pointer into the document.
    pub pointer: String,
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Misfit {
    fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What an adapter says of its own configuration.
    pub fn of_adapter(failure: &Failure) -> Self {
        let below = failure.field.as_deref().filter(|field| *field != "/").unwrap_or_default();
        let misfit = Self::new(format!("/adapter{below}"), failure.message.clone());
        let offered =
            (!failure.offered.is_empty()).then(|| format!("there is: {}", failure.offered.join(", ")));
        Self { hint: failure.hint.as_deref().map(str::to_owned).or(offered), ..misfit }
    }
}

/// All misfits as one problem of a request whose body holds the document below `prefix`.
pub fn problem(misfits: &[Misfit], prefix: &str) -> ApiError {
    let detail = match misfits {
        [one] => format!("{}: {}", one.pointer, one.detail),
        many => format!("{} members of the configuration do not fit", many.len()),
    };
    let hint = misfits.iter().find_map(|misfit| misfit.hint.clone());
    let mut error = ApiError::new(INVALID, detail);
    if let Some(hint) = hint {
        error = error.hint(hint);
    }
    misfits
        .iter()
        .fold(error, |error, misfit| error.at(format!("{prefix}{}", misfit.pointer), misfit.detail.clone()))
}

/// Reads a configuration. Whether it fits is asked by [`check`].
///
/// # Errors
/// It has not the shape of one.
pub fn read(config: &Value) -> Result<Document, Vec<Misfit>> {
    shape(config.to_string().as_bytes()).map_err(|error| {
        let misfits = error.errors.iter().map(|at| Misfit::new(at.pointer.clone(), at.detail.clone()));
        let misfits: Vec<Misfit> = misfits.collect();
        if misfits.is_empty() { vec![Misfit::new("", error.detail)] } else { misfits }
    })
}

/// Which addresses a configuration may reach.
///
/// # Errors
/// A text that is no network, or one beyond the ceiling.
pub fn policy(document: &Document, ceiling: &Ceiling) -> Result<Policy, Vec<Misfit>> {
    let mut misfits = Vec::new();
    let mut networks = Vec::new();
    for (at, text) in document.allow_networks.iter().enumerate() {
        let pointer = format!("/allow_networks/{at}");
        match text.parse::<Cidr>() {
            Ok(network) if ceiling.networks.iter().any(|most| most.covers(&network)) => {
                networks.push(network)
            }
            Ok(network) => {
                misfits
                    .push(Misfit::new(pointer, format!("{network} may not be unlocked on this ledger")).hint(
                    "its operator permits networks in the setting [egress] networks (LEDGER_EGRESS_NETWORKS)",
                ))
            }
            Err(error) => misfits.push(Misfit::new(pointer, error.to_string())),
        }
    }
    let ports = document.allow_ports.clone();
    if misfits.is_empty() {
        Ok(Policy { networks, ports, plain_http: document.allow_plain_http })
    } else {
        Err(misfits)
    }
}

/// Everything about a configuration that does not fit and can be found out without asking the other side.
///
/// `knows` tells whether a secret is there. The adapter's own part is checked for built-in adapters; a package is asked by
/// its process.
pub fn check(
    config: &Value,
    built_in: Option<&str>,
    ceiling: &Ceiling,
    knows: &dyn Fn(&SecretRef) -> bool,
) -> Result<Document, Vec<Misfit>> {
    let document = read(config)?;
    let mut misfits = match policy(&document, ceiling) {
        Ok(policy) => targets(&document, &policy),
        Err(misfits) => misfits,
    };
    misfits.extend(numbers(&document));
    misfits.extend(secrets(&document, knows));
    let register = document.inbound.as_ref().and_then(|inbound| inbound.register.as_ref());
    let schedules = [
        ("schedule", document.schedule.as_ref()),
        ("reconcile", document.reconcile.as_ref()),
        ("inbound/register", register),
    ];
    for (member, spec) in schedules {
        if let Some(error) = spec.and_then(|spec| spec.compile().err()) {
            misfits.push(Misfit::new(format!("/{member}{}", error.pointer), error.detail));
        }
    }
    let schema = built_in.and_then(registry::config_schema);
    let told = schema.map_or_else(Vec::new, |schema| by_schema(&schema, &document));
    if told.is_empty()
        && let Some(mut adapter) = built_in.and_then(registry::make)
        && let Err(refusal) = adapter.configure(&document.adapter)
    {
        misfits.push(Misfit::of_adapter(&refusal));
    }
    misfits.extend(told);
    if misfits.is_empty() { Ok(document) } else { Err(misfits) }
}

/// What of the adapter's own part does not fit its schema.
pub fn by_schema(schema: &Value, document: &Document) -> Vec<Misfit> {
    match ConfigSchema::compile(schema) {
        Ok(schema) => {
            let misfits = schema.misfits(&document.adapter).into_iter();
            misfits
                .map(|m| Misfit { pointer: format!("/adapter{}", m.pointer), detail: m.detail, hint: m.hint })
                .collect()
        }
        // Packages are installed with a schema alone that is one.
        Err(error) => vec![Misfit::new("/adapter", format!("the adapter's schema cannot be read: {error}"))],
    }
}

fn targets(document: &Document, policy: &Policy) -> Vec<Misfit> {
    let unlock = "a system of your own needs allow_networks, allow_ports and perhaps allow_plain_http";
    let mut misfits = Vec::new();
    if let Err(error) = Target::parse_base(&document.base_url, policy) {
        misfits.push(Misfit::new("/base_url", error.to_string()).hint(unlock));
    }
    if let Auth::Oauth2(oauth) = &document.auth
        && let Err(error) = Target::parse(&oauth.token_url, policy)
    {
        misfits.push(Misfit::new("/auth/oauth2/token_url", error.to_string()).hint(unlock));
    }
    misfits
}

fn numbers(document: &Document) -> Vec<Misfit> {
    let positive = |number: f64| number.is_finite() && number > 0.0;
    let rules = [
        (positive(document.rates.per_second), "/rates/per_second", "must be more than 0"),
        (
            document.rates.burst.is_finite() && document.rates.burst >= 1.0,
            "/rates/burst",
            "must be at least 1",
        ),
        (document.breaker.failures > 0, "/breaker/failures", "must be at least 1"),
        (document.retry.attempts_max > 0, "/retry/attempts_max", "must be at least 1"),
        (document.retry.base_ms > 0, "/retry/base_ms", "must be at least 1"),
        ((1..=CONCURRENCY_MAX).contains(&document.concurrency), "/concurrency", "must be 1 to 64"),
        (
            REQUEST_TIMEOUT_MS.contains(&document.request_timeout_ms),
            "/request_timeout_ms",
            "must be 100 to 120000",
        ),
        (document.health_every_seconds > 0, "/health_every_seconds", "must be at least 1"),
        (
            document.inbound.as_ref().is_none_or(|inbound| !inbound.secrets.is_empty()),
            "/inbound/secrets",
            "must name at least one: messages that nobody signed are not taken",
        ),
    ];
    rules.into_iter().filter(|(holds, ..)| !holds).map(|(_, at, detail)| Misfit::new(at, detail)).collect()
}

fn secrets(document: &Document, knows: &dyn Fn(&SecretRef) -> bool) -> Vec<Misfit> {
    let misfit = |(pointer, secret): (String, &SecretRef)| match secret {
        SecretRef::Env(name) if !name.starts_with(SECRET_PREFIX) => Some(
            Misfit::new(format!("{pointer}/env"), format!("{name:?} does not begin with {SECRET_PREFIX}"))
                .hint("only such variables can be referred to, so that no other is given away"),
        ),
        secret if knows(secret) => None,
        SecretRef::Env(name) => Some(
            Misfit::new(format!("{pointer}/env"), format!("the server's environment has no {name}"))
                .hint("set it and start the server again, or keep the secret with the ledger"),
        ),
        SecretRef::Secret(name) => Some(
            Misfit::new(format!("{pointer}/secret"), format!("there is no secret {name:?}"))
                .hint(format!("keep it first: ledger secrets put {name}")),
        ),
    };
    document.secrets().into_iter().filter_map(misfit).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ceiling() -> Ceiling {
        Ceiling { networks: vec!["10.0.0.0/8".parse().unwrap()] }
    }

    fn document() -> Value {
        json!({
            "base_url": "https://acme.atlassian.net",
            "auth": { "basic": { "user": "a@example.org", "password": { "secret": "jira" } } },
            "schedule": { "every_seconds": 300 },
            "adapter": {
                "deployment": "cloud", "project": "SEC", "issue_type": "10001",
                "statuses": { "open": { "name": "To Do" } },
            },
        })
    }

    fn misfits(pointer: &str, value: Value) -> Vec<Misfit> {
        let mut config = document();
        let (folder, name) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(folder).unwrap()[name] = value;
        check(&config, Some("jira"), &ceiling(), &|secret| *secret == SecretRef::Secret("jira".into()))
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn each_misfit_has_its_pointer_and_most_have_a_hint() {
        let cases = [
            ("/base_url", json!("http://acme.atlassian.net"), "/base_url"),
            ("/base_url", json!("https://10.1.2.3"), "/base_url"),
            ("/base_url", json!("https://127.0.0.1"), "/base_url"),
            ("/base_url", json!(7), "/base_url"),
            ("/auth/basic/password", json!({ "secret": "other" }), "/auth/basic/password/secret"),
            ("/auth/basic/password", json!({ "env": "HOME" }), "/auth/basic/password/env"),
            ("/auth/basic/password", json!({ "env": "LEDGER_SECRET_X" }), "/auth/basic/password/env"),
            ("/auth/basic/password", json!("in clear"), "/auth/basic/password"),
            ("/allow_networks", json!(["10.0.0.0/8", "10.0.0.0"]), "/allow_networks/1"),
            ("/allow_networks", json!(["127.0.0.0/8"]), "/allow_networks/0"),
            ("/schedule", json!({ "cron": "61 * * * *" }), "/schedule/cron"),
            ("/schedule", json!({ "cron": "* * * * *", "time_zone": "X" }), "/schedule/time_zone"),
            ("/reconcile", json!({ "every_seconds": 0 }), "/reconcile/every_seconds"),
            ("/rates", json!({ "per_second": 0.0, "burst": 1.0 }), "/rates/per_second"),
            ("/concurrency", json!(0), "/concurrency"),
            ("/inbound", json!({ "secrets": [] }), "/inbound/secrets"),
            ("/unknown", json!(1), "/unknown"),
            ("/adapter/project", json!("../x"), "/adapter/project"),
            ("/adapter/page_size", json!(0), "/adapter/page_size"),
            ("/adapter/statuses/opened", json!({}), "/adapter/statuses/opened"),
            ("/adapter/statuses/open", json!({}), "/adapter/statuses/open"),
            ("/adapter/deployment", json!("server"), "/adapter/deployment"),
        ];
        for (at, value, expected) in cases {
            let found = misfits(at, value.clone());
            assert!(found.iter().any(|m| m.pointer == expected), "{at} = {value}: {found:?}");
        }
        assert!(misfits("/concurrency", json!(2)).is_empty());
        assert!(misfits("/allow_networks", json!(["10.1.0.0/16"])).is_empty());
        let hint = misfits("/allow_networks", json!(["127.0.0.0/8"])).remove(0).hint.unwrap();
        assert!(hint.contains("LEDGER_EGRESS_NETWORKS"), "{hint}");
    }

    #[test]
    fn an_unlocked_network_lets_its_addresses_in_and_no_other() {
        let mut config = document();
        config["allow_networks"] = json!(["10.1.0.0/16"]);
        for (base, fits) in [("https://10.1.2.3", true), ("https://10.2.2.3", false)] {
            config["base_url"] = base.into();
            let result = check(&config, Some("jira"), &ceiling(), &|_| true);
            assert_eq!(result.is_ok(), fits, "{base}: {result:?}");
        }
    }

    #[test]
    fn all_misfits_become_one_problem() {
        let found = [Misfit::new("/a", "x"), Misfit::new("/b", "y").hint("do z")];
        let error = problem(&found, "/config");
        assert_eq!(error.errors[1].pointer, "/config/b");
        assert_eq!(error.hint.as_deref(), Some("do z"));
    }
}
