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

use apart::Apart;
use memory::{contains, found_in};

const RESIDENT: &str = "aoki-misaki";
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

async fn ask(visitor: &Visitor, caller: &str, page: &Page, pin: &str) -> Vec<(String, String)> {
    let request = page.json("card-request").expect("the page asks for a card");
    let answer = visitor.ask_card(caller, &request, pin).await.unwrap().unwrap();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    ["certificate", "signature", "origin"].map(|name| (name.to_owned(), text(name))).to_vec()
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
async fn use_everything(visitor: &mut Visitor, world: &World) -> Result<(), Failure> {
    let resident = world.resident(&RESIDENT.parse().unwrap()).await.unwrap().unwrap();
    visitor.insert_card(RESIDENT).await?;
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
    let signed = ask(visitor, "bank", &application, PASSWORD).await;
    let accepted = post(visitor, "bank", &format!("{}/complete", application.path), &signed).await?;
    assert!(accepted.text("customer-id").is_some(), "{}", accepted.body);
    let start = visitor.post("bank", "/sign-in", &[]).await?;
    let signed = ask(visitor, "bank", &start, PIN).await;
    let account = post(visitor, "bank", &format!("{}/complete", start.path), &signed).await?;
    assert!(account.text("balance").is_some(), "{}", account.body);
    let start = visitor.post("portal", "/sign-in", &[]).await?;
    let signed = ask(visitor, "portal", &start, PIN).await;
    let uses = post(visitor, "portal", &format!("{}/complete", start.path), &signed).await?;
    assert!(uses.text("uses").is_some(), "{}", uses.body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pin_and_password_never_reach_the_platform_its_log_or_its_memory() {
    let apart = Apart::start().await;
    choose_secrets(&apart.world).await;
    let mut visitor = Visitor::new(apart.sites);
    use_everything(&mut visitor, &apart.world).await.unwrap();
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
