//! A page that chooses how its holder sees the card window. What it does is its own script; the window is looked at.

use fantoccini::Client;
use serde_json::{Value, json};

use super::driver::{Browser, available};
use super::{Stage, take_card};

/// Opens the card window.
const OPEN: &str =
    r#"window.small = window.open(`${arguments[0]}/window?lang=ja`, "small", "popup,width=420,height=260")"#;
/// Asks for presence, which takes no PIN.
const ASK: &str = r#"
    const [card, nonce] = arguments;
    const request = {
      version: 1, operation: "prove_presence", nonce, purpose: "sign_in",
      relying_party: { id: "rp_phish", name: { ja: "銀行", en: "Bank" } },
    };
    window.small.postMessage({ musubi: "request", request }, card);
"#;
/// Whether the button has come to take clicks, at the latest after twice the time that it takes none.
const IS_ARMED: &str = r#"
    const button = document.getElementById("submit-pin");
    const at = performance.now();
    const look = (done) => (button.disabled && performance.now() - at < 1000 ? setTimeout(look, 20, done) : done(!button.disabled));
    return new Promise(look);
"#;

async fn run(client: &Client, script: &str, arguments: Vec<Value>) -> Value {
    client.execute(script, arguments).await.expect("the script runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_answers_with_the_card_only_after_the_asking_address_was_in_sight() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let (card, phish) = (stage.sites().origin("card"), stage.sites().origin("phish"));
    let browser = Browser::start("hostile", 1000, 800, "ja").await;
    take_card(&browser, stage.sites(), "aoki-misaki", "bank_sign_in").await;
    browser.open(&format!("{phish}/")).await;
    let client = &browser.client;
    let page = client.window().await.expect("the page");
    run(client, OPEN, vec![json!(card)]).await;
    browser.in_card_window().await;
    browser.element("cancel-waiting").await;
    // The browser of these tests gives every window the size of its first one.
    client.set_window_size(420, 300).await.expect("a small window");
    client.switch_to_window(page).await.expect("the page");
    let nonce = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    run(client, ASK, vec![json!(card), json!(nonce)]).await;
    browser.in_card_window().await;
    browser.element("request-title").await;
    assert_eq!(run(client, IS_ARMED, vec![]).await, false, "the address is below the edge");
    run(client, r#"document.getElementById("request-origin").scrollIntoView()"#, vec![]).await;
    assert_eq!(run(client, IS_ARMED, vec![]).await, true);
    // What the page that opened it can do to a window of another origin.
    run(client, r#"location.hash = "submit-pin""#, vec![]).await;
    browser.element("close-refused").await;
    browser.click("close-refused").await;
    browser.in_page().await;
    browser.end().await;
    stage.end().await;
}
