//! The built-in adapters. Adding one is a folder and a line here.

use crate::adapter::Adapter;

/// Makes an adapter that is not configured yet.
type Make = fn() -> Box<dyn Adapter>;

/// Name and maker of each.
const BUILT_IN: &[(&str, Make)] = &[
    ("jira", || Box::new(crate::jira::Jira::default())),
    ("servicenow", || Box::new(crate::servicenow::ServiceNow::default())),
];

/// The names of the built-in adapters.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// A built-in adapter by its name.
pub fn make(name: &str) -> Option<Box<dyn Adapter>> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, make)| make())
}
