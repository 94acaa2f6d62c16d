//! OpenSC's own tools see a JPKI card and use it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_verification::entitlement_check::to_be_signed;

use super::rig::{Inserted, available, module, said};
use super::{PASSWORD, PIN, RESIDENT, Stage};
use crate::api::flows::{PASSED, Signed};

/// Signs the file `message` by PKCS#11 and fetches the certificate beside the key.
async fn sign_by_pkcs11(card: &Inserted, message: &[u8], id: &str, slot: &str, pin: &str) -> Signed {
    card.write("message", message);
    let (module, login) = (module(), ["--slot-index", slot, "--login", "--pin", pin]);
    let run = async |rest: &[&str]| {
        card.done("pkcs11-tool", &[&["--module", &module], &login[..], rest].concat()).await
    };
    run(&[
        "--sign",
        "--mechanism",
        "SHA256-RSA-PKCS",
        "--id",
        id,
        "--input-file",
        "message",
        "--output-file",
        "signature",
    ])
    .await;
    run(&["--read-object", "--type", "cert", "--id", id, "--output-file", "certificate"]).await;
    Signed {
        certificate: STANDARD.encode(card.read("certificate")),
        signature: STANDARD.encode(card.read("signature")),
    }
}

/// How often a word begins a line of what a program printed.
fn count(printed: &str, beginning: &str) -> usize {
    printed.lines().filter(|line| line.starts_with(beginning)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opensc_knows_the_card_and_lists_everything_on_it() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let card = stage.insert(RESIDENT).await;
    assert_eq!(card.run("opensc-tool", &["-n"]).await.stdout, b"jpki\n");
    let listed = card.done("pkcs15-tool", &["-D"]).await;
    for (kind, expected) in
        [("PIN [", 2), ("Private RSA Key [", 2), ("Public RSA Key [", 2), ("X.509 Certificate [", 4)]
    {
        assert_eq!(count(&listed, kind), expected, "{kind}: {listed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pkcs11_program_signs_in_with_the_authentication_key() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let fixture = &stage.fixture;
    fixture.link(&fixture.bank, "C-1", RESIDENT, &[]).await;
    let card = stage.insert(RESIDENT).await;
    let check = fixture.start_check(&fixture.bank).await;
    let text = to_be_signed(fixture.bank.origin, fixture.bank.id.as_str(), "sign_in", &check.nonce);
    let signed = sign_by_pkcs11(&card, text.as_bytes(), "01", "0", PIN).await;
    let answer =
        fixture.complete_check(&fixture.bank, &check, &signed, fixture.bank.origin).await.expect(200);
    assert_eq!((answer.verdict(), answer.str("customer_id")), (PASSED, "C-1"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pkcs11_program_signs_an_application_with_the_signature_key() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let fixture = &stage.fixture;
    let card = stage.insert(RESIDENT).await;
    let application = fixture.application(RESIDENT, &[]).await;
    let proofing = fixture.start_proofing(&fixture.bank, "C-1", application).await;
    let signed = sign_by_pkcs11(&card, proofing.document.as_bytes(), "02", "1", PASSWORD).await;
    let answer = fixture.complete_proofing(&fixture.bank, &proofing, &proofing.application, &signed).await;
    assert_eq!(answer.expect(200).verdict(), PASSED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_pin_costs_one_try_and_opensc_says_so() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let card = stage.insert(RESIDENT).await;
    let tries = async || {
        let listed = card.done("pkcs15-tool", &["--list-pins"]).await;
        let left = listed.lines().filter_map(|line| line.trim().strip_prefix("Tries left"));
        left.map(|rest| rest.trim_matches([' ', ':', '\t']).parse().unwrap()).collect::<Vec<u8>>()
    };
    assert_eq!(tries().await, [3, 5]);
    let wrong = async |id: &str, pin: &str| {
        said(&card.run("pkcs15-tool", &["--verify-pin", "--auth-id", id, "--pin", pin]).await)
    };
    let told = wrong("01", "0000").await;
    assert!(told.contains("incorrect"), "{told}");
    assert_eq!(tries().await, [2, 5]);
    assert!(wrong("02", "WRONG123").await.contains("incorrect"));
    assert_eq!(tries().await, [2, 4]);
    // The right one sets the counter back.
    card.done("pkcs15-tool", &["--verify-pin", "--auth-id", "01", "--pin", PIN]).await;
    assert_eq!(tries().await, [3, 4]);
    // Three mistakes block it, and the right one is no help then.
    for _ in 0..3 {
        wrong("01", "0000").await;
    }
    assert_eq!(tries().await, [0, 4]);
    // OpenSC's words for 6984.
    let told = wrong("01", PIN).await;
    assert!(told.contains("Reference data not usable"), "{told}");
    // It is the same card that the demo's window and the town hall know.
    let resident = stage.fixture.resident(RESIDENT).await;
    assert_eq!((resident.card.pin_tries, resident.card.password_tries), (0, 4));
    stage.fixture.world.unblock(&resident.id).await.unwrap();
    assert_eq!(tries().await, [3, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_is_taken_away_is_gone_for_opensc() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let mut card = stage.insert(RESIDENT).await;
    card.done("opensc-tool", &["-n"]).await;
    card.remove().await;
    let gone = card.run("opensc-tool", &["-n"]).await;
    assert!(!gone.status.success(), "{}", said(&gone));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opensc_follows_a_card_that_hands_its_answers_out_by_get_response() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let card = Inserted::insert(&stage.site.origin, RESIDENT, &["--get-response"]).await;
    let listed = card.done("pkcs15-tool", &["-D"]).await;
    assert_eq!(count(&listed, "X.509 Certificate ["), 4, "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_s_card_has_no_signature_certificate() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let child = stage.fixture.world.residents().await.unwrap().into_iter();
    let child = child.filter(|resident| resident.card.authentication.is_some());
    let child = child.into_iter().find(|resident| resident.card.signature.is_none()).expect("a child");
    let card = stage.insert(child.id.as_str()).await;
    let module = module();
    let read =
        ["--module", &module, "--read-object", "--type", "cert", "--output-file", "certificate", "--id"];
    card.done("pkcs11-tool", &[&read[..], &["01"]].concat()).await;
    assert!(!card.run("pkcs11-tool", &[&read[..], &["02"]].concat()).await.status.success());
}
