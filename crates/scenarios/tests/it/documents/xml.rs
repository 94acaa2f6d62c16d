//! XML signatures by `xmlsec1` and signxml.

use std::path::Path;
use std::process::Command;

use musubi_pki::SubIndication;

use super::{Judge, agrees, done, has, pki, python, spread, with_bit_changed};

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";
const ENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// An application with a signature to be filled in.
fn template(method: &str, digest: &str, c14n: &str, uri: &str, transforms: &[&str]) -> String {
    let transforms: String =
        transforms.iter().map(|one| format!("<ds:Transform Algorithm=\"{one}\"/>")).collect();
    format!(
        "<Application xmlns=\"urn:example:application\" Id=\"all\"><Name kind=\"a\">番号 花子</Name>\
         <Part Id=\"part\"><Amount>1000</Amount></Part><ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"{c14n}\"/><ds:SignatureMethod Algorithm=\"{MORE}{method}\"/>\
         <ds:Reference URI=\"{uri}\"><ds:Transforms>{transforms}</ds:Transforms><ds:DigestMethod Algorithm=\"{digest}\"/>\
         <ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo>\
         </ds:Signature></Application>"
    )
}

fn xmlsec(arguments: &[&str], keys: &str, file: &Path) -> Command {
    let mut command = Command::new("xmlsec1");
    command.args(arguments).arg(keys);
    for element in ["Application", "Part"] {
        command.args(["--id-attr:Id", &format!("urn:example:application:{element}")]);
    }
    command.arg(file);
    command
}

/// What the signature is over: all before it and behind it, and from SignedInfo to the end of its value.
fn signed(file: &[u8], from: &[u8]) -> Vec<usize> {
    let find =
        |part: &[u8], from: usize| (from..file.len()).find(|at| file[*at..].starts_with(part)).unwrap();
    let start = find(b"SignedInfo", 0);
    let content = find(from, 0);
    let element = file[..start]
        .iter()
        .rposition(|byte| *byte == b' ')
        .map_or(start, |at| file[..at].iter().rposition(|byte| *byte == b'<').unwrap());
    let value = find(b"SignatureValue>", find(b"SignatureValue>", start) + 1);
    (content..element).chain(start..value).collect()
}

fn no_changed_copy_passes(judge: &Judge, name: &str, file: &[u8], from: &[u8]) {
    for at in spread(signed(file, from), 80) {
        let changed = with_bit_changed(file, at);
        assert!(
            !judge.passes(&changed, None),
            "{name}, octet {at}: {}",
            String::from_utf8_lossy(&changed[at.saturating_sub(20)..(at + 20).min(changed.len())])
        );
    }
}

#[test]
fn documents_of_xmlsec_pass_and_no_changed_copy_does() {
    if !has("xmlsec1", "--version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let judge = Judge::new();
    let enveloped = format!("{DS}enveloped-signature");
    let sha = |bits: &str| if bits == "384" { format!("{MORE}sha384") } else { format!("{ENC}sha{bits}") };
    let cases = [
        ("enveloped", "signer-rsa", template("rsa-sha256", &sha("256"), C14N, "", &[&enveloped])),
        ("sha512", "signer-rsa", template("rsa-sha512", &sha("512"), C14N, "", &[&enveloped])),
        (
            "p256",
            "signer-p256",
            template("ecdsa-sha256", &sha("256"), EXCLUSIVE, "", &[&enveloped, EXCLUSIVE]),
        ),
        ("p384", "signer-p384", template("ecdsa-sha384", &sha("384"), C14N, "", &[&enveloped])),
        (
            "by-id",
            "signer-rsa",
            template("rsa-sha256", &sha("256"), EXCLUSIVE, "#all", &[&enveloped, EXCLUSIVE]),
        ),
        ("part", "signer-rsa", template("rsa-sha256", &sha("256"), EXCLUSIVE, "#part", &[EXCLUSIVE])),
    ];
    for (name, signer, template) in cases {
        let (unsigned, path) = (folder.path().join("unsigned.xml"), folder.path().join("signed.xml"));
        std::fs::write(&unsigned, template).unwrap();
        let keys =
            ["key", "pem"].map(|kind| pki(&format!("{signer}.{kind}")).display().to_string()).join(",");
        let out = path.display().to_string();
        done(&mut xmlsec(&["--sign", "--output", &out, "--privkey-pem"], &keys, &unsigned));
        let file = std::fs::read(&path).unwrap();
        judge.assert_passes(name, &file, None, 1);
        let from: &[u8] = if name == "part" { b"<Part" } else { b"<Application" };
        no_changed_copy_passes(&judge, name, &file, from);
        // The tool itself agrees, and refuses a copy with another amount.
        let root = pki("root.pem").display().to_string();
        let intermediate = pki("intermediate.pem").display().to_string();
        let verify = ["--verify", "--untrusted-pem", &intermediate, "--trusted-pem"];
        assert!(agrees(&mut xmlsec(&verify, &root, &path)), "{name}");
        let text = String::from_utf8(file).unwrap().replace("1000", "9000");
        std::fs::write(&path, &text).unwrap();
        assert!(!agrees(&mut xmlsec(&verify, &root, &path)), "{name}");
        assert!(!judge.passes(text.as_bytes(), None), "{name}");
    }
}

#[test]
fn documents_of_signxml_pass_and_no_changed_copy_does() {
    let Some(folder) = python("by_signxml.py") else { return };
    let read = |name: &str| std::fs::read(folder.path().join(format!("{name}.xml"))).unwrap();
    let judge = Judge::new();
    for name in ["enveloped", "exclusive", "pss", "p256", "xades"] {
        let file = read(name);
        judge.assert_passes(name, &file, None, 1);
        no_changed_copy_passes(&judge, name, &file, b"<Application");
        let text = String::from_utf8(file).unwrap().replace("1000", "9000");
        assert!(!judge.passes(text.as_bytes(), None), "{name}");
    }
    let judged = judge.judge(&read("revoked"), None).unwrap();
    let why = judged.signatures[0].verdict.sub_indication();
    assert_eq!(why, Some(SubIndication::RevokedNoPoe));
}
