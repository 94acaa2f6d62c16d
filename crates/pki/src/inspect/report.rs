//! Fields and their values, and the two ways to write them: aligned text, and JSON of the same shape.

use std::fmt::Write as _;

use const_oid::ObjectIdentifier;
use musubi_kernel::{UnixTime, shown};
use serde_json::{Map, Value as Json};

/// What is told of one thing.
pub(super) struct Report {
    /// `certificate`, `revocation_list` or `ocsp_response`.
    pub(super) kind: &'static str,
    /// The headline.
    pub(super) title: &'static str,
    pub(super) fields: Vec<Field>,
}

/// A name and what stands there.
pub(super) struct Field {
    /// The JSON member.
    pub(super) key: &'static str,
    /// For people: English, with the term in Japanese where there is one.
    pub(super) label: &'static str,
    pub(super) value: Value,
}

pub(super) enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
    /// Of texts, or of things with fields.
    List(Vec<Value>),
    Fields(Vec<Field>),
    /// A word of the interface, and the same in Japanese.
    Term(&'static str, &'static str),
    /// An identifier, its name if it has one here, and what it stands before, if anything.
    Identified(ObjectIdentifier, Option<&'static str>, Option<String>),
    /// A distinguished name: types and values in order.
    Name(Vec<(String, String)>),
    Extension(Box<Extension>),
    /// Personal data that were not asked for.
    Withheld,
}

/// One extension.
pub(super) struct Extension {
    pub(super) oid: String,
    /// The name in its standard, with the term in Japanese; the identifier if it is not known.
    pub(super) label: String,
    /// The name in its standard.
    pub(super) name: Option<&'static str>,
    pub(super) is_critical: bool,
    pub(super) value: Value,
}

pub(super) fn field(key: &'static str, label: &'static str, value: impl Into<Value>) -> Field {
    Field { key, label, value: value.into() }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<UnixTime> for Value {
    fn from(at: UnixTime) -> Self {
        Self::Text(at.rfc3339())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}

impl Report {
    /// One line.
    pub(super) fn json(&self) -> String {
        let mut object = Map::new();
        object.insert("kind".to_owned(), self.kind.into());
        object.extend(self.fields.iter().map(|field| (field.key.to_owned(), field.value.json())));
        format!("{}\n", Json::Object(object))
    }

    /// A headline and indented lines.
    pub(super) fn text(&self) -> String {
        let mut out = format!("{}\n", self.title);
        write_fields(&mut out, &self.fields, 2);
        out
    }
}

impl Value {
    fn json(&self) -> Json {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::List(list) => list.iter().map(Self::json).collect(),
            Self::Fields(fields) => {
                Json::Object(fields.iter().map(|field| (field.key.to_owned(), field.value.json())).collect())
            }
            Self::Name(attributes) => attributes
                .iter()
                .map(|(id, value)| serde_json::json!({ "type": id, "value": value }))
                .collect(),
            Self::Term(word, _) => (*word).into(),
            Self::Identified(id, name, None) => serde_json::json!({ "oid": id.to_string(), "name": name }),
            Self::Identified(id, name, Some(value)) => {
                serde_json::json!({ "oid": id.to_string(), "name": name, "value": value })
            }
            Self::Extension(extension) => serde_json::json!({
                "oid": extension.oid,
                "name": extension.name,
                "critical": extension.is_critical,
                "value": extension.value.json(),
            }),
            Self::Withheld => serde_json::json!({ "withheld": "personal" }),
        }
    }

    /// Whether it is a distinguished name with anything in it.
    pub(super) fn is_named(&self) -> bool {
        matches!(self, Self::Name(attributes) if !attributes.is_empty())
    }

    /// The value on one line, if it has its place there.
    pub(super) fn line(&self) -> Option<String> {
        Some(match self {
            Self::Text(text) => shown(text),
            Self::Number(number) => number.to_string(),
            Self::Flag(true) => "yes".to_owned(),
            Self::Flag(false) => "no".to_owned(),
            Self::Term(word, japanese) => format!("{word} ({japanese})"),
            Self::Identified(id, name, value) => {
                let value = value.as_deref().map(|value| format!(": {}", shown(value))).unwrap_or_default();
                match name {
                    Some(name) => format!("{name} [{id}]{value}"),
                    None => format!("{id}{value}"),
                }
            }
            Self::Name(attributes) if attributes.is_empty() => "(empty)".to_owned(),
            Self::Name(attributes) => attributes
                .iter()
                .map(|(id, value)| format!("{id}={}", shown(value)))
                .collect::<Vec<_>>()
                .join(", "),
            Self::Withheld => "(personal data 個人情報: shown with --personal)".to_owned(),
            Self::List(list) if list.is_empty() => "(none)".to_owned(),
            Self::List(_) | Self::Fields(_) | Self::Extension(_) => return None,
        })
    }
}

fn write_fields(out: &mut String, fields: &[Field], indent: usize) {
    let column = fields
        .iter()
        .filter(|field| !matches!(field.value, Value::Fields(_)))
        .map(|field| width(field.label))
        .max()
        .unwrap_or(0);
    for field in fields {
        write_value(out, field.label, &field.value, indent, column);
    }
}

/// A label and its value: beside it, or in lines below.
fn write_value(out: &mut String, label: &str, value: &Value, indent: usize, column: usize) {
    // Writing to a String does not fail.
    if let Some(line) = value.line() {
        let gap = column.saturating_sub(width(label)) + 2;
        let _ = writeln!(out, "{:indent$}{label}{:gap$}{line}", "", "");
        return;
    }
    let _ = writeln!(out, "{:indent$}{label}", "");
    write_below(out, value, indent + 2);
}

fn write_below(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Fields(fields) => write_fields(out, fields, indent),
        Value::Extension(extension) => {
            let critical = if extension.is_critical { ", critical (必須)" } else { "" };
            let _ = writeln!(out, "{:indent$}{}{critical}", "", extension.label);
            write_below(out, &extension.value, indent + 2);
        }
        Value::List(list) if !list.is_empty() => {
            for (index, item) in list.iter().enumerate() {
                if let Value::Fields(fields) = item {
                    let _ = writeln!(out, "{:indent$}{}.", "", index + 1);
                    write_fields(out, fields, indent + 2);
                } else {
                    write_below(out, item, indent);
                }
            }
        }
        other => {
            let _ = writeln!(out, "{:indent$}{}", "", other.line().unwrap_or_default());
        }
    }
}

/// Columns of a terminal: two for the characters of the labels that are not ASCII, all of which are full-width.
fn width(label: &str) -> usize {
    label.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}
