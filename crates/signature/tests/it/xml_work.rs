//! What a hostile XML document may cost: bounds by count, of work that writes nothing as of work that does.

use musubi_signature::xml;

use crate::xml_support::broken;

const TOO_MUCH: &str = "more would have to be made canonical than is done for one file";

/// A signature with this many references to the element `r`, made canonical in this way.
fn signature(references: usize, algorithm: &str) -> String {
    let reference = format!(
        "<ds:Reference URI=\"#r\"><ds:Transforms><ds:Transform Algorithm=\"{algorithm}\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\
         <ds:DigestValue>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</ds:DigestValue></ds:Reference>"
    );
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>{}</ds:SignedInfo>\
         <ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>",
        reference.repeat(references)
    )
}

/// Why the rules of all signatures of a document are broken.
fn faults(document: &str) -> Vec<String> {
    let found = xml::find(document.as_bytes(), None).unwrap();
    found.iter().flat_map(broken).map(|(_, why)| why).collect()
}

const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

#[test]
fn work_that_ends_in_no_canonical_form_is_counted() {
    let body = "<c>canonical</c>".repeat(60_000);
    let signature = signature(60, INCLUSIVE);
    let document = format!("<r><e Id=\"r\">{body}<c xmlns:p=\"relative\"/></e>{signature}</r>");
    let faults = faults(&document);
    assert!(faults.iter().any(|why| why == "a relative namespace name has no canonical form"), "{faults:?}");
    assert!(faults.iter().any(|why| why == TOO_MUCH), "{faults:?}");
}

#[test]
fn written_namespaces_are_counted_as_often_as_they_are_searched() {
    let used = |prefix| {
        (0..100).map(|n| format!("xmlns:{prefix}{n}=\"urn:{n}\" {prefix}{n}:a=\"\" ")).collect::<String>()
    };
    let inside = format!("<n {}><n {}>{}</n></n>", used("p"), used("q"), "<l/>".repeat(40_000));
    let faults = faults(&format!("<r><e Id=\"r\">{inside}</e>{}</r>", signature(40, EXCLUSIVE)));
    assert!(faults.iter().any(|why| why == "the digest differs"), "{faults:?}");
    assert!(faults.iter().any(|why| why == TOO_MUCH), "{faults:?}");
}
