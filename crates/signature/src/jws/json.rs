//! JSON (RFC 8259) as headers need it: a member that occurs twice is refused (RFC 7515 4), depth and number of values
//! are bounded, texts are borrowed where they have no escapes. Numbers are kept only where they are whole.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use crate::model::NotASignature;

const MAX_DEPTH: usize = 16;
const MAX_VALUES: usize = 20_000;
const MAX_MEMBERS: usize = 200;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Flag(bool),
    Integer(i64),
    /// Beyond 64 bits, or with a fraction.
    OtherNumber,
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// The members of an object, each name once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.swap_remove(at).1)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one member, if there is exactly one.
    pub(super) fn only(&self) -> Option<(&str, &Json<'a>)> {
        match self.0.as_slice() {
            [(name, value)] => Some((name, value)),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Json::text)
    }
}

impl<'a> Json<'a> {
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A text that was written without escapes, as base64url always can be.
    pub(super) fn plain_text(&self) -> Option<&'a str> {
        if let Self::Text(Cow::Borrowed(text)) = self { Some(text) } else { None }
    }

    pub(super) fn array(&self) -> Option<&[Json<'a>]> {
        if let Self::Array(values) = self { Some(values) } else { None }
    }

    pub(super) fn object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }
}

/// Why bytes are not read as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonError {
    Malformed,
    Duplicate,
    TooMuch,
}

impl JsonError {
    /// For people; no content.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "not JSON",
            Self::Duplicate => "a member occurs twice",
            Self::TooMuch => "too deep or too many values",
        }
    }
}

impl From<JsonError> for NotASignature {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::TooMuch => Self::TooMuch { what: "JSON values", limit: MAX_VALUES },
            other => Self::Malformed(other.as_str()),
        }
    }
}

/// Reads all of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Json<'_>, JsonError> {
    let state = State { values: Cell::new(0), error: Cell::new(None) };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Seed { depth: 0, state: &state }.deserialize(&mut reader);
    match value.and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(_) => Err(state.error.get().unwrap_or(JsonError::Malformed)),
    }
}

/// Reads an object.
pub(super) fn read_object(bytes: &[u8]) -> Result<Object<'_>, JsonError> {
    match read(bytes)? {
        Json::Object(object) => Ok(object),
        _ => Err(JsonError::Malformed),
    }
}

struct State {
    values: Cell<usize>,
    error: Cell<Option<JsonError>>,
}

impl State {
    fn fail<E: Error>(&self, error: JsonError) -> E {
        self.error.set(Some(error));
        E::custom("refused")
    }
}

#[derive(Clone, Copy)]
struct Seed<'s> {
    depth: usize,
    state: &'s State,
}

impl Seed<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.state.fail(JsonError::TooMuch));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        let values = self.state.values.get() + 1;
        self.state.values.set(values);
        if values > MAX_VALUES {
            return Err(self.state.fail(JsonError::TooMuch));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Flag(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(i64::try_from(value).map_or(Json::OtherNumber, Json::Integer))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(seed)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let seed = self.deeper()?;
        let mut members: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(name) = map.next_key_seed(seed)? {
            let Json::Text(name) = name else { return Err(self.state.fail(JsonError::Malformed)) };
            if members.len() == MAX_MEMBERS {
                return Err(self.state.fail(JsonError::TooMuch));
            }
            if members.iter().any(|(n, _)| *n == name) {
                return Err(self.state.fail(JsonError::Duplicate));
            }
            members.push((name, map.next_value_seed(seed)?));
        }
        Ok(Json::Object(Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_occurs_twice_is_refused_even_if_it_is_written_in_another_way() {
        for text in [r#"{"alg":1,"alg":1}"#, r#"{"alg":1,"\u0061lg":2}"#, r#"{"x":[{"a":0,"b":0,"a":0}]}"#] {
            assert_eq!(read(text.as_bytes()), Err(JsonError::Duplicate), "{text}");
        }
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(read(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(read(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooMuch));
        assert_eq!(read(format!("[{}0]", "0,".repeat(MAX_VALUES)).as_bytes()), Err(JsonError::TooMuch));
        let members: Vec<String> = (0..=MAX_MEMBERS).map(|n| format!("\"{n}\":0")).collect();
        assert_eq!(read(format!("{{{}}}", members.join(",")).as_bytes()), Err(JsonError::TooMuch));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in
            ["", "{", "{}{}", "{} x", "{a:1}", "{\"a\":01}", "\u{FEFF}{}", "\"\\ud800\"", "{\"a\":1,}", "NaN"]
        {
            assert_eq!(read(text.as_bytes()), Err(JsonError::Malformed), "{text}");
        }
        assert_eq!(read(b"\"\xFF\""), Err(JsonError::Malformed));
    }

    #[test]
    fn texts_without_escapes_are_borrowed_and_numbers_are_whole_or_nothing() {
        let value = read(br#"["a","\u0061",1,-1,1.5,18446744073709551615,null,true]"#).unwrap();
        let values = value.array().unwrap();
        assert_eq!(values[0].plain_text(), Some("a"));
        assert_eq!((values[1].plain_text(), values[1].text()), (None, Some("a")));
        assert_eq!(values[2..6], [Json::Integer(1), Json::Integer(-1), Json::OtherNumber, Json::OtherNumber]);
        assert_eq!(values[6..], [Json::Null, Json::Flag(true)]);
    }
}
