//! PIN and password of a card on a reader: not in the log of `musubi-agent`, nor anywhere at the platform.

use super::rig::{Inserted, available};
use super::served::{Served, free_port};
use crate::secrets::apart::Apart;
use crate::secrets::memory::contains;
use crate::secrets::{RESIDENT, Window, assert_kept, canaries, choose_secrets, use_everything};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pin_and_password_of_a_card_on_a_reader_stay_out_of_the_programs_log_and_the_platform() {
    if !available() {
        return;
    }
    let apart = Apart::start().await;
    choose_secrets(&apart.world).await;
    let card = Inserted::insert(&apart.sites.origin("card"), RESIDENT, &[]).await;
    let served = Served::start(free_port(), &card.reader).await;
    let browser = served.pair().await;
    for site in ["bank", "portal"] {
        browser.approve(&apart.sites.origin(site)).await;
    }
    use_everything(&apart, Window::Reader(&browser)).await.unwrap();
    assert_kept(&apart);
    let log = served.log();
    assert!(!log.is_empty(), "the program has logged nothing");
    for canary in canaries() {
        assert!(!contains(log.as_bytes(), &canary), "{} was logged", String::from_utf8_lossy(&canary));
    }
}
