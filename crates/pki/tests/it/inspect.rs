//! What is told of files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_pki::inspect::{InspectError, Options, run, subject_text};
use serde_json::{Value, json};

const SIGNING: &[u8] = include_bytes!("../fixtures/jpki-sign-cert.der");
const AUTHENTICATION: &[u8] = include_bytes!("../fixtures/jpki-auth-cert.der");
const AUTHORITY: &[u8] = include_bytes!("../../anchors/signca03.cer");
const LIST: &[u8] = include_bytes!("../fixtures/ocsp/authority.crl");
const RESPONSE: &[u8] = include_bytes!("../fixtures/ocsp/delegated-three.ocsp");
const DELEGATE: &[u8] = include_bytes!("../fixtures/ocsp/delegate.der");
/// The holder's name, address and municipality, date of birth.
const PERSONAL: [&str; 5] = ["黒桐", "清瀬市", "Kiyose-shi", "19800217", "997794E9AGCIEG13221003A"];

fn text(bytes: &[u8]) -> String {
    run(bytes, Options::default()).unwrap()
}

fn json(bytes: &[u8], personal: bool) -> Value {
    let line = run(bytes, Options { personal, json: true }).unwrap();
    assert_eq!(line.lines().count(), 1);
    serde_json::from_str(&line).unwrap()
}

fn extension(told: &Value, name: &str) -> Value {
    told["extensions"].as_array().unwrap().iter().find(|e| e["name"] == name).unwrap().clone()
}

#[test]
fn a_certificate_of_the_jpki_is_recognised() {
    for (certificate, kind, environment, role) in [
        (SIGNING, "digital_signature", "test", "resident"),
        (AUTHENTICATION, "user_authentication", "test", "resident"),
        (AUTHORITY, "digital_signature", "production", "authority"),
    ] {
        let expected = json!({ "kind": kind, "environment": environment, "role": role });
        assert_eq!(json(certificate, false)["jpki"], expected);
    }
    assert_eq!(json(DELEGATE, false).get("jpki"), None);
    assert!(text(SIGNING).contains("digital_signature (署名用電子証明書)"));
}

#[test]
fn personal_data_are_told_only_on_demand() {
    for certificate in [SIGNING, AUTHENTICATION] {
        for json in [false, true] {
            let withheld = run(certificate, Options { personal: false, json }).unwrap();
            assert!(PERSONAL.iter().all(|datum| !withheld.contains(datum)), "{withheld}");
        }
        assert!(text(certificate).contains("--personal"));
    }
    let told = run(SIGNING, Options { personal: true, json: false }).unwrap();
    for line in [
        "name (氏名) [1.2.392.200149.8.5.5.1]: 黒桐　幹也",
        "date of birth (生年月日) [1.2.392.200149.8.5.5.4]: 319800217",
        "L=Kiyose-shi",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let told = json(SIGNING, true);
    let names = &extension(&told, "subjectAltName")["value"];
    assert_eq!(names[0]["value"], "黒桐　幹也");
    assert_eq!(names[0]["oid"], "1.2.392.200149.8.5.5.1");
}

#[test]
fn a_certificate_is_told_as_openssl_tells_it() {
    let told = json(SIGNING, false);
    assert_eq!(told["kind"], "certificate");
    assert_eq!(told["serial_number"], "1EE607");
    assert_eq!(told["not_before"], "2025-10-27T01:35:57Z");
    assert_eq!(told["not_after"], "2030-02-17T14:59:59Z");
    assert_eq!(told["public_key"], "RSA, 2048 bits, e = 65537");
    assert_eq!(told["signature_algorithm"], "RSASSA-PKCS1-v1_5 SHA-256");
    assert_eq!(told["issuer"][1], json!({ "type": "O", "value": "JPKI-TEST" }));
    let usage = extension(&told, "keyUsage");
    assert_eq!(usage["critical"], true);
    assert_eq!(usage["value"], json!(["digitalSignature", "nonRepudiation"]));
    let key_id = &extension(&told, "authorityKeyIdentifier")["value"];
    assert_eq!(key_id["key_id"], "410021476B2BCF2C8A2BBBF83B38A978863DA142");
    assert_eq!(key_id["serial_number"], "1EA8A8");
    assert_eq!(
        told["fingerprints"]["sha256"],
        "b3994bc27590a3e8a58be28dc1b9554281fc010cfbe03ae1dd858563a7f68d27"
    );
    let access = &extension(&json(AUTHENTICATION, false), "authorityInfoAccess")["value"][0];
    assert_eq!(access["method"]["name"], "OCSP");
    assert_eq!(access["location"][0], "URI: http://test-ocspauthnorm.jpki.go.jp");
    assert_eq!(extension(&json(AUTHORITY, false), "basicConstraints")["value"]["ca"], true);
    let purposes = &extension(&json(DELEGATE, false), "extKeyUsage")["value"];
    assert_eq!(purposes[0], json!({ "oid": "1.3.6.1.5.5.7.3.9", "name": "OCSPSigning" }));
}

#[test]
fn a_list_is_told_with_its_scope_and_its_first_entries() {
    let told = json(LIST, false);
    assert_eq!(told["kind"], "revocation_list");
    assert_eq!(told["this_update"], "2026-11-01T00:00:00Z");
    assert_eq!(told["next_update"], "2027-01-01T00:00:00Z");
    assert_eq!(told["entry_count"], 2);
    assert_eq!(told["first_entries"][1]["serial_number"], "1003");
    assert_eq!(told["first_entries"][1]["reason"], "certificateHold");
    assert_eq!(extension(&told, "cRLNumber")["value"], "18");
    let scope = &extension(&told, "issuingDistributionPoint")["value"];
    assert_eq!(scope["only_user_certificates"], true);
    assert_eq!(scope["full_name"][0], "URI: http://crl.example/authority.crl");
    assert!(text(LIST).starts_with("Certificate revocation list (証明書失効リスト)\n"));
}

#[test]
fn a_response_is_told_with_its_answers() {
    let told = json(RESPONSE, false);
    assert_eq!(told["kind"], "ocsp_response");
    assert_eq!(told["response_status"], "successful");
    assert_eq!(told["responder"][2]["value"], "OCSP Fixture Responder");
    assert_eq!(told["answer_count"], 3);
    let answers = told["answers"].as_array().unwrap();
    let statuses: Vec<_> = answers.iter().map(|answer| &answer["status"]).collect();
    assert_eq!(statuses, ["good", "revoked", "revoked"]);
    assert_eq!(answers[2]["reason"], "certificateHold");
    assert_eq!(told["certificates"][0]["serial_number"], "1004");
    assert_eq!(json(&[0x30, 3, 0x0A, 1, 6], false)["response_status"], "unauthorized");
}

fn pem(label: &str, der: &[u8]) -> String {
    let content = STANDARD.encode(der);
    let lines: Vec<_> =
        content.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn pem_is_told_block_by_block_and_keys_are_passed_over() {
    let blocks = [
        "Some words before.\r\n".to_owned(),
        pem("CERTIFICATE", DELEGATE).replace('\n', "\r\n"),
        pem("PRIVATE KEY", b"secret"),
        pem("X509 CRL", LIST),
    ]
    .concat();
    let told = run(blocks.as_bytes(), Options { json: true, personal: false }).unwrap();
    let kinds: Vec<Value> =
        told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone()).collect();
    assert_eq!(kinds, ["certificate", "revocation_list"]);
    assert_eq!(text(blocks.as_bytes()), format!("{}\n{}", text(DELEGATE), text(LIST)));
}

#[test]
fn pem_that_is_none_is_refused() {
    let right = pem("CERTIFICATE", DELEGATE);
    for wrong in [
        right.replace("END CERTIFICATE", "END X509 CRL"),
        right.replace("-----END CERTIFICATE-----\n", ""),
        right.replacen("MII", "M*I", 1),
        format!("-----BEGIN CERTIFICATE-----\n{right}"),
    ] {
        assert_eq!(run(wrong.as_bytes(), Options::default()), Err(InspectError::Pem), "{wrong}");
    }
    let key = pem("PRIVATE KEY", b"secret");
    assert_eq!(run(key.as_bytes(), Options::default()), Err(InspectError::Unrecognised));
    let many = right.repeat(101);
    assert_eq!(run(many.as_bytes(), Options::default()), Err(InspectError::TooMany));
}

#[test]
fn what_is_none_of_them_is_refused() {
    for other in [&b""[..], b"hello", &[0x30, 0], &[0x30, 3, 2, 1, 0], &[0x30, 2, 0x30, 0]] {
        assert_eq!(run(other, Options::default()), Err(InspectError::Unrecognised));
    }
    // A signature that is no BIT STRING, a type of response that does not exist.
    let signature: &[u8] = &[0x03, 0x82, 0x01, 0x01];
    let basic: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 0x30, 1, 1];
    for (right, what) in [(DELEGATE, signature), (LIST, signature), (RESPONSE, basic)] {
        let at = right.windows(what.len()).rposition(|w| w == what).unwrap();
        let mut wrong = right.to_vec();
        wrong[at] ^= 1;
        let refusal = run(&wrong, Options::default()).unwrap_err();
        assert!(
            matches!(refusal, InspectError::Certificate(_) | InspectError::List | InspectError::Response),
            "{refusal}"
        );
    }
}

#[test]
fn no_changed_byte_makes_it_fail() {
    for right in [SIGNING, LIST, RESPONSE] {
        let mut changed = right.to_vec();
        for at in (0..changed.len()).step_by(3) {
            for wrong in [0x30, 0xFF] {
                changed[at] = wrong;
                let _ = run(&changed, Options { personal: true, json: false });
            }
            changed[at] = right[at];
        }
    }
}

#[test]
fn a_name_cannot_deceive_the_reader() {
    // "OCSP Fixture Responder" with a line feed and a right-to-left override in it.
    let mut certificate = DELEGATE.to_vec();
    let name = b"OCSP Fixture Responder";
    let at = certificate.windows(name.len()).position(|w| w == name).unwrap();
    certificate[at..at + 4].copy_from_slice("\n\u{202E}".as_bytes());
    assert!(text(&certificate).contains("CN=\\u{A}\\u{202E} Fixture Responder"));
}

#[test]
fn the_name_of_a_certificate_is_told_on_one_line_and_that_of_nothing_is_not() {
    let name = subject_text(AUTHORITY).unwrap();
    assert!(name.starts_with("C=JP, O=JPKI") && name.lines().count() == 1, "{name}");
    for nothing in [LIST, RESPONSE, &[], b"-----BEGIN CERTIFICATE-----"] {
        assert_eq!(subject_text(nothing), None);
    }
}
