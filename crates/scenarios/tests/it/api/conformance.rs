//! Every answer that any of these tests gets is held against the OpenAPI document: a declared status, the declared
//! media type, a body of the declared schema. Knows the part of JSON Schema that the document uses.

use std::sync::LazyLock;

use axum::http::Method;
use serde_json::Value;

use super::fixture::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(musubi_server::document()).unwrap());

/// Requests to unknown paths and methods have nothing to conform to.
#[track_caller]
pub(super) fn assert_conforms(method: &Method, path: &str, answer: &Answer) {
    let Some(operation) = operation(method, path) else { return };
    let responses = &operation["responses"];
    let declared = responses.get(answer.status.to_string()).or_else(|| responses.get("default"));
    let content = declared.and_then(|response| response["content"].as_object()).unwrap();
    let media_type = answer.header("content-type");
    let media =
        content.get(media_type).unwrap_or_else(|| panic!("{method} {path}: {} {media_type}", answer.status));
    if media_type == "application/octet-stream" {
        return;
    }
    if let Err(fault) = check(&media["schema"], &answer.body, "") {
        panic!("{method} {path} {}: {fault}: {}", answer.status, answer.text);
    }
}

fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let fits = |template: &str| {
        let (mut template, mut path) = (template.split('/'), path.split('/'));
        loop {
            match (template.next(), path.next()) {
                (None, None) => return true,
                (Some(part), Some(given)) if part == given || part.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    let (_, item) = DOCUMENT["paths"].as_object()?.iter().find(|(template, _)| fits(template))?;
    item.get(method.as_str().to_lowercase())
}

fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return check(DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(), value, at);
    }
    for (keyword, least) in [("oneOf", 1), ("anyOf", 1), ("allOf", usize::MAX)] {
        if let Some(schemas) = schema[keyword].as_array() {
            let faults: Vec<_> = schemas.iter().filter_map(|schema| check(schema, value, at).err()).collect();
            let fitting = schemas.len() - faults.len();
            if fitting < least.min(schemas.len()) || (keyword == "oneOf" && fitting != 1) {
                return Err(format!("{at}: {fitting} of {keyword} fit: {}", faults.join("; ")));
            }
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => return Ok(()),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.contains(&is) {
        return Err(format!("{at}: {is} instead of {types:?}"));
    }
    let out_of_enum = schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value));
    let below = schema["minimum"].as_i64().zip(value.as_i64()).is_some_and(|(least, value)| value < least);
    if out_of_enum || below {
        return Err(format!("{at}: {value} is out of bounds"));
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], item, &format!("{at}/{n}"))?;
    }
    value.as_object().map_or(Ok(()), |members| check_members(schema, members, at))
}

fn check_members(schema: &Value, members: &serde_json::Map<String, Value>, at: &str) -> Result<(), String> {
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(required) {
            return Err(format!("{at}/{required} is missing"));
        }
    }
    let Some(properties) = schema["properties"].as_object() else {
        return members.iter().try_for_each(|(name, member)| {
            check(&schema["additionalProperties"], member, &format!("{at}/{name}"))
        });
    };
    members.iter().try_for_each(|(name, member)| match properties.get(name) {
        Some(property) => check(property, member, &format!("{at}/{name}")),
        // Kinds of problem have members of their own (RFC 9457, 3.2).
        None if properties.contains_key("type") && properties.contains_key("code") => Ok(()),
        None => Err(format!("{at}/{name} is not declared")),
    })
}

#[test]
fn what_departs_from_the_document_is_found() {
    assert!(operation(&Method::POST, "/v1/identity-proofings/ip_1/completion").is_some());
    assert!(operation(&Method::GET, "/v1/change-events?after=0").is_some());
    assert!(operation(&Method::DELETE, "/v1/change-events").is_none());
    let schema = &DOCUMENT["components"]["schemas"]["TokenAnswer"];
    let right = serde_json::json!({ "access_token": "x", "token_type": "Bearer", "expires_in": 600 });
    assert_eq!(check(schema, &right, ""), Ok(()));
    for (member, value) in
        [("expires_in", Value::from("600")), ("more", Value::from(1)), ("token_type", Value::Null)]
    {
        let mut wrong = right.clone();
        wrong[member] = value;
        assert!(check(schema, &wrong, "").is_err(), "{member}");
    }
    assert!(check(schema, &serde_json::json!({ "access_token": "x" }), "").is_err());
}
