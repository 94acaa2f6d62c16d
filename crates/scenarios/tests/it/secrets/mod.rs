//! PIN and password stay between the holder, the card and what speaks to it: never in a log of the platform, a request to
//! it, or its memory. The platform runs as a process of its own; the card has a PIN and a password of which every form is
//! looked for everywhere.

pub(crate) mod apart;
pub(crate) mod memory;

use musubi_card::PinReference;
use musubi_card::client::LastTry;
use musubi_demo::story::{Failure, Page, Visitor};
use musubi_kernel::Secret;
use musubi_nation::{DEMO_PASSWORD, DEMO_PIN, World};
use serde_json::Value;

use crate::middleware::served::Paired;
use apart::Apart;
use memory::{contains, found_in};

pub(crate) const RESIDENT: &str = "aoki-misaki";
/// The four digits stand by chance in many a number: looked for with what stands around them wherever they travel.
const PIN: &str = "8305";
const PASSWORD: &str = "KANARIENVOGEL9X2";

/// Every form in which the secrets could travel or lie about.
pub(crate) fn canaries() -> Vec<Vec<u8>> {
    let verify = |pin: &str| [&[0x00, 0x20, 0x00, 0x80, pin.len() as u8], pin.as_bytes()].concat();
    let hex = |pin: &str| hex::encode(pin);
    let mut all: Vec<Vec<u8>> = ["\"pin\":\"", "\"pin\": \"", "\"text_pin\":\"", "pin=", "text_pin="]
        .iter()
        .map(|before| format!("{before}{PIN}").into_bytes())
        .collect();
    all.extend([
        verify(PIN),
        hex::encode(verify(PIN)).into_bytes(),
        hex::encode_upper(verify(PIN)).into_bytes(),
    ]);
    all.extend([
        PASSWORD.into(),
        PASSWORD.to_lowercase().into(),
        hex(PASSWORD).into(),
        hex(PASSWORD).to_uppercase().into(),
    ]);
    all
}

/// The holder has chosen other secrets than the demo's.
pub(crate) async fn choose_secrets(world: &World) {
    let id = RESIDENT.parse().unwrap();
    let change = [
        (PinReference::Authentication, DEMO_PIN, PIN),
        (PinReference::TextAttributes, DEMO_PIN, PIN),
        (PinReference::Signature, DEMO_PASSWORD, PASSWORD),
    ];
    world
        .with_card(&id, move |card| {
            for (pin, old, new) in change {
                card.change_pin(pin, &Secret::new(old.into()), &Secret::new(new.into()), LastTry::Keep)?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

/// Nothing of the secrets in what passed to the platform, in its log, and in its memory.
pub(crate) fn assert_kept(apart: &Apart) {
    let canaries = canaries();
    let recorded = apart.recorded.lock().unwrap().clone();
    assert!(recorded.len() > 10_000, "the proxy has seen too little");
    let log = apart.log();
    assert!(!log.is_empty(), "the platform has logged nothing");
    for canary in &canaries {
        let shown = String::from_utf8_lossy(canary);
        assert!(!contains(&recorded, canary), "{shown} went to the platform");
        assert!(!contains(log.as_bytes(), canary), "{shown} was logged");
    }
    assert_eq!(found_in(apart.process(), &canaries), Vec::<&[u8]>::new(), "in the platform's memory");
}

/// Where the card is.
#[derive(Clone, Copy)]
pub(crate) enum Window<'a> {
    Demo,
    /// On a reader, behind `musubi-agent serve`.
    Reader(&'a Paired),
}

impl Window<'_> {
    async fn ask(
        self,
        visitor: &Visitor,
        site: (&str, &str),
        page: &Page,
        pin: &str,
    ) -> Vec<(String, String)> {
        let (caller, origin) = site;
        let request = page.json("card-request").expect("the page asks for a card");
        let answer = match self {
            Self::Demo => visitor.ask_card(caller, &request, pin).await.unwrap().unwrap(),
            Self::Reader(browser) => {
                let (status, answer) = browser.answer(origin, &request, pin).await;
                assert_eq!(status, 200, "{answer}");
                answer
            }
        };
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        ["certificate", "signature", "origin"].map(|name| (name.to_owned(), text(name))).to_vec()
    }
}

async fn post(
    visitor: &mut Visitor,
    site: &str,
    path: &str,
    fields: &[(String, String)],
) -> Result<Page, Failure> {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    visitor.post(site, path, &fields).await
}

/// Opens an account, signs in at the bank, signs in at the portal.
pub(crate) async fn use_everything(apart: &Apart, window: Window<'_>) -> Result<(), Failure> {
    let mut visitor = Visitor::new(apart.sites);
    let visitor = &mut visitor;
    let resident = apart.world.resident(&RESIDENT.parse().unwrap()).await.unwrap().unwrap();
    if matches!(window, Window::Demo) {
        visitor.insert_card(RESIDENT).await?;
    }
    let (bank, portal) = (apart.sites.origin("bank"), apart.sites.origin("portal"));
    let (bank, portal) = (("bank", &*bank), ("portal", &*portal));
    let fields = [
        ("name", resident.name.clone()),
        ("address", resident.address.clone()),
        ("date_of_birth", resident.date_of_birth.to_string()),
        ("sex", resident.sex.as_str().to_owned()),
        ("account_type", "ordinary".to_owned()),
        ("consent", "yes".to_owned()),
    ];
    let application =
        post(visitor, "bank", "/apply", &fields.map(|(name, value)| (name.to_owned(), value))).await?;
    let signed = window.ask(visitor, bank, &application, PASSWORD).await;
    let accepted = post(visitor, "bank", &format!("{}/complete", application.path), &signed).await?;
    assert!(accepted.text("customer-id").is_some(), "{}", accepted.body);
    let start = visitor.post("bank", "/sign-in", &[]).await?;
    let signed = window.ask(visitor, bank, &start, PIN).await;
    let account = post(visitor, "bank", &format!("{}/complete", start.path), &signed).await?;
    assert!(account.text("balance").is_some(), "{}", account.body);
    let start = visitor.post("portal", "/sign-in", &[]).await?;
    let signed = window.ask(visitor, portal, &start, PIN).await;
    let uses = post(visitor, "portal", &format!("{}/complete", start.path), &signed).await?;
    assert!(uses.text("uses").is_some(), "{}", uses.body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pin_and_password_never_reach_the_platform_its_log_or_its_memory() {
    let apart = Apart::start().await;
    choose_secrets(&apart.world).await;
    use_everything(&apart, Window::Demo).await.unwrap();
    assert_kept(&apart);

    // The same search finds what does reach the platform: the test can fail.
    let path = format!("{}/v1/identity-proofings", apart.sites.origin("api"));
    let client = musubi_httpkit::client::http_client(std::time::Duration::from_secs(10));
    let body = Value::from(format!("pin={PIN}"));
    client.post(path).json(&body).send().await.unwrap();
    assert!(contains(&apart.recorded.lock().unwrap(), format!("pin={PIN}").as_bytes()));
    let known = vec![apart.sites.origin("bank").into_bytes()];
    assert_eq!(found_in(apart.process(), &known).len(), 1, "the search finds what is there");
}
