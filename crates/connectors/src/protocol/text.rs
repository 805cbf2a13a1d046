//! Rich text in a form that every vendor's own can be made from.

use serde::{Deserialize, Serialize};

/// A text of blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Document(pub Vec<Block>);

/// A block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Block {
    /// A heading.
    Heading {
        /// 1 to 6.
        level: u8,
        /// Its text.
        text: String,
    },
    /// A paragraph.
    Paragraph(Vec<Span>),
    /// A bullet list.
    List(Vec<Vec<Span>>),
    /// Text as it is.
    Code(String),
    /// A table; the first row is its header.
    Table(Vec<Vec<String>>),
}

/// A piece of text in one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The text.
    pub text: String,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whether it is bold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bold: bool,
}

impl Span {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), link: None, bold: false }
    }

    /// A link.
    pub fn link(text: impl Into<String>, to: impl Into<String>) -> Self {
        Self { text: text.into(), link: Some(to.into()), bold: false }
    }

    /// Bold text.
    pub fn bold(text: impl Into<String>) -> Self {
        Self { text: text.into(), link: None, bold: true }
    }
}

impl Document {
    /// One paragraph of plain text for each line.
    pub fn plain(text: &str) -> Self {
        Self(text.lines().map(|line| Block::Paragraph(vec![Span::text(line)])).collect())
    }

    /// The text without its styles, for systems that have none.
    pub fn to_plain(&self) -> String {
        let blocks: Vec<String> = self.0.iter().map(Block::to_plain).collect();
        blocks.join("\n\n")
    }
}

impl Block {
    fn to_plain(&self) -> String {
        match self {
            Self::Heading { text, .. } => text.clone(),
            Self::Paragraph(spans) => spans_to_plain(spans),
            Self::List(items) => {
                let lines: Vec<String> =
                    items.iter().map(|item| format!("- {}", spans_to_plain(item))).collect();
                lines.join("\n")
            }
            Self::Code(text) => text.clone(),
            Self::Table(rows) => {
                let lines: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
                lines.join("\n")
            }
        }
    }
}

fn spans_to_plain(spans: &[Span]) -> String {
    spans.iter().fold(String::new(), |mut text, span| {
        text.push_str(&span.text);
        if let Some(link) = span.link.as_deref().filter(|link| *link != span.text) {
            text.push_str(&format!(" ({link})"));
        }
        text
    })
}
