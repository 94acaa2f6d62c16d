//! Signature wrapping (McIntosh and Austel 2005; Somorovsky et al. 2012): the signed element is kept with its valid
//! digest, and another one stands where a reader looks. Each pattern is refused, or the report says which element is
//! signed, and it is not the forged one.

use musubi_signature::Extent;

use crate::xml_support::{assert_sound, document, only, the_broken};

/// The document without its signature, and the signature.
fn parted(document: &str) -> (String, String) {
    let start = document.find("<ds:Signature ").unwrap();
    let end = document.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    (format!("{}{}", &document[..start], &document[end..]), document[start..end].to_owned())
}

/// From the start tag to the end tag of the first element of this name.
fn element<'d>(document: &'d str, name: &str) -> &'d str {
    let start = document.find(&format!("<{name}")).unwrap();
    let end = document.rfind(&format!("</{name}>")).unwrap() + name.len() + 3;
    &document[start..end]
}

/// With something more before the last end tag of this name.
fn with(element: &str, name: &str, more: &str) -> String {
    let at = element.rfind(&format!("</{name}>")).unwrap();
    format!("{}{more}{}", &element[..at], &element[at..])
}

struct Response {
    signature: String,
    original: String,
    forged: String,
}

/// A signed root, and a forged one.
fn response() -> Response {
    let (rest, signature) = parted(&document("root-by-id"));
    let original = element(&rest, "Application").to_owned();
    let forged = original
        .replace("Id=\"root\"", "Id=\"forged\"")
        .replace("Id=\"part\"", "Id=\"p\"")
        .replace("1000", "9000");
    Response { signature, original, forged }
}

/// A signed assertion of a response, and a forged one.
fn assertion() -> Response {
    let (rest, signature) = parted(&document("assertion"));
    let original = element(&rest, "Assertion").to_owned();
    let forged = original.replace("Id=\"assertion\"", "Id=\"forged\"").replace("alice", "mallory");
    Response { signature, original, forged }
}

fn in_response(inside: &str) -> String {
    format!("<Response xmlns=\"urn:example:application\">{inside}</Response>")
}

const NOT_INSIDE: &str = "the enveloped-signature transform, but the signature is not in what is signed";

#[test]
fn the_originals_are_sound_and_say_what_is_signed() {
    let signed = document("assertion");
    assert_sound(&only(&signed), "signer-rsa");
    assert_eq!(only(&signed).extent, Extent::Part("/Response/Assertion".to_owned()));
    let response = document("root-by-id");
    assert_sound(&only(&response), "signer-rsa");
    assert_eq!(only(&response).extent, Extent::Whole);
}

#[test]
fn xsw_1_the_signed_response_inside_of_the_signature() {
    let Response { signature, original, forged } = response();
    let wrapped = with(&forged, "Application", &with(&signature, "ds:Signature", &original));
    assert_eq!(the_broken(&wrapped).0, "xml.structure");
}

#[test]
fn xsw_2_the_signed_response_beside_the_signature() {
    let Response { signature, original, forged } = response();
    let wrapped = with(&forged, "Application", &(original + &signature));
    assert_eq!(the_broken(&wrapped), ("xml.reference".to_owned(), NOT_INSIDE.to_owned()));
}

#[test]
fn xsw_3_a_forged_assertion_before_the_signed_one() {
    let Response { signature, original, forged } = assertion();
    let wrapped = in_response(&(forged + &with(&original, "Assertion", &signature)));
    assert_eq!(only(&wrapped).extent, Extent::Part("/Response/Assertion[2]".to_owned()));
}

#[test]
fn xsw_4_a_forged_assertion_around_the_signed_one() {
    let Response { signature, original, forged } = assertion();
    let signed = with(&original, "Assertion", &signature);
    let wrapped = in_response(&with(&forged, "Assertion", &signed));
    assert_eq!(only(&wrapped).extent, Extent::Part("/Response/Assertion/Assertion".to_owned()));
}

#[test]
fn xsw_5_a_forged_assertion_with_the_signature_of_another() {
    let Response { signature, original, forged } = assertion();
    let wrapped = in_response(&(with(&forged, "Assertion", &signature) + &original));
    assert_eq!(the_broken(&wrapped), ("xml.reference".to_owned(), NOT_INSIDE.to_owned()));
}

#[test]
fn xsw_6_the_signed_assertion_inside_of_the_signature_of_a_forged_one() {
    let Response { signature, original, forged } = assertion();
    let wrapped = in_response(&with(&forged, "Assertion", &with(&signature, "ds:Signature", &original)));
    assert_eq!(the_broken(&wrapped).0, "xml.structure");
}

#[test]
fn xsw_7_the_signed_assertion_among_extensions() {
    let Response { signature, original, forged } = assertion();
    let signed = with(&original, "Assertion", &signature);
    let wrapped = in_response(&format!("<Extensions>{signed}</Extensions>{forged}"));
    assert_eq!(only(&wrapped).extent, Extent::Part("/Response/Extensions/Assertion".to_owned()));
}

#[test]
fn xsw_8_the_signed_assertion_in_an_object_of_the_signature() {
    let Response { signature, original, forged } = assertion();
    let object = format!("<ds:Object>{original}</ds:Object>");
    let wrapped = in_response(&with(&forged, "Assertion", &with(&signature, "ds:Signature", &object)));
    assert_eq!(the_broken(&wrapped), ("xml.reference".to_owned(), NOT_INSIDE.to_owned()));
}

#[test]
fn an_identifier_that_occurs_twice_is_refused_whatever_its_spelling() {
    let signed = document("assertion");
    for twin in [
        "Id=\"assertion\"",
        "ID=\"assertion\"",
        "id=\"assertion\"",
        "xml:id=\"assertion\"",
        "w:Id=\"assertion\" xmlns:w=\"urn:w\"",
    ] {
        for place in ["<Assertion>", "</Response>"] {
            let twin = format!("<Assertion {twin}/>");
            let twice = match place {
                "</Response>" => signed.replace(place, &format!("{twin}{place}")),
                _ => signed.replace("<Subject>", &format!("{twin}<Subject>")),
            };
            let found = only(&twice);
            assert_eq!(found.extent, Extent::Part("nothing".to_owned()), "{twin}");
            assert_eq!(the_broken(&twice).1, "an identifier that occurs twice");
        }
    }
}

#[test]
fn an_identifier_in_another_attribute_is_not_followed() {
    let signed = document("assertion");
    for (from, why) in [
        (
            "w:Id=\"assertion\" xmlns:w=\"urn:w\"",
            "an identifier in an attribute that is not Id, ID, id or xml:id",
        ),
        ("iD=\"assertion\"", "an identifier in an attribute that is not Id, ID, id or xml:id"),
        ("AssertionID=\"assertion\"", "nothing has the identifier"),
    ] {
        assert_eq!(the_broken(&signed.replace("Id=\"assertion\"", from)).1, why);
    }
}

#[test]
fn elements_that_a_signature_must_not_sign_are_refused() {
    let part = document("part-exclusive");
    let pointing = |to: &str, document: &str| {
        the_broken(&document.replace("#xpointer(id('part'))", &format!("#{to}"))).1
    };
    assert_eq!(pointing("sig", &part), "the signature itself is signed");
    let with_ids = part
        .replace("<ds:SignedInfo>", "<ds:SignedInfo Id=\"si\">")
        .replace("<ds:SignatureValue>", "<ds:SignatureValue Id=\"sv\">");
    assert_eq!(pointing("si", &with_ids), "a part of the signature that it cannot sign");
    assert_eq!(pointing("sv", &with_ids), "a part of the signature that it cannot sign");
    let around = "what is signed has the signature in it, without the enveloped-signature transform";
    assert_eq!(pointing("root", &part), around);
    assert_eq!(the_broken(&part.replace("#xpointer(id('part'))", "")).1, around);
    // The other signature of the document has an object with what is signed.
    let other = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" Id=\"other\"><ds:Object><x Id=\"within\"/></ds:Object></ds:Signature>";
    let two = with(&part, "Application", other);
    for to in ["within", "other"] {
        let pointed = two.replace("#xpointer(id('part'))", &format!("#{to}"));
        let found = musubi_signature::xml::find(pointed.as_bytes(), None).unwrap();
        assert_eq!(crate::xml_support::broken(&found[0])[0].1, "an element of another signature");
    }
}

#[test]
fn a_counter_signature_signs_the_value_of_another_signature_and_nothing_else() {
    let part = document("part-exclusive");
    let other = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignatureValue Id=\"value\">AAAA</ds:SignatureValue></ds:Signature>";
    let typed = |to: &str| {
        let uri = "URI=\"#xpointer(id('part'))\"";
        let counter = format!("URI=\"#{to}\" Type=\"http://uri.etsi.org/01903#CountersignedSignature\"");
        let document = with(&part, "Application", other).replace(uri, &counter);
        let found = musubi_signature::xml::find(document.as_bytes(), None).unwrap();
        crate::xml_support::broken(&found[0])[0].1.clone()
    };
    // Allowed to point there; the digest is another's here.
    assert_eq!(typed("value"), "the digest differs");
    assert_eq!(typed("part"), "a counter-signature of something that is no signature value");
}

/// Where each element of a document begins and ends.
fn spans(document: &str) -> Vec<(usize, usize)> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for (at, _) in document.match_indices('<') {
        let end = at + document[at..].find('>').unwrap() + 1;
        match &document[at + 1..at + 2] {
            "?" | "!" => {}
            "/" => found.push((open.pop().unwrap(), end)),
            _ if document[..end].ends_with("/>") => found.push((at, end)),
            _ => open.push(at),
        }
    }
    found
}

/// Every element of a signed document put into and in the place of every other one, and taken away: what then still
/// passes as a signature over the whole, or over an element, is one over the same content.
#[test]
fn whatever_is_moved_within_a_document_what_passes_is_what_was_signed() {
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let form =
        |document: &str, id| musubi_signature::xml::canonical_form(document.as_bytes(), id, exclusive, &[]);
    // Of the longest, every ninth element is moved.
    for (name, id, step) in
        [("enveloped-exclusive", None, 2), ("assertion", Some("assertion"), 1), ("xades-b", None, 9)]
    {
        let original = document(name);
        // The section would look like tags; a text of its length stands for it where elements are counted.
        let all = spans(&original.replace("<![CDATA[<&>]]>", "_______________"));
        let content = form(&parted(&original).0, id).unwrap();
        let (mut tried, mut passed) = (0_usize, 0_usize);
        for (from, to) in all.iter().step_by(step) {
            for (start, end) in &all {
                let inside = start + original[*start..].find('>').unwrap() + 1;
                let moved = &original[*from..*to];
                let variants = [
                    format!("{}{moved}{}", &original[..inside], &original[inside..]),
                    format!("{}{moved}{}", &original[..*start], &original[*end..]),
                    format!("{}{}", &original[..*start], &original[*end..]),
                ];
                for variant in variants {
                    tried += 1;
                    let Ok(found) = musubi_signature::xml::find(variant.as_bytes(), None) else { continue };
                    let passes = |f: &musubi_signature::Found<'_>| {
                        crate::xml_support::broken(f).is_empty() && crate::xml_support::value_verifies(f)
                    };
                    if found.len() != 1 || !passes(&found[0]) {
                        continue;
                    }
                    passed += 1;
                    match &found[0].extent {
                        Extent::Whole => assert!(id.is_none(), "{variant}"),
                        Extent::Part(place) => {
                            // What was moved into an object of the signature goes with the signature, and is told.
                            let is_assertion = place.contains("/Assertion") && id.is_some();
                            assert!(is_assertion || place.starts_with("all but an object"), "{place}")
                        }
                        Extent::Detached => panic!("{variant}"),
                    }
                    assert_eq!(form(&parted(&variant).0, id).as_ref(), Ok(&content), "{variant}");
                }
            }
        }
        assert!(tried > 300 && passed > 0, "{name}: {passed} of {tried}");
    }
}

/// A browser obeys a style sheet that stands before the root: what it shows is not what the root says.
#[test]
fn an_instruction_outside_of_the_signed_root_narrows_the_extent() {
    let sheet = "<?xml-stylesheet type=\"text/xsl\" href=\"other.xsl\"?>";
    let before = |name: &str| document(name).replacen("<Application", &format!("{sheet}<Application"), 1);
    let by_id = before("root-by-id");
    assert_eq!(only(&by_id).extent, Extent::Part("/Application".to_owned()));
    assert_sound(&only(&by_id), "signer-rsa");
    let after = document("root-by-id").trim_end().to_owned() + "<?display other?>";
    assert_eq!(only(&after).extent, Extent::Part("/Application".to_owned()));
    // As a whole, the document is signed with it.
    assert_eq!(the_broken(&before("enveloped")).0, "xml.reference");
    let enveloping = document("enveloping").replacen("<ds:Signature", &format!("{sheet}<ds:Signature"), 1);
    assert!(matches!(only(&enveloping).extent, Extent::Part(_)));
}

#[test]
fn an_object_of_the_signature_that_nobody_signed_narrows_the_extent() {
    for name in ["enveloped", "root-by-id"] {
        let forged = document(name).replacen(
            "</ds:Signature>",
            "<ds:Object><Amount xmlns=\"\">9000</Amount></ds:Object></ds:Signature>",
            1,
        );
        let found = only(&forged);
        assert_sound(&found, "signer-rsa");
        let why = "all but an object of the signature that is not signed";
        assert_eq!(found.extent, Extent::Part(why.to_owned()), "{name}");
    }
}
