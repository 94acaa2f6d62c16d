//! Life events.

use musubi_kernel::UnixTime;
use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_nation::{CertState, DEMO_PIN, Dials, LifeError, LifeEvent};
use musubi_pki::RevocationReason;

use crate::support::{AOKI, EPOCH, Nation, slug};
use crate::upstream::Upstream;

fn to_naha() -> LifeEvent {
    LifeEvent::Move { municipality: "47201".into(), address: "泉崎1-1-1".into() }
}

#[tokio::test]
async fn a_move_replaces_the_signing_certificate_and_leaves_the_other() {
    for nation in Nation::everywhere().await {
        let before = nation.resident(AOKI).await;
        nation.world.live(&slug(AOKI), to_naha()).await.unwrap();
        let after = nation.resident(AOKI).await;
        assert_eq!(after.address, "沖縄県那覇市泉崎１－１－１");
        assert_eq!(after.municipality.romaji, "Naha-shi");
        let (old, new) = (before.card.signature.unwrap(), after.card.signature.unwrap());
        assert!(new.serial > old.serial && new.state == CertState::Good);
        assert_eq!(before.card.authentication.unwrap().serial, after.card.authentication.unwrap().serial);
        let upstream = Upstream::of(&nation);
        assert_eq!(
            upstream.revoked("digital_signature", &old.serial).await,
            Some(RevocationReason::AffiliationChanged)
        );
        let certificate = nation.certificate(AOKI, Sign).await;
        assert!(certificate.windows(15).any(|w| w == b"Naha-shi CRLDP\0" || &w[..14] == b"Naha-shi CRLDP"));
    }
}

#[tokio::test]
async fn an_address_may_come_with_the_municipality_in_front() {
    let nation = Nation::sqlite().await;
    let event =
        LifeEvent::Move { municipality: "13221".into(), address: "東京都清瀬市中里5-842".into() };
    nation.world.live(&slug(AOKI), event).await.unwrap();
    assert_eq!(nation.resident(AOKI).await.address, "東京都清瀬市中里５－８４２");
}

#[tokio::test]
async fn a_new_name_stands_in_the_new_certificate_and_its_reading_is_open() {
    let nation = Nation::sqlite().await;
    nation.world.live(&slug(AOKI), LifeEvent::Rename { name: "山田 美咲".into() }).await.unwrap();
    let after = nation.resident(AOKI).await;
    assert_eq!((after.name.as_str(), after.kana.as_str()), ("山田　美咲", ""));
    let certificate = nation.certificate(AOKI, Sign).await;
    let name = "山田　美咲".as_bytes();
    assert!(certificate.windows(name.len()).any(|w| w == name));
}

#[tokio::test]
async fn loss_holds_theft_compromises_and_neither_happens_twice() {
    for nation in Nation::everywhere().await {
        for (id, event, reason) in [
            (AOKI, LifeEvent::ReportLoss, RevocationReason::CertificateHold),
            ("takahashi-naoki", LifeEvent::ReportTheft, RevocationReason::KeyCompromise),
        ] {
            nation.world.live(&slug(id), event.clone()).await.unwrap();
            let card = nation.resident(id).await.card;
            for view in [card.signature.unwrap(), card.authentication.unwrap()] {
                assert_eq!(view.state, CertState::Revoked { reason, at: nation.world.now() });
            }
            assert!(matches!(nation.world.live(&slug(id), event).await, Err(LifeError::NothingToRevoke)));
            let theft = nation.world.live(&slug(id), LifeEvent::ReportTheft).await;
            assert!(matches!(theft, Err(LifeError::NothingToRevoke)), "a hold is final");
        }
    }
}

#[tokio::test]
async fn renewal_supersedes_what_is_good_and_sets_the_pins_anew() {
    for nation in Nation::everywhere().await {
        let before = nation.resident(AOKI).await.card;
        let _ = nation.ask(AOKI, Authenticate, "0000").await;
        nation.world.live(&slug(AOKI), LifeEvent::Renew).await.unwrap();
        let after = nation.resident(AOKI).await.card;
        assert_eq!(after.pin_tries, 3);
        assert!(after.signature.unwrap().serial > before.signature.clone().unwrap().serial);
        let old = before.authentication.unwrap().serial;
        assert!(after.authentication.unwrap().serial > old);
        let upstream = Upstream::of(&nation);
        assert_eq!(upstream.revoked("user_authentication", &old).await, Some(RevocationReason::Superseded));
        assert!(nation.ask(AOKI, Authenticate, DEMO_PIN).await.is_ok());
    }
}

#[tokio::test]
async fn a_new_card_after_a_loss_leaves_the_hold_as_it_is() {
    let nation = Nation::sqlite().await;
    let held = nation.resident("okamoto-megumi").await.card.signature.unwrap().serial;
    nation.world.live(&slug("okamoto-megumi"), LifeEvent::Renew).await.unwrap();
    assert_eq!(nation.resident("okamoto-megumi").await.card.signature.unwrap().state, CertState::Good);
    let upstream = Upstream::of(&nation);
    assert_eq!(upstream.revoked("digital_signature", &held).await, Some(RevocationReason::CertificateHold));
}

#[tokio::test]
async fn a_child_gets_a_signing_certificate_with_the_renewal_after_the_fifteenth_birthday() {
    let nation = Nation::sqlite().await;
    let child = slug("takahashi-riku");
    nation.world.live(&child, to_naha()).await.unwrap();
    nation.world.live(&child, LifeEvent::Renew).await.unwrap();
    assert!(nation.resident("takahashi-riku").await.card.signature.is_none());
    // The last second before, and the first second of, 31 December 2027 in Japan.
    let birthday = UnixTime::parse_rfc3339("2027-12-31T00:00:00+09:00").unwrap();
    nation.world.advance_clock(birthday.since(EPOCH) - 1).await.unwrap();
    nation.world.live(&child, LifeEvent::Renew).await.unwrap();
    assert!(nation.resident("takahashi-riku").await.card.signature.is_none());
    nation.world.advance_clock(1).await.unwrap();
    nation.world.live(&child, LifeEvent::Renew).await.unwrap();
    let card = nation.resident("takahashi-riku").await.card;
    assert_eq!(card.signature.unwrap().state, CertState::Good);
    let counterpart =
        Upstream::of(&nation).counterpart("user_authentication", &card.authentication.unwrap().serial).await;
    assert_eq!(counterpart, Some(nation.signing_serial("takahashi-riku").await));
}

#[tokio::test]
async fn who_has_no_good_signing_certificate_moves_in_the_register_only() {
    let nation = Nation::sqlite().await;
    let before = nation.resident("furukawa-akira").await.card.signature.unwrap().serial;
    nation.world.live(&slug("furukawa-akira"), to_naha()).await.unwrap();
    let after = nation.resident("furukawa-akira").await;
    assert_eq!(after.municipality.code, "47201");
    assert_eq!(after.card.signature.unwrap().serial, before);
}

#[tokio::test]
async fn nothing_happens_to_who_has_left_to_a_forged_card_or_to_nobody() {
    let nation = Nation::sqlite().await;
    nation.world.live(&slug(AOKI), LifeEvent::LeaveOrDie).await.unwrap();
    let dead = nation.resident(AOKI).await;
    assert_eq!(dead.left_at, Some(nation.world.now()));
    for event in [LifeEvent::LeaveOrDie, LifeEvent::Renew, to_naha(), LifeEvent::ReportLoss] {
        assert!(matches!(nation.world.live(&slug(AOKI), event.clone()).await, Err(LifeError::Left)));
        assert!(matches!(
            nation.world.live(&slug("kageyama-so"), event.clone()).await,
            Err(LifeError::Forged)
        ));
        assert!(matches!(nation.world.live(&slug("nobody"), event).await, Err(LifeError::UnknownResident)));
    }
}

#[tokio::test]
async fn unusable_texts_and_places_are_refused_and_change_nothing() {
    let nation = Nation::sqlite().await;
    let before = nation.resident(AOKI).await;
    let long = "あ".repeat(201);
    for address in ["", "   ", "１\u{7}", "１\u{202E}２", &long, "東京都清瀬市\u{0}"] {
        let event = LifeEvent::Move { municipality: "13221".into(), address: address.into() };
        assert!(
            matches!(nation.world.live(&slug(AOKI), event).await, Err(LifeError::Unprintable)),
            "{address:?}"
        );
    }
    let nowhere = LifeEvent::Move { municipality: "99999".into(), address: "１".into() };
    assert!(matches!(nation.world.live(&slug(AOKI), nowhere).await, Err(LifeError::UnknownMunicipality)));
    let empty = LifeEvent::Rename { name: " ".into() };
    assert!(matches!(nation.world.live(&slug(AOKI), empty).await, Err(LifeError::Unprintable)));
    let after = nation.resident(AOKI).await;
    assert_eq!(
        (before.address, before.card.signature.unwrap().serial),
        (after.address, after.card.signature.unwrap().serial)
    );
}

#[tokio::test]
async fn lists_appear_with_each_event_and_daily_unless_publication_is_stopped() {
    for nation in Nation::everywhere().await {
        let upstream = Upstream::of(&nation);
        let number = || async { upstream.lists().await[0]["number"].as_i64().unwrap() };
        let first = number().await;
        nation.world.live(&slug(AOKI), LifeEvent::ReportLoss).await.unwrap();
        assert_eq!(number().await, first + 1);
        assert!(!nation.world.publish_due().await.unwrap(), "not yet a day old");
        nation.world.advance_clock(86_400).await.unwrap();
        assert_eq!(number().await, first + 2, "time travel publishes what became due");
        nation.world.set_dials(Dials { publication_stopped: true, ..Dials::default() }).await.unwrap();
        nation.world.live(&slug("takahashi-naoki"), LifeEvent::ReportLoss).await.unwrap();
        nation.world.publish_lists().await.unwrap();
        nation.world.advance_clock(3 * 86_400).await.unwrap();
        assert_eq!(number().await, first + 2);
        nation.world.set_dials(Dials::default()).await.unwrap();
        assert_eq!(number().await, first + 3, "publication resumes at once");
    }
}
