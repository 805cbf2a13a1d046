//! Texts: the Atlassian Document Format of Cloud, wiki markup of Data Center, and back to plain.

use serde_json::{Value, json};

use super::config::Deployment;
use crate::protocol::{Block, Document, Span};

/// A document in the format of the product.
pub(super) fn write(document: &Document, deployment: Deployment) -> Value {
    match deployment {
        Deployment::Cloud => adf(document),
        Deployment::DataCenter => wiki(document).into(),
    }
}

/// What a document reads like after a trip through the product: what a read-back is compared with.
pub(super) fn written_plain(document: &Document, deployment: Deployment) -> String {
    plain(&write(document, deployment))
}

/// The plain text of either format, one line a block.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Object(_) => blocks(value).join("\n").trim().to_owned(),
        _ => String::new(),
    }
}

fn blocks(node: &Value) -> Vec<String> {
    let children = node["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    match node["type"].as_str().unwrap_or_default() {
        "paragraph" | "heading" | "codeBlock" => vec![inline(node)],
        "tableRow" => {
            vec![children.iter().map(|cell| blocks(cell).join(" ")).collect::<Vec<_>>().join(" | ")]
        }
        "listItem" => vec![format!("- {}", children.iter().flat_map(blocks).collect::<Vec<_>>().join(" "))],
        _ => children.iter().flat_map(blocks).collect(),
    }
}

fn inline(node: &Value) -> String {
    let children = node["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let piece = |child: &Value| match child["type"].as_str() {
        Some("hardBreak") => "\n".to_owned(),
        _ => child["text"].as_str().map(String::from).unwrap_or_else(|| inline(child)),
    };
    children.iter().map(piece).collect()
}

fn adf(document: &Document) -> Value {
    let content: Vec<Value> = document.0.iter().filter_map(adf_block).collect();
    json!({ "type": "doc", "version": 1, "content": content })
}

/// Empty text nodes are invalid, and so are lists and tables without content: they are left out.
fn adf_block(block: &Block) -> Option<Value> {
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    Some(match block {
        Block::Heading { text: heading, .. } if heading.is_empty() => return None,
        Block::Heading { level, text: heading } => {
            json!({ "type": "heading", "attrs": { "level": (*level).clamp(1, 6) }, "content": text(heading) })
        }
        Block::Paragraph(spans) => paragraph(spans),
        Block::Code(code) if code.is_empty() => return None,
        Block::Code(code) => json!({ "type": "codeBlock", "content": text(code) }),
        Block::List(items) if items.is_empty() => return None,
        Block::List(items) => {
            let items: Vec<Value> = items
                .iter()
                .map(|item| json!({ "type": "listItem", "content": [paragraph(item)] }))
                .collect();
            json!({ "type": "bulletList", "content": items })
        }
        Block::Table(rows) if rows.iter().all(Vec::is_empty) => return None,
        Block::Table(rows) => {
            let row = |(index, cells): (usize, &Vec<String>)| {
                let kind = if index == 0 { "tableHeader" } else { "tableCell" };
                let cells: Vec<Value> = cells
                    .iter()
                    .map(|cell| json!({ "type": kind, "content": [paragraph(&[Span::text(cell)])] }))
                    .collect();
                json!({ "type": "tableRow", "content": cells })
            };
            let rows: Vec<Value> = rows.iter().filter(|row| !row.is_empty()).enumerate().map(row).collect();
            json!({ "type": "table", "content": rows })
        }
    })
}

fn paragraph(spans: &[Span]) -> Value {
    let nodes: Vec<Value> = spans.iter().filter(|span| !span.text.is_empty()).map(span).collect();
    json!({ "type": "paragraph", "content": nodes })
}

fn span(span: &Span) -> Value {
    let mut node = json!({ "type": "text", "text": span.text });
    let mut marks = Vec::new();
    if span.bold {
        marks.push(json!({ "type": "strong" }));
    }
    if let Some(link) = &span.link {
        marks.push(json!({ "type": "link", "attrs": { "href": link } }));
    }
    if !marks.is_empty() {
        node["marks"] = marks.into();
    }
    node
}

fn wiki(document: &Document) -> String {
    let blocks: Vec<String> = document.0.iter().map(wiki_block).collect();
    blocks.join("\n\n")
}

fn wiki_block(block: &Block) -> String {
    match block {
        Block::Heading { level, text } => format!("h{}. {}", (*level).clamp(1, 6), escape(text)),
        Block::Paragraph(spans) => wiki_spans(spans),
        Block::List(items) => {
            let lines: Vec<String> = items.iter().map(|item| format!("* {}", wiki_spans(item))).collect();
            lines.join("\n")
        }
        // Its own end marker must not stand within it.
        Block::Code(code) => {
            format!("{{noformat}}\n{}\n{{noformat}}", code.replace("{noformat}", "{ noformat }"))
        }
        Block::Table(rows) => {
            let line = |(index, cells): (usize, &Vec<String>)| {
                let bar = if index == 0 { "||" } else { "|" };
                let cells: Vec<String> = cells.iter().map(|cell| format!(" {} ", escape(cell))).collect();
                format!("{bar}{}{bar}", cells.join(bar))
            };
            rows.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

fn wiki_spans(spans: &[Span]) -> String {
    let piece = |span: &Span| {
        let text = escape(&span.text);
        match &span.link {
            Some(link) => format!("[{text}|{}]", link.replace(['|', ']', '[', ' '], "")),
            None if span.bold => format!("*{text}*"),
            None => text,
        }
    };
    spans.iter().map(piece).collect()
}

/// Characters that would be markup: a finding's text must not turn into a macro or a mention.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '{' | '}' | '[' | ']' | '|' | '!' | '*' | '~' | '^') {
            escaped.push('\\');
        }
        escaped.push(if matches!(c, '\n' | '\r') { ' ' } else { c });
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        Document(vec![
            Block::Heading { level: 2, text: "Finding {x}".into() },
            Block::Paragraph(vec![
                Span::text("see "),
                Span::link("run 7", "https://l.example/7"),
                Span::bold("!"),
            ]),
            Block::List(vec![vec![Span::text("one")], vec![Span::text("")]]),
            Block::Code("a {noformat} b".into()),
            Block::Table(vec![vec!["h|1".into(), "h2".into()], vec!["a".into(), "".into()]]),
            Block::Code(String::new()),
            Block::List(Vec::new()),
        ])
    }

    fn every_node(node: &Value, holds: &mut impl FnMut(&Value)) {
        holds(node);
        for child in node["content"].as_array().map(Vec::as_slice).unwrap_or_default() {
            every_node(child, holds);
        }
    }

    #[test]
    fn adf_has_no_empty_text_and_reads_back() {
        let written = write(&document(), Deployment::Cloud);
        every_node(&written, &mut |node| {
            assert!(
                node["type"] != "text" || node["text"].as_str().is_some_and(|text| !text.is_empty()),
                "{node}"
            );
        });
        assert_eq!(written["content"][1]["content"][1]["marks"][0]["attrs"]["href"], "https://l.example/7");
        let expected = "Finding {x}\nsee run 7!\n- one\n- \na {noformat} b\nh|1 | h2\na |";
        assert_eq!(plain(&written), expected);
    }

    #[test]
    fn wiki_markup_is_escaped_so_that_no_finding_becomes_a_macro() {
        let written = write(&document(), Deployment::DataCenter);
        let text = written.as_str().expect("a string");
        assert!(text.starts_with("h2. Finding \\{x\\}\n\nsee [run 7|https://l.example/7]*\\!*"), "{text}");
        assert!(text.contains("|| h\\|1 || h2 ||\n| a |  |"), "{text}");
        assert!(text.contains("a { noformat } b"), "{text}");
    }
}
