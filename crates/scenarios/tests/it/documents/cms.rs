//! CMS by `openssl cms` and CAdES by pyHanko.

use std::path::Path;
use std::process::Command;

use super::{Judge, agrees, done, has, pki, position, python, spread, with_bit_changed};

const CONTENT: &[u8] = b"A contract between two people, signed now.\n";

/// `id-data`, without tag and length.
const ID_DATA: &[u8] = b"\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01";

/// Name, signer, whether the content stays outside, further options.
const BY_OPENSSL: [(&str, &str, bool, &str); 10] = [
    ("attached", "signer-rsa", false, "-md sha256 -nodetach"),
    ("detached", "signer-p256", true, "-md sha256"),
    ("sha384", "signer-p384", false, "-md sha384 -nodetach"),
    ("sha512", "signer-rsa", false, "-md sha512 -nodetach"),
    (
        "pss",
        "signer-rsa",
        false,
        "-md sha256 -nodetach -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32",
    ),
    (
        "pss-longest-salt",
        "signer-rsa",
        false,
        "-md sha256 -nodetach -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:max",
    ),
    ("cades", "signer-rsa", false, "-md sha256 -nodetach -cades"),
    ("key-identifier", "signer-p256", false, "-md sha256 -nodetach -keyid"),
    ("without-attributes", "signer-rsa", true, "-md sha256 -noattr"),
    ("stream", "signer-rsa", false, "-md sha256 -nodetach -stream"),
];

fn sign(folder: &Path, name: &str, signer: &str, options: &str) -> Vec<u8> {
    let (content, file) = (folder.join("content"), folder.join(format!("{name}.p7")));
    std::fs::write(&content, CONTENT).unwrap();
    done(
        Command::new("openssl")
            .args(["cms", "-sign", "-binary", "-outform", "DER", "-nosmimecap", "-in"])
            .arg(content)
            .arg("-signer")
            .arg(pki(&format!("{signer}.pem")))
            .arg("-inkey")
            .arg(pki(&format!("{signer}.key")))
            .args(options.split(' '))
            .arg("-out")
            .arg(&file),
    );
    std::fs::read(file).unwrap()
}

/// What `openssl cms` says of a file.
fn openssl_agrees(folder: &Path, file: &[u8], content: Option<&[u8]>) -> bool {
    let path = folder.join("asked.p7");
    std::fs::write(&path, file).unwrap();
    let mut command = Command::new("openssl");
    command.args([
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-purpose",
        "any",
        "-out",
        "/dev/null",
        "-in",
    ]);
    command.arg(&path).arg("-CAfile").arg(pki("chain.pem"));
    if let Some(content) = content {
        std::fs::write(folder.join("beside"), content).unwrap();
        command.arg("-content").arg(folder.join("beside"));
    }
    agrees(&mut command)
}

#[test]
fn messages_of_openssl_pass_and_no_changed_copy_does() {
    if !has("openssl", "version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let judge = Judge::new();
    for (name, signer, is_detached, options) in BY_OPENSSL {
        let file = sign(folder.path(), name, signer, options);
        let content = is_detached.then_some(CONTENT);
        judge.assert_passes(name, &file, content, 1);
        assert!(openssl_agrees(folder.path(), &file, content), "{name}");
        // Before the content stand hints that nobody signed: version and digest algorithms.
        let content_type = (0..file.len()).find(|at| file[*at..].starts_with(ID_DATA)).unwrap();
        for at in spread((content_type..file.len()).collect(), 60) {
            assert!(!judge.passes(&with_bit_changed(&file, at), content), "{name}, octet {at}");
        }
        let last = with_bit_changed(&file, file.len() - 1);
        assert!(!openssl_agrees(folder.path(), &last, content), "{name}");
        if is_detached {
            for at in 0..CONTENT.len() {
                let other = with_bit_changed(CONTENT, at);
                assert!(!judge.passes(&file, Some(&other)), "{name}, octet {at} of the content");
            }
        }
    }
}

#[test]
fn messages_of_a_revoked_signer_do_not_pass_although_their_values_verify() {
    if !has("openssl", "version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = sign(folder.path(), "revoked", "signer-revoked", "-md sha256 -nodetach");
    let judged = Judge::new().judge(&file, None).unwrap();
    let verdict = &judged.signatures[0].verdict;
    assert_eq!(verdict.sub_indication(), Some(musubi_pki::SubIndication::RevokedNoPoe));
    assert_eq!(verdict.check("signature.value").unwrap().outcome(), musubi_pki::Outcome::Passed);
    assert!(openssl_agrees(folder.path(), &file, None), "it asks for no list by itself");
}

#[test]
fn messages_of_pyhanko_pass_and_no_changed_copy_does() {
    let Some(folder) = python("by_pyhanko.py") else { return };
    let judge = Judge::new();
    for name in ["cades-b", "cades-pss", "cades-t"] {
        let file = std::fs::read(folder.path().join(format!("{name}.p7"))).unwrap();
        judge.assert_passes(name, &file, None, 1);
        let content = position(&file, CONTENT);
        for at in content..content + CONTENT.len() {
            assert!(!judge.passes(&with_bit_changed(&file, at), None), "{name}, octet {at}");
        }
        // From the digest of what is signed, or stamped, to the end.
        let digest = position_of_last(&file, b"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x04");
        for at in spread((digest..file.len()).collect(), 20) {
            assert!(!judge.passes(&with_bit_changed(&file, at), None), "{name}, octet {at}");
        }
    }
}

fn position_of_last(file: &[u8], part: &[u8]) -> usize {
    (0..file.len()).rev().find(|at| file[*at..].starts_with(part)).unwrap()
}
