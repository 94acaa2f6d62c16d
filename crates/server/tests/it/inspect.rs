//! `musubi inspect`: certificates, lists, responses, and how documents are signed.

use crate::program::{fixture, musubi};

#[test]
fn certificates_lists_and_responses_are_told() {
    for (name, kind) in [
        ("pki/root.der", "certificate"),
        ("pki/root.pem", "certificate"),
        ("pki/root.crl", "revocation_list"),
        ("pki/signer-rsa.ocsp", "ocsp_response"),
    ] {
        let run = musubi(&["inspect", "--json", &fixture(name)]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        assert_eq!(run.lines()[0]["kind"], kind, "{name}");
        let run = musubi(&["inspect", &fixture(name)]);
        assert!(run.code == 0 && run.out.contains("Musubi Fixtures"), "{name}: {}", run.out);
    }
}

#[test]
fn a_document_is_told_by_its_format_and_its_signatures() {
    for (name, format, content, count) in [
        ("pdf/two.pdf", "pdf", "inside", 2),
        ("pdf/unsigned.pdf", "pdf", "inside", 0),
        ("xml/two-signatures.xml", "xml", "inside", 2),
        ("cms/two-signers.p7", "cms", "inside", 2),
        ("cms/pkcs7.pem", "cms", "inside", 1),
        ("cms/cades-detached.p7", "cms", "elsewhere", 1),
        ("timestamp/sha256.tsr", "timestamp", "elsewhere", 1),
        ("jws/es256.jws", "jws", "inside", 1),
    ] {
        let run = musubi(&["inspect", "--json", &fixture(name)]);
        assert_eq!((run.code, run.out.lines().count()), (0, 1), "{name}: {}", run.err);
        let told = &run.lines()[0];
        assert_eq!(
            (&told["kind"], &told["format"], &told["content"]),
            (&"document".into(), &format.into(), &content.into()),
            "{name}"
        );
        assert_eq!(told["signatures"].as_array().unwrap().len(), count, "{name}");
        let run = musubi(&["inspect", &fixture(name)]);
        assert!(run.out.contains("Nothing is verified here"), "{name}");
    }
    let told = musubi(&["inspect", "--json", &fixture("pdf/two.pdf")]).lines().remove(0);
    assert_eq!(told["signatures"][1]["signer"], "C=JP, O=Musubi Fixtures, CN=signer-p384");
}

#[test]
fn what_is_none_of_these_exits_with_2() {
    for name in ["pki/root.key", "cms/content.txt", "nothing"] {
        let run = musubi(&["inspect", &fixture(name)]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{name}");
        assert!(run.err.starts_with("musubi inspect: "), "{}", run.err);
    }
}
