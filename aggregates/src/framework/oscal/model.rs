//! The members of an OSCAL catalog that are read. Others are passed over: OSCAL grows, and most is for other uses.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Document {
    pub catalog: CatalogDocument,
}

#[derive(Deserialize)]
pub(super) struct CatalogDocument {
    pub metadata: Metadata,
    #[serde(default)]
    pub params: Vec<Parameter>,
    #[serde(default)]
    pub controls: Vec<Control>,
    #[serde(default)]
    pub groups: Vec<Group>,
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    pub title: String,
    pub version: String,
}

#[derive(Deserialize)]
pub(super) struct Group {
    pub id: Option<String>,
    pub title: String,
    #[serde(default)]
    pub params: Vec<Parameter>,
    #[serde(default)]
    pub groups: Vec<Group>,
    #[serde(default)]
    pub controls: Vec<Control>,
}

#[derive(Deserialize)]
pub(super) struct Control {
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub params: Vec<Parameter>,
    #[serde(default)]
    pub props: Vec<Property>,
    #[serde(default)]
    pub parts: Vec<Part>,
    #[serde(default)]
    pub controls: Vec<Control>,
}

impl Control {
    pub(super) fn is_withdrawn(&self) -> bool {
        self.props.iter().any(|prop| prop.name == "status" && prop.value.eq_ignore_ascii_case("withdrawn"))
    }
}

#[derive(Deserialize)]
pub(super) struct Parameter {
    pub id: String,
    pub label: Option<String>,
    #[serde(default)]
    pub props: Vec<Property>,
    #[serde(default)]
    pub values: Vec<String>,
    pub select: Option<Selection>,
}

#[derive(Deserialize)]
pub(super) struct Selection {
    #[serde(default)]
    pub choice: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Property {
    pub name: String,
    pub value: String,
}

#[derive(Deserialize)]
pub(super) struct Part {
    pub name: String,
    #[serde(default)]
    pub props: Vec<Property>,
    pub prose: Option<String>,
    #[serde(default)]
    pub parts: Vec<Part>,
}
