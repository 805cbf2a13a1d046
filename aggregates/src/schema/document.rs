//! The schemas as a page for readers: `docs/events.md`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{EventSchema, Kind, MemberSchema};

const HEAD: &str = "\
# Events

This page is written from the schemas in `aggregates/`; a test fails when it is stale.
To write it again: `cargo run -p ledger-aggregates --example events > docs/events.md`.

The aggregate's own id is the part of the stream id after the first `-`, and is not repeated in `data`.
A **public** member stands in `data` of the signed header.
A **confidential** member is a disclosure under the tenant's key, a **personal** one under the key of one data subject ([FORMATS.md](FORMATS.md) §6).
Times are RFC 3339 in UTC with microseconds.
Reading is strict: an unknown member, a missing one, or one of another kind is a fault that is named.
";

/// The page. Ends with one newline.
pub fn markdown<'a>(schemas: impl IntoIterator<Item = &'a EventSchema>) -> String {
    let mut by_category: BTreeMap<&str, Vec<&EventSchema>> = BTreeMap::new();
    for schema in schemas {
        by_category.entry(schema.category).or_default().push(schema);
    }
    let mut page = HEAD.to_owned();
    for (category, schemas) in by_category {
        // Writing to a String does not fail.
        let _ = write!(page, "\n## {category}\n\nStream: `{category}-<id>`.\n");
        for schema in schemas {
            event(&mut page, schema);
        }
    }
    page
}

fn event(page: &mut String, schema: &EventSchema) {
    let _ = write!(page, "\n### `{}`\n\n{}\n", schema.event_type, one_sentence_a_line(schema.doc));
    if schema.members.is_empty() {
        page.push_str("\nIt has no members.\n");
        return;
    }
    page.push_str("\n| member | class | kind | meaning |\n| --- | --- | --- | --- |\n");
    for member in schema.members {
        row(page, "", member);
    }
}

fn row(page: &mut String, above: &str, member: &MemberSchema) {
    let name = format!("{above}{}", member.name);
    let optional = if member.required { "" } else { ", optional" };
    // Classified members may always be left out, so that saying it would be noise.
    let optional = if member.class == super::MemberClass::Public { optional } else { "" };
    let (kind, inner) = describe(&member.kind);
    let _ =
        writeln!(page, "| `{name}` | {} | {kind}{optional} | {} |", member.class.as_str(), member.doc.trim());
    for inner in inner {
        row(page, &format!("{name}."), inner);
    }
}

/// The kind, and the members of the objects in it, which get rows of their own.
fn describe(kind: &Kind) -> (String, &'static [MemberSchema]) {
    match kind {
        Kind::Object(members) => ("object".to_owned(), members),
        Kind::List(inner) => {
            let (kind, members) = describe(inner);
            (format!("list of {kind}"), members)
        }
        other => (other.describe(), &[]),
    }
}

fn one_sentence_a_line(doc: &str) -> String {
    doc.trim().replace(". ", ".\n")
}
