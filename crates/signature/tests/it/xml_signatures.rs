//! Documents that xmlsec1 and signxml signed, and what is said of them.

use musubi_crypto::{DigestAlgorithm, EcdsaEncoding, SignatureAlgorithm};
use musubi_pki::{Outcome, SubIndication};
use musubi_signature::{Extent, Level, NotASignature, Signed, xml};

use crate::xml_support::{assert_sound, broken, bytes, document, only, value_verifies};

#[test]
fn enveloped_signatures_of_xmlsec_protect_the_whole_document() {
    for (name, signer, algorithm) in [
        ("enveloped", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha256),
        ("enveloped-sha1", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha1),
        ("enveloped-sha384", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha384),
        ("enveloped-sha512", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha512),
        ("enveloped-p256", "signer-p256", SignatureAlgorithm::EcdsaSha256),
        ("enveloped-p384", "signer-p384", SignatureAlgorithm::EcdsaSha384),
        ("enveloped-exclusive", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha256),
        ("enveloped-c14n11", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha256),
        ("enveloped-with-comments", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha256),
        ("enveloped-exclusive-with-comments", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha256),
        ("root-by-id", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha256),
        ("two-references", "signer-rsa", SignatureAlgorithm::RsaPkcs1Sha256),
    ] {
        let document = document(name);
        let found = only(&document);
        assert_sound(&found, signer);
        assert_eq!((found.format, found.level), ("XML signature", Level::Plain), "{name}");
        assert_eq!(found.extent, Extent::Whole, "{name}");
        assert_eq!(found.location, "/Application/Signature");
        assert_eq!(found.value.algorithm, Ok(algorithm), "{name}");
        assert_eq!(found.value.encoding, EcdsaEncoding::Fixed);
        assert_eq!(found.claimed_signing_time, None);
        let digest = if name == "enveloped-sha1" { DigestAlgorithm::Sha1 } else { found.digests[0] };
        assert_eq!(found.digests, [digest], "{name}");
    }
}

#[test]
fn enveloped_signatures_of_signxml_protect_the_whole_document() {
    for (name, signer) in [
        ("signxml-enveloped", "signer-rsa"),
        ("signxml-exclusive", "signer-rsa"),
        ("signxml-pss-256", "signer-rsa"),
        ("signxml-pss-384", "signer-rsa"),
        ("signxml-pss-512", "signer-rsa"),
        ("signxml-ecdsa", "signer-p256"),
        ("signxml-enveloping", "signer-rsa"),
    ] {
        let document = document(name);
        let found = only(&document);
        assert_sound(&found, signer);
        assert_eq!(found.extent, Extent::Whole, "{name}");
    }
}

#[test]
fn a_digest_over_a_subtree_without_what_it_inherits_is_refused() {
    // C14N 1.0 2.4: xml: attributes of the elements around it belong to the canonical form. xmlsec1 refuses it too.
    let document = document("signxml-language-not-inherited");
    let found = only(&document);
    assert_eq!(broken(&found)[0], ("xml.reference".to_owned(), "the digest differs".to_owned()));
}

#[test]
fn a_signed_element_is_a_part_and_is_named_by_its_place() {
    for name in ["part-inclusive", "part-exclusive", "part-c14n11"] {
        let document = document(name);
        let found = only(&document);
        assert_sound(&found, "signer-rsa");
        assert_eq!(found.extent, Extent::Part("/Application/Part".to_owned()), "{name}");
    }
}

#[test]
fn an_enveloping_signature_protects_the_whole_only_if_every_object_is_signed() {
    let whole = document("enveloping");
    assert_sound(&only(&whole), "signer-rsa");
    assert_eq!(only(&whole).extent, Extent::Whole);
    let encoded = document("enveloping-base64");
    assert_sound(&only(&encoded), "signer-rsa");
    assert_eq!(only(&encoded).extent, Extent::Whole);
    let one_of_two = document("enveloping-one-of-two");
    assert_sound(&only(&one_of_two), "signer-rsa");
    assert_eq!(only(&one_of_two).extent, Extent::Part("/Signature/Object[1]".to_owned()));
}

#[test]
fn a_detached_signature_needs_its_file() {
    let (signature, content) = (bytes("xml/detached.xml"), bytes("xml/content.txt"));
    let found = xml::find(&signature, Some(&content)).unwrap();
    assert_sound(&found[0], "signer-rsa");
    assert_eq!(found[0].extent, Extent::Detached);
    assert_eq!(xml::find(&signature, None).unwrap_err(), NotASignature::ContentMissing);
    let other = xml::find(&signature, Some(b"another file")).unwrap();
    assert_eq!(other[0].rules.iter().filter(|r| r.result.outcome() == Outcome::Failed).count(), 2);
    assert_eq!(broken(&other[0])[0], ("xml.reference".to_owned(), "the digest differs".to_owned()));
}

#[test]
fn a_detached_signature_over_a_canonical_form_needs_xml() {
    let (signature, content) = (bytes("xml/detached-canonical.xml"), bytes("xml/enveloped.xml"));
    let found = xml::find(&signature, Some(&content)).unwrap();
    assert_sound(&found[0], "signer-rsa");
    assert_eq!(found[0].extent, Extent::Detached);
    let found = xml::find(&signature, Some(b"no XML")).unwrap();
    assert_eq!(broken(&found[0])[0].1, "the file beside the document is no XML");
}

#[test]
fn each_of_several_signatures_is_found_and_judged_for_itself() {
    let document = document("two-signatures");
    let found = xml::find(document.as_bytes(), None).unwrap();
    assert_eq!(found.len(), 2);
    assert_sound(&found[0], "signer-rsa");
    assert_sound(&found[1], "signer-revoked");
    assert_eq!(found[0].location, "/Application/Signature[1]");
    assert_eq!(found[0].extent, Extent::Part("/Application/Part".to_owned()));
    assert_eq!(found[1].extent, Extent::Whole);
    // The second signature protects the first; the first does not know of the second.
    let tampered = document.replacen("1000", "9000", 1);
    let found = xml::find(tampered.as_bytes(), None).unwrap();
    assert!(found.iter().all(|f| !broken(f).is_empty()));
}

#[test]
fn a_manifest_is_a_part_and_what_it_lists_is_not_counted_as_signed() {
    let document = document("manifest");
    let found = only(&document);
    assert_sound(&found, "signer-rsa");
    assert_eq!(found.extent, Extent::Part("/Application/Signature/Object/Manifest".to_owned()));
}

#[test]
fn a_changed_content_is_a_hash_failure_and_a_changed_value_does_not_verify() {
    for name in ["enveloped", "enveloped-exclusive", "enveloped-c14n11", "signxml-enveloped", "xades-b"] {
        let original = document(name);
        let tampered = original.replacen("1000", "9000", 1);
        let found = only(&tampered);
        let rule = found.rules.iter().find(|r| r.result.outcome() == Outcome::Failed).unwrap();
        assert_eq!(rule.result.id(), "xml.reference");
        assert_eq!(rule.on_failure.0, SubIndication::HashFailure, "{name}");

        let start = original.find("SignatureValue").unwrap();
        let start = start + original[start..].find('>').unwrap() + 1;
        let at = start + original[start..].find(|c: char| c.is_ascii_alphanumeric()).unwrap();
        let mut changed = original.clone();
        let other = if &original[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, other);
        let found = only(&changed);
        assert_eq!(broken(&found), []);
        assert!(!value_verifies(&found), "{name}");
    }
}

#[test]
fn a_changed_digest_or_algorithm_changes_what_is_signed() {
    let original = document("enveloped-sha512");
    let signed = |document: &str| match only(document).value.signed {
        Signed::Bytes(bytes) => bytes.into_owned(),
        _ => panic!("no bytes"),
    };
    let weaker = original.replace("xmlenc#sha512", "xmlenc#sha256");
    assert_ne!(signed(&original), signed(&weaker));
    assert!(!value_verifies(&only(&weaker)));
}

#[test]
fn comments_are_signed_exactly_where_the_method_says_so() {
    let change = |name: &str| document(name).replace("<!-- a comment -->", "<!-- another -->");
    assert_eq!(broken(&only(&change("enveloped"))), []);
    // URI="" selects no comments, whatever the transform could write (XMLDSIG 1.1 4.4.3.3).
    assert_eq!(broken(&only(&change("enveloped-exclusive-with-comments"))), []);
    assert_eq!(broken(&only(&change("enveloped-with-comments")))[0].1, "the digest differs");
}

#[test]
fn no_changed_bit_outside_of_the_signature_passes_unless_the_canonical_form_is_the_same() {
    let form = |file: &[u8]| xml::canonical_form(file, None, "http://www.w3.org/2001/10/xml-exc-c14n#", &[]);
    let original = document("enveloped-exclusive").into_bytes();
    let canonical = form(&original).unwrap();
    let text = String::from_utf8(original.clone()).unwrap();
    let (start, end) = (text.find("<ds:Signature ").unwrap(), text.find("</ds:Signature>").unwrap());
    let mut passed = 0_usize;
    for at in (0..start).chain(end..original.len()) {
        for bit in [1, 4, 32] {
            let mut changed = original.clone();
            changed[at] ^= bit;
            let Ok(found) = xml::find(&changed, None) else { continue };
            if found.len() == 1 && broken(&found[0]).is_empty() && value_verifies(&found[0]) {
                assert_eq!(form(&changed).as_ref(), Ok(&canonical), "byte {at}");
                passed += 1;
            }
        }
    }
    // In comments and between attributes.
    assert!(passed > 10, "{passed}");
}

#[test]
fn no_changed_character_of_signed_info_passes() {
    let original = document("enveloped-exclusive");
    let (start, end) = (original.find("<ds:SignedInfo").unwrap(), original.find("</ds:SignedInfo>").unwrap());
    let sound = |file: &str| {
        xml::find(file.as_bytes(), None)
            .is_ok_and(|found| found.iter().all(|f| broken(f).is_empty() && value_verifies(f)))
    };
    assert!(sound(&original));
    for at in start..end {
        let mut changed = original.clone().into_bytes();
        changed[at] ^= 1;
        assert!(!String::from_utf8(changed).is_ok_and(|changed| sound(&changed)), "byte {at}");
    }
}

/// A report names the given content as the document: a signature over something else must not pass for one over it.
#[test]
fn content_that_is_given_and_not_signed_is_refused() {
    let content = bytes("xml/content.txt");
    for name in ["enveloped", "enveloping", "two-signatures", "xades-b"] {
        let document = document(name);
        let found = xml::find(document.as_bytes(), Some(&content)).unwrap();
        for one in &found {
            let why = "the content that was given is not what is signed";
            assert_eq!(broken(one), [("xml.detached_content".to_owned(), why.to_owned())], "{name}");
        }
    }
    let detached = document("detached");
    assert_eq!(broken(&xml::find(detached.as_bytes(), Some(&content)).unwrap()[0]), []);
}
