//! Declarative mappings: JSON in which strings name values. There is no code in them, and nothing is looked up but
//! what stands in their scope.
//!
//! - `"{{control.id}}: {{title}}"` is a text with values put in.
//! - `"{{due}}"` alone is the value itself, whatever its type.
//! - `"{{due?}}"` may be missing: then the member is left out.
//! - `{"$choose": "severity", "cases": {"high": {"id": "2"}}, "default": {"id": "3"}}` chooses by a value. Without a
//!   default, a value that is no case is an error: nothing is ever invented.

use serde_json::{Map, Value};

/// A template that cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A value is not there.
    #[error("the mapping names {0:?}, which this ticket does not have: add it or write {{{{{0}?}}}}")]
    Missing(String),
    /// A value is none of the cases.
    #[error("the mapping has no case for {path} = {value}")]
    NoCase {
        /// Which value.
        path: String,
        /// What it is.
        value: String,
    },
    /// The template itself is wrong.
    #[error("the mapping is wrong: {0}")]
    Malformed(String),
}

/// Deeper than any mapping that a person writes.
const DEPTH_MAX: usize = 32;

/// Fills a template from a scope. `None`: an optional value is missing.
///
/// # Errors
/// What cannot be filled.
pub fn fill(template: &Value, scope: &Value) -> Result<Option<Value>, TemplateError> {
    fill_at(template, scope, 0)
}

fn fill_at(template: &Value, scope: &Value, depth: usize) -> Result<Option<Value>, TemplateError> {
    if depth > DEPTH_MAX {
        return Err(TemplateError::Malformed(format!("it is nested deeper than {DEPTH_MAX}")));
    }
    match template {
        Value::String(text) => fill_text(text, scope),
        Value::Array(items) => {
            let mut filled = Vec::with_capacity(items.len());
            for item in items {
                filled.extend(fill_at(item, scope, depth + 1)?);
            }
            Ok(Some(filled.into()))
        }
        Value::Object(object) if object.contains_key("$choose") => choose(object, scope, depth),
        Value::Object(object) => {
            let mut filled = Map::new();
            for (name, value) in object {
                if let Some(value) = fill_at(value, scope, depth + 1)? {
                    filled.insert(name.clone(), value);
                }
            }
            Ok(Some(filled.into()))
        }
        other => Ok(Some(other.clone())),
    }
}

fn choose(object: &Map<String, Value>, scope: &Value, depth: usize) -> Result<Option<Value>, TemplateError> {
    let malformed = || TemplateError::Malformed("$choose needs a path, cases, and perhaps a default".into());
    let path = object["$choose"].as_str().ok_or_else(malformed)?;
    let cases = object.get("cases").and_then(Value::as_object).ok_or_else(malformed)?;
    if object.keys().any(|name| !matches!(name.as_str(), "$choose" | "cases" | "default")) {
        return Err(malformed());
    }
    let value = find(path, scope).map(plain).unwrap_or_default();
    match cases.get(&value).or_else(|| object.get("default")) {
        Some(chosen) => fill_at(chosen, scope, depth + 1),
        None => Err(TemplateError::NoCase { path: path.into(), value }),
    }
}

fn fill_text(text: &str, scope: &Value) -> Result<Option<Value>, TemplateError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start..].find("}}") else {
            return Err(TemplateError::Malformed(format!("{text:?} opens a {{{{ that it does not close")));
        };
        let name = rest[start + 2..start + length].trim();
        let (path, optional) = name.strip_suffix('?').map_or((name, false), |path| (path, true));
        let value = match find(path, scope) {
            Some(value) => Some(value),
            None if optional => None,
            None => return Err(TemplateError::Missing(path.into())),
        };
        let whole = start == 0 && start + length + 2 == text.len();
        if whole {
            return Ok(value.cloned());
        }
        filled.push_str(&rest[..start]);
        filled.push_str(&value.map(plain).unwrap_or_default());
        rest = &rest[start + length + 2..];
    }
    filled.push_str(rest);
    Ok(Some(filled.into()))
}

fn find<'a>(path: &str, scope: &'a Value) -> Option<&'a Value> {
    path.split('.').try_fold(scope, |value, name| value.get(name)).filter(|value| !value.is_null())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: Value) -> Result<Option<Value>, TemplateError> {
        let scope = json!({ "title": "Root login", "control": { "id": "ac-6" }, "due": 7, "severity": "high", "n": null });
        fill(&template, &scope)
    }

    #[test]
    fn values_are_put_in_and_keep_their_type_when_alone() {
        let template =
            json!({ "a": "{{control.id}}: {{ title }}!", "b": ["{{due}}", 1], "c": "plain", "d": "{{n?}}" });
        let expected = json!({ "a": "ac-6: Root login!", "b": [7, 1], "c": "plain" });
        assert_eq!(filled(template), Ok(Some(expected)));
        assert_eq!(filled(json!("x {{gone?}} y")), Ok(Some(json!("x  y"))));
    }

    #[test]
    fn a_choice_is_made_by_value_and_never_invented() {
        let choice = |default: Option<Value>| {
            let mut template = json!({ "$choose": "severity", "cases": { "low": { "id": "{{due}}" } } });
            default.map(|default| template.as_object_mut().map(|t| t.insert("default".into(), default)));
            filled(template)
        };
        assert_eq!(choice(Some(json!("{{title}}"))), Ok(Some(json!("Root login"))));
        assert_eq!(
            choice(None),
            Err(TemplateError::NoCase { path: "severity".into(), value: "high".into() })
        );
    }

    #[test]
    fn what_cannot_be_filled_is_named() {
        assert_eq!(filled(json!("{{control.owner}}")), Err(TemplateError::Missing("control.owner".into())));
        assert_eq!(filled(json!("{{n}}")), Err(TemplateError::Missing("n".into())));
        assert!(matches!(filled(json!("a {{b")), Err(TemplateError::Malformed(_))));
        assert!(matches!(filled(json!({ "$choose": "due" })), Err(TemplateError::Malformed(_))));
        let deep = (0..50).fold(json!("x"), |inner, _| json!([inner]));
        assert!(matches!(filled(deep), Err(TemplateError::Malformed(_))));
    }
}
