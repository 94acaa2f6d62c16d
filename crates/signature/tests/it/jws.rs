//! JWS: files made by another library and by the text of the standards (`fixtures/jws/make-jws.py`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::PublicKey;
use musubi_signature::jws::{MAX_HEADER_BYTES, MAX_SIGNATURES, find};
use musubi_signature::{Extent, Level, NotASignature, Signed, Signer};
use proptest::prelude::*;

use crate::jws_support::{broken_by, jws, only, text, with_header};
use crate::raw_support::{broken, holds, value_verifies};

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
fn the_examples_of_rfc_7515_a_3_and_rfc_8037_a_4_verify_under_their_keys() {
    let url = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    // SubjectPublicKeyInfo of P-256 and of Ed25519 up to the key.
    let p256 = hex::decode("3059301306072a8648ce3d020106082a8648ce3d03010703420004").unwrap();
    let (x, y) =
        ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    let p256 = PublicKey::ec_p256(&[p256, url(x), url(y)].concat()).unwrap();
    let ed25519 = hex::decode("302a300506032b6570032100").unwrap();
    let ed25519 = [ed25519, url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")].concat();
    let ed25519 = PublicKey::ed25519(&ed25519).unwrap();
    for (key, file) in [
        (
            p256,
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            ed25519,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ] {
        let found = only(file.as_bytes(), None);
        assert!(broken(&found).is_empty());
        let Signed::Bytes(bytes) = &found.value.signed else { panic!() };
        let algorithm = found.value.algorithm.unwrap();
        assert_eq!(
            key.verify_encoded(algorithm, found.value.encoding, bytes, &found.value.signature),
            Ok(())
        );
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
fn a_certificate_chain_that_is_not_base64_is_refused() {
    for x5c in ["[]", "\"x\"", "[1]", "[\"MII=\\n\"]", "[\"-_8=\"]"] {
        let header = format!(r#"{{"alg":"EdDSA","x5c":{x5c}}}"#);
        let file = format!("{}.AAAA.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode([1; 64]));
        assert_eq!(broken(&only(file.as_bytes(), None)), ["jws.x5c"], "{x5c}");
    }
}

#[test]
fn members_that_nobody_signed_narrow_the_extent() {
    let file = text("rs256.json").replacen('{', "{\"amount\":\"1000000\",", 1);
    assert!(matches!(only(file.as_bytes(), None).extent, Extent::Part(_)));
    let file = text("general.json");
    let inside = file.replacen("\"protected\"", "\"amount\":\"1000000\",\"protected\"", 1);
    assert_ne!(inside, file);
    let found = musubi_signature::jws::find(inside.as_bytes(), None).unwrap();
    assert!(found.iter().all(|found| matches!(found.extent, Extent::Part(_))));
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
