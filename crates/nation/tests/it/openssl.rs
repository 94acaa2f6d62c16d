//! What the nation issues, judged by the `openssl` command.

use std::path::Path;
use std::process::Command;

use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_nation::LifeEvent;

use crate::support::{AOKI, EPOCH, Nation, SATO, slug};
use crate::upstream::Upstream;

/// Runs `openssl`; whether it succeeded, and what it said.
pub(crate) fn openssl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn verify(anchors: &Path, list: &Path, certificate: &Path) -> (bool, String) {
    let at = EPOCH.0.to_string();
    let (anchors, list, certificate) =
        (anchors.to_str().unwrap(), list.to_str().unwrap(), certificate.to_str().unwrap());
    openssl(&[
        "verify",
        "-attime",
        &at,
        "-x509_strict",
        "-CAfile",
        anchors,
        "-crl_check",
        "-CRLfile",
        list,
        certificate,
    ])
}

/// The lists of one authority under a file name, all generations in one file.
async fn lists(nation: &Nation, authority: &str, file: &str) -> std::path::PathBuf {
    let upstream = Upstream::of(nation);
    let mut all = String::new();
    for list in upstream.lists().await.iter().filter(|list| list["authority"] == authority) {
        let path = list["path"].as_str().unwrap().replace("full.crl", file);
        all.push_str(&crate::support::pem("X509 CRL", &upstream.get(&path).await.1));
    }
    let path = nation.dir.path().join(format!("{authority}-{file}.pem"));
    std::fs::write(&path, all).unwrap();
    path
}

#[tokio::test]
async fn openssl_accepts_certificates_of_both_generations_with_full_and_municipal_lists() {
    let nation = Nation::sqlite().await;
    let anchors = nation.anchors_pem();
    for (operation, authority) in [(Sign, "digital_signature"), (Authenticate, "user_authentication")] {
        for (id, town) in [(AOKI, "13221.crl"), (SATO, "27102.crl")] {
            let certificate =
                nation.pem_file("ee.pem", "CERTIFICATE", &nation.certificate(id, operation).await);
            for file in ["full.crl", town] {
                let (accepted, said) = verify(&anchors, &lists(&nation, authority, file).await, &certificate);
                assert!(accepted, "{id} {authority} {file}: {said}");
            }
            let (accepted, said) =
                verify(&anchors, &lists(&nation, authority, "47201.crl").await, &certificate);
            assert!(!accepted && said.contains("different CRL scope"), "another municipality's list: {said}");
        }
    }
}

#[tokio::test]
async fn openssl_refuses_revoked_expired_and_forged_certificates() {
    let nation = Nation::sqlite().await;
    let anchors = nation.anchors_pem();
    nation.world.live(&slug(AOKI), LifeEvent::ReportTheft).await.unwrap();
    let full = lists(&nation, "digital_signature", "full.crl").await;
    for (id, why) in [
        (AOKI, "certificate revoked"),
        ("okamoto-megumi", "certificate revoked"),
        ("nishimura-tadashi", "certificate revoked"),
        ("furukawa-akira", "certificate has expired"),
        ("kageyama-so", "certificate signature failure"),
    ] {
        let certificate = nation.pem_file("ee.pem", "CERTIFICATE", &nation.certificate(id, Sign).await);
        let (accepted, said) = verify(&anchors, &full, &certificate);
        assert!(!accepted && said.contains(why), "{id}: {said}");
    }
}

#[tokio::test]
async fn openssl_reads_lists_as_they_are_meant() {
    let nation = Nation::sqlite().await;
    let upstream = Upstream::of(&nation);
    for list in upstream.lists().await {
        let path = list["path"].as_str().unwrap();
        for (path, partition) in [(path.to_owned(), false), (path.replace("full.crl", "34101.crl"), true)] {
            let file = nation.pem_file("list.pem", "X509 CRL", &upstream.get(&path).await.1);
            let anchors = nation.anchors_pem();
            let (ok, text) = openssl(&[
                "crl",
                "-in",
                file.to_str().unwrap(),
                "-noout",
                "-text",
                "-CAfile",
                anchors.to_str().unwrap(),
            ]);
            assert!(ok, "{text}");
            assert!(text.contains("Version 2 (0x1)") && text.contains("X509v3 CRL Number"), "{text}");
            assert!(
                text.contains("Last Update: Apr  1 03:00:00 2026 GMT")
                    && text.contains("Next Update: Apr  3 03:00:00 2026 GMT")
            );
            assert_eq!(text.contains("X509v3 Issuing Distribution Point: critical"), partition);
            assert_eq!(
                text.contains("CN = Hiroshima-shi-Naka-ku CRLDP")
                    || text.contains("CN=Hiroshima-shi-Naka-ku CRLDP"),
                partition
            );
        }
    }
}

#[tokio::test]
async fn an_entry_leaves_the_list_after_its_certificates_end() {
    let nation = Nation::sqlite().await;
    let held = nation.signing_serial("okamoto-megumi").await;
    let upstream = Upstream::of(&nation);
    assert!(upstream.revoked("digital_signature", &held).await.is_some());
    let end = nation.resident("okamoto-megumi").await.card.signature.unwrap().not_after;
    nation.world.advance_clock(end.since(EPOCH)).await.unwrap();
    assert!(upstream.revoked("digital_signature", &held).await.is_some(), "to the last second");
    nation.world.advance_clock(1).await.unwrap();
    nation.world.publish_lists().await.unwrap();
    assert!(upstream.revoked("digital_signature", &held).await.is_none());
}
