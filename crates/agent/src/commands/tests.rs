//! The commands before a person and a virtual card.

use std::path::Path;
use std::process::Command as Process;

use clap::Parser;
use musubi_card::virtual_card::Profile;
use musubi_card::{CertificateKind, PinReference};
use musubi_kernel::UnixTime;
use musubi_pki::Outcome;
use musubi_signature::{Level, Signer};

use super::testing::{AUTHENTICATION, AUTHORITY, PASSWORD, PIN, card, signature_certificate, with};
use super::{pin, read, sign};
use crate::messages::Condition;

/// 2026-11-21, within the validity of the test card's certificates.
const NOW: UnixTime = UnixTime(1_795_219_200);

#[derive(Parser)]
enum Arguments {
    Read(read::Arguments),
    Sign(sign::Arguments),
    Pin(pin::Arguments),
}

fn read_arguments(arguments: &[&str]) -> read::Arguments {
    match Arguments::parse_from([&["", "read"], arguments].concat()) {
        Arguments::Read(arguments) => arguments,
        _ => unreachable!(),
    }
}

fn sign_arguments(file: &Path, arguments: &[&str]) -> sign::Arguments {
    match Arguments::parse_from([&["", "sign", file.to_str().unwrap()], arguments].concat()) {
        Arguments::Sign(arguments) => arguments,
        _ => unreachable!(),
    }
}

fn pin_arguments(arguments: &[&str]) -> pin::Arguments {
    match Arguments::parse_from([&["", "pin"], arguments].concat()) {
        Arguments::Pin(arguments) => arguments,
        _ => unreachable!(),
    }
}

#[test]
fn a_card_is_described_without_any_pin() {
    let mut card = card(Profile::Plastic, true);
    let done = with(&[], false, |terminal| read::run(&mut card, &read_arguments(&[]), NOW, terminal));
    assert_eq!(done.result, Ok(()));
    for line in [
        "Kind of card: My Number Card (JPKIAPICCTOKEN2)",
        "User-authentication certificate: there",
        "Digital-signature certificate: there",
        "Tries left for the PIN of the user-authentication certificate: 3",
        "Tries left for the password of the digital-signature certificate: 5",
        "For: authentication of its holder (it names nobody)",
        "This is a test certificate.",
    ] {
        assert!(done.out.lines().any(|said| said == line), "{line}\n{}", done.out);
    }
    assert_eq!((done.prompts.as_slice(), done.err.as_str()), ([].as_slice(), ""));
}

#[test]
fn a_phone_s_certificate_is_read_after_its_pin_and_its_description_needs_none() {
    let mut phone = card(Profile::AndroidToken, true);
    let done = with(&[], false, |terminal| read::run(&mut phone, &read_arguments(&[]), NOW, terminal));
    assert_eq!(done.result, Ok(()));
    assert!(done.out.contains("phone (Android)") && !done.out.contains("Valid"), "{}", done.out);
    let asked = read_arguments(&["--certificate", "auth"]);
    let done = with(&[PIN], false, |terminal| read::run(&mut phone, &asked, NOW, terminal));
    assert_eq!((done.result, done.prompts.len()), (Ok(()), 1));
}

#[test]
fn a_certificate_is_saved_as_it_is_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.der");
    for (which, expected) in [("auth", AUTHENTICATION), ("auth-ca", AUTHORITY)] {
        let arguments = read_arguments(&["--certificate", which, "--out", file.to_str().unwrap()]);
        let mut card = card(Profile::Plastic, true);
        let save = || with(&[], false, |terminal| read::run(&mut card, &arguments, NOW, terminal));
        let mut save = save;
        assert_eq!(save().result, Ok(()));
        assert_eq!(std::fs::read(&file).unwrap(), expected);
        assert!(matches!(save().result, Err(Condition::FileUnwritable(..))));
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_certificate_that_ends_soon_or_has_ended_is_said_with_what_to_do() {
    let end = musubi_pki::UnverifiedCertificate::parse(AUTHENTICATION).unwrap().not_after();
    for (at, expected) in [
        (end.plus(-80 * 86_400), "Your municipality's office renews it from now on."),
        (end.plus(1), "Renew it at your municipality's office."),
    ] {
        let mut card = card(Profile::Plastic, true);
        let done = with(&[], false, |terminal| read::run(&mut card, &read_arguments(&[]), at, terminal));
        assert_eq!(done.result, Ok(()));
        assert!(done.err.contains(expected), "{}", done.err);
    }
}

#[test]
fn a_signed_file_is_cades_b_b_for_our_verifier_and_for_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contract.txt");
    std::fs::write(&file, "契約書\n").unwrap();
    let mut card = card(Profile::Plastic, true);
    // Small letters are what people type; the card knows capitals only.
    let done =
        with(&["abc123"], false, |terminal| sign::run(&mut card, &sign_arguments(&file, &[]), NOW, terminal));
    assert_eq!(done.result, Ok(()), "{}", done.err);
    let shown = done.out.find("SHA-256").unwrap();
    assert!(shown < done.out.find("Signer: 黒桐　幹也").unwrap(), "{}", done.out);

    let signature = folder.path().join("contract.txt.p7s");
    let message = std::fs::read(&signature).unwrap();
    let found = musubi_signature::cms::find(&message, Some("契約書\n".as_bytes())).unwrap();
    let [found] = found.as_slice() else { panic!("one signature") };
    assert_eq!(found.level, Level::B);
    let broken: Vec<_> = found.rules.iter().filter(|rule| rule.result.outcome() != Outcome::Passed).collect();
    assert!(broken.is_empty(), "{broken:?}");
    assert!(matches!(&found.signer, Signer::Certificate(der) if **der == signature_certificate()[..]));

    let (signature, file) = (signature.to_str().unwrap(), file.to_str().unwrap());
    let verified = |content: &str| {
        let arguments = ["cms", "-verify", "-binary", "-noverify", "-inform", "DER", "-in"];
        let more = [signature, "-content", content, "-out", "/dev/null"];
        let output =
            Process::new("openssl").args(arguments).args(more).output().expect("openssl is installed");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(verified(file).0, "{}", verified(file).1);
    std::fs::write(file, "契約書。\n").unwrap();
    assert!(!verified(file).0);
}

#[test]
fn nothing_is_signed_with_an_expired_certificate_a_wrong_password_or_over_an_old_signature() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contract.txt");
    std::fs::write(&file, "契約書\n").unwrap();
    let run = |entry, at| {
        let mut card = card(Profile::Plastic, true);
        with(&[entry], false, |terminal| sign::run(&mut card, &sign_arguments(&file, &[]), at, terminal))
    };
    let end = musubi_pki::UnverifiedCertificate::parse(&signature_certificate()).unwrap().not_after();
    assert!(matches!(run(PASSWORD, end.plus(1)).result, Err(Condition::Expired(_))));
    let wrong = Condition::PinWrong(PinReference::Signature, 4);
    assert_eq!(run("WRONG99", NOW).result, Err(wrong));
    assert_eq!(run("12345", NOW).result, Err(Condition::PinForm(PinReference::Signature)));
    let signature = folder.path().join("contract.txt.p7s");
    assert!(!signature.exists());
    std::fs::write(&signature, "old").unwrap();
    let refused = run(PASSWORD, NOW);
    assert!(matches!(refused.result, Err(Condition::FileUnwritable(..))));
    assert!(refused.prompts.is_empty(), "no password is asked for in vain");
    assert_eq!(std::fs::read(&signature).unwrap(), b"old");
}

#[test]
fn a_card_without_signature_certificate_is_not_asked_for_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contract.txt");
    std::fs::write(&file, "契約書\n").unwrap();
    let mut child = card(Profile::Plastic, false);
    let done = with(&[PASSWORD], false, |terminal| {
        sign::run(&mut child, &sign_arguments(&file, &["--raw"]), NOW, terminal)
    });
    assert_eq!(done.result, Err(Condition::CertificateAbsent(CertificateKind::DigitalSignature)));
    assert!(done.prompts.is_empty());
}

#[test]
fn the_last_try_is_spent_only_on_a_yes_or_the_option_that_says_so() {
    let wrong = |card: &mut _, entry, says_yes, options: &[&str]| {
        let arguments = [&["change", "authentication"], options].concat();
        with(&[entry, "4321", "4321"], says_yes, |terminal| {
            pin::run(card, &pin_arguments(&arguments), terminal)
        })
    };
    let reference = PinReference::Authentication;
    let mut one = card(Profile::Plastic, true);
    assert_eq!(wrong(&mut one, "9999", false, &[]).result, Err(Condition::PinWrong(reference, 2)));
    assert_eq!(wrong(&mut one, "9999", false, &[]).result, Err(Condition::PinWrong(reference, 1)));
    let kept = wrong(&mut one, "9999", false, &[]);
    assert_eq!(kept.result, Err(Condition::LastTry(reference)));
    assert_eq!(kept.prompts, ["One try is left; a mistake blocks it. Go on? [y/N]"]);
    assert_eq!(one.tries_left(reference), Ok(1));
    // The right one, on a yes: all tries are back.
    assert_eq!(wrong(&mut one, PIN, true, &[]).result, Ok(()));
    assert_eq!(one.tries_left(reference), Ok(3));
    for _ in 0..2 {
        assert!(wrong(&mut one, "9999", false, &[]).result.is_err());
    }
    let spent = wrong(&mut one, "9999", false, &["--spend-last-try"]);
    assert_eq!(spent.result, Err(Condition::PinBlocked(reference)));
    let status = with(&[], false, |terminal| pin::run(&mut one, &pin_arguments(&["status"]), terminal));
    assert!(status.out.starts_with("Blocked: the PIN of the user-authentication certificate\n"));
    assert!(status.out.contains("digital-signature certificate: 5"), "{}", status.out);
}

#[test]
fn a_new_pin_is_entered_twice_and_two_different_ones_change_nothing() {
    let mut card = card(Profile::Plastic, true);
    let change = pin_arguments(&["change", "signature"]);
    let mut enter = |entries: &[&'static str]| {
        with(entries, false, |terminal| pin::run(&mut card, &change, terminal)).result
    };
    assert_eq!(enter(&[PASSWORD, "NEW1234", "NEW1235"]), Err(Condition::Differ));
    let form = Condition::PinForm(PinReference::Signature);
    assert_eq!(enter(&[PASSWORD, "short", "short"]), Err(form));
    assert_eq!(enter(&[PASSWORD, "new1234", "NEW1234"]), Ok(()));
    assert_eq!(enter(&["NEW1234", PASSWORD, PASSWORD]), Ok(()));
}
