//! What the standard does not have, or has and nobody should use.

use musubi_pki::{Outcome, ReasonCode, SubIndication};
use musubi_signature::{Extent, Found, Signer, xml};

use crate::xml_support::{assert_sound, broken, bytes, document, only, the_broken};

fn changed(name: &str, from: &str, to: &str) -> String {
    let document = document(name);
    assert!(document.contains(from), "{name} has no {from}");
    document.replacen(from, to, 1)
}

#[track_caller]
fn refused(document: &str, rule: &str, why: &str) {
    assert_eq!(the_broken(document), (rule.to_owned(), why.to_owned()));
}

fn conclusion(found: &Found<'_>) -> (SubIndication, ReasonCode) {
    found.rules.iter().find(|r| r.result.outcome() == Outcome::Failed).unwrap().on_failure
}

#[test]
fn parts_that_are_doubled_misplaced_or_unknown_are_refused() {
    // CVE-2024-45409, CVE-2025-25291, CVE-2025-25292: two readers, two SignedInfo.
    let original = document("enveloped");
    let info_at = original.find("<ds:SignedInfo>").unwrap();
    let info_end = original.find("</ds:SignedInfo>").unwrap() + "</ds:SignedInfo>".len();
    let info = &original[info_at..info_end];
    let misplaced = "SignedInfo and SignatureValue are not the first two parts";
    refused(&original.replacen(info, &format!("{info}{info}"), 1), "xml.structure", misplaced);
    refused(&original.replacen(info, "", 1), "xml.structure", misplaced);
    refused(
        &original.replacen(info, &format!("<ds:Object>{info}</ds:Object>"), 1),
        "xml.structure",
        misplaced,
    );
    let other = "a part that is not in the schema, or not in its place";
    let after = |more: &str| original.replacen("</ds:Signature>", &format!("{more}</ds:Signature>"), 1);
    refused(&after(info), "xml.structure", other);
    refused(&after("<ds:KeyInfo/>"), "xml.structure", other);
    refused(&after("<ds:SignatureValue>AAAA</ds:SignatureValue>"), "xml.structure", other);
    refused(&after("<x/>"), "xml.structure", other);
    refused(&after("text"), "xml.structure", "text between the parts");
    // An Object more is in the schema, is not signed, and is in what an enveloped signature leaves out.
    assert_sound(&only(&after("<ds:Object><ds:DigestValue>AAAA</ds:DigestValue></ds:Object>")), "signer-rsa");
}

#[test]
fn a_second_digest_value_is_refused_wherever_it_is_smuggled() {
    let smuggled = "<ds:DigestValue>AAAA</ds:DigestValue>";
    let why = "a reference has not one DigestMethod and then one DigestValue";
    for (from, to) in [
        ("<ds:DigestValue>", format!("{smuggled}<ds:DigestValue>")),
        ("</ds:DigestValue>", format!("</ds:DigestValue>{smuggled}")),
        ("<ds:DigestMethod ", format!("{smuggled}<ds:DigestMethod ")),
    ] {
        refused(&changed("enveloped", from, &to), "xml.structure", why);
    }
    let inside = changed("enveloped", "<ds:DigestValue>", &format!("<ds:DigestValue>{smuggled}"));
    refused(&inside, "xml.structure", "a DigestValue is not base64");
}

#[test]
fn comments_and_instructions_do_not_cut_values_short() {
    // CVE-2018-0489 and CVE-2025-25292 live from readers that differ in the text of an element with a comment.
    for between in ["<!-- -->", "<?x?>"] {
        let digest = changed(
            "enveloped-with-comments",
            "</ds:DigestValue>",
            &format!("{between}AAAA</ds:DigestValue>"),
        );
        refused(&digest, "xml.structure", "a comment or an instruction in SignedInfo");
        let value = changed("enveloped", "</ds:SignatureValue>", &format!("{between}</ds:SignatureValue>"));
        refused(&value, "xml.signature_value", "SignatureValue is not base64");
        let certificate =
            changed("enveloped", "<ds:X509Certificate>", &format!("<ds:X509Certificate>{between}"));
        refused(&certificate, "xml.key_info", "a certificate or revocation data that is not base64");
    }
}

#[test]
fn hmac_is_no_signature() {
    let document = document("hmac");
    let found = only(&document);
    assert_eq!(found.value.algorithm, Err("http://www.w3.org/2000/09/xmldsig#hmac-sha1".to_owned()));
    assert!(matches!(found.signer, Signer::NotFound));
    // CVE-2009-0217: one bit of output is enough for a forger.
    let length = "hmac-sha1\"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>";
    refused(
        &document.replace("hmac-sha1\"/>", length),
        "xml.structure",
        "parameters of the signature method",
    );
}

#[test]
fn algorithms_that_are_not_in_the_list_are_refused() {
    let unknown = "a transform or canonicalisation method that is not in the list";
    refused(&document("xpath"), "xml.structure", unknown);
    refused(&document("xslt"), "xml.structure", unknown);
    let md5 = changed(
        "enveloped",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/04/xmldsig-more#md5",
    );
    refused(&md5, "xml.structure", "a digest method that is not in the list");
    assert_eq!(conclusion(&only(&md5)).0, SubIndication::CryptoConstraintsFailure);
    let canonical = changed(
        "enveloped",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2010/xml-c14n2",
    );
    refused(&canonical, "xml.structure", unknown);
    let method = changed("enveloped", "xmldsig-more#rsa-sha256", "xmldsig-more#rsa-md5");
    assert!(only(&method).value.algorithm.is_err());
    let parameter = "xmlenc#sha256\"><x/></ds:DigestMethod>";
    refused(
        &changed("enveloped", "xmlenc#sha256\"/>", parameter),
        "xml.structure",
        "parameters of a digest method",
    );
}

#[test]
fn transforms_stand_in_one_order_only() {
    let enveloped = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
    let exclusive = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    let base64 = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#base64\"/>";
    let with = |transforms: &[&str]| {
        let original = document("root-by-id");
        let start = original.find("<ds:Transforms>").unwrap() + "<ds:Transforms>".len();
        let end = original.find("</ds:Transforms>").unwrap();
        format!("{}{}{}", &original[..start], transforms.concat(), &original[end..])
    };
    assert_eq!(broken(&only(&with(&[enveloped, exclusive]))), []);
    for wrong in [
        &[exclusive, enveloped][..],
        &[enveloped, enveloped],
        &[enveloped, exclusive, exclusive],
        &[enveloped, base64, exclusive],
        &[enveloped, exclusive, base64],
        &[],
        &["<x/>"],
    ] {
        assert_eq!(the_broken(&with(wrong)).0, "xml.structure", "{wrong:?}");
    }
}

#[test]
fn parameters_of_canonicalisation_are_those_of_the_exclusive_one() {
    let why = "an unknown parameter of a canonicalisation method";
    let inclusive =
        "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\">";
    let list =
        "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"x\"/>";
    let original = document("enveloped");
    let empty = original.contains(inclusive);
    let from = if empty { inclusive.to_owned() } else { inclusive.replace("\">", "\"/>") };
    let to = if empty {
        format!("{inclusive}{list}")
    } else {
        format!("{inclusive}{list}</ds:CanonicalizationMethod>")
    };
    refused(&changed("enveloped", &from, &to), "xml.structure", why);
    let twice = document("enveloped-exclusive").replacen(
        "<ec:InclusiveNamespaces ",
        &format!("{list}<ec:InclusiveNamespaces "),
        1,
    );
    refused(&twice, "xml.structure", why);
}

#[test]
fn references_to_nowhere_or_to_too_many_things_are_refused() {
    let to = |uri: &str| changed("part-exclusive", "#xpointer(id('part'))", uri);
    refused(&to("#nowhere"), "xml.reference", "nothing has the identifier");
    assert_eq!(conclusion(&only(&to("#nowhere"))).0, SubIndication::SignedDataNotFound);
    for uri in ["#", "#xpointer(//Part)", "#xpointer(id('part')/Amount)", "#element(/1)", "#part part"] {
        refused(&to(uri), "xml.reference", "a reference to something that is no identifier");
    }
    refused(&to("other.xml#part"), "xml.reference", "a reference to a part of another file");
    // Without the file nothing is said of the signature; with it, the digest decides.
    assert!(xml::find(to("http://example/part").as_bytes(), None).is_err());
    let original = document("part-exclusive");
    let start = original.find("<ds:Reference").unwrap();
    let end = original.find("</ds:Reference>").unwrap() + "</ds:Reference>".len();
    let reference = &original[start..end];
    let many = |count: usize| original.replacen(reference, &reference.repeat(count), 1);
    assert_eq!(broken(&only(&many(64))), []);
    refused(&many(65), "xml.structure", "too many references");
    assert_eq!(conclusion(&only(&many(65))).1, ReasonCode::TooComplex);
    refused(&many(0), "xml.structure", "no reference");
}

#[test]
fn one_file_beside_the_document_and_no_more() {
    let original = document("detached");
    let start = original.find("<ds:Reference").unwrap();
    let end = original.find("</ds:Reference>").unwrap() + "</ds:Reference>".len();
    let reference = &original[start..end];
    let two =
        original.replacen(reference, &format!("{reference}{}", reference.replace("content", "other")), 1);
    let content = bytes("xml/content.txt");
    let found = xml::find(two.as_bytes(), Some(&content)).unwrap();
    assert_eq!(broken(&found[0])[0].1, "references to several other files");
    let enveloped = original.replacen("<ds:DigestMethod", "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/></ds:Transforms><ds:DigestMethod", 1);
    let found = xml::find(enveloped.as_bytes(), Some(&content)).unwrap();
    assert_eq!(broken(&found[0])[0].1, "an enveloped signature in another file");
}

#[test]
fn a_key_without_a_certificate_is_nobodys() {
    let original = document("signxml-exclusive");
    assert!(original.contains("KeyValue"));
    let start = original.find("<ds:X509Data>").unwrap();
    let end = original.find("</ds:X509Data>").unwrap() + "</ds:X509Data>".len();
    let without = format!("{}{}", &original[..start], &original[end..]);
    let found = only(&without);
    assert_eq!(broken(&found), []);
    assert!(matches!(found.signer, Signer::NotFound) && found.certificates.is_empty());
    let retrieval =
        original.replace("<ds:KeyValue>", "<ds:RetrievalMethod URI=\"http://example/key\"/><ds:KeyValue>");
    assert_sound(&only(&retrieval), "signer-rsa");
}

#[test]
fn the_signers_certificate_is_the_one_that_issued_none_of_the_others() {
    let original = document("enveloped");
    let start = original.find("<ds:X509Data>").unwrap();
    let end = original.find("</ds:X509Data>").unwrap();
    let with = |names: &[&str]| {
        let certificates: String = names
            .iter()
            .map(|name| format!("<ds:X509Certificate>{}</ds:X509Certificate>", pem_body(name)))
            .collect();
        format!("{}<ds:X509Data>{certificates}{}", &original[..start], &original[end..])
    };
    for order in [
        &["signer-rsa", "intermediate", "root"][..],
        &["root", "signer-rsa", "intermediate"],
        &["intermediate", "root", "signer-rsa"],
        &["signer-rsa"],
    ] {
        assert_sound(&only(&with(order)), "signer-rsa");
    }
    // Two that could be: nobody is chosen.
    for order in [&["signer-rsa", "signer-p256", "intermediate"][..], &["signer-rsa", "stranger"]] {
        assert!(matches!(only(&with(order)).signer, Signer::NotFound), "{order:?}");
    }
    let many: Vec<&str> = vec!["signer-rsa"; 200];
    assert_sound(&only(&with(&many)), "signer-rsa");
}

#[test]
fn a_signature_that_cannot_be_read_is_still_found() {
    let document =
        "<a xmlns:ds='http://www.w3.org/2000/09/xmldsig#'><ds:Signature/><ds:Signature>x</ds:Signature></a>";
    let found = xml::find(document.as_bytes(), None).unwrap();
    assert_eq!(found.len(), 2);
    for one in &found {
        assert_eq!(broken(one).len(), 1);
        assert!(one.value.algorithm.is_err());
        assert_eq!(one.extent, Extent::Part("nothing".to_owned()));
    }
}

#[test]
fn a_signature_over_nothing_but_its_own_properties_covers_nothing() {
    let original = document("xades-b");
    let start = original.find("<ds:Reference").unwrap();
    let end = original.find("</ds:Reference>").unwrap() + "</ds:Reference>".len();
    let without = format!("{}{}", &original[..start], &original[end..]);
    let found = only(&without);
    assert!(broken(&found).iter().any(|(id, _)| id == "xml.coverage"));
    assert_eq!(found.extent, Extent::Part("nothing".to_owned()));
}

#[test]
fn an_enveloped_signature_that_is_the_whole_document_signs_nothing() {
    let original = document("enveloping");
    let enveloped = "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/></ds:Transforms><ds:DigestMethod";
    let empty =
        original.replacen("URI=\"#object\"", "URI=\"\"", 1).replacen("<ds:DigestMethod", enveloped, 1);
    refused(&empty, "xml.reference", "the signature is the whole document, and what it leaves out is itself");
}

#[test]
fn base64_signs_no_markup() {
    let original = document("enveloping-base64");
    let start = original.find("<ds:Object").unwrap();
    let start = start + original[start..].find('>').unwrap() + 1;
    let end = original.find("</ds:Object>").unwrap();
    let why = "base64 of something that is no text in an object of the signature";
    // The same text, so the same octets and the same digest.
    let marked = format!("{}<x>{}</x>{}", &original[..start], &original[start..end], &original[end..]);
    refused(&marked, "xml.reference", why);
    let outside = original.replacen("Id=\"object\"", "", 1).replacen(
        "</ds:Signature>",
        "</ds:Signature><x Id=\"object\">cGxhaW4gb2N0ZXRz</x>",
        1,
    );
    let outside = outside.replacen("<ds:Signature ", "<a><ds:Signature ", 1) + "</a>";
    refused(&outside, "xml.reference", why);
}

#[test]
fn the_place_of_an_element_is_told_without_counting_all_others() {
    let original = document("part-exclusive");
    let before = |count: usize| original.replacen("<Part ", &format!("{}<Part ", "<Part/>".repeat(count)), 1);
    let part = |place: &str| Extent::Part(format!("/Application/Part[{place}]"));
    assert_eq!(only(&before(1)).extent, part("2"));
    assert_eq!(only(&before(2_000)).extent, part(">1000"));
}

#[test]
fn work_is_bounded_over_all_signatures_of_a_file() {
    // Sixty-four signatures with sixty-four references each to a document of 500 kB would be 2 GB of canonical form.
    let original = document("part-exclusive");
    let start = original.find("<ds:Reference").unwrap();
    let end = original.find("</ds:Reference>").unwrap() + "</ds:Reference>".len();
    let reference = original[start..end].to_owned();
    let large =
        original.replacen(&reference, &reference.repeat(64), 1).replacen("1000", &"x".repeat(500_000), 1);
    let found = only(&large);
    let conclusions: Vec<_> = found.rules.iter().map(|rule| rule.on_failure.1).collect();
    assert!(conclusions.contains(&ReasonCode::TooComplex));
}

fn pem_body(name: &str) -> String {
    let pem = String::from_utf8(bytes(&format!("pki/{name}.pem"))).unwrap();
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}
