//! Every file of every format: how many signatures, what each is, and what comes of it.

use std::collections::BTreeSet;
use std::path::Path;

use super::support::{Bench, summary};
use crate::cms_message::fixture;

/// File, the content beside it, and of each signature: format, level, what comes of it, passed time-stamps of all.
#[rustfmt::skip]
const EXPECTED: &[(&str, &str, &[&str])] = &[
    ("cms/cades-attached.p7", "", &["CAdES B PASSED"]),
    ("cms/cades-b-pss-salt-100.p7", "", &["CAdES B SIG_CRYPTO_FAILURE"]),
    ("cms/cades-b-pss-salt-222.p7", "", &["CAdES B PASSED"]),
    ("cms/cades-b-pss.p7", "", &["CAdES B PASSED"]),
    ("cms/cades-b-pyhanko.p7", "cms/content.txt", &["CAdES B PASSED"]),
    ("cms/cades-content-time-stamp.p7", "cms/content.txt", &["CAdES T PASSED 2/2"]),
    ("cms/cades-detached.p7", "cms/content.txt", &["CAdES B PASSED"]),
    ("cms/cades-ed25519.p7", "", &["CAdES B PASSED"]),
    ("cms/cades-lt.p7", "", &["CAdES LT PASSED 1/1"]),
    ("cms/cades-lta-renewed.p7", "", &["CAdES LTA PASSED 3/3"]),
    ("cms/cades-lta.p7", "", &["CAdES LTA PASSED 2/2"]),
    ("cms/cades-t.p7", "", &["CAdES T PASSED 1/1"]),
    ("cms/certificates-only.p7", "", &["refused: the document has no signature"]),
    ("cms/keyid.p7", "", &["CMS plain PASSED"]),
    ("cms/noattr-detached.p7", "cms/content.txt", &["CMS plain PASSED"]),
    ("cms/noattr.p7", "", &["CMS plain PASSED"]),
    ("cms/nocerts.p7", "", &["CMS plain NO_SIGNING_CERTIFICATE_FOUND"]),
    ("cms/p256.p7", "", &["CMS plain PASSED"]),
    ("cms/p384.p7", "", &["CMS plain PASSED"]),
    ("cms/pkcs7.pem", "", &["CMS plain PASSED"]),
    ("cms/pss.p7", "", &["CMS plain PASSED"]),
    ("cms/rsa-attached.p7", "", &["CMS plain PASSED"]),
    ("cms/rsa-attached.pem", "", &["CMS plain PASSED"]),
    ("cms/rsa-detached.p7", "cms/content.txt", &["CMS plain PASSED"]),
    ("cms/rsa-sha1.p7", "", &["CMS plain CRYPTO_CONSTRAINTS_FAILURE"]),
    ("cms/rsa-sha384.p7", "", &["CMS plain PASSED"]),
    ("cms/stream.p7", "", &["CMS plain PASSED"]),
    ("cms/two-signers.p7", "", &["CMS plain PASSED", "CMS plain PASSED"]),
    ("jws/detached.json", "jws/detached.txt", &["JWS plain PASSED"]),
    ("jws/detached.jws", "jws/detached.txt", &["JWS plain PASSED"]),
    ("jws/eddsa.json", "", &["JWS plain PASSED"]),
    ("jws/eddsa.jws", "", &["JWS plain PASSED"]),
    ("jws/es256.json", "", &["JWS plain PASSED"]),
    ("jws/es256.jws", "", &["JWS plain PASSED"]),
    ("jws/es384.json", "", &["JWS plain PASSED"]),
    ("jws/es384.jws", "", &["JWS plain PASSED"]),
    ("jws/general.json", "", &["JWS plain PASSED", "JWS plain PASSED", "JWS plain PASSED"]),
    ("jws/jades-b-detached.jws", "jws/detached.txt", &["JAdES B PASSED"]),
    ("jws/jades-b-iat.json", "", &["JAdES B PASSED"]),
    ("jws/jades-b-sigx5ts.json", "", &["JAdES B PASSED"]),
    ("jws/jades-b-x5t-o.json", "", &["JAdES B PASSED"]),
    ("jws/jades-b.json", "", &["JAdES B PASSED"]),
    ("jws/jades-b.jws", "", &["JAdES B PASSED"]),
    ("jws/jades-content-timestamp.json", "", &["JAdES B PASSED 1/1"]),
    ("jws/jades-lt.json", "", &["JAdES LT PASSED 1/1"]),
    ("jws/jades-lta-clear.json", "", &["JAdES LTA SIG_CONSTRAINTS_FAILURE 1/2"]),
    ("jws/jades-lta-detached.json", "jws/detached.txt", &["JAdES LTA PASSED 2/2"]),
    ("jws/jades-lta-twice.json", "", &["JAdES LTA PASSED 3/3"]),
    ("jws/jades-lta.json", "", &["JAdES LTA PASSED 2/2"]),
    ("jws/jades-t-clear.json", "", &["JAdES T PASSED 1/1"]),
    ("jws/jades-t.json", "", &["JAdES T PASSED 1/1"]),
    ("jws/ps256.json", "", &["JWS plain PASSED"]),
    ("jws/ps256.jws", "", &["JWS plain PASSED"]),
    ("jws/ps384.json", "", &["JWS plain PASSED"]),
    ("jws/ps384.jws", "", &["JWS plain PASSED"]),
    ("jws/ps512.json", "", &["JWS plain PASSED"]),
    ("jws/ps512.jws", "", &["JWS plain PASSED"]),
    ("jws/rs256.json", "", &["JWS plain PASSED"]),
    ("jws/rs256.jws", "", &["JWS plain PASSED"]),
    ("jws/rs384.json", "", &["JWS plain PASSED"]),
    ("jws/rs384.jws", "", &["JWS plain PASSED"]),
    ("jws/rs512.json", "", &["JWS plain PASSED"]),
    ("jws/rs512.jws", "", &["JWS plain PASSED"]),
    ("jws/sigd-hash-unencoded.jws", "jws/detached.txt", &["JWS plain PASSED"]),
    ("jws/sigd-hash.json", "jws/detached.txt", &["JAdES B PASSED"]),
    ("jws/sigd-http.json", "jws/detached.txt", &["JAdES B SIG_CRYPTO_FAILURE"]),
    ("jws/sigd-uri.json", "jws/detached.txt", &["JAdES B PASSED"]),
    ("jws/unencoded-detached.jws", "jws/detached.txt", &["JWS plain PASSED"]),
    ("jws/unencoded.json", "", &["JWS plain PASSED"]),
    ("jws/unencoded.jws", "", &["JWS plain PASSED"]),
    ("jws/unprotected-x5c.json", "", &["JWS plain PASSED"]),
    ("pdf/certified-1-lta.pdf", "", &["PAdES LTA PASSED 2/2", "PDF document time-stamp B PASSED"]),
    ("pdf/certified-1.pdf", "", &["PAdES B PASSED"]),
    ("pdf/certified-2-approved.pdf", "", &["PAdES B PASSED", "PAdES B PASSED"]),
    ("pdf/certified-2-filled.pdf", "", &["PAdES B PASSED"]),
    ("pdf/certified-2.pdf", "", &["PAdES B PASSED"]),
    ("pdf/certified-3-approved.pdf", "", &["PAdES B PASSED", "PAdES B PASSED"]),
    ("pdf/certified-3-filled.pdf", "", &["PAdES B PASSED"]),
    ("pdf/certified-3.pdf", "", &["PAdES B PASSED"]),
    ("pdf/form-filled-after.pdf", "", &["PAdES B SIG_CONSTRAINTS_FAILURE"]),
    ("pdf/form-signed.pdf", "", &["PAdES B PASSED"]),
    ("pdf/locked-broken.pdf", "", &["PAdES B SIG_CONSTRAINTS_FAILURE"]),
    ("pdf/locked-filled.pdf", "", &["PAdES B PASSED"]),
    ("pdf/locked.pdf", "", &["PAdES B PASSED"]),
    ("pdf/pades-b-ed25519.pdf", "", &["PAdES B PASSED"]),
    ("pdf/pades-b-p256.pdf", "", &["PAdES B PASSED"]),
    ("pdf/pades-b-p384.pdf", "", &["PAdES B PASSED"]),
    ("pdf/pades-b-revoked.pdf", "", &["PAdES B REVOKED_NO_POE"]),
    ("pdf/pades-b-rsa.pdf", "", &["PAdES B PASSED"]),
    ("pdf/pades-lt.pdf", "", &["PAdES LT PASSED 1/1"]),
    ("pdf/pades-lta.pdf", "", &["PAdES LTA PASSED 2/2", "PDF document time-stamp B PASSED"]),
    ("pdf/pades-t.pdf", "", &["PAdES T PASSED 1/1"]),
    ("pdf/pkcs7-rsa.pdf", "", &["PDF signature B PASSED"]),
    ("pdf/shadow-shared.pdf", "", &["PAdES B PASSED"]),
    ("pdf/streams-lta.pdf", "", &["PAdES LTA PASSED 2/2", "PDF document time-stamp B PASSED"]),
    ("pdf/streams-two.pdf", "", &["PAdES B PASSED", "PAdES B PASSED"]),
    ("pdf/streams-unsigned.pdf", "", &["refused: the document has no signature"]),
    ("pdf/streams.pdf", "", &["PAdES B PASSED"]),
    ("pdf/two-fields.pdf", "", &["PAdES B PASSED", "PAdES B PASSED"]),
    ("pdf/two.pdf", "", &["PAdES B PASSED", "PAdES B PASSED"]),
    ("pdf/unsigned.pdf", "", &["refused: the document has no signature"]),
    ("pdf/visible.pdf", "", &["PAdES B PASSED"]),
    ("timestamp/ess-sha1.tsr", "cms/content.txt", &["RFC 3161 time-stamp B PASSED"]),
    ("timestamp/refused.tsr", "", &["refused: malformed: ContentInfo without a type"]),
    ("timestamp/sha1.tsr", "cms/content.txt", &["RFC 3161 time-stamp B CRYPTO_CONSTRAINTS_FAILURE"]),
    ("timestamp/sha256.token", "cms/content.txt", &["RFC 3161 time-stamp B PASSED"]),
    ("timestamp/sha256.tsr", "cms/content.txt", &["RFC 3161 time-stamp B PASSED"]),
    ("timestamp/sha512.tsr", "cms/content.txt", &["RFC 3161 time-stamp B PASSED"]),
    ("timestamp/without-certificates.tsr", "cms/content.txt", &["RFC 3161 time-stamp B NO_SIGNING_CERTIFICATE_FOUND"]),
    ("xml/assertion.xml", "", &["XML signature plain PASSED"]),
    ("xml/detached-canonical.xml", "xml/enveloped.xml", &["XML signature plain PASSED"]),
    ("xml/detached.xml", "xml/content.txt", &["XML signature plain PASSED"]),
    ("xml/enveloped-c14n11.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloped-exclusive-with-comments.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloped-exclusive.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloped-p256.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloped-p384.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloped-sha1.xml", "", &["XML signature plain CRYPTO_CONSTRAINTS_FAILURE"]),
    ("xml/enveloped-sha384.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloped-sha512.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloped-with-comments.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloped.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloping-base64.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloping-one-of-two.xml", "", &["XML signature plain PASSED"]),
    ("xml/enveloping.xml", "", &["XML signature plain PASSED"]),
    ("xml/hmac.xml", "", &["XML signature plain NO_SIGNING_CERTIFICATE_FOUND"]),
    ("xml/manifest.xml", "", &["XML signature plain PASSED"]),
    ("xml/part-c14n11.xml", "", &["XML signature plain PASSED"]),
    ("xml/part-exclusive.xml", "", &["XML signature plain PASSED"]),
    ("xml/part-inclusive.xml", "", &["XML signature plain PASSED"]),
    ("xml/root-by-id.xml", "", &["XML signature plain PASSED"]),
    ("xml/signxml-ecdsa.xml", "", &["XML signature plain PASSED"]),
    ("xml/signxml-enveloped.xml", "", &["XML signature plain PASSED"]),
    ("xml/signxml-enveloping.xml", "", &["XML signature plain PASSED"]),
    ("xml/signxml-exclusive.xml", "", &["XML signature plain PASSED"]),
    ("xml/signxml-language-not-inherited.xml", "", &["XAdES plain HASH_FAILURE"]),
    ("xml/signxml-pss-256.xml", "", &["XML signature plain PASSED"]),
    ("xml/signxml-pss-384.xml", "", &["XML signature plain PASSED"]),
    ("xml/signxml-pss-512.xml", "", &["XML signature plain PASSED"]),
    ("xml/signxml-xades-enveloping.xml", "", &["XAdES B PASSED"]),
    ("xml/signxml-xades-policy.xml", "", &["XAdES B PASSED"]),
    ("xml/signxml-xades.xml", "", &["XAdES B PASSED"]),
    ("xml/two-references.xml", "", &["XML signature plain PASSED"]),
    ("xml/two-signatures.xml", "", &["XML signature plain PASSED", "XML signature plain REVOKED_NO_POE"]),
    ("xml/xades-b.xml", "", &["XAdES B PASSED"]),
    ("xml/xades-certificate-absent.xml", "", &["XAdES plain NO_SIGNING_CERTIFICATE_FOUND"]),
    ("xml/xades-content-timestamps.xml", "", &["XAdES B PASSED 2/2"]),
    ("xml/xades-ed25519.xml", "", &["XAdES B PASSED"]),
    ("xml/xades-lt.xml", "", &["XAdES LT PASSED 1/1"]),
    ("xml/xades-lta-twice.xml", "", &["XAdES LTA PASSED 3/3"]),
    ("xml/xades-lta.xml", "", &["XAdES LTA PASSED 2/2"]),
    ("xml/xades-no-certificate.xml", "", &["XAdES plain FORMAT_FAILURE"]),
    ("xml/xades-odd-timestamps.xml", "", &["XAdES T SIG_CONSTRAINTS_FAILURE 1/4"]),
    ("xml/xades-other-serial-v1.xml", "", &["XAdES plain NO_SIGNING_CERTIFICATE_FOUND"]),
    ("xml/xades-other-serial-v2.xml", "", &["XAdES plain NO_SIGNING_CERTIFICATE_FOUND"]),
    ("xml/xades-other-target.xml", "", &["XAdES plain FORMAT_FAILURE"]),
    ("xml/xades-policy-implied.xml", "", &["XAdES B PASSED"]),
    ("xml/xades-second-certificate.xml", "", &["XAdES B SIG_CRYPTO_FAILURE"]),
    ("xml/xades-t-c14n11.xml", "", &["XAdES T PASSED 1/1"]),
    ("xml/xades-t.xml", "", &["XAdES T PASSED 1/1"]),
    ("xml/xades-two-certificates.xml", "", &["XAdES plain NO_SIGNING_CERTIFICATE_FOUND"]),
    ("xml/xades-untyped-reference.xml", "", &["XAdES plain FORMAT_FAILURE"]),
    ("xml/xades-v1-and-v2.xml", "", &["XAdES B PASSED"]),
    ("xml/xades-v1.xml", "", &["XAdES B PASSED"]),
    ("xml/xpath.xml", "", &["XML signature plain CRYPTO_CONSTRAINTS_FAILURE"]),
    ("xml/xslt.xml", "", &["XML signature plain CRYPTO_CONSTRAINTS_FAILURE"]),
];

/// No documents: contents of detached signatures, scripts, vectors of another test.
const OTHERS: [&str; 4] = [".txt", ".py", ".sh", "c14n.json"];

#[test]
fn every_fixture_comes_out_as_it_should() {
    let bench = Bench::new();
    for (file, beside, expected) in EXPECTED {
        let content = (!beside.is_empty()).then(|| fixture(beside));
        let found = match bench.judge(&fixture(file), content.as_deref()) {
            Ok(judged) => judged
                .signatures
                .iter()
                .map(|one| format!("{} {} {}", one.format, one.level.as_str(), summary(one)))
                .collect(),
            Err(refusal) => vec![format!("refused: {refusal}")],
        };
        assert_eq!(&found, expected, "{file}");
    }
}

#[test]
fn no_fixture_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut there = BTreeSet::new();
    for format in ["cms", "jws", "pdf", "timestamp", "xml"] {
        for entry in std::fs::read_dir(folder.join(format)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !OTHERS.iter().any(|end| name.ends_with(end)) {
                there.insert(format!("{format}/{name}"));
            }
        }
    }
    let listed: BTreeSet<String> = EXPECTED.iter().map(|(file, ..)| (*file).to_owned()).collect();
    assert_eq!(there, listed);
}
