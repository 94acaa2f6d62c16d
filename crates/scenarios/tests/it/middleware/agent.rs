//! `musubi-agent` on the command line, with a card on a reader of pcscd.

use std::process::Stdio;

use musubi_pki::UnverifiedCertificate;

use super::rig::{Inserted, agent_program, available, said};
use super::signers::verified;
use super::{PASSWORD, PIN, RESIDENT, Stage};

impl Inserted {
    /// Runs `musubi-agent` for this reader; `typed` are the lines that the person enters.
    async fn agent(&self, typed: &str, arguments: &[&str]) -> (Option<i32>, String) {
        self.write("typed", typed.as_bytes());
        let input = Stdio::from(std::fs::File::open(self.file("typed")).unwrap());
        let ours = ["--language", "en"];
        let reader = ["--reader", &self.reader, "--pin-stdin"];
        let output = self.run_with(input, agent_program(), &[&ours, arguments, &reader].concat()).await;
        (output.status.code(), said(&output))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_reads_signs_and_changes_pins_through_pcscd() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let card = stage.insert(RESIDENT).await;
    let holder = stage.fixture.resident(RESIDENT).await;

    let (code, told) = card.agent("", &["read"]).await;
    assert!(code == Some(0) && told.contains("JPKIAPICCTOKEN"), "{told}");
    let (code, told) = card.agent(&format!("{PIN}\n"), &["read", "--attributes"]).await;
    assert!(code == Some(0) && told.contains(&holder.name) && told.contains(&holder.address), "{told}");
    let (code, told) = card.agent("", &["read", "--certificate", "auth", "--out", "auth.der"]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(UnverifiedCertificate::parse(&card.read("auth.der")).is_ok());

    card.write("contract", "二人の契約。\n".as_bytes());
    let (code, told) = card.agent(&format!("{PASSWORD}\n"), &["sign", "contract"]).await;
    assert!(code == Some(0) && !told.contains(PASSWORD), "{told}");
    let (passed, told) = verified(&stage, &card, "contract.p7s", &["--content", "contract"]).await;
    assert!(passed, "{told}");

    let (code, told) = card.agent("1234\n5678\n5678\n", &["pin", "change", "authentication"]).await;
    assert!(code == Some(0) && !told.contains("5678"), "{told}");
    // The card holds the new one, for everybody.
    card.done("pkcs15-tool", &["--verify-pin", "--auth-id", "01", "--pin", "5678"]).await;
    let old = card.run("pkcs15-tool", &["--verify-pin", "--auth-id", "01", "--pin", PIN]).await;
    assert!(said(&old).contains("incorrect"), "{}", said(&old));
    let (code, told) = card.agent("", &["pin", "status"]).await;
    assert!(code == Some(0) && told.contains('2'), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_leaves_in_the_middle_of_a_command_is_said_to_have_left() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    // The first commands find out what kind of card it is.
    let card = Inserted::insert(&stage.site.origin, RESIDENT, &["--removed-at", "6"]).await;
    let (code, told) = card.agent("", &["read"]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("The card left the reader before the end."), "{told}");
}
