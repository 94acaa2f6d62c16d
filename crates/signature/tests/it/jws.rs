//! JWS and JAdES: files made by another library and by the text of the standards (`fixtures/jws/make-jws.py`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::DigestAlgorithm;
use musubi_kernel::UnixTime;
use musubi_pki::{Outcome, SubIndication};
use musubi_signature::jws::{MAX_HEADER_BYTES, MAX_SIGNATURES, find};
use musubi_signature::{
    Covered, Extent, Found, FoundTimestamp, Level, NotASignature, Signed, Signer, TimestampKind,
};
use proptest::prelude::*;

use crate::raw_support::{broken, fixture, holds, value_verifies};

fn jws(name: &str) -> Vec<u8> {
    fixture(&format!("jws/{name}"))
}

fn text(name: &str) -> String {
    String::from_utf8(jws(name)).unwrap()
}

fn only<'a>(file: &'a [u8], detached: Option<&'a [u8]>) -> Found<'a> {
    let mut found = find(file, detached).unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// The protected header of a compact JWS or of a flattened one with this text in place of another.
fn with_header(name: &str, old: &str, new: &str) -> Vec<u8> {
    let file = text(name);
    let protected = if name.ends_with(".jws") {
        file.split('.').next().unwrap().to_owned()
    } else {
        let json: serde_json::Value = serde_json::from_str(&file).unwrap();
        json["protected"].as_str().unwrap().to_owned()
    };
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(&protected).unwrap()).unwrap();
    assert!(header.contains(old), "{header}");
    file.replace(&protected, &URL_SAFE_NO_PAD.encode(header.replacen(old, new, 1))).into_bytes()
}

/// The ids of the rules that a changed header breaks.
fn broken_by(name: &str, old: &str, new: &str) -> Vec<String> {
    let file = with_header(name, old, new);
    let content = jws("detached.txt");
    let found = find(&file, name.contains("detached").then_some(content.as_slice())).unwrap();
    assert!(!holds(&found[0]), "{new}");
    broken(&found[0]).into_iter().map(str::to_owned).collect()
}

/// Whether the token has the digest of what it must cover.
fn imprint_fits(timestamp: &FoundTimestamp<'_>) -> bool {
    let Covered::Parts(parts) = &timestamp.covered else { return false };
    let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
    let digest = DigestAlgorithm::Sha256.digest(&parts);
    timestamp.token.windows(32).any(|window| window == digest.as_ref())
}

const PLAIN: [&str; 9] = ["rs256", "rs384", "rs512", "ps256", "ps384", "ps512", "es256", "es384", "eddsa"];

#[test]
fn every_accepted_algorithm_verifies_in_compact_and_json_form() {
    for name in PLAIN {
        for form in ["jws", "json"] {
            let file = jws(&format!("{name}.{form}"));
            let found = only(&file, None);
            assert!(holds(&found), "{name}.{form}: {:?}", broken(&found));
            assert_eq!((found.format, found.level, &found.extent), ("JWS", Level::Plain, &Extent::Whole));
            assert_eq!(found.certificates.len(), 1, "the intermediate");
        }
    }
}

#[test]
fn every_changed_character_of_a_compact_jws_is_noticed() {
    for name in ["rs256.jws", "es256.jws", "eddsa.jws", "jades-b.jws"] {
        let file = jws(name);
        for at in (0..file.len()).step_by(23).chain(file.len() - 90..file.len()) {
            let mut changed = file.clone();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let accepted = find(&changed, None).is_ok_and(|found| found.iter().any(holds));
            assert!(!accepted, "{name} at {at}");
        }
    }
}

#[test]
fn all_signatures_of_a_general_serialization_are_found_and_each_is_told_apart() {
    let file = text("general.json");
    let found = find(file.as_bytes(), None).unwrap();
    assert_eq!(found.iter().map(holds).collect::<Vec<_>>(), [true, true, true]);
    assert_eq!(found[1].location, "signature 2 of 3");
    let json: serde_json::Value = serde_json::from_str(&file).unwrap();
    let (first, second) = (&json["signatures"][0]["signature"], &json["signatures"][1]["signature"]);
    let swapped = file.replace(second.as_str().unwrap(), first.as_str().unwrap());
    let found = find(swapped.as_bytes(), None).unwrap();
    assert_eq!(found.iter().map(holds).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(broken(&found[1]), ["jws.algorithm_of_key"]);
}

#[test]
fn a_detached_payload_is_needed_and_must_be_the_signed_one() {
    let content = jws("detached.txt");
    for name in
        ["detached.jws", "detached.json", "unencoded-detached.jws", "jades-b-detached.jws", "sigd-uri.json"]
    {
        let file = jws(name);
        let found = only(&file, Some(&content));
        assert!(holds(&found), "{name}: {:?}", broken(&found));
        assert_eq!(found.extent, Extent::Detached);
        assert_eq!(find(&file, None).err(), Some(NotASignature::ContentMissing), "{name}");
        assert!(!value_verifies(&only(&file, Some(b"another content"))), "{name}");
    }
}

#[test]
fn content_beside_an_attached_payload_must_be_that_payload() {
    let file = jws("rs256.jws");
    assert!(holds(&only(&file, Some("{\"title\":\"申込書\",\"number\":1}".as_bytes()))));
    for other in ["", "{\"title\":\"申込書\",\"number\":1", "{\"title\":\"申込書\",\"number\":1}\n", "x"]
    {
        let found = only(&file, Some(other.as_bytes()));
        assert_eq!(broken(&found), ["jws.detached_content"], "{other:?}");
    }
}

#[test]
fn an_unencoded_payload_is_signed_as_it_is_and_must_be_critical() {
    for name in ["unencoded.jws", "unencoded.json"] {
        let file = jws(name);
        assert!(holds(&only(&file, None)), "{name}");
    }
    assert_eq!(broken_by("unencoded.jws", r#""crit":["b64"],"#, ""), ["jws.critical"]);
    assert_eq!(broken_by("unencoded.jws", r#""b64":false"#, r#""b64":0"#), ["jws.critical", "jws.payload"]);
    // An attacker who drops b64 would make the reader see other content.
    assert!(broken_by("unencoded.jws", r#""b64":false,"#, "").contains(&"jws.critical".to_owned()));
}

#[test]
fn signatures_of_one_file_must_agree_on_the_payloads_encoding() {
    let (plain, unencoded): (serde_json::Value, serde_json::Value) = (
        serde_json::from_str(&text("es384.json")).unwrap(),
        serde_json::from_str(&text("unencoded.json")).unwrap(),
    );
    let entry = |from: &serde_json::Value| serde_json::json!({"protected": from["protected"], "signature": from["signature"]});
    let file =
        serde_json::json!({"payload": plain["payload"], "signatures": [entry(&plain), entry(&unencoded)]});
    let file = file.to_string();
    for found in find(file.as_bytes(), None).unwrap() {
        assert!(broken(&found).contains(&"jws.one_encoding"));
    }
}

#[test]
fn none_message_authentication_codes_and_unknown_algorithms_are_refused() {
    for name in ["none", "HS256", "HS512", "ES512", "ES256K", "Ed448", "rs256", "RS1", "RS256 ", ""] {
        for file in ["rs256.jws", "rs256.json"] {
            let file = with_header(file, "\"RS256\"", &format!("{name:?}"));
            let found = only(&file, None);
            assert!(broken(&found).contains(&"jws.algorithm"), "{name}");
            assert!(found.value.algorithm.is_err());
            assert!(matches!(&found.value.signed, Signed::Bytes(bytes) if bytes.is_empty()));
        }
    }
    let unsecured =
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode("{}"));
    let found = only(unsecured.as_bytes(), None);
    assert_eq!(broken(&found), ["jws.algorithm", "jws.signature_value"]);
    assert!(matches!(found.signer, Signer::NotFound));
}

#[test]
fn an_algorithm_of_another_key_or_curve_is_refused() {
    for (name, own, other) in [
        ("rs256", "RS256", "ES256"),
        ("es256", "ES256", "ES384"),
        ("es384", "ES384", "ES256"),
        ("eddsa", "EdDSA", "ES256"),
        ("es256", "ES256", "RS256"),
        ("eddsa", "EdDSA", "PS256"),
    ] {
        for form in ["jws", "json"] {
            let broken = broken_by(&format!("{name}.{form}"), own, other);
            assert_eq!(broken, ["jws.algorithm_of_key"], "{name} as {other}");
        }
    }
}

#[test]
fn an_algorithm_that_is_not_protected_is_refused() {
    let file = text("rs256.json");
    let json: serde_json::Value = serde_json::from_str(&file).unwrap();
    let unprotected = serde_json::json!({"payload": json["payload"], "header": {"alg": "RS256"}, "signature": json["signature"]});
    let unprotected = unprotected.to_string();
    let found = only(unprotected.as_bytes(), None);
    assert!(broken(&found).contains(&"jws.algorithm"));
    assert!(broken(&found).contains(&"jws.header"));
}

#[test]
fn a_member_that_occurs_twice_is_refused_wherever_it_stands() {
    // Within the protected header, a compact JWS is none.
    let twice = with_header("rs256.jws", "{", r#"{"alg":"none","#);
    assert!(matches!(find(&twice, None), Err(NotASignature::Malformed(_))));
    assert_eq!(broken_by("rs256.json", "{", r#"{"alg":"none","#)[0], "jws.header");
    // In both headers.
    let both = text("jades-b.json").replace("\"signature\"", "\"header\":{\"x5c\":[\"AAAA\"]},\"signature\"");
    let found = only(both.as_bytes(), None);
    assert_eq!(broken(&found), ["jws.header"]);
    // In the shell.
    let shell = text("rs256.json").replacen('{', "{\"payload\":\"AAAA\",", 1);
    assert_eq!(find(shell.as_bytes(), None).err(), Some(NotASignature::Malformed("a member occurs twice")));
}

#[test]
fn what_decides_must_be_protected() {
    for member in [
        r#""sigT":"2026-11-20T09:00:00Z""#,
        r#""crit":["b64"]"#,
        r#""b64":true"#,
        r#""sigD":{}"#,
        r#""iat":1"#,
    ] {
        let file =
            text("rs256.json").replace("\"signature\"", &format!("\"header\":{{{member}}},\"signature\""));
        assert!(broken(&only(file.as_bytes(), None)).contains(&"jws.header"), "{member}");
    }
}

#[test]
fn critical_extensions_must_be_known_present_and_named_once() {
    for crit in [
        r#"["exp"]"#,
        r#"["sigT","sigT"]"#,
        "[]",
        r#""sigT""#,
        "[1]",
        r#"["alg"]"#,
        r#"["b64"]"#,
        r#"["sigT","sigPId"]"#,
        "{}",
    ] {
        assert_eq!(
            broken_by("jades-b.jws", r#""crit":["sigT"]"#, &format!("\"crit\":{crit}")),
            ["jws.critical"],
            "{crit}"
        );
    }
    assert!(
        broken_by("jades-b.jws", r#""crit":["sigT"]"#, r#""exp":1,"crit":["sigT","exp"]"#)
            .contains(&"jws.critical".to_owned())
    );
}

#[test]
fn a_key_that_the_signature_brings_without_a_certificate_gives_no_signer() {
    for member in [
        r#""jwk":{"kty":"OKP"}"#,
        r#""jku":"https://example.jp/keys""#,
        r#""x5u":"https://example.jp/c.pem""#,
        r#""kid":"1""#,
    ] {
        let header = format!(r#"{{"alg":"EdDSA",{member}}}"#);
        let file = format!("{}.AAAA.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode([1; 64]));
        assert!(matches!(only(file.as_bytes(), None).signer, Signer::NotFound), "{member}");
    }
}

#[test]
fn an_unprotected_certificate_makes_a_plain_signature() {
    let file = jws("unprotected-x5c.json");
    let found = only(&file, None);
    assert!(holds(&found));
    assert_eq!((found.format, found.level), ("JWS", Level::Plain));
}

#[test]
fn jades_b_is_found_with_each_reference_to_the_signing_certificate() {
    for name in
        ["jades-b.jws", "jades-b.json", "jades-b-iat.json", "jades-b-x5t-o.json", "jades-b-sigx5ts.json"]
    {
        let file = jws(name);
        let found = only(&file, None);
        assert!(holds(&found), "{name}: {:?}", broken(&found));
        assert_eq!((found.format, found.level), ("JAdES", Level::B), "{name}");
        let time = found.claimed_signing_time.unwrap();
        assert!(
            [UnixTime(1_795_165_200), UnixTime::parse_rfc3339("2026-11-20T09:00:00Z").unwrap()]
                .contains(&time)
        );
    }
}

#[test]
fn a_reference_to_another_certificate_is_refused() {
    let other = URL_SAFE_NO_PAD.encode([7; 32]);
    let file = text("jades-b.jws");
    let header = URL_SAFE_NO_PAD.decode(file.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    let own = header["x5t#S256"].as_str().unwrap();
    assert_eq!(broken_by("jades-b.jws", own, &other), ["jws.signing_certificate"]);
    assert_eq!(broken_by("jades-b.jws", own, "AAAA"), ["jws.signing_certificate"]);
    // A second, weak or unknown reference must not be wrong either.
    let sha1 = format!("\"x5t\":\"{}\",\"x5t#S256\"", URL_SAFE_NO_PAD.encode([7; 20]));
    assert_eq!(broken_by("jades-b.jws", "\"x5t#S256\"", &sha1), ["jws.signing_certificate"]);
    let unknown = r#""x5t#o":{"digAlg":"S1","digVal":"AAAA"},"x5t#S256""#;
    assert_eq!(broken_by("jades-b.jws", "\"x5t#S256\"", unknown), ["jws.signing_certificate"]);
}

#[test]
fn a_certificate_chain_that_is_not_base64_is_refused() {
    for x5c in ["[]", "\"x\"", "[1]", "[\"MII=\\n\"]", "[\"-_8=\"]"] {
        let header = format!(r#"{{"alg":"EdDSA","x5c":{x5c}}}"#);
        let file = format!("{}.AAAA.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode([1; 64]));
        assert_eq!(broken(&only(file.as_bytes(), None)), ["jws.x5c"], "{x5c}");
    }
}

#[test]
fn a_signing_time_of_another_form_is_refused() {
    let own = r#""2026-11-20T09:00:00Z""#;
    for other in [
        r#""2026-11-20T09:00:00+09:00""#,
        r#""2026-11-20T09:00:00.0Z""#,
        r#""2026-11-31T09:00:00Z""#,
        "1",
        r#""""#,
    ] {
        assert_eq!(broken_by("jades-b.jws", own, other), ["jades.signing_time"], "{other}");
    }
    assert_eq!(broken_by("jades-b.jws", "\"sigT\"", r#""iat":1,"sigT""#), ["jades.signing_time"]);
    for other in ["-1", "1.5", "\"1\"", "null", "1e3"] {
        assert_eq!(broken_by("jades-b-iat.json", "1795165200", other), ["jades.signing_time"], "{other}");
    }
}

#[test]
fn a_signature_policy_that_is_not_at_hand_is_never_passed_over() {
    let file = with_header("jades-b.jws", "\"sigT\"", r#""sigPId":{"id":"urn:oid:1.2.3"},"sigT""#);
    let found = only(&file, None);
    assert_eq!(broken(&found), ["jades.signature_policy"]);
    let rule = found.rules.iter().find(|r| r.result.id() == "jades.signature_policy").unwrap();
    assert_eq!(rule.on_failure.0, SubIndication::SignaturePolicyNotAvailable);
}

#[test]
fn referenced_content_is_judged_by_its_digest() {
    let content = jws("detached.txt");
    for name in ["sigd-hash.json", "sigd-hash-unencoded.jws"] {
        let file = jws(name);
        let found = only(&file, Some(&content));
        assert!(holds(&found), "{name}: {:?}", broken(&found));
        assert_eq!(found.digests.len(), 1);
        assert_eq!(broken(&only(&file, Some(b"another content"))), ["jades.sig_d_digest"]);
        assert_eq!(find(&file, None).err(), Some(NotASignature::ContentMissing));
    }
}

#[test]
fn other_references_to_content_are_refused() {
    let file = jws("sigd-http.json");
    let found = only(&file, None);
    assert_eq!(broken(&found), ["jades.sig_d"]);
    assert!(!value_verifies(&found), "what it signs is not told");
    for (old, new) in [
        ("19182/ObjectIdByURI\"", "19182/Unknown\""),
        (r#""pars":["detached.txt"]"#, r#""pars":["detached.txt","other.txt"]"#),
        (r#""pars":["detached.txt"]"#, r#""pars":[]"#),
    ] {
        assert_eq!(broken_by("sigd-uri.json", old, new), ["jades.sig_d"], "{new}");
    }
    let both = text("sigd-uri.json").replacen('{', "{\"payload\":\"AAAA\",", 1);
    assert_eq!(broken(&only(both.as_bytes(), Some(b"x"))), ["jades.sig_d"]);
}

#[test]
fn levels_go_by_what_is_present() {
    let content = jws("detached.txt");
    for (name, level) in [
        ("jades-b.json", Level::B),
        ("jades-t.json", Level::T),
        ("jades-t-clear.json", Level::T),
        ("jades-lt.json", Level::Lt),
        ("jades-lta.json", Level::Lta),
        ("jades-lta-twice.json", Level::Lta),
        ("jades-lta-clear.json", Level::Lta),
        ("jades-lta-detached.json", Level::Lta),
        ("jades-content-timestamp.json", Level::B),
    ] {
        let file = jws(name);
        let found = only(&file, name.contains("detached").then_some(content.as_slice()));
        assert!(holds(&found), "{name}: {:?}", broken(&found));
        assert_eq!(found.level, level, "{name}");
    }
}

#[test]
fn time_stamps_have_the_digest_of_what_they_must_cover() {
    let content = jws("detached.txt");
    for (name, kinds) in [
        ("jades-t.json", vec![TimestampKind::Signature]),
        ("jades-t-clear.json", vec![TimestampKind::Signature]),
        ("jades-lta.json", vec![TimestampKind::Signature, TimestampKind::Archive]),
        (
            "jades-lta-twice.json",
            vec![TimestampKind::Signature, TimestampKind::Archive, TimestampKind::Archive],
        ),
        ("jades-lta-detached.json", vec![TimestampKind::Signature, TimestampKind::Archive]),
        ("jades-content-timestamp.json", vec![TimestampKind::Content]),
    ] {
        let file = jws(name);
        let found = only(&file, name.contains("detached").then_some(content.as_slice()));
        assert_eq!(found.timestamps.iter().map(|t| t.kind).collect::<Vec<_>>(), kinds, "{name}");
        assert!(found.timestamps.iter().all(imprint_fits), "{name}");
    }
}

#[test]
fn an_archive_time_stamp_covers_content_and_everything_before_it() {
    let file = text("jades-lta.json");
    let json: serde_json::Value = serde_json::from_str(&file).unwrap();
    let elements = json["header"]["etsiU"].as_array().unwrap();
    let certificates = elements[1].as_str().unwrap();
    let payload = json["payload"].as_str().unwrap();
    for changed in [
        file.replace(&format!("{certificates:?},"), ""),
        file.replace(payload, &URL_SAFE_NO_PAD.encode("{}")),
        file.replacen("\"etsiU\":[", "\"etsiU\":[\"eyJ4IjowfQ\",", 1),
    ] {
        let found = only(changed.as_bytes(), None);
        assert_eq!(found.timestamps.len(), 2);
        assert!(!imprint_fits(&found.timestamps[1]));
    }
}

#[test]
fn an_archive_time_stamp_over_clear_json_cannot_be_used() {
    let file = jws("jades-lta-clear.json");
    let found = only(&file, None);
    assert!(matches!(found.timestamps[1].covered, Covered::Unusable(_)));
    assert!(imprint_fits(&found.timestamps[0]), "the signature's own time-stamp can");
}

#[test]
fn values_come_out_for_the_judgement() {
    let file = jws("jades-lta-twice.json");
    let found = only(&file, None);
    assert_eq!((found.certificates.len(), found.crls.len(), found.ocsp.len()), (4, 2, 1));
    assert_eq!(found.crls[0].as_ref(), fixture("pki/intermediate.crl"));
    assert_eq!(found.ocsp[0].as_ref(), fixture("pki/signer-rsa.ocsp"));
}

#[test]
fn a_signer_without_chain_is_found_among_the_values_by_its_digest_only() {
    let thumbprint =
        URL_SAFE_NO_PAD.encode(DigestAlgorithm::Sha256.digest(&[&fixture("pki/signer-rsa.der")]).as_ref());
    let value = base64::engine::general_purpose::STANDARD.encode(fixture("pki/signer-rsa.der"));
    let file = |reference: &str| {
        let header = format!(r#"{{"alg":"RS256","iat":1,"x5t#S256":"{reference}"}}"#);
        let header = URL_SAFE_NO_PAD.encode(header);
        format!(
            r#"{{"payload":"AAAA","protected":"{header}","signature":"AAAA","header":{{"etsiU":[{{"xVals":[{{"x509Cert":{{"val":"{value}"}}}}]}}]}}}}"#
        )
    };
    let own = file(&thumbprint);
    assert!(matches!(only(own.as_bytes(), None).signer, Signer::Certificate(_)));
    let other = file(&URL_SAFE_NO_PAD.encode([0; 32]));
    assert!(matches!(only(other.as_bytes(), None).signer, Signer::NotFound));
}

#[test]
fn unsigned_elements_that_are_not_what_they_should_be_are_refused() {
    let one = URL_SAFE_NO_PAD.encode(r#"{"sigTst":{"tstTokens":[{"val":"AAAA"}]}}"#);
    for etsi_u in [
        "{}".to_owned(),
        "[1]".to_owned(),
        format!("[{one:?},{{\"x\":1}}]"),
        format!("[\"{one}=\"]"),
        "[{\"a\":1,\"b\":2}]".to_owned(),
        "[{}]".to_owned(),
        "[{\"sigTst\":{\"tstTokens\":[]}}]".to_owned(),
        "[{\"sigTst\":{\"tstTokens\":[{\"val\":\"AA\"}]}}]".to_owned(),
        "[{\"sigTst\":{\"tstTokens\":[{\"val\":\"AAAA\",\"encoding\":\"urn:other\"}]}}]".to_owned(),
        "[{\"xVals\":{}}]".to_owned(),
        "[{\"rVals\":{\"crlVals\":[{\"val\":1}]}}]".to_owned(),
        format!("[{}0]", "0,".repeat(300)),
    ] {
        let file = text("jades-b.json")
            .replace("\"signature\"", &format!("\"header\":{{\"etsiU\":{etsi_u}}},\"signature\""));
        assert_eq!(broken(&only(file.as_bytes(), None)), ["jades.etsi_u"], "{etsi_u}");
    }
}

#[test]
fn counter_signatures_are_reported_as_not_judged() {
    let file = text("jades-b.json")
        .replace("\"signature\"", "\"header\":{\"etsiU\":[{\"cSig\":\"a.b.c\"}]},\"signature\"");
    let found = only(file.as_bytes(), None);
    let rule = found.rules.iter().find(|r| r.result.id() == "jades.counter_signatures").unwrap();
    assert_eq!(rule.result.outcome(), Outcome::Skipped);
}

#[test]
fn members_that_nobody_signed_narrow_the_extent() {
    let file = text("rs256.json").replacen('{', "{\"amount\":\"1000000\",", 1);
    assert!(matches!(only(file.as_bytes(), None).extent, Extent::Part(_)));
}

#[test]
fn base64url_has_one_form() {
    let (file, compact) = (text("rs256.json"), text("rs256.jws"));
    let json: serde_json::Value = serde_json::from_str(&file).unwrap();
    for name in ["payload", "protected", "signature"] {
        let value = json[name].as_str().unwrap();
        for other in
            [format!("{value}="), format!("{value} "), format!(" {value}"), value.replacen('e', "+", 1)]
        {
            let found = find(file.replace(value, &other).as_bytes(), None).map(|f| f.iter().any(holds));
            assert_ne!(found, Ok(true), "{name}: {other}");
            let found = find(compact.replace(value, &other).as_bytes(), None).map(|f| f.iter().any(holds));
            // A line break or blanks at the very end of a file are not part of it.
            assert_ne!(
                (found, other.ends_with(' ') && name == "signature"),
                (Ok(true), false),
                "{name}: {other}"
            );
        }
        let escaped = value.replacen('e', "\\u0065", 1);
        let found = find(file.replace(value, &escaped).as_bytes(), None).map(|f| f.iter().any(holds));
        assert_eq!(
            found.is_err() || found == Ok(false),
            name != "payload",
            "{name}: an escape is another text"
        );
    }
}

#[test]
fn what_is_no_jws_is_told_at_once() {
    for file in [
        "",
        "a.b",
        "a.b.c.d",
        "....",
        "{}",
        "[]",
        "{\"signatures\":{}}",
        "{\"payload\":1,\"signature\":\"AA\"}",
        "\u{FEFF}e30.e30.AA",
        "e30.é.AA",
        "%PDF-1.7",
        "<xml/>",
    ] {
        assert!(matches!(find(file.as_bytes(), None), Err(NotASignature::Malformed(_))), "{file}");
    }
    assert_eq!(find(b"{\"signatures\":[]}", None).err(), Some(NotASignature::NoSignature));
    let both = text("general.json").replacen('{', "{\"signature\":\"AA\",", 1);
    assert!(matches!(find(both.as_bytes(), None), Err(NotASignature::Malformed(_))));
}

#[test]
fn number_and_size_are_bounded() {
    let entry = r#"{"protected":"e30","signature":"AAAA"}"#;
    let many =
        format!("{{\"payload\":\"AAAA\",\"signatures\":[{}]}}", vec![entry; MAX_SIGNATURES + 1].join(","));
    assert!(matches!(find(many.as_bytes(), None), Err(NotASignature::TooMuch { .. })));
    let long = format!(
        "{{\"payload\":\"AAAA\",\"protected\":\"{}\",\"signature\":\"AAAA\"}}",
        "A".repeat(MAX_HEADER_BYTES + 4)
    );
    assert_eq!(broken(&only(long.as_bytes(), None))[0], "jws.header");
    let tokens = vec![r#"{"val":"AAAA"}"#; 65].join(",");
    let stamps = text("jades-b.json").replace(
        "\"signature\"",
        &format!("\"header\":{{\"etsiU\":[{{\"sigTst\":{{\"tstTokens\":[{tokens}]}}}}]}},\"signature\""),
    );
    assert!(matches!(find(stamps.as_bytes(), None), Err(NotASignature::TooMuch { .. })));
}

#[test]
fn work_over_many_signatures_of_a_large_payload_is_bounded() {
    let payload = "A".repeat(5 << 20);
    let json: serde_json::Value = serde_json::from_str(&text("eddsa.json")).unwrap();
    let entry =
        serde_json::json!({"protected": json["protected"], "signature": json["signature"]}).to_string();
    let file =
        format!("{{\"payload\":\"{payload}\",\"signatures\":[{}]}}", vec![entry; MAX_SIGNATURES].join(","));
    assert!(matches!(find(file.as_bytes(), None), Err(NotASignature::TooMuch { what: "bytes to copy", .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_nothing_signed_changes_unnoticed(at in 0_usize..16_000, byte in 0_u8..=255, cut in 0_usize..16_000) {
        let mut file = jws("jades-lta.json");
        let cut = file.get(..cut).map(<[u8]>::to_vec);
        if let Some(place) = file.get_mut(at) { *place = byte; }
        let signed = only(&jws("jades-lta.json"), None).value.signature.into_owned();
        for found in find(&file, None).into_iter().flatten() {
            prop_assert!(!holds(&found) || *found.value.signature == *signed);
        }
        if let Some(cut) = cut { prop_assert!(find(&cut, None).is_err() || cut.len() == file.len()); }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[{}\\[\\]\":,.a-zA-Z0-9_-]{0,200}") {
        let _ = find(&bytes, Some(b"x"));
        let _ = find(text.as_bytes(), None);
    }
}
