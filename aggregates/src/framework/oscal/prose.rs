//! The text of a control: its parts one below the other, with parameters put in.

use std::collections::BTreeMap;

use super::model::{Parameter, Part};

type Parameters<'a> = BTreeMap<&'a str, &'a Parameter>;

/// Parameters may stand in parameters; deeper than this it is a circle.
const INSERT_DEPTH_MAX: usize = 4;

/// The parts that say what is asked for. `item` is what statements consist of.
pub(super) fn is_statement(name: &str) -> bool {
    matches!(name, "statement" | "item")
}

/// The parts that say how it is meant.
pub(super) fn is_guidance(name: &str) -> bool {
    name == "guidance"
}

/// The text of the parts whose name is wanted, with everything below them.
pub(super) fn of(parts: &[Part], wanted: fn(&str) -> bool, parameters: &Parameters<'_>) -> String {
    let mut out = String::new();
    for part in parts.iter().filter(|part| wanted(&part.name)) {
        write(part, 0, parameters, &mut out);
    }
    out
}

fn write(part: &Part, depth: usize, parameters: &Parameters<'_>, out: &mut String) {
    if let Some(prose) = part.prose.as_deref().map(str::trim).filter(|prose| !prose.is_empty()) {
        if !out.is_empty() {
            out.push('\n');
        }
        out.extend(std::iter::repeat_n("  ", depth));
        if let Some(label) = part.props.iter().find(|prop| prop.name == "label") {
            out.push_str(&label.value);
            out.push(' ');
        }
        insert(prose, parameters, 0, out);
    }
    for below in &part.parts {
        write(below, depth + 1, parameters, out);
    }
}

/// Puts parameters in the place of `{{ insert: param, <id> }}`. What is not known stays as it is.
fn insert(text: &str, parameters: &Parameters<'_>, depth: usize, out: &mut String) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((inside, behind)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        let id = inside.trim().strip_prefix("insert: param,").map(str::trim);
        match id.and_then(|id| parameters.get(id)).filter(|_| depth < INSERT_DEPTH_MAX) {
            Some(parameter) => describe(parameter, parameters, depth, out),
            None => {
                out.push_str("{{");
                out.push_str(inside);
                out.push_str("}}");
            }
        }
        rest = behind;
    }
    out.push_str(rest);
}

fn describe(parameter: &Parameter, parameters: &Parameters<'_>, depth: usize, out: &mut String) {
    out.push('[');
    if !parameter.values.is_empty() {
        out.push_str(&parameter.values.join(", "));
    } else if let Some(select) = &parameter.select {
        out.push_str("selection: ");
        for (at, choice) in select.choice.iter().enumerate() {
            out.push_str(if at == 0 { "" } else { "; " });
            insert(choice, parameters, depth + 1, out);
        }
    } else {
        out.push_str(parameter.label.as_deref().unwrap_or(&parameter.id));
    }
    out.push(']');
}
