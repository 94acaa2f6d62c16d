//! Documents that other programs sign with the card by PKCS#11, judged by `musubi verify`.

use std::process::Stdio;

use musubi_kernel::Secret;
use musubi_pki::AuthorityKind;
use musubi_verification::upstream::{HttpUpstream, Upstream as _};

use super::rig::{Inserted, available, module, operator_program, said};
use super::{PASSWORD, RESIDENT, Stage};
use crate::api::fixture::CREDENTIAL;

/// Puts the authorities' certificates and lists beside the document and judges it as a recipient does.
pub(super) async fn verified(
    stage: &Stage,
    card: &Inserted,
    document: &str,
    more: &[&str],
) -> (bool, String) {
    let mut arguments = vec!["verify".to_owned(), document.to_owned()];
    for (number, (kind, certificate)) in stage.fixture.world.trust_anchors().into_iter().enumerate() {
        if kind == AuthorityKind::DigitalSignature {
            card.write(&format!("root-{number}"), &certificate);
            arguments.extend(["--trust".into(), format!("root-{number}")]);
        }
    }
    let authority = format!("http://authority.localhost:{}", stage.fixture.port);
    let upstream = HttpUpstream::new(authority, Secret::new(CREDENTIAL.into()));
    for (number, list) in upstream.revocation_lists().await.unwrap().iter().enumerate() {
        card.write(
            &format!("list-{number}"),
            &crate::api::lists::whole(&upstream, &list.path).await.unwrap(),
        );
        arguments.extend(["--crl".into(), format!("list-{number}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let output = card.run(operator_program(), &arguments).await;
    (output.status.success(), said(&output))
}

/// The holder's signature certificate, which programs read from the card after the password.
async fn certificate(card: &Inserted) {
    let module = module();
    let read = ["--module", &module, "--slot-index", "1", "--login", "--pin", PASSWORD];
    let read = [&read[..], &["--read-object", "--type", "cert", "--id", "02", "--output-file", "signer.der"]];
    card.done("pkcs11-tool", &read.concat()).await;
    card.done("openssl", &["x509", "-inform", "DER", "-in", "signer.der", "-out", "signer.pem"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_signs_a_cms_with_the_card_and_it_passes() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let card = stage.insert(RESIDENT).await;
    certificate(&card).await;
    card.write("contract", "二人の契約。\n".as_bytes());
    // The token is named, since the card has two.
    let key = "pkcs11:token=JPKI%20%28Digital%20Signature%20PIN%29;id=%02;type=private";
    let key = format!("{key};pin-value={PASSWORD}");
    let sign = [
        "cms", "-sign", "-binary", "-md", "sha256", "-outform", "DER", "-engine", "pkcs11", "-keyform",
        "engine",
    ];
    let what = ["-inkey", &key, "-signer", "signer.pem", "-in", "contract", "-out", "contract.p7s"];
    // The key wants the password again right before it signs, and the engine asks the person: at the terminal, and where
    // there is none, at the standard input.
    card.write("again", format!("{PASSWORD}\n").as_bytes());
    let arguments = [&["--wait", "openssl"], &sign[..], &what].concat();
    card.done_with(Stdio::from(std::fs::File::open(card.file("again")).unwrap()), "setsid", &arguments).await;
    let (passed, told) = verified(&stage, &card, "contract.p7s", &["--content", "contract"]).await;
    assert!(passed, "{told}");
    card.write("contract", "三人の契約。\n".as_bytes());
    let (passed, told) = verified(&stage, &card, "contract.p7s", &["--content", "contract"]).await;
    assert!(!passed, "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pyhanko_signs_a_pdf_with_the_card_and_it_passes() {
    if !available() {
        return;
    }
    let python = std::env::var_os("MUSUBI_SIGNERS_PYTHON").expect("scripts/test makes it");
    let stage = Stage::set().await;
    let card = stage.insert(RESIDENT).await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = folder.join("tests/it/middleware/by_pyhanko.py").display().to_string();
    let plain = folder.join("../signature/tests/fixtures/pdf/unsigned.pdf").display().to_string();
    card.done(&python, &["-B", &script, &module(), PASSWORD, &plain, "signed.pdf"]).await;
    let (passed, told) = verified(&stage, &card, "signed.pdf", &[]).await;
    assert!(passed, "{told}");
    let mut changed = card.read("signed.pdf");
    changed[40] ^= 1;
    card.write("changed.pdf", &changed);
    let (passed, told) = verified(&stage, &card, "changed.pdf", &[]).await;
    assert!(!passed, "{told}");
}
