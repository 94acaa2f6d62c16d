//! Canonical forms, against those of libxml2.

use musubi_signature::xml::canonical_form;

use crate::xml_support::bytes;

const C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const C14N_11: &str = "http://www.w3.org/2006/12/xml-c14n11";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

#[test]
fn canonical_forms_are_those_of_libxml2() {
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&bytes("xml/c14n.json")).unwrap();
    assert!(cases.len() > 150);
    let mut wrong = Vec::new();
    for case in &cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let prefixes: Vec<&str> =
            case["prefixes"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
        let found =
            canonical_form(text("document").as_bytes(), case["id"].as_str(), text("algorithm"), &prefixes);
        let found = found.map(|bytes| String::from_utf8(bytes).unwrap());
        if found.as_deref() != Ok(text("canonical")) {
            wrong.push(format!(
                "{} {:?} {} {prefixes:?}\n found {found:?}\n wants {:?}",
                text("name"),
                case["id"],
                text("algorithm"),
                text("canonical")
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn relative_namespace_names_have_no_canonical_form() {
    for document in ["<a xmlns='relative'/>", "<p:a xmlns:p='../x'/>", "<p:a xmlns:p='1:x'/>"] {
        for algorithm in [C14N, C14N_11, EXCLUSIVE] {
            assert!(
                canonical_form(document.as_bytes(), None, algorithm, &[]).is_err(),
                "{document} {algorithm}"
            );
        }
    }
}

#[test]
fn xml_base_of_several_levels_is_not_joined_but_refused() {
    let document = br#"<a xml:base="http://a.example/x/"><b xml:base="y/"><c id="c"/></b></a>"#;
    assert!(canonical_form(document, Some("c"), C14N_11, &[]).is_err());
    let nearest = canonical_form(document, Some("c"), C14N, &[]).unwrap();
    assert_eq!(nearest, br#"<c id="c" xml:base="y/"></c>"#);
    let one = br#"<a xml:base="http://a.example/x/" xml:id="i" xml:lang="ja"><c id="c"/></a>"#;
    let form = canonical_form(one, Some("c"), C14N_11, &[]).unwrap();
    assert_eq!(form, br#"<c id="c" xml:base="http://a.example/x/" xml:lang="ja"></c>"#);
}

#[test]
fn a_form_that_would_be_far_larger_than_its_document_is_refused() {
    let name = format!("urn:{}", "n".repeat(60_000));
    let document = format!("<r xmlns:p='{name}'>{}</r>", "<p:a/>".repeat(4_000));
    assert!(canonical_form(document.as_bytes(), None, EXCLUSIVE, &[]).is_err());
    assert!(canonical_form(document.as_bytes(), None, C14N, &[]).is_ok());
}

#[test]
fn an_unknown_algorithm_or_identifier_is_refused() {
    assert!(canonical_form(b"<a/>", None, "http://www.w3.org/2010/xml-c14n2", &[]).is_err());
    assert!(canonical_form(b"<a/>", Some("none"), C14N, &[]).is_err());
    assert!(canonical_form(b"<a><b id='x'/><c Id='x'/></a>", Some("x"), C14N, &[]).is_err());
}
