//! The built-in adapters. Adding one is a folder and an entry here.

use serde_json::Value;

use crate::adapter::Adapter;

/// An adapter that is part of the product.
struct BuiltIn {
    name: &'static str,
    /// What it does, for people.
    description: &'static str,
    /// Makes one that is not configured yet.
    make: fn() -> Box<dyn Adapter>,
    /// The JSON Schema of what it is told.
    schema: &'static str,
}

const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "jira",
        description: "Issues in Jira Cloud and Jira Data Center.",
        make: || Box::new(crate::jira::Jira::default()),
        schema: include_str!("jira/config.schema.json"),
    },
    BuiltIn {
        name: "servicenow",
        description: "Incidents, GRC issues and other task tables in ServiceNow.",
        make: || Box::new(crate::servicenow::ServiceNow::default()),
        schema: include_str!("servicenow/config.schema.json"),
    },
];

fn find(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|known| known.name == name)
}

/// The names of the built-in adapters.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|known| known.name)
}

/// A built-in adapter by its name.
pub fn make(name: &str) -> Option<Box<dyn Adapter>> {
    find(name).map(|known| (known.make)())
}

/// What a built-in adapter does, for people.
pub fn description(name: &str) -> Option<&'static str> {
    find(name).map(|known| known.description)
}

/// The JSON Schema of what a built-in adapter is told.
pub fn config_schema(name: &str) -> Option<Value> {
    // That each is JSON is kept by the tests.
    find(name).map(|known| serde_json::from_str(known.schema).unwrap_or_default())
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::schema::ConfigSchema;

    /// Every member that there is.
    fn whole(name: &str) -> Value {
        let common = json!({
            "site": "https://site.example", "fields": { "x": "{{title}}" }, "account": "me",
            "synced": { "severity": { "field": "priority", "values": { "critical": { "name": "High" } } } },
        });
        let own = match name {
            "jira" => json!({
                "deployment": "cloud", "project": "SEC", "issue_type": "10001", "label": "aigov",
                "overlap_minutes": 5, "page_size": 50,
                "statuses": {
                    "open": { "name": "To Do" }, "in_progress": { "id": "3" }, "on_hold": { "category": "new" },
                    "resolved": { "name": "Done", "via": ["In Progress"], "fields": { "resolution": {} } },
                    "closed": { "name": "Done" }, "cancelled": { "name": "Won't Do" },
                },
            }),
            _ => json!({
                "table": "incident", "display": "AIGOV", "overlap_seconds": 120, "page_size": 100,
                "statuses": {
                    "open": { "value": "1" }, "in_progress": { "value": "2" }, "on_hold": { "value": "3" },
                    "resolved": { "value": "6", "fields": { "close_code": "x" }, "note": "close_notes" },
                    "closed": { "value": "7", "final": true }, "cancelled": { "value": "8" },
                },
            }),
        };
        let members = [common, own].into_iter().filter_map(|part| part.as_object().cloned()).flatten();
        members.collect::<serde_json::Map<_, _>>().into()
    }

    #[test]
    fn what_a_schema_says_is_what_its_adapter_takes() {
        for name in names() {
            let source = config_schema(name).expect("a schema");
            let schema = ConfigSchema::compile(&source).expect("compiles");
            let config = whole(name);
            assert_eq!(schema.misfits(&config), [], "{name}");
            make(name).expect("an adapter").configure(&config).expect("takes it");
            let members: Vec<&String> = config.as_object().expect("an object").keys().collect();
            let described: Vec<&String> = source["properties"].as_object().expect("members").keys().collect();
            assert_eq!(members, described, "{name}: the test names every member of the schema");
            for required in source["required"].as_array().expect("a list") {
                let mut less = config.clone();
                less.as_object_mut().expect("an object").remove(required.as_str().expect("a name"));
                assert!(make(name).expect("an adapter").configure(&less).is_err(), "{name}: {required}");
            }
            let mut more = config.clone();
            more["unknown"] = json!(1);
            assert!(
                make(name).expect("an adapter").configure(&more).is_err()
                    && !schema.misfits(&more).is_empty()
            );
        }
    }
}
