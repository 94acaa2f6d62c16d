//! The main job, and the look back in the portal.

use std::time::Duration;

use serde_json::Value;

use super::visitor::{Failure, Page, failure};
use super::{PASSWORD, PIN, RESIDENT, Step, Story, answer_fields};

/// How long an event may take to reach the bank: "within seconds".
const PATIENCE: u32 = 100;
const PAUSE: Duration = Duration::from_millis(200);

pub(super) const MAIN: &[Step] = &[
    Step {
        id: "card",
        ja: "住民のカードをカードリーダーに置き、二つの電子証明書を見る",
        en: "Put a resident's card on the reader and see its two certificates",
        run: |story| Box::pin(card(story)),
    },
    Step {
        id: "apply",
        ja: "銀行で口座開設を申し込む（カードから4情報を読む）",
        en: "Apply for an account at the bank (attributes read from the card)",
        run: |story| Box::pin(apply(story)),
    },
    Step {
        id: "sign",
        ja: "申込書に署名し、銀行が本人確認を受ける",
        en: "Sign the application; the platform proves the identity",
        run: |story| Box::pin(sign(story)),
    },
    Step {
        id: "sign_in",
        ja: "カードと4桁の暗証番号で銀行にログインする",
        en: "Sign in to the bank with the card and the 4-digit PIN",
        run: |story| Box::pin(sign_in(story)),
    },
    Step {
        id: "move",
        ja: "役所で引っ越しの届出をする（署名用電子証明書の失効と発行）",
        en: "Move house at the town hall (signing certificate revoked, a new one issued)",
        run: |story| Box::pin(move_house(story)),
    },
    Step {
        id: "change",
        ja: "銀行が変更を知り、同意に基づいて新しい住所を受け取る",
        en: "The bank learns of the change and, by consent, of the new address",
        run: |story| Box::pin(change(story)),
    },
];

pub(super) const AFTER: &[Step] = &[Step {
    id: "portal",
    ja: "ポータルで、電子証明書のすべての利用を確認する",
    en: "See every use of the certificates in the portal",
    run: |story| Box::pin(portal(story)),
}];

/// The element's text, or a failure that names page and element.
pub(super) fn seen(page: &Page, id: &str) -> Result<String, Failure> {
    page.text(id).ok_or_else(|| {
        failure(format!(
            "{} ({}) has no element #{id}: {}",
            page.place(),
            page.status,
            page.text("main").unwrap_or_default()
        ))
    })
}

pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure(otherwise())) }
}

async fn card(story: &mut Story) -> Result<String, Failure> {
    let start = story.visitor.get("", "/").await?;
    ensure(start.body.contains(RESIDENT), || "the start page does not show the resident".into())?;
    let page = story.visitor.insert_card(RESIDENT).await?;
    let holder = seen(&page, "card-holder")?;
    ensure(page.body.contains("pin-tries"), || "the card page does not show the tries".into())?;
    Ok(holder)
}

/// Fills the bank's form from the card and sends it; answers the page that shows the document.
pub(super) async fn fill_form(
    story: &mut Story,
    change: impl FnOnce(&mut Vec<(String, String)>),
) -> Result<Page, Failure> {
    let form = story.visitor.get("bank", "/apply").await?;
    let request = form.json("card-request").ok_or_else(|| failure("the form has no card request"))?;
    let answer = story.visitor.ask_card("bank", &request, PIN).await?;
    let answer = answer.map_err(|problem| failure(format!("the card refused: {problem}")))?;
    let read = |name: &str| {
        answer.pointer(&format!("/attributes/{name}")).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut fields: Vec<(String, String)> = ["name", "address", "date_of_birth", "sex"]
        .into_iter()
        .map(|name| (name.to_owned(), read(name)))
        .chain([("account_type".to_owned(), "ordinary".to_owned()), ("consent".to_owned(), "yes".to_owned())])
        .collect();
    change(&mut fields);
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    story.visitor.post("bank", "/apply", &fields).await
}

async fn apply(story: &mut Story) -> Result<String, Failure> {
    let mut address = None;
    let page = fill_form(story, |fields| {
        address = fields.iter().find(|(name, _)| name == "address").map(|(_, value)| value.clone());
    })
    .await?;
    let document = seen(&page, "to-be-signed")?;
    let address = address.unwrap_or_default();
    ensure(!address.is_empty() && document.contains(&address), || {
        "the document does not show the address".into()
    })?;
    ensure(document.contains("nonce: "), || "the document has no nonce".into())?;
    story.old_address = Some(address);
    story.application = Some(page.path);
    Ok(format!("{} characters to be signed", document.chars().count()))
}

/// Signs the document of an application's page and sends the signature to the bank.
pub(super) async fn sign_application(story: &mut Story, path: &str) -> Result<Page, Failure> {
    let page = story.visitor.get("bank", path).await?;
    let request =
        page.json("card-request").ok_or_else(|| failure(format!("{} asks for no card", page.place())))?;
    let answer = story.visitor.ask_card("bank", &request, PASSWORD).await?;
    let answer = answer.map_err(|problem| failure(format!("the card refused: {problem}")))?;
    story.visitor.post("bank", &format!("{path}/complete"), &answer_fields(&answer)).await
}

async fn sign(story: &mut Story) -> Result<String, Failure> {
    let path = story.application.clone().ok_or_else(|| failure("there is no application"))?;
    let mut page = story.visitor.get("bank", &path).await?;
    let state = |page: &Page| page.attribute("application", "data-state").unwrap_or_default();
    if state(&page) == "open" {
        page = sign_application(story, &path).await?;
    }
    // After a crash the bank sends the signature again by itself.
    for _ in 0..PATIENCE {
        if state(&page) != "submitted" {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        page = story.visitor.get("bank", &path).await?;
    }
    let customer_id = seen(&page, "customer-id")?;
    ensure(page.text("application-accepted").is_some(), || "the application was not accepted".into())?;
    let list = seen(&page, "freshness")?;
    story.customer_id = Some(customer_id.clone());
    Ok(format!("customer id {customer_id}; {list}"))
}

/// Signs in at the bank; answers the page that follows.
pub(super) async fn bank_sign_in(story: &mut Story) -> Result<Page, Failure> {
    let page = story.visitor.post("bank", "/sign-in", &[]).await?;
    let request =
        page.json("card-request").ok_or_else(|| failure(format!("{} asks for no card", page.place())))?;
    let answer = story.visitor.ask_card("bank", &request, PIN).await?;
    let answer = answer.map_err(|problem| failure(format!("the card refused: {problem}")))?;
    story.visitor.post("bank", &format!("{}/complete", page.path), &answer_fields(&answer)).await
}

async fn sign_in(story: &mut Story) -> Result<String, Failure> {
    let page = bank_sign_in(story).await?;
    let customer_id = seen(&page, "customer-id")?;
    ensure(story.customer_id.as_ref() == Some(&customer_id), || {
        format!("the bank received {customer_id}, not its own customer id")
    })?;
    Ok(format!("customer id {customer_id}"))
}

async fn move_house(story: &mut Story) -> Result<String, Failure> {
    let counter = format!("/residents/{RESIDENT}");
    let before = story.visitor.get("town", &counter).await?;
    let address = seen(&before, "register-address")?;
    if story.old_address.as_ref().is_some_and(|old| *old != address) {
        // The move was made before a crash.
        story.new_address = Some(address.clone());
        return Ok(address);
    }
    let fields = [("municipality", "13101"), ("address", "丸の内２－７－２")];
    let page = story.visitor.post("town", &format!("{counter}/move"), &fields).await?;
    let result = seen(&page, "result")?;
    let new = seen(&page, "register-address")?;
    ensure(new != address, || "the register still has the old address".into())?;
    story.new_address = Some(new);
    Ok(result)
}

async fn change(story: &mut Story) -> Result<String, Failure> {
    let new = story.new_address.clone().ok_or_else(|| failure("there is no new address"))?;
    let mut waited = 0;
    loop {
        let page = story.visitor.get("bank", "/account").await?;
        let events = page.text("events").unwrap_or_default();
        let attributes = page.text("attributes").unwrap_or_default();
        if page.body.contains("data-kind=\"attributes_changed\"") && attributes.contains(&new) {
            let count = page.body.matches("data-kind=\"").count();
            ensure(count == 1, || format!("{count} events, not one"))?;
            return Ok(format!("{events} ({:.1} s)", f64::from(waited) * PAUSE.as_secs_f64()));
        }
        waited += 1;
        ensure(waited < PATIENCE, || format!("no event or no new address after {} s: {events}", waited / 5))?;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn portal(story: &mut Story) -> Result<String, Failure> {
    story.visitor.insert_card(RESIDENT).await?;
    let page = story.visitor.post("portal", "/sign-in", &[]).await?;
    let request = page.json("card-request").ok_or_else(|| failure("the portal asks for no card"))?;
    let answer = story.visitor.ask_card("portal", &request, PIN).await?;
    let answer = answer.map_err(|problem| failure(format!("the card refused: {problem}")))?;
    let page =
        story.visitor.post("portal", &format!("{}/complete", page.path), &answer_fields(&answer)).await?;
    let uses = seen(&page, "uses")?;
    for what in [
        "本人確認の結果",
        "資格確認の結果",
        "電子証明書の変更",
        "最新の基本4情報を事業者に提供",
        "同意しました",
    ] {
        ensure(uses.contains(what), || format!("the portal does not show 「{what}」: {uses}"))?;
    }
    let links = page.body.split("href=\"/uses/").skip(1).filter_map(|rest| rest.split('"').next());
    let (proofs, records): (Vec<&str>, Vec<&str>) = links.partition(|link| link.ends_with("/bundle"));
    let first = *records.first().ok_or_else(|| failure("no record can be opened"))?;
    let verdict = *proofs.first().ok_or_else(|| failure("no verdict can be downloaded"))?;
    let record = story.visitor.get("portal", &format!("/uses/{first}")).await?;
    let proof = record.attribute("proof", "class").unwrap_or_default();
    ensure(proof.contains("notice-success"), || "the record's proof does not verify".into())?;
    let bundle = story.visitor.get("portal", &format!("/uses/{verdict}")).await?;
    ensure(bundle.body.contains("musubi.bundle"), || "the proof of the verdict cannot be downloaded".into())?;
    Ok(format!(
        "{} records, {} verdicts to download; the newest record is proven to be in the audit log",
        records.len(),
        proofs.len()
    ))
}
