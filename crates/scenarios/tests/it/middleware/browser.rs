//! The bank in Chromium with a card on a reader of pcscd, behind `musubi-agent serve`.

use musubi_demo::{Demo, DemoConfig};
use musubi_pki::ReasonCode;

use super::rig::{Inserted, available};
use super::served::{Served, free_port};
use crate::browser::driver::{Browser, available as has_browser};
use crate::browser::story::{self, Place, RESIDENT, Visit};

struct Stage {
    demo: Demo,
    served: Served,
    _card: Inserted,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = DemoConfig {
            agent_origin: format!("http://127.0.0.1:{port}"),
            ..DemoConfig::new(0, folder.path().join("data"))
        };
        let demo = Demo::start(config).await.expect("the demo starts");
        let card = Inserted::insert(&demo.sites.origin("card"), RESIDENT, &[]).await;
        let served = Served::start(port, &card.reader).await;
        Self { demo, served, _card: card, _folder: folder }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_banks_story_runs_with_a_card_on_a_reader() {
    if !available() || !has_browser() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("reader", 1280, 900, "ja").await;
    story::of_the_bank(&browser, &stage.demo, Place::Reader { code: &stage.served.code }).await;
    // The program's own page knows the browser and the two sites.
    browser.open(&stage.served.origin).await;
    browser.text_with("sites", &stage.demo.sites.origin("bank")).await;
    browser.text_with("sites", &stage.demo.sites.origin("portal")).await;
    browser.shot("13-agent-home").await;
    browser.assert_console_is_quiet().await;
    browser.end().await;
    stage.demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fraudulent_site_gets_nothing_from_the_reader_and_what_it_relays_is_refused() {
    if !available() || !has_browser() {
        return;
    }
    let stage = Stage::set().await;
    let phish = stage.demo.sites.origin("phish");
    let browser = Browser::start("reader-fraud", 1280, 900, "ja").await;
    let place = Place::Reader { code: &stage.served.code };
    let ask = async || {
        browser.open(&format!("{phish}/")).await;
        browser.click("sign-in-start").await;
    };
    // The window names who asks, and a person who sees it says no.
    ask().await;
    browser.click("reader-button").await;
    browser.in_card_window().await;
    browser.keys("pairing-code", &stage.served.code).await;
    browser.click("submit-pairing").await;
    browser.element("approve").await;
    assert!(browser.text("state-approval").await.contains(&phish), "it must say who asks");
    browser.shot("approval").await;
    browser.click("cancel-approval").await;
    browser.in_page().await;
    browser.shot("refused").await;
    // Who is deceived all the same gives an answer that names the fraud, and the platform refuses it.
    ask().await;
    place.answer(&browser, Visit::NewSite).await;
    browser.text_with("refusal-what", ReasonCode::OriginWrong.ja().what).await;
    browser.element("protected").await;
    browser.shot("relayed").await;
    browser.assert_console_is_quiet().await;
    browser.end().await;
    stage.demo.stop().await;
}
