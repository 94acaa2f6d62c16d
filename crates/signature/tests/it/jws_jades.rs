//! JAdES: what binds the signer, references to content, and the unsigned header with its time-stamps
//! (`fixtures/jws/make-jws.py`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::DigestAlgorithm;
use musubi_kernel::UnixTime;
use musubi_pki::Outcome;
use musubi_signature::jws::find;
use musubi_signature::{Covered, FoundTimestamp, Level, NotASignature, Signer, TimestampKind};

use crate::jws_support::{broken_by, jws, only, text, with_header};
use crate::raw_support::{broken, fixture, holds, value_verifies};

/// Whether the token has the digest of what it must cover.
fn imprint_fits(timestamp: &FoundTimestamp<'_>) -> bool {
    let Covered::Parts(parts) = &timestamp.covered else { return false };
    let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
    let digest = DigestAlgorithm::Sha256.digest(&parts);
    timestamp.token.windows(32).any(|window| window == digest.as_ref())
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
fn a_signature_policy_of_the_signers_is_reported_as_not_processed() {
    let file = with_header("jades-b.jws", "\"sigT\"", r#""sigPId":{"id":"urn:oid:1.2.3"},"sigT""#);
    let found = only(&file, None);
    let rule = found.rules.iter().find(|r| r.result.id() == "jades.signature_policy").unwrap();
    assert_eq!(rule.result.outcome(), Outcome::Skipped);
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

/// Each of them would have its own copy of the content.
#[test]
fn many_time_stamps_over_large_content_are_too_much() {
    let tokens = vec![r#"{"val":"AAAA"}"#; 60].join(",");
    let file = |tokens: &str| {
        let header = format!(r#"{{"alg":"EdDSA","adoTst":{{"tstTokens":[{tokens}]}}}}"#);
        format!("{}..AAAA", URL_SAFE_NO_PAD.encode(header))
    };
    let content = vec![0; 24 << 20];
    assert!(find(file(r#"{"val":"AAAA"}"#).as_bytes(), Some(&content)).is_ok());
    let limit = musubi_signature::jws::MAX_COPIED_BYTES;
    let too_much = NotASignature::TooMuch { what: "bytes to copy", limit };
    assert_eq!(find(file(&tokens).as_bytes(), Some(&content)).unwrap_err(), too_much);
}
