//! The OpenAPI document: committed, well formed, and true to who may call what.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::golden::{assert_committed, docs};
use super::sweep::{Access, ROUTES};
use musubi_store::testing::left_out;

fn document() -> Value {
    serde_json::to_value(musubi_server::document()).unwrap()
}

/// `(method, path, operation)`.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

#[test]
fn the_committed_openapi_document_is_what_the_server_serves() {
    assert_committed("openapi.json", &format!("{}\n", musubi_server::document().to_pretty_json().unwrap()));
}

#[test]
fn it_is_openapi_3_1_with_title_version_licence_and_server() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["title"], "Musubi");
    assert!(document["info"]["version"].is_string() && document["info"]["description"].is_string());
    assert_eq!(document["info"]["license"]["identifier"], "Apache-2.0");
    assert_eq!(document["servers"][0]["url"], "/");
}

/// Routes that a standard names and that are refused here, with words.
const NEVER_SUCCEEDS: [&str; 2] = ["/v1/ssf/subjects/add", "/v1/ssf/subjects/remove"];

#[test]
fn every_operation_has_a_name_of_its_own_a_text_a_tag_and_answers() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{name}: operationId"));
        assert!(ids.insert(id.to_owned()), "{name}: {id} is taken");
        let text = operation["summary"].as_str().or(operation["description"].as_str());
        assert!(text.is_some_and(|text| !text.is_empty()), "{name}: summary or description");
        assert!(operation["tags"].as_array().is_some_and(|tags| !tags.is_empty()), "{name}: tag");
        let responses = operation["responses"].as_object().unwrap_or_else(|| panic!("{name}: responses"));
        let refuses = NEVER_SUCCEEDS.contains(&path.as_str());
        let succeeds = responses.keys().any(|status| status.starts_with('2'));
        assert!(succeeds != refuses, "{name}: an answer that succeeds");
        assert!(responses.contains_key("default"), "{name}: any other problem");
        for (status, response) in responses {
            let known = status.parse::<u16>().is_ok_and(|status| (200..600).contains(&status));
            assert!(known || status == "default", "{name}: {status}");
            assert!(response["description"].is_string(), "{name}: {status}");
            if ["204", "304"].contains(&status.as_str()) {
                assert!(response.get("content").is_none(), "{name}: {status} has no body (RFC 9110, 6.4.1)");
                continue;
            }
            // Nor has any answer to HEAD (RFC 9110, 9.3.2), whatever the default for all operations says.
            if method == "HEAD" {
                continue;
            }
            let content =
                response["content"].as_object().unwrap_or_else(|| panic!("{name}: {status}: content"));
            for (media_type, media) in content {
                assert!(media["schema"].is_object(), "{name}: {status}");
                let expected = match (status.starts_with('2'), path.as_str()) {
                    (false, _) => "application/problem+json",
                    (true, "/v1/offline-filters/{id}") => "application/octet-stream",
                    (true, "/v1/bulk-registrations/{id}/results") => "application/x-ndjson",
                    (true, "/v1/change-events/live") => "text/event-stream",
                    (true, "/v1/change-events/days/{day}") => "application/jsonl",
                    (true, _) => "application/json",
                };
                assert_eq!(media_type, expected, "{name}: {status}");
            }
        }
        if method == "POST" {
            assert_eq!(operation["requestBody"]["required"], true, "{name}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = document();
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    for reference in &references {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads outside"));
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for schema in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(references.contains(&format!("#/components/schemas/{schema}")), "nothing uses {schema}");
    }
}

fn collect_references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect_references(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, into)),
        _ => {}
    }
}

#[test]
fn every_path_parameter_is_declared_and_every_post_declares_its_idempotency_key() {
    for (method, path, operation) in operations(&document()) {
        let name = format!("{method} {path}");
        let in_path: BTreeSet<_> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(str::to_owned)
            .collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named = |place: &str| -> BTreeSet<String> {
            let of = parameters.iter().filter(|parameter| parameter["in"] == place);
            of.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(named("path"), in_path, "{name}");
        for parameter in &parameters {
            assert!(parameter["schema"].is_object(), "{name}: {}", parameter["name"]);
            assert!(
                parameter["in"] != "path" || parameter["required"] == true,
                "{name}: {}",
                parameter["name"]
            );
            assert!(parameter["description"].is_string(), "{name}: {}", parameter["name"]);
        }
        // What a standard gives the form of has none: to say it twice is to say it. Bytes of an upload have an offset.
        let wants_key = ["POST", "PUT", "DELETE"].contains(&method.as_str())
            && path != "/v1/token"
            && !path.starts_with("/v1/ssf/")
            && !(method == "PUT" && path.ends_with("/content"));
        assert_eq!(named("header").contains("Idempotency-Key"), wants_key, "{name}");
    }
}

#[test]
fn the_document_says_of_each_route_whether_it_wants_a_token() {
    let document = document();
    assert!(document.get("security").is_none(), "no rule for all: each route says it");
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for (method, path, operation) in operations(&document) {
        let listed = ROUTES.iter().find(|(m, p, _)| *m == method && *p == path);
        let (_, _, access) = listed.unwrap_or_else(|| panic!("{method} {path} is not in ROUTES"));
        let required: BTreeSet<_> = operation["security"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|requirement| requirement.as_object().unwrap().keys().cloned())
            .collect();
        match access {
            Access::Public => assert!(required.is_empty(), "{method} {path}: {required:?}"),
            Access::Authenticated | Access::Standard => {
                assert_eq!(required, BTreeSet::from(["client_credentials".to_owned()]), "{method} {path}");
                assert!(operation["responses"].get("401").is_some(), "{method} {path}: 401");
            }
        }
        assert!(required.iter().all(|scheme| schemes.contains_key(scheme)), "{method} {path}");
    }
}

/// The field's own validator, where `MUSUBI_OPENAPI_VALIDATOR` names it: `openapi-spec-validator` of PyPI.
#[test]
fn the_openapi_validator_accepts_the_document() {
    let Ok(validator) = std::env::var("MUSUBI_OPENAPI_VALIDATOR") else {
        return left_out("the OpenAPI validator (MUSUBI_OPENAPI_VALIDATOR is not set)");
    };
    let output = Command::new(validator).arg(docs("openapi.json")).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{}", said.join("\n"));
}
