//! Who may see what: a walk over all schemas (docs/FORMATS.md §1).

use std::collections::BTreeSet;

use ledger::event::is_event_type;
use ledger_aggregates::all_schemas;
use ledger_aggregates::schema::{Kind, MemberClass, MemberSchema};

/// Names that promise what must not be public, whatever type stands behind them.
const NEVER_PUBLIC: &[&str] = &[
    "name",
    "display_name",
    "label",
    "summary",
    "detail",
    "note",
    "findings",
    "url",
    "endpoint",
    "email",
    "contact",
    "address",
    "secret",
    "password",
    "token",
    "config",
    "prose",
    "statement",
    "guidance",
    "recipient",
    "target",
    "blobs",
    "digest",
    "sha256",
    "body",
    "phone",
    "hostname",
    "ip",
];

fn walk<'a>(members: &'a [MemberSchema], found: &mut Vec<&'a MemberSchema>) {
    for member in members {
        found.push(member);
        walk_kind(&member.kind, found);
    }
}

fn walk_kind<'a>(kind: &'a Kind, found: &mut Vec<&'a MemberSchema>) {
    match kind {
        Kind::List(inner) => walk_kind(inner, found),
        Kind::Object(members) => walk(members, found),
        _ => {}
    }
}

/// What is wrong with the classification of these members.
fn faults(members: &[MemberSchema]) -> Vec<String> {
    let mut found = Vec::new();
    for member in members.iter().filter(|member| member.class == MemberClass::Public) {
        if !member.kind.may_be_public() {
            found.push(format!("{} is public but is {}", member.name, member.kind.describe()));
        }
        let mut inner = vec![member];
        walk_kind(&member.kind, &mut inner);
        for member in inner {
            if NEVER_PUBLIC.contains(&member.name) {
                found.push(format!("{} is public by its class but not by its name", member.name));
            }
            // A classified member inside of a public object would be lost, since only the top level is disclosed.
            if member.class != MemberClass::Public {
                found.push(format!("{} is classified inside of a public object", member.name));
            }
        }
    }
    found
}

#[test]
fn nothing_is_public_that_must_not_be() {
    for schema in all_schemas() {
        assert_eq!(faults(schema.members), Vec::<String>::new(), "{}", schema.event_type);
    }
}

/// The control: with the guard's rules, planted mistakes are found.
#[test]
fn planted_mistakes_are_found() {
    let member = |name, class, kind| MemberSchema { name, doc: "", class, kind, required: true };
    const INNER: &[MemberSchema] = &[MemberSchema {
        name: "reason",
        doc: "",
        class: MemberClass::Confidential,
        kind: Kind::Text,
        required: false,
    }];
    let public = MemberClass::Public;
    let mistakes = [
        member("remark", public, Kind::Text),
        member("link", public, Kind::Url),
        member("person", public, Kind::Contact),
        member("content", public, Kind::Digest),
        member("anything", public, Kind::Json),
        member("remarks", public, Kind::List(&Kind::Text)),
        member("email", public, Kind::Id { rule: "an e-mail address is no id" }),
        member("inner", public, Kind::Object(INNER)),
    ];
    for mistake in mistakes {
        assert!(!faults(&[mistake]).is_empty(), "{} is not found", mistake.name);
    }
    assert!(faults(&[member("remark", MemberClass::Confidential, Kind::Text)]).is_empty());
}

#[test]
fn types_and_members_are_well_named_and_described() {
    let mut types = BTreeSet::new();
    for schema in all_schemas() {
        assert!(is_event_type(schema.event_type), "{}", schema.event_type);
        assert!(schema.event_type.starts_with("ledger."), "{}", schema.event_type);
        assert!(types.insert(schema.event_type), "{} is there twice", schema.event_type);
        assert!(!schema.doc.trim().is_empty(), "{} is not described", schema.event_type);
        let mut found = Vec::new();
        walk(schema.members, &mut found);
        for member in found {
            let snake =
                member.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            assert!(snake, "{} of {}", member.name, schema.event_type);
            assert!(
                !member.doc.trim().is_empty(),
                "{} of {} is not described",
                member.name,
                schema.event_type
            );
        }
    }
}

/// The worst that the bounds allow still fits a header, whose other members take less than 3,000 bytes.
#[test]
fn the_bounds_of_lists_keep_events_below_the_limit_of_a_header() {
    for schema in all_schemas() {
        let most: usize = schema.members.iter().filter(|m| m.class == MemberClass::Public).map(largest).sum();
        let allowed = ledger::event::HEADER_MAX - 3_000;
        assert!(most <= allowed, "{} can have {most} bytes", schema.event_type);
    }
}

fn largest(member: &MemberSchema) -> usize {
    // Name, quotes, colon and comma.
    let around = member.name.len() + 6;
    around + largest_kind(&member.kind, list_bound(member))
}

/// The bounds that `decide` keeps, by the name of the list.
fn list_bound(member: &MemberSchema) -> ListBound {
    match (member.name, member.kind) {
        // 32 pieces of evidence.
        ("applied", _) => ListBound::Items(32),
        // 256 pieces of evidence.
        ("evidence", Kind::List(_)) => ListBound::Items(256),
        // 32 fields of a ticket, 16 marks of writes, 16 tickets of a task.
        ("fields" | "taken" | "apart" | "conflicts", _) => ListBound::Items(32),
        ("receipts" | "tickets", _) => ListBound::Items(16),
        // 512 digests.
        ("digests", _) => ListBound::Items(512),
        // Chunks of a catalogue are bounded in bytes.
        ("groups", _) | ("controls", Kind::List(Kind::Object([_, _, _, ..]))) => ListBound::Bytes(24_000),
        // 256 withdrawn controls.
        ("controls", Kind::List(Kind::Id { .. })) => ListBound::Items(256),
        // 32 controls of evidence.
        ("controls", _) => ListBound::Items(32),
        _ => ListBound::Items(0),
    }
}

#[derive(Clone, Copy)]
enum ListBound {
    Items(usize),
    Bytes(usize),
}

fn largest_kind(kind: &Kind, bound: ListBound) -> usize {
    match kind {
        Kind::Id { rule: "UUID" } => 38,
        // "1 to N …" names the bound of every bounded text; ids of other crates have at most 160.
        Kind::Id { rule } => {
            let bound = rule.split_whitespace().filter_map(|word| word.parse::<usize>().ok()).max();
            bound.unwrap_or(160) + 2
        }
        Kind::Choice(words) => words.iter().map(|word| word.len()).max().unwrap_or(0) + 2,
        Kind::Time => 29,
        Kind::Integer { .. } => 16,
        Kind::Flag => 5,
        Kind::Key { .. } => 402,
        Kind::LedgerHash { .. } => 46,
        // 200 characters of four bytes; a quotation mark or backslash takes two.
        Kind::Title => 802,
        Kind::Object(members) => 2 + members.iter().map(largest).sum::<usize>(),
        Kind::List(inner) => match bound {
            ListBound::Items(items) => 2 + items * (largest_kind(inner, ListBound::Items(0)) + 1),
            ListBound::Bytes(bytes) => bytes + 2,
        },
        Kind::Text | Kind::Url | Kind::Contact | Kind::Digest | Kind::Json => panic!("not public"),
    }
}
