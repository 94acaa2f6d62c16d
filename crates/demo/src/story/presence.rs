//! Presence without PIN (かざし利用): the card is enrolled, held out at the branch, refused where it must be, ended in the
//! portal.

use musubi_pki::ReasonCode;
use serde_json::{Value, json};

use super::refusals::{prepare, refused_with};
use super::steps::{bank_sign_in, ensure, seen};
use super::visitor::{Failure, Page, failure};
use super::{PIN, RESIDENT, Step, Story, answer_fields};

/// Somebody whose card is enrolled nowhere.
const STRANGER: &str = "sato-kenichi";

pub(super) const STEPS: &[Step] = &[
    Step {
        id: "presence.enrol",
        ja: "暗証番号を使って、カードを銀行の受付（かざし利用）に登録する",
        en: "Enrol the card with the PIN for the bank's check-in without PIN",
        run: |story| Box::pin(enrol(story)),
    },
    Step {
        id: "presence.check_in",
        ja: "カードをかざして受付する（受付票だけが出て、口座は見えない）",
        en: "Check in by holding out the card (a slip, and no account)",
        run: |story| Box::pin(check_in(story)),
    },
    Step {
        id: "presence.step_up",
        ja: "受付票から、暗証番号で口座に進む",
        en: "Go on from the slip to the account with the PIN",
        run: |story| Box::pin(step_up(story)),
    },
];

pub(super) const AFTER: &[Step] = &[Step {
    id: "presence.end",
    ja: "ポータルでかざし利用をやめると、受付できなくなる",
    en: "End the use without PIN in the portal; the check-in is refused from then on",
    run: |story| Box::pin(end(story)),
}];

pub(super) const NOT_ENROLLED: Step = Step {
    id: "refusal.presence_not_enrolled",
    ja: "拒否: 登録していないカードがかざされた",
    en: "Refusal: a card that is not enrolled is held out",
    run: |story| Box::pin(not_enrolled(story)),
};

pub(super) const RELAYED: Step = Step {
    id: "refusal.presence_relayed",
    ja: "拒否: かざした応答を偽サイトが中継した",
    en: "Refusal: presence relayed by a fraudulent site",
    run: |story| Box::pin(relayed(story)),
};

pub(super) const FOR_PIN: Step = Step {
    id: "refusal.presence_for_pin",
    ja: "拒否: 暗証番号の代わりに、かざしただけの応答が送られた",
    en: "Refusal: mere presence where the PIN was asked for",
    run: |story| Box::pin(for_pin(story)),
};

fn request_of(page: &Page) -> Result<Value, Failure> {
    page.json("card-request").ok_or_else(|| failure(format!("{} asks for no card", page.place())))
}

/// Holds out the card for `request`: nothing is typed.
async fn hold_out(story: &Story, caller: &str, request: &Value) -> Result<Value, Failure> {
    let answer = story.visitor.ask_card_with(caller, request, &json!({})).await?;
    answer.map_err(|problem| failure(format!("the card refused: {problem}")))
}

/// Checks in at the bank; the page that follows.
async fn reception(story: &mut Story) -> Result<Page, Failure> {
    let page = story.visitor.post("bank", "/reception", &[]).await?;
    let answer = hold_out(story, "bank", &request_of(&page)?).await?;
    story.visitor.post("bank", &format!("{}/complete", page.path), &answer_fields(&answer)).await
}

async fn enrol(story: &mut Story) -> Result<String, Failure> {
    story.visitor.insert_card(RESIDENT).await?;
    let page = story.visitor.post("bank", "/sign-in", &[("enrol_presence", "yes")]).await?;
    let typed = json!({ "pin": PIN, "text_pin": PIN });
    let answer = story.visitor.ask_card_with("bank", &request_of(&page)?, &typed).await?;
    let answer = answer.map_err(|problem| failure(format!("the card refused: {problem}")))?;
    let proof =
        |name: &str| answer.pointer(&format!("/presence/{name}")).and_then(Value::as_str).unwrap_or_default();
    let mut fields = answer_fields(&answer).to_vec();
    fields.extend([
        ("presence_key_record", proof("key_record")),
        ("presence_card_certificate", proof("card_certificate")),
        ("presence_signature", proof("signature")),
    ]);
    let page = story.visitor.post("bank", &format!("{}/complete", page.path), &fields).await?;
    let state = seen(&page, "presence-state")?;
    ensure(page.text("enrol-start").is_none(), || format!("the card was not enrolled: {state}"))?;
    Ok(state)
}

async fn check_in(story: &mut Story) -> Result<String, Failure> {
    story.visitor.post("bank", "/sign-out", &[]).await?;
    let page = reception(story).await?;
    let name = seen(&page, "slip-name")?;
    let customer = seen(&page, "slip-customer")?;
    let known = story.customer_id.clone().unwrap_or_default();
    ensure(!known.is_empty() && !page.body.contains(&known), || "the slip shows the customer id".into())?;
    let account = story.visitor.get("bank", "/account").await?;
    ensure(account.path.starts_with("/sign-in") && account.text("balance").is_none(), || {
        format!("presence opened {}", account.place())
    })?;
    Ok(format!("slip for {name}, {customer}; the account stays closed"))
}

async fn step_up(story: &mut Story) -> Result<String, Failure> {
    let slip = story.visitor.get("bank", "/reception/slip").await?;
    seen(&slip, "step-up")?;
    let page = bank_sign_in(story).await?;
    let customer_id = seen(&page, "customer-id")?;
    ensure(story.customer_id.as_ref() == Some(&customer_id), || format!("another customer, {customer_id}"))?;
    Ok(format!("customer id {customer_id}"))
}

async fn not_enrolled(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "presence.not_enrolled").await?;
    story.visitor.insert_card(STRANGER).await?;
    let page = reception(story).await?;
    refused_with(story, &page, ReasonCode::PresenceNotEnrolled, "refusal-what").await
}

async fn relayed(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "presence.relayed").await?;
    story.visitor.insert_card(RESIDENT).await?;
    let mut last = String::new();
    for (lang, expected) in [("en", ReasonCode::OriginWrong.en()), ("ja", ReasonCode::OriginWrong.ja())] {
        story.visitor.get("phish", &format!("/?lang={lang}")).await?;
        let page = story.visitor.post("phish", "/reception", &[]).await?;
        let answer = hold_out(story, "phish", &request_of(&page)?).await?;
        let complete = format!("{}/complete", page.path);
        let page = story.visitor.post("phish", &complete, &answer_fields(&answer)).await?;
        let what = seen(&page, "refusal-what")?;
        ensure(what == expected.what, || format!("the bank said «{what}», not «{}»", expected.what))?;
        last = what;
    }
    Ok(format!("origin.wrong: {last}"))
}

async fn for_pin(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "presence.for_pin").await?;
    story.visitor.insert_card(RESIDENT).await?;
    let page = story.visitor.post("bank", "/lab/presence", &[]).await?;
    let answer = hold_out(story, "bank", &request_of(&page)?).await?;
    let sign_in = page.path.replacen("/lab/presence/", "/sign-in/", 1);
    let page = story.visitor.post("bank", &format!("{sign_in}/complete"), &answer_fields(&answer)).await?;
    refused_with(story, &page, ReasonCode::SignatureTampered, "refusal-what").await
}

async fn end(story: &mut Story) -> Result<String, Failure> {
    let page = story.visitor.get("portal", "/").await?;
    let shown = seen(&page, "presences")?;
    let id = page.body.split("action=\"/presence/").nth(1).and_then(|rest| rest.split('/').next());
    let path = format!("/presence/{}/end", id.ok_or_else(|| failure("no enrolment can be ended"))?);
    let page = story.visitor.post("portal", &path, &[]).await?;
    ensure(page.text("presences").is_none(), || "the enrolment is still there".into())?;
    let page = reception(story).await?;
    let refused = refused_with(story, &page, ReasonCode::PresenceNotEnrolled, "refusal-what").await?;
    Ok(format!("{shown}; then {refused}"))
}
