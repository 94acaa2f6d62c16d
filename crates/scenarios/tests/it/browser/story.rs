//! The bank's story, with the card in the demo's own window or on a reader of this computer.

use musubi_demo::Demo;

use super::driver::Browser;

/// The resident of the story.
pub(crate) const RESIDENT: &str = "aoki-misaki";

/// Where the card is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// In the demo's card window.
    Demo,
    /// On a reader behind `musubi-agent serve`, which shows this code.
    Reader { code: &'a str },
}

/// What a site's window asks before the card is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visit {
    /// Neither browser nor site are known to the program.
    First,
    /// The site is not.
    NewSite,
    Known,
}

impl Place<'_> {
    /// Presses the page's button for this place and goes on to the window's form.
    pub(crate) async fn ask(self, browser: &Browser, visit: Visit) {
        let Self::Reader { code } = self else {
            browser.click("card-button").await;
            browser.in_card_window().await;
            return;
        };
        browser.click("reader-button").await;
        browser.in_card_window().await;
        if visit == Visit::First {
            browser.element("pairing-code").await;
            browser.shot("agent-pairing").await;
            browser.keys("pairing-code", code).await;
            browser.click("submit-pairing").await;
        }
        if visit != Visit::Known {
            browser.element("approve").await;
            browser.shot("agent-approval").await;
            browser.click_when_armed("approve").await;
        }
        browser.element("request-title").await;
    }

    /// Enters the PIN by the keypad and submits it.
    pub(crate) async fn enter_pin(browser: &Browser) {
        for digit in ["1", "2", "3", "4"] {
            browser.click(&format!("digit-{digit}")).await;
        }
    }

    /// The whole of it for a request that takes the PIN.
    pub(crate) async fn answer(self, browser: &Browser, visit: Visit) {
        self.ask(browser, visit).await;
        match self {
            Self::Demo => browser.click("fill-pin").await,
            Self::Reader { .. } => Self::enter_pin(browser).await,
        }
        browser.click("submit-pin").await;
        browser.in_page().await;
    }
}

/// Opens an account, signs in, moves house; the bank and the portal show it.
pub(crate) async fn of_the_bank(browser: &Browser, demo: &Demo, place: Place<'_>) {
    let origin = |site: &str| demo.sites.origin(site);
    match place {
        Place::Demo => {
            // Pick a resident and see the card.
            browser.open(&format!("{}/", origin(""))).await;
            browser.shot("01-start").await;
            browser.click(&format!("take-{RESIDENT}")).await;
            browser.shot("02-card").await;
            browser.click("insert-card").await;
            browser.click("continue").await;
        }
        Place::Reader { .. } => browser.open(&format!("{}/apply", origin("bank"))).await,
    }
    // Apply: the card fills the form, with the on-screen keypad.
    browser.shot("03-bank").await;
    place.ask(browser, Visit::First).await;
    Place::enter_pin(browser).await;
    browser.shot("04-card-window-read").await;
    browser.click("submit-pin").await;
    browser.in_page().await;
    let name = browser.element("name").await.prop("value").await.expect("a value").unwrap_or_default();
    assert!(name.contains("青木"), "the form was not filled from the card: {name}");
    browser.click("consent").await;
    browser.shot("05-form").await;
    browser.click("apply-submit").await;
    // Sign: the password by keyboard, sent with the Enter key.
    browser.text_with("to-be-signed", "青木").await;
    browser.shot("06-document").await;
    place.ask(browser, Visit::Known).await;
    browser.text_with("request-document", "青木").await;
    browser.shot("07-card-window-sign").await;
    browser.keys("pin", "MUSUBI1\u{E007}").await;
    browser.in_page().await;
    browser.element("application-accepted").await;
    let customer = browser.text("customer-id").await;
    browser.shot("08-accepted").await;
    // Sign in: no user name, four digits.
    browser.click("sign-in-start").await;
    place.answer(browser, Visit::Known).await;
    browser.element("balance").await;
    assert_eq!(browser.text("customer-id").await, customer, "the bank received its own customer id");
    browser.shot("09-account").await;
    // Move house.
    browser.open(&format!("{}/", origin(""))).await;
    browser.click("tour-town").await;
    if browser.client.current_url().await.expect("an address").path() == "/" {
        browser.click(&format!("resident-{RESIDENT}")).await;
    }
    browser.click("move-submit").await;
    browser.text_with("result", "affiliationChanged").await;
    browser.shot("10-town-hall").await;
    // The bank learns of it within seconds, while the page is open.
    let address = demo.world.residents().await.expect("residents").swap_remove(0).address;
    match place {
        Place::Demo => browser.click("to-bank-account").await,
        Place::Reader { .. } => browser.open(&format!("{}/account", origin("bank"))).await,
    }
    browser.text_with("attributes", &address).await;
    browser.text_with("events", &address).await;
    browser.shot("11-change").await;
    // The portal shows every use.
    browser.open(&format!("{}/", origin("portal"))).await;
    browser.click("sign-in").await;
    if matches!(place, Place::Demo) {
        browser.click("use-card").await;
        super::answer_with_mouse(browser).await;
    } else {
        place.answer(browser, Visit::NewSite).await;
    }
    browser.text_with("uses", "本人確認").await;
    browser.shot("12-portal").await;
}
