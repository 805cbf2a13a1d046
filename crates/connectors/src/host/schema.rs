//! The JSON Schema of a configuration: what an adapter asks for, checked before its process is started.
//!
//! A schema stands alone: what it refers to lies in itself. Nothing is fetched, neither from the network nor from files.
//! Patterns are matched in linear time, so that a package's schema cannot hang the server.

use std::error::Error;

use boon::{Compiler, ErrorKind, SchemaIndex, Schemas, UrlLoader, ValidationError};
use serde_json::Value;

/// The name that a schema has while it is compiled; it is no address.
const NAME: &str = "ledger:/config-schema";
/// More places that do not fit than anyone mends at once.
const MISFITS_MAX: usize = 50;

/// A compiled schema.
pub struct ConfigSchema {
    source: Value,
    schemas: Schemas,
    index: SchemaIndex,
}

/// A place of a configuration that does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaMisfit {
    /// Where, as a JSON pointer into the configuration.
    pub pointer: String,
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Nothing is loaded from anywhere.
struct Nowhere;

impl UrlLoader for Nowhere {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        Err(format!("{url} lies outside the schema, and nothing is fetched").into())
    }
}

impl ConfigSchema {
    /// Reads a schema, of the draft that it names, or 2020-12. `Null`: everything fits.
    ///
    /// # Errors
    /// Why it is none.
    pub fn compile(source: &Value) -> Result<Self, String> {
        let source = if source.is_null() { Value::Bool(true) } else { source.clone() };
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.use_loader(Box::new(Nowhere));
        compiler.add_resource(NAME, source.clone()).map_err(|error| error.to_string())?;
        let index = compiler.compile(NAME, &mut schemas).map_err(|error| error.to_string())?;
        Ok(Self { source, schemas, index })
    }

    /// What of a configuration does not fit.
    pub fn misfits(&self, config: &Value) -> Vec<SchemaMisfit> {
        let mut found = Vec::new();
        if let Err(error) = self.schemas.validate(config, self.index) {
            self.collect(&error, &mut found);
        }
        found.dedup();
        found.truncate(MISFITS_MAX);
        found
    }

    /// The innermost causes say what is wrong; what holds them together says nothing. Of alternatives none of which fits,
    /// no cause is the cause.
    fn collect(&self, error: &ValidationError<'_, '_>, found: &mut Vec<SchemaMisfit>) {
        let at = error.instance_location.to_string();
        let alternatives = matches!(error.kind, ErrorKind::AnyOf | ErrorKind::OneOf(_));
        if !error.causes.is_empty() && !alternatives {
            return error.causes.iter().for_each(|cause| self.collect(cause, found));
        }
        let below = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        match &error.kind {
            ErrorKind::Required { want } => found.extend(want.iter().map(|name| SchemaMisfit {
                pointer: below(name),
                detail: "is missing".into(),
                hint: self.says(&below(name), "description"),
            })),
            ErrorKind::AdditionalProperties { got } => found.extend(got.iter().map(|name| SchemaMisfit {
                pointer: below(name),
                detail: "there is no such member".into(),
                hint: self.offered(&at),
            })),
            ErrorKind::AnyOf | ErrorKind::OneOf(_) => found.push(SchemaMisfit {
                detail: "fits none of its alternatives, or more than one".into(),
                hint: self.says(&at, "description"),
                pointer: at,
            }),
            kind => found.push(SchemaMisfit {
                detail: kind.to_string(),
                hint: self.says(&at, "description"),
                pointer: at,
            }),
        }
    }

    /// What the schema says of a place, where it says it by name.
    fn says(&self, pointer: &str, member: &str) -> Option<String> {
        self.place(pointer)?.get(member)?.as_str().map(str::to_owned)
    }

    /// The members that there are instead.
    fn offered(&self, pointer: &str) -> Option<String> {
        let members = self.place(pointer)?.get("properties")?.as_object()?;
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("there is: {}", names.join(", ")))
    }

    /// The part of the schema that describes a place, through its own references.
    fn place(&self, pointer: &str) -> Option<&Value> {
        let mut place = self.resolved(&self.source)?;
        for token in pointer.split('/').skip(1) {
            let name = token.replace("~1", "/").replace("~0", "~");
            let by_name = place.get("properties").and_then(|properties| properties.get(&name));
            let rest = || place.get("additionalProperties").or_else(|| place.get("items"));
            place = self.resolved(by_name.or_else(rest)?)?;
        }
        Some(place)
    }

    fn resolved<'a>(&'a self, place: &'a Value) -> Option<&'a Value> {
        match place.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.source.pointer(reference.strip_prefix('#')?),
            None => Some(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> ConfigSchema {
        let source = json!({
            "type": "object", "required": ["queue", "size"], "additionalProperties": false,
            "properties": {
                "queue": { "enum": ["a", "b"], "description": "which queue tickets go to" },
                "size": { "$ref": "#/$defs/size" },
                "by/name": { "type": "object", "additionalProperties": { "$ref": "#/$defs/size" } },
                "either": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            },
            "$defs": { "size": { "type": "integer", "minimum": 1, "description": "tickets on a page" } },
        });
        ConfigSchema::compile(&source).expect("a schema")
    }

    #[test]
    fn each_misfit_says_where_what_and_how_to_mend_it() {
        let told = |config: Value| {
            let told = schema().misfits(&config);
            told.into_iter().map(|m| (m.pointer, m.detail, m.hint.unwrap_or_default())).collect::<Vec<_>>()
        };
        assert_eq!(told(json!({ "queue": "a", "size": 1, "either": null })), []);
        let expected = ("/queue".to_owned(), "is missing".to_owned(), "which queue tickets go to".to_owned());
        assert_eq!(told(json!({ "size": 1 })), [expected]);
        let wrong =
            told(json!({ "queue": "c", "size": 0, "by/name": { "x": "y" }, "either": 7, "sizes": 1 }));
        let at = |pointer: &str| {
            let found = wrong.iter().find(|(found, ..)| found == pointer);
            found.unwrap_or_else(|| panic!("{pointer}: {wrong:?}"))
        };
        assert!(at("/queue").1.contains("'a', 'b'"), "{wrong:?}");
        assert_eq!(at("/size").2, "tickets on a page");
        assert_eq!(at("/by~1name/x").2, "tickets on a page");
        assert!(at("/sizes").2.contains("queue, size"), "{wrong:?}");
        assert!(at("/either").1.contains("alternatives"));
        assert_eq!(wrong.len(), 5, "{wrong:?}");
    }

    #[test]
    fn what_is_no_schema_or_leads_elsewhere_is_refused() {
        for source in [
            json!({ "type": "text" }),
            json!({ "properties": { "a": { "$ref": "https://example.org/other.json" } } }),
            json!({ "$ref": "file:///etc/passwd" }),
            json!({ "$schema": "https://example.org/draft" }),
            json!({ "pattern": "(" , "type": "string" }),
            json!(7),
        ] {
            assert!(ConfigSchema::compile(&source).is_err(), "{source}");
        }
        let everything = ConfigSchema::compile(&Value::Null).expect("a schema");
        assert_eq!(everything.misfits(&json!({ "x": [1] })), []);
    }
}
