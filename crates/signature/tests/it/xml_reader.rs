//! What is not strictly XML 1.0 with namespaces in UTF-8, or too much of it, is refused before anything is looked at.

use musubi_signature::xml::canonical_form;
use musubi_signature::{NotASignature, xml};
use proptest::prelude::*;

use crate::xml_support::{bytes, document};

const C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";

fn reads(document: &[u8]) -> Result<String, NotASignature> {
    canonical_form(document, None, C14N, &[]).map(|form| String::from_utf8(form).unwrap())
}

#[track_caller]
fn refused(documents: &[&str]) {
    for document in documents {
        assert!(matches!(reads(document.as_bytes()), Err(NotASignature::Malformed(_))), "{document:?}");
    }
}

#[test]
fn document_types_and_entities_are_refused() {
    refused(&[
        "<!DOCTYPE a><a/>",
        "<!doctype a><a/>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x \"xxxxxxxxxx\"><!ENTITY y \"&x;&x;&x;\">]><a>&y;</a>",
        "<!DOCTYPE a [<!ATTLIST a ID ID #FIXED \"x\">]><a/>",
        "<a>&x;</a>",
        "<a b=\"&x;\"/>",
        "<a>&nbsp;</a>",
        "<a>&#0;</a>",
        "<a>&#x1F;</a>",
        "<a>&#xD800;</a>",
        "<a>&#xFFFE;</a>",
        "<a>&#x110000;</a>",
        "<a>&#+65;</a>",
        "<a>&#;</a>",
        "<a>&#x;</a>",
        "<a>&#X41;</a>",
        "<a>&amp</a>",
        "<a>& </a>",
        "<a b='&amp'/>",
        "<a b='&'/>",
    ]);
    assert_eq!(reads(b"<a b='&#65;&#x42;'>&#x1F600;</a>").unwrap(), "<a b=\"AB\">\u{1F600}</a>");
}

#[test]
fn what_is_not_well_formed_is_refused() {
    refused(&[
        "",
        " ",
        "text",
        "<a>",
        "<a></b>",
        "<a></a",
        "</a>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<a/>&#32;",
        "<a/><![CDATA[ ]]>",
        "<a/>\u{FEFF}",
        "\u{FEFF}\u{FEFF}<a/>",
        "<a>]]></a>",
        "<a>\u{1}</a>",
        "<a>\u{FFFE}</a>",
        "<a b=\"\u{FFFF}\"/>",
        "<a b/>",
        "<a b=c/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>",
        "<a b='1' b='2'/>",
        "<a 1b='1'/>",
        "<a b='1'/ >",
        "<1a/>",
        "<a'b/>",
        "< a/>",
        "<a\u{D7}/>",
        "<a></a b='1'>",
        "<!-- -- --><a/>",
        "<!-- ---><a/>",
        "<!--><a/>",
        "<!---><a/>",
        "<a><!-- </a>",
        "<?1?><a/>",
        "<??><a/>",
        "<?p:q?><a/>",
        "<?XML x?><a/>",
        "<a><![cdata[x]]></a>",
        "<a><!ELEMENT b ANY></a>",
    ]);
}

#[test]
fn the_xml_declaration_is_first_of_version_1_0_and_in_utf_8() {
    refused(&[
        " <?xml version='1.0'?><a/>",
        "<a/><?xml version='1.0'?>",
        "<a><?xml version='1.0'?></a>",
        "<?xml version='1.0'?><?xml version='1.0'?><a/>",
        "<?xml version='1.1'?><a/>",
        "<?xml version='2.0'?><a/>",
        "<?xml encoding='UTF-8'?><a/>",
        "<?xml?><a/>",
        "<?xml version='1.0' encoding='Shift_JIS'?><a/>",
        "<?xml version='1.0' encoding='UTF-16'?><a/>",
        "<?xml version='1.0' encoding='UTF-7'?><a/>",
        "<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>",
        "<?xml version='1.0' standalone='maybe'?><a/>",
        "<?xml version='1.0' extra=''?><a/>",
        "<?xml version='1.0'",
    ]);
    for good in
        ["<?xml version='1.0' encoding='utf-8' standalone=\"no\" ?><a/>", "\u{FEFF}<?xml version='1.0'?><a/>"]
    {
        assert_eq!(reads(good.as_bytes()).unwrap(), "<a></a>");
    }
}

#[test]
fn other_encodings_than_utf_8_are_refused() {
    let utf_16: Vec<u8> =
        [0xFF, 0xFE].into_iter().chain("<a/>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for bytes in
        [&utf_16[..], b"<a>\xC0\x80</a>", b"<a>\xED\xA0\x80</a>", b"<a>\x93\xFA</a>", b"<a b='\xFF'/>"]
    {
        assert_eq!(reads(bytes), Err(NotASignature::Malformed("XML: not UTF-8")));
    }
}

#[test]
fn namespaces_are_declared_once_and_not_against_the_reserved_ones() {
    refused(&[
        "<p:a/>",
        "<a p:b=''/>",
        "<a xmlns:p='urn:p' xmlns:p='urn:q'/>",
        "<a xmlns='urn:p' xmlns='urn:p'/>",
        "<a xmlns:p='urn:p' xmlns:q='urn:p' p:b='' q:b=''/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='urn:other'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:xmlns='urn:p'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
        "<xmlns:a/>",
        "<p:q:a xmlns:p='urn:p'/>",
        "<:a/>",
        "<a:/>",
        "<a><b xmlns:p='urn:p'/><p:c/></a>",
    ]);
    let same = "<a xmlns:p=\"urn:p\" b=\"\" p:b=\"\"></a>";
    assert_eq!(reads(same.as_bytes()).unwrap(), same);
    assert_eq!(
        reads(b"<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='ja'/>").unwrap(),
        "<a xml:lang=\"ja\"></a>"
    );
}

#[test]
fn depth_nodes_and_attributes_are_bounded() {
    let too_much =
        |document: String| matches!(reads(document.as_bytes()), Err(NotASignature::TooMuch { .. }));
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    assert!(reads(nested(256).as_bytes()).is_ok());
    assert!(too_much(nested(257)));
    assert!(too_much("<a>".repeat(1_000_000)));
    let attributes = |count: usize| (0..count).fold("<a".to_owned(), |a, i| a + &format!(" a{i}=''")) + "/>";
    assert!(reads(attributes(256).as_bytes()).is_ok());
    assert!(too_much(attributes(257)));
    let scopes = |count: usize| {
        let open = |level: usize| {
            (0..count).fold("<a".to_owned(), |a, i| a + &format!(" xmlns:p{level}-{i}='urn:{i}'")) + ">"
        };
        (0..10).map(open).collect::<String>() + &"</a>".repeat(10)
    };
    assert!(reads(scopes(25).as_bytes()).is_ok());
    assert!(too_much(scopes(26)));
}

#[test]
fn a_file_without_a_signature_is_told_apart_from_one_that_is_no_xml() {
    assert_eq!(xml::find(b"<a/>", None).unwrap_err(), NotASignature::NoSignature);
    assert!(matches!(xml::find(b"%PDF-1.7", None), Err(NotASignature::Malformed(_))));
    let many = format!("<a>{}</a>", "<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/>".repeat(65));
    assert!(matches!(xml::find(many.as_bytes(), None), Err(NotASignature::TooMuch { .. })));
    // Another namespace is another element.
    assert_eq!(xml::find(b"<Signature xmlns='urn:x'/>", None).unwrap_err(), NotASignature::NoSignature);
}

#[test]
fn a_cut_file_never_passes() {
    let whole = bytes("xml/xades-lta.xml");
    let end = whole.iter().rposition(|b| *b == b'>').unwrap();
    for cut in (0..=end).step_by(101).chain([end]) {
        assert!(xml::find(&whole[..cut], None).is_err(), "{cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: proptest::test_runner::RngSeed::Fixed(3), ..ProptestConfig::default() })]

    /// Bytes that nobody wrote are refused or read, and never panic.
    #[test]
    fn changed_files_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut file = document("xades-lt").into_bytes();
        for (at, to) in changes {
            let at = at.index(file.len());
            file[at] = to;
        }
        let _ = xml::find(&file, Some(b"x"));
    }

    #[test]
    fn markup_in_any_order_never_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "<a>", "</a>", "<a/>", "<!--", "-->", "<![CDATA[", "]]>", "<?p ", "?>", "&amp;", "&", ";", "<", ">", "'", "\"", "=", " ",
        "xmlns='urn:x'", "<p:b xmlns:p='urn:p'", "\r", "<!DOCTYPE", "\u{FEFF}",
    ]), 0..24)) {
        let _ = reads(parts.concat().as_bytes());
    }
}
