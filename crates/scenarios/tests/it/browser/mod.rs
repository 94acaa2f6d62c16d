//! Stories in a real headless Chromium, with mouse and keyboard only. Screenshots are kept in
//! `MUSUBI_SCREENSHOTS`, or `target/screenshots`.

pub(crate) mod driver;
mod hostile;
pub(crate) mod story;

use musubi_demo::{Demo, DemoConfig, Sites};

use driver::{Browser, available};

struct Stage {
    demo: Demo,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let demo =
            Demo::start(DemoConfig::new(0, folder.path().join("data"))).await.expect("the demo starts");
        Self { demo, _folder: folder }
    }

    fn sites(&self) -> Sites {
        self.demo.sites
    }

    async fn end(self) {
        self.demo.stop().await;
    }
}

/// Puts a resident's card on the reader, by mouse, and goes on to where the card's page leads.
async fn take_card(browser: &Browser, sites: Sites, resident: &str, next: &str) {
    browser.open(&format!("{}/take/{resident}?next={next}", sites.origin("card"))).await;
    if browser.has("insert-card").await {
        browser.click("insert-card").await;
    }
    browser.click("continue").await;
}

/// Fills the PIN by the window's demo button and submits it.
async fn answer_with_mouse(browser: &Browser) {
    browser.in_card_window().await;
    browser.click("fill-pin").await;
    browser.click("submit-pin").await;
    browser.in_page().await;
}

async fn fill_and_send_form(browser: &Browser) {
    browser.click("card-button").await;
    answer_with_mouse(browser).await;
    browser.click("apply-submit").await;
    browser.element("to-be-signed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resident_opens_an_account_signs_in_moves_and_the_bank_learns_of_it() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let browser = Browser::start("story", 1280, 900, "ja").await;
    story::of_the_bank(&browser, &stage.demo, story::Place::Demo).await;
    browser.assert_console_is_quiet().await;
    browser.end().await;
    stage.end().await;
}

/// The message of the refusal that the page shows, after checking its code.
async fn refusal(browser: &Browser, code: &str) {
    let shown = browser.element("refusal").await;
    let told = shown.attr("data-code").await.expect("an attribute").unwrap_or_default();
    assert_eq!(told, code, "{}", browser.page_text().await);
    assert!(!browser.text("refusal-what").await.is_empty() && !browser.text("refusal-next").await.is_empty());
    browser.shot(&format!("refusal-{}", code.replace('.', "-"))).await;
}

async fn sign_in_at_bank(browser: &Browser) {
    browser.click("sign-in-start").await;
    browser.click("card-button").await;
    answer_with_mouse(browser).await;
}

/// Prepares a refusal on its page of the demo.
async fn prepare(browser: &Browser, sites: Sites, code: &str) {
    browser.open(&format!("{}/refusals/{code}", sites.origin(""))).await;
    browser.click("prepare").await;
    browser.element("prepared").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_is_shown_on_its_page() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let sites = stage.sites();
    let browser = Browser::start("refusals", 1000, 860, "ja").await;

    // Wrong PIN, then blocked: said in the card's own window.
    prepare(&browser, sites, "pin.wrong").await;
    take_card(&browser, sites, "aoki-misaki", "bank_sign_in").await;
    browser.click("sign-in-start").await;
    browser.click("card-button").await;
    browser.in_card_window().await;
    browser.keys("pin", "9999\u{E007}").await;
    browser.text_with("pin-error", "違います").await;
    browser.text_with("tries-left", "2").await;
    browser.shot("refusal-pin-wrong").await;
    browser.keys("pin", "9999\u{E007}").await;
    browser.text_with("tries-left", "1").await;
    // The last try is spent only on an explicit word.
    browser.click("last-try").await;
    browser.shot("refusal-pin-last-try").await;
    browser.keys("pin", "9999\u{E007}").await;
    browser.text_with("state-blocked", "窓口").await;
    browser.shot("refusal-pin-blocked").await;
    browser.click("close-blocked").await;
    browser.in_page().await;
    browser.open(&format!("{}/residents/aoki-misaki", sites.origin("town"))).await;
    browser.click("unblock-submit").await;
    browser.element("result").await;

    // The application is changed after it was signed.
    take_card(&browser, sites, "aoki-misaki", "bank_lab").await;
    browser.click("lab-tamper").await;
    browser.element("lab-armed").await;
    browser.click("apply-link").await;
    fill_and_send_form(&browser).await;
    browser.click("card-button").await;
    answer_with_mouse(&browser).await;
    refusal(&browser, "signature.tampered").await;

    // The attributes do not match.
    take_card(&browser, sites, "aoki-misaki", "bank_apply").await;
    browser.click("card-button").await;
    answer_with_mouse(&browser).await;
    browser.keys("address", "－９９").await;
    browser.click("apply-submit").await;
    browser.click("card-button").await;
    answer_with_mouse(&browser).await;
    refusal(&browser, "attributes.mismatch").await;

    // Certificates that must not be accepted.
    for (resident, code) in [
        ("furukawa-akira", "certificate.expired"),
        ("morita-tsuyoshi", "certificate.revoked"),
        ("okamoto-megumi", "certificate.held"),
        ("kageyama-so", "certificate.other_authority"),
    ] {
        prepare(&browser, sites, code).await;
        take_card(&browser, sites, resident, "bank_sign_in").await;
        sign_in_at_bank(&browser).await;
        refusal(&browser, code).await;
    }

    // An answer that was used before.
    take_card(&browser, sites, "aoki-misaki", "bank_apply").await;
    fill_and_send_form(&browser).await;
    browser.click("card-button").await;
    answer_with_mouse(&browser).await;
    browser.element("application-accepted").await;
    browser.click("sign-in-start").await;
    browser.click("card-button").await;
    answer_with_mouse(&browser).await;
    browser.element("balance").await;
    browser.open(&format!("{}/lab", sites.origin("bank"))).await;
    browser.click("lab-replay").await;
    refusal(&browser, "nonce.replayed").await;

    // A fraudulent site relays the sign-in.
    take_card(&browser, sites, "aoki-misaki", "phish").await;
    sign_in_at_bank(&browser).await;
    // The fraud's page has the bank's words only.
    browser.text_with("refusal-what", musubi_pki::ReasonCode::OriginWrong.ja().what).await;
    browser.element("protected").await;
    browser.shot("refusal-origin-wrong").await;

    // The authority does not answer, then does: the application goes on by itself.
    take_card(&browser, sites, "sato-kenichi", "bank_apply").await;
    fill_and_send_form(&browser).await;
    let form = browser.client.current_url().await.expect("an address");
    prepare(&browser, sites, "upstream.unreachable").await;
    browser.open(form.as_str()).await;
    browser.click("card-button").await;
    answer_with_mouse(&browser).await;
    browser.text_with("application-submitted", "認証局").await;
    browser.shot("refusal-upstream-unreachable").await;
    browser.open(&format!("{}/refusals", sites.origin(""))).await;
    browser.click("reset").await;
    browser.element("result").await;
    browser.open(form.as_str()).await;
    browser.element("application-accepted").await;

    // The lists are too old.
    prepare(&browser, sites, "revocation_list.too_old").await;
    take_card(&browser, sites, "sato-kenichi", "bank_sign_in").await;
    sign_in_at_bank(&browser).await;
    browser.text_with("waiting-what", "失効").await;
    browser.shot("refusal-revocation-list-too-old").await;

    browser.assert_console_is_quiet().await;
    browser.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_fit_a_phone_of_360_pixels_in_both_languages_and_do_not_shift() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let sites = stage.sites();
    let browser = Browser::start("phone", 500, 780, "ja").await;
    // A window of headless Chromium is at least 500 pixels wide; the emulated screen is not.
    browser.emulate_phone(360, 780).await;
    for lang in ["ja", "en"] {
        for (name, site, path) in [
            ("start", "", "/"),
            ("refusals", "", "/refusals"),
            ("refusal", "", "/refusals/origin.wrong"),
            ("card-choose", "card", "/"),
            ("card-take", "card", "/take/teramachi-sumiyo"),
            ("card-window", "card", "/window"),
            ("bank", "bank", "/"),
            ("bank-apply", "bank", "/apply"),
            ("bank-sign-in", "bank", "/sign-in"),
            ("bank-reception", "bank", "/reception"),
            ("refusal-presence", "", "/refusals/presence.relayed"),
            ("bank-lab", "bank", "/lab"),
            ("town", "town", "/"),
            ("town-resident", "town", "/residents/teramachi-sumiyo"),
            ("town-authority", "town", "/authority"),
            ("portal", "portal", "/"),
            ("phish", "phish", "/"),
            ("missing", "bank", "/nothing-here"),
        ] {
            browser.open(&format!("{}{path}?lang={lang}", sites.origin(site))).await;
            let html = browser.element_by_tag("html").await;
            assert_eq!(html.attr("lang").await.expect("an attribute").as_deref(), Some(lang), "{name}");
            browser.shot(&format!("{lang}-{name}")).await;
            browser.assert_steady(360).await;
        }
    }
    browser.assert_console_is_quiet().await;
    browser.end().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_job_can_be_done_with_the_keyboard_alone() {
    if !available() {
        return;
    }
    let stage = Stage::set().await;
    let sites = stage.sites();
    let browser = Browser::start("keyboard", 1280, 900, "en").await;
    browser.open(&format!("{}/take/aoki-misaki?next=bank_apply&lang=en", sites.origin("card"))).await;
    browser.tab_to("insert-card").await;
    browser.press_enter().await;
    browser.tab_to("continue").await;
    browser.press_enter().await;
    browser.tab_to("card-button").await;
    browser.press_enter().await;
    browser.in_card_window().await;
    browser.tab_to("pin").await;
    browser.type_text("1234").await;
    browser.press_enter().await;
    browser.in_page().await;
    browser.tab_to("apply-submit").await;
    browser.press_enter().await;
    browser.element("to-be-signed").await;
    browser.tab_to("card-button").await;
    browser.press_enter().await;
    browser.in_card_window().await;
    browser.tab_to("pin").await;
    browser.type_text("MUSUBI1").await;
    browser.press_enter().await;
    browser.in_page().await;
    browser.element("application-accepted").await;
    browser.shot("accepted").await;
    // Escape refuses in the card window, and the page says so.
    browser.tab_to("sign-in-start").await;
    browser.press_enter().await;
    browser.tab_to("card-button").await;
    browser.press_enter().await;
    browser.in_card_window().await;
    browser.element("pin").await;
    browser.press("\u{E00C}").await;
    browser.in_page().await;
    browser.text_with("card-status", "cancel").await;
    browser.assert_console_is_quiet().await;
    browser.end().await;
    stage.end().await;
}
