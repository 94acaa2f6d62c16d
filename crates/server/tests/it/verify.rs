//! `musubi verify`: verdicts, exit codes, both languages, JSON, the report, and hostile names.

use std::path::Path;

use crate::program::{bytes, fixture, musubi, run, verify, verify_command};

/// A copy in which the first occurrence of `from` is `to`, of the same length.
fn altered(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut file = bytes(name);
    assert_eq!(from.len(), to.len());
    let at = file.windows(from.len()).position(|window| window == from).unwrap();
    file[at..at + to.len()].copy_from_slice(to);
    file
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

#[test]
fn a_document_whose_signatures_all_pass_exits_with_0_in_every_format() {
    for name in [
        "pdf/pades-b-rsa.pdf",
        "pdf/pades-lta.pdf",
        "pdf/two.pdf",
        "cms/cades-attached.p7",
        "cms/pkcs7.pem",
        "xml/enveloped.xml",
        "xml/xades-lta.xml",
        "jws/es256.jws",
        "jws/jades-b.json",
    ] {
        let run = verify(&[&fixture(name)]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}: {}", run.out);
        assert!(run.out.contains("VALID (TOTAL-PASSED)"), "{name}: {}", run.out);
    }
}

#[test]
fn a_verdict_that_does_not_pass_exits_with_1_and_says_why_and_what_to_do() {
    let run = verify(&[&fixture("pdf/pades-b-revoked.pdf")]);
    assert_eq!(run.code, 1);
    for told in [
        "CANNOT BE DECIDED (INDETERMINATE / REVOKED_NO_POE)",
        "What happened           This electronic certificate has been revoked",
        "What to do              Do not rely on this signature unless a time-stamp proves",
        "Rule not met            revocation.status (RFC 5280 6.3.3",
        "reason=keyCompromise",
    ] {
        assert!(run.out.contains(told), "{told}\n{}", run.out);
    }
    let folder = tempfile::tempdir().unwrap();
    let tampered = altered("xml/enveloped.xml", b">1000<", b">9000<");
    let run = verify(&[&write(folder.path(), "tampered.xml", &tampered)]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.contains("NOT VALID (TOTAL-FAILED / HASH_FAILURE)"), "{}", run.out);
    // Nobody is trusted but the roots of the JPKI.
    let run = musubi(&["verify", "--at", "2026-12-01T00:00:00Z", &fixture("pdf/pades-b-rsa.pdf")]);
    assert_eq!(run.code, 1);
    assert!(
        run.out.contains("NO_CERTIFICATE_CHAIN_FOUND") && run.out.contains("with --trust"),
        "{}",
        run.out
    );
}

#[test]
fn missing_revocation_data_are_named_with_the_option_that_brings_them() {
    let (root, chain) = (fixture("pki/root.der"), fixture("pki/chain.pem"));
    let (at, pdf) = ("2026-12-01T00:00:00Z", fixture("pdf/pades-b-rsa.pdf"));
    let run = musubi(&["verify", "--trust", &root, "--certificates", &chain, "--at", at, &pdf]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("TRY_LATER") && run.out.contains("--crl or its OCSP response"), "{}", run.out);
}

#[test]
fn what_cannot_be_judged_exits_with_2_and_says_what_to_do() {
    for (name, told) in [
        ("pdf/unsigned.pdf", "there is no signature in this document"),
        ("cms/cades-detached.p7", "Give the document that was signed with --content FILE"),
        ("pki/root.der", "use `musubi inspect`"),
        ("cms/content.txt", "unknown format"),
        ("nothing.pdf", "No such file"),
    ] {
        let run = verify(&[&fixture(name)]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{name}");
        assert!(run.err.contains(told), "{name}: {}", run.err);
    }
    // Both languages.
    let run = verify(&["--language", "ja", &fixture("cms/cades-detached.p7")]);
    assert!(run.err.contains("検証できません: 署名された内容がこのファイルにありません"), "{}", run.err);
}

#[test]
fn of_several_files_every_one_is_told_and_the_highest_code_counts() {
    let (good, bad) = (fixture("pdf/pades-b-rsa.pdf"), fixture("pdf/pades-b-revoked.pdf"));
    let unsigned = fixture("pdf/unsigned.pdf");
    let run = verify(&[&bad, &good]);
    assert_eq!(run.code, 1);
    let run = verify(&[&unsigned, &bad, &good]);
    assert_eq!(run.code, 2);
    assert!(run.out.contains("3 files: 1 valid, 0 not valid, 1 cannot be decided, 1 could not be judged"));
    assert!(run.out.find("pades-b-revoked").unwrap() < run.out.find("pades-b-rsa").unwrap());
}

#[test]
fn detached_content_is_given_beside_the_signature() {
    let signature = fixture("cms/cades-detached.p7");
    let run = verify(&["--content", &fixture("cms/content.txt"), &signature]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("the given content"));
    let run = verify(&["--content", &fixture("cms/other.txt"), &signature]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("NOT VALID (TOTAL-FAILED / HASH_FAILURE)"), "{}", run.out);
    assert!(run.out.contains("Do not rely on this document"), "{}", run.out);
    let stamp = fixture("timestamp/sha256.tsr");
    let run = verify(&["--content", &fixture("cms/content.txt"), &stamp]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("Time-stamped by") && run.out.contains("States"), "{}", run.out);
}

#[test]
fn a_raw_value_is_judged_with_its_certificate() {
    let vectors: serde_json::Value = serde_json::from_slice(&bytes("raw/vectors.json")).unwrap();
    let vector = vectors.as_array().unwrap().iter().find(|vector| vector["name"] == "pkcs1 sha256").unwrap();
    let of = |name: &str| hex::decode(vector[name].as_str().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let value = write(folder.path(), "value", &of("signature"));
    let message = write(folder.path(), "message", &of("message"));
    let certificate = fixture("pki/signer-rsa.pem");
    let run = verify(&["--signature", &value, "--certificate", &certificate, &message]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let content = fixture("cms/content.txt");
    let run = verify(&["--signature", &value, "--certificate", &certificate, &content]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.contains("SIG_CRYPTO_FAILURE"), "{}", run.out);
    // The insecure padding needs the policy's word too.
    let run =
        verify(&["--signature", &value, "--certificate", &certificate, "--insecure-bare-digest", &content]);
    assert!(run.out.contains("raw.bare_digest"), "{}", run.out);
    // A file of several certificates is not one.
    let chain = fixture("pki/chain.pem");
    let run = verify(&["--signature", &value, "--certificate", &chain, &content]);
    assert!(run.code == 2 && run.err.contains("not one"), "{}", run.err);
}

#[test]
fn the_language_is_that_of_the_environment_unless_one_is_named() {
    let pdf = fixture("pdf/pades-b-revoked.pdf");
    for (name, value) in [("LC_ALL", "ja_JP.UTF-8"), ("LC_MESSAGES", "ja_JP.UTF-8"), ("LANG", "ja_JP.UTF-8")]
    {
        let mut command = verify_command(&[&pdf]);
        command.env(name, value);
        let run = run(command, b"");
        assert!(run.out.contains("理由") && run.out.contains("日本時間 2026-12-01 09:00"), "{}", run.out);
        assert!(run.out.contains("この電子証明書は失効しています"), "{}", run.out);
    }
    let mut command = verify_command(&["--language", "en", &pdf]);
    command.env("LC_ALL", "ja_JP.UTF-8");
    assert!(run(command, b"").out.contains("What happened"));
}

#[test]
fn json_is_one_line_for_each_signature_and_one_for_what_could_not_be_judged() {
    let (two, unsigned) = (fixture("pdf/two.pdf"), fixture("pdf/unsigned.pdf"));
    let run = verify(&["--json", &two, &unsigned, "nothing.pdf"]);
    assert_eq!((run.code, run.err.as_str()), (2, ""));
    let lines = run.lines();
    assert_eq!(lines.len(), 4);
    for (index, line) in lines[..2].iter().enumerate() {
        assert_eq!(line["file"], two.as_str());
        assert_eq!((&line["signature"], &line["of"]), (&(index + 1).into(), &2.into()));
        assert_eq!((&line["format"], &line["level"]), (&"PAdES".into(), &"B".into()));
        assert_eq!(line["verdict"]["indication"], "TOTAL-PASSED");
        assert_eq!(line["chain_sha256"].as_array().unwrap().len(), 3);
        assert_eq!(line["revocation_sha256"].as_array().unwrap().len(), 2);
        assert_eq!(line["policy"]["id"], "musubi.default");
        assert!(line["verdict"]["checks"].as_array().unwrap().len() > 20);
    }
    assert_eq!(lines[0]["signer"]["subject"], "C=JP, O=Musubi Fixtures, CN=signer-rsa");
    assert_eq!(lines[2]["error"]["code"], "no_signature");
    assert_eq!(lines[3]["error"]["code"], "unreadable");
}

#[test]
fn the_report_is_xml_with_every_signature_and_without_names() {
    let run = verify(&["--report", &fixture("pdf/pades-lta.pdf")]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ValidationReport "));
    assert!(run.out.trim_end().ends_with("</ValidationReport>"));
    assert_eq!(run.out.matches("<SignatureValidationReport>").count(), 2);
    assert_eq!(
        run.out.matches("<SignatureValidationReport>").count(),
        run.out.matches("</SignatureValidationReport>").count()
    );
    assert!(run.out.contains("urn:etsi:019102:mainindication:total-passed"));
    assert!(run.out.contains("<POETime>2026-11-01T09:00:00Z</POETime>"));
    assert!(run.out.contains("urn:etsi:019102:validationObject:CRL"));
    assert!(!run.out.contains("signer-rsa") && !run.out.contains("Musubi Fixtures"));
    let run = verify(&["--report", &fixture("pdf/pades-b-revoked.pdf")]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("<RevocationTime>2026-11-21T14:21:41Z</RevocationTime>"), "{}", run.out);
    assert!(run.out.contains("urn:etsi:019102:revocationReason:keyCompromise"));
    assert_eq!(verify(&["--report", &fixture("pdf/unsigned.pdf")]).code, 2);
}

#[test]
fn anchors_come_from_folders_and_bundles_too() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["root.der", "root.crl", "root.key", "stranger.pem"] {
        write(folder.path(), name, &bytes(&format!("pki/{name}")));
    }
    let bundle = [bytes("pki/stranger.pem"), b"# the root\n".to_vec(), bytes("pki/root.pem")].concat();
    let bundle = write(folder.path(), "bundle.pem", &bundle);
    let pdf = fixture("pdf/pades-b-rsa.pdf");
    let (at, chain) = ("2026-12-01T00:00:00Z", fixture("pki/chain.pem"));
    let lists = fixture("pki");
    for trust in [folder.path().display().to_string(), bundle] {
        let run = musubi(&[
            "verify",
            "--trust",
            &trust,
            "--certificates",
            &chain,
            "--crl",
            &lists,
            "--at",
            at,
            &pdf,
        ]);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    }
}

#[test]
fn a_policy_without_revocation_is_said_aloud() {
    let folder = tempfile::tempdir().unwrap();
    let off = musubi_pki::ValidationPolicy {
        id: "no-revocation".to_owned(),
        revocation: musubi_pki::RevocationMode::Off,
        ..musubi_pki::ValidationPolicy::default()
    };
    let policy = write(folder.path(), "policy.json", &off.canonical_json());
    let run = verify(&["--policy", &policy, &fixture("pdf/pades-b-revoked.pdf")]);
    assert_eq!(run.code, 0, "{}", run.out);
    assert!(run.out.contains("Caution") && run.out.contains("does not look at revocation"), "{}", run.out);
    assert!(run.out.contains("policy no-revocation version 1"));
}

#[test]
fn hostile_names_of_files_neither_steer_the_terminal_nor_deceive() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "a\u{1B}[2J\u{9B}31m\u{202E}fdp.\n[TOTAL-PASSED].pdf";
    let signed = write(folder.path(), hostile, &bytes("pdf/pades-b-rsa.pdf"));
    let unsigned = write(folder.path(), &format!("b{hostile}"), &bytes("pdf/unsigned.pdf"));
    let absent = format!("{signed}.absent");
    for json in [false, true] {
        let mut arguments = vec![signed.as_str(), &unsigned, &absent];
        arguments.extend(json.then_some("--json"));
        let run = verify(&arguments);
        assert_eq!(run.code, 2);
        for line in run.out.lines().chain(run.err.lines()) {
            assert!(!line.chars().any(musubi_kernel::deceives), "{line:?}");
            assert!(!line.starts_with("[TOTAL-PASSED]"), "{line}");
        }
        if json {
            assert_eq!(run.lines()[0]["file"], signed.as_str());
        }
    }
}
