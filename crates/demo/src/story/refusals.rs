//! Every refusal on demand: each is provoked as a visitor would, and its message is read in both languages.

use std::time::Duration;

use musubi_pki::ReasonCode;
use serde_json::{Value, json};

use super::presence;
use super::steps::{bank_sign_in, ensure, fill_form, seen, sign_application};
use super::visitor::{Failure, Page, failure};
use super::{PIN, RESIDENT, Step, Story, answer_fields};

/// Another ordinary resident, whose account is opened after all.
const SECOND: &str = "sato-kenichi";
const EXPIRED: &str = "furukawa-akira";
const REVOKED: &str = "morita-tsuyoshi";
const HELD: &str = "okamoto-megumi";
const COUNTERFEIT: &str = "kageyama-so";

pub(super) const REFUSALS: &[Step] = &[
    Step {
        id: "refusal.wrong_pin",
        ja: "拒否: 暗証番号が違う",
        en: "Refusal: wrong PIN",
        run: |story| Box::pin(wrong_pin(story)),
    },
    Step {
        id: "refusal.blocked_pin",
        ja: "拒否: 暗証番号がロックされている",
        en: "Refusal: blocked PIN",
        run: |story| Box::pin(blocked_pin(story)),
    },
    Step {
        id: "refusal.tampered",
        ja: "拒否: 署名のあとで申込書が書き換えられた",
        en: "Refusal: application changed after it was signed",
        run: |story| Box::pin(tampered(story)),
    },
    Step {
        id: "refusal.mismatch",
        ja: "拒否: 申込書の4情報が証明書と一致しない",
        en: "Refusal: attributes that do not match the certificate",
        run: |story| Box::pin(mismatch(story)),
    },
    Step {
        id: "refusal.expired",
        ja: "拒否: 有効期限が切れた証明書",
        en: "Refusal: expired certificate",
        run: |story| Box::pin(sign_in_refused(story, EXPIRED, ReasonCode::CertificateExpired)),
    },
    Step {
        id: "refusal.revoked",
        ja: "拒否: 失効した証明書",
        en: "Refusal: revoked certificate",
        run: |story| Box::pin(sign_in_refused(story, REVOKED, ReasonCode::CertificateRevoked)),
    },
    Step {
        id: "refusal.held",
        ja: "拒否: 一時保留中の証明書",
        en: "Refusal: certificate on hold",
        run: |story| Box::pin(sign_in_refused(story, HELD, ReasonCode::CertificateHeld)),
    },
    Step {
        id: "refusal.other_authority",
        ja: "拒否: 別の認証局が発行した証明書（偽造カード）",
        en: "Refusal: certificate of another authority (forged card)",
        run: |story| Box::pin(sign_in_refused(story, COUNTERFEIT, ReasonCode::CertificateOtherAuthority)),
    },
    Step {
        id: "refusal.replayed_nonce",
        ja: "拒否: 一度使った応答の再利用",
        en: "Refusal: replayed nonce",
        run: |story| Box::pin(replayed(story)),
    },
    Step {
        id: "refusal.wrong_origin",
        ja: "拒否: 偽サイトが中継した応答",
        en: "Refusal: wrong origin (relayed by a fraudulent site)",
        run: |story| Box::pin(wrong_origin(story)),
    },
    presence::NOT_ENROLLED,
    presence::RELAYED,
    presence::FOR_PIN,
    Step {
        id: "refusal.unreachable",
        ja: "拒否: 認証局に接続できない（回復すれば自動で続く）",
        en: "Refusal: authority unreachable (goes on by itself when it is back)",
        run: |story| Box::pin(unreachable(story)),
    },
    Step {
        id: "refusal.list_too_old",
        ja: "拒否: 失効リストが古すぎる",
        en: "Refusal: revocation list too old",
        run: |story| Box::pin(list_too_old(story)),
    },
];

pub(super) async fn prepare(story: &mut Story, code: &str) -> Result<(), Failure> {
    let page = story.visitor.post("", &format!("/refusals/{code}/prepare"), &[]).await?;
    ensure(page.status == 200, || format!("{} answered {}", page.place(), page.status))
}

async fn reset(story: &mut Story) -> Result<(), Failure> {
    let page = story.visitor.post("", "/refusals/reset", &[]).await?;
    ensure(page.status == 200, || format!("{} answered {}", page.place(), page.status))
}

/// The refusal that `page` shows has this reason and its texts, in both languages.
pub(super) async fn refused_with(
    story: &mut Story,
    page: &Page,
    reason: ReasonCode,
    what_id: &str,
) -> Result<String, Failure> {
    if let Some(code) = page.attribute("refusal", "data-code") {
        ensure(code == reason.code().as_str(), || {
            format!("refused with {code}, not {reason}: {}", page.text("refusal-what").unwrap_or_default())
        })?;
    }
    let (path, _) = page.path.split_once('?').unwrap_or((&page.path, ""));
    let path = path.trim_end_matches("/complete");
    for (lang, expected) in [("en", reason.en()), ("ja", reason.ja())] {
        let shown = story.visitor.get(&page.site, &format!("{path}?lang={lang}")).await?;
        let what = seen(&shown, what_id)?;
        ensure(what == expected.what, || format!("{path} says «{what}», not «{}»", expected.what))?;
        // What to do next: the platform's words, or, where the bank itself goes on, the bank's.
        let next = seen(&shown, &what_id.replace("-what", "-next"))?;
        ensure(next == expected.next || (what_id == "waiting-what" && !next.is_empty()), || {
            format!("{path} says «{next}» to do next, not «{}»", expected.next)
        })?;
    }
    Ok(format!("{}: {}", reason.code(), reason.en().what))
}

/// The card's problem has this code, and says in both languages what happened and what to do.
fn card_refused(answer: Result<Value, Value>, code: &str) -> Result<Value, Failure> {
    let problem = match answer {
        Err(problem) => problem,
        Ok(_) => return Err(failure("the card did not refuse")),
    };
    let text = |path: &str| problem.pointer(path).and_then(Value::as_str).unwrap_or_default();
    ensure(text("/code") == code, || format!("the card said {}, not {code}", text("/code")))?;
    for path in ["/detail/ja/what", "/detail/ja/next", "/detail/en/what", "/detail/en/next"] {
        ensure(!text(path).is_empty(), || format!("the card's refusal has no {path}"))?;
    }
    Ok(problem)
}

async fn sign_in_request(story: &mut Story) -> Result<Value, Failure> {
    let page = story.visitor.post("bank", "/sign-in", &[]).await?;
    page.json("card-request").ok_or_else(|| failure("the bank asks for no card"))
}

async fn wrong_pin(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "pin.wrong").await?;
    story.visitor.insert_card(RESIDENT).await?;
    let request = sign_in_request(story).await?;
    let problem = card_refused(story.visitor.ask_card("bank", &request, "9999").await?, "pin.wrong")?;
    let left = problem.get("tries_left").and_then(Value::as_u64);
    ensure(left == Some(2), || format!("{left:?} tries left, not 2"))?;
    story
        .visitor
        .ask_card("bank", &request, PIN)
        .await?
        .map_err(|p| failure(format!("the right PIN was refused: {p}")))?;
    Ok("pin.wrong, 2 tries left; the right PIN works".into())
}

async fn blocked_pin(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "pin.blocked").await?;
    story.visitor.insert_card(SECOND).await?;
    let request = sign_in_request(story).await?;
    for expected in ["pin.wrong", "pin.wrong", "pin.last_try"] {
        card_refused(story.visitor.ask_card("bank", &request, "9999").await?, expected)?;
    }
    // The last try is spent only by who says so.
    let last = json!({ "pin": "9999", "last_try": true });
    if story.visitor.ask_card_with("bank", &request, &last).await?.is_ok() {
        return Err(failure("a wrong PIN was accepted"));
    }
    card_refused(story.visitor.ask_card("bank", &request, PIN).await?, "pin.blocked")?;
    let page = story.visitor.post("town", &format!("/residents/{SECOND}/unblock"), &[]).await?;
    ensure(page.status == 200, || format!("{} answered {}", page.place(), page.status))?;
    story
        .visitor
        .ask_card("bank", &request, PIN)
        .await?
        .map_err(|p| failure(format!("still blocked: {p}")))?;
    Ok("pin.blocked, also for the right PIN; the town hall unblocks it".into())
}

async fn tampered(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "signature.tampered").await?;
    story.visitor.insert_card(SECOND).await?;
    story.visitor.post("bank", "/lab/tamper", &[]).await?;
    let page = fill_form(story, |_| {}).await?;
    let page = sign_application(story, &page.path).await?;
    refused_with(story, &page, ReasonCode::SignatureTampered, "refusal-what").await
}

async fn mismatch(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "attributes.mismatch").await?;
    story.visitor.insert_card(SECOND).await?;
    let page = fill_form(story, |fields| {
        for (name, value) in fields.iter_mut() {
            if name == "address" {
                value.push_str("－９９");
            }
        }
    })
    .await?;
    let page = sign_application(story, &page.path).await?;
    refused_with(story, &page, ReasonCode::AttributesMismatch, "refusal-what").await
}

async fn sign_in_refused(story: &mut Story, resident: &str, reason: ReasonCode) -> Result<String, Failure> {
    prepare(story, reason.code().as_str()).await?;
    story.visitor.insert_card(resident).await?;
    let page = bank_sign_in(story).await?;
    refused_with(story, &page, reason, "refusal-what").await
}

async fn replayed(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "nonce.replayed").await?;
    story.visitor.insert_card(RESIDENT).await?;
    let page = bank_sign_in(story).await?;
    seen(&page, "customer-id")?;
    let mut seen_texts = Vec::new();
    for lang in ["en", "ja"] {
        story.visitor.get("bank", &format!("/lab?lang={lang}")).await?;
        let page = story.visitor.post("bank", "/lab/replay", &[]).await?;
        let code = page.attribute("refusal", "data-code").unwrap_or_default();
        ensure(code == "nonce.replayed", || format!("refused with «{code}», not nonce.replayed"))?;
        seen_texts.push(seen(&page, "refusal-what")?);
    }
    let differ = seen_texts.iter().collect::<std::collections::BTreeSet<_>>().len() == 2;
    ensure(differ, || "the message is not there in both languages".into())?;
    Ok(format!("nonce.replayed: {}", seen_texts.swap_remove(0)))
}

async fn wrong_origin(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "origin.wrong").await?;
    story.visitor.insert_card(RESIDENT).await?;
    let mut last = String::new();
    for (lang, expected) in [("en", ReasonCode::OriginWrong.en()), ("ja", ReasonCode::OriginWrong.ja())] {
        story.visitor.get("phish", &format!("/?lang={lang}")).await?;
        let page = story.visitor.post("phish", "/sign-in", &[]).await?;
        let request = page.json("card-request").ok_or_else(|| failure("the fraud asks for no card"))?;
        let answer = story.visitor.ask_card("phish", &request, PIN).await?;
        let answer = answer.map_err(|problem| failure(format!("the card refused: {problem}")))?;
        let page =
            story.visitor.post("phish", &format!("{}/complete", page.path), &answer_fields(&answer)).await?;
        let what = seen(&page, "refusal-what")?;
        ensure(what == expected.what, || format!("the bank said «{what}», not «{}»", expected.what))?;
        last = what;
    }
    Ok(format!("origin.wrong: {last}"))
}

async fn unreachable(story: &mut Story) -> Result<String, Failure> {
    reset(story).await?;
    story.visitor.insert_card(SECOND).await?;
    let page = fill_form(story, |_| {}).await?;
    let path = page.path;
    prepare(story, "upstream.unreachable").await?;
    let page = sign_application(story, &path).await?;
    let refused = refused_with(story, &page, ReasonCode::UpstreamUnreachable, "waiting-what").await?;
    reset(story).await?;
    for _ in 0..150 {
        let page = story.visitor.get("bank", &path).await?;
        if page.text("application-accepted").is_some() {
            return Ok(format!("{refused} Accepted when the authority was back."));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(failure("the application did not go on when the authority was back"))
}

async fn list_too_old(story: &mut Story) -> Result<String, Failure> {
    prepare(story, "revocation_list.too_old").await?;
    story.visitor.insert_card(RESIDENT).await?;
    let page = bank_sign_in(story).await?;
    let refused = refused_with(story, &page, ReasonCode::RevocationListTooOld, "waiting-what").await?;
    reset(story).await?;
    // The platform takes the new lists in within a second or two.
    for _ in 0..100 {
        let page = bank_sign_in(story).await?;
        if page.text("customer-id").is_some() {
            return Ok(refused);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(failure("signing in did not work when new lists were published"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_is_a_step_for_each_of_the_fifteen_refusals() {
        assert_eq!(super::REFUSALS.len(), 15);
    }
}
