//! The counter and the authorities' office.

use super::*;

#[tokio::test]
async fn a_move_revokes_the_signing_certificate_and_the_counter_says_which() {
    let nation = Nation::found().await;
    let before = nation.world.resident(&resident(MISAKI)).await.unwrap().unwrap().card;
    let response = post(
        &nation.town,
        "/residents/aoki-misaki/move",
        "municipality=27102&address=%E9%83%BD%E5%B3%B6%E6%9C%AC%E9%80%9A%EF%BC%91",
    )
    .await;
    let target = location(&response).to_owned();
    assert!(target.starts_with("/residents/aoki-misaki?done=move&at="), "{target}");
    let after = nation.world.resident(&resident(MISAKI)).await.unwrap().unwrap().card;
    let (old, new) = (before.signature.unwrap().serial, after.signature.unwrap().serial);
    assert_ne!(old, new);
    assert_eq!(before.authentication.unwrap().serial, after.authentication.unwrap().serial);

    let (_, page) = get(&nation.town, target.split('#').next().unwrap(), "lang=en").await;
    let notice = page.split("id=\"result\"").nth(1).unwrap().split("</div>").next().unwrap();
    assert!(notice.contains(&old.to_string()) && notice.contains(&new.to_string()), "{notice}");
    assert!(
        notice.contains("affiliationChanged") && notice.contains("revocation list number 2 was published"),
        "{notice}"
    );
    assert!(page.contains("href=\"http://bank.localhost:8080/account?lang=en\""));
    assert!(page.contains("大阪府大阪市都島区都島本通１"));
}

#[tokio::test]
async fn while_publication_is_stopped_the_counter_says_that_no_list_tells_yet() {
    let nation = Nation::found().await;
    location(&post(&nation.town, "/authority/dials", "dial=publication_stopped&turned=on").await);
    location(&post(&nation.town, "/authority/clock", "step=hour").await);
    let response = post(&nation.town, "/residents/aoki-misaki/loss", "").await;
    let (_, page) = get(&nation.town, location(&response).split('#').next().unwrap(), "lang=ja").await;
    assert!(page.contains("certificateHold") && page.contains("まだどのリストにも載っていません"));
    let (_, office) = get(&nation.town, "/authority", "lang=ja").await;
    assert!(office.contains("ほかに1件が公開待ち"));
    assert_eq!(location(&post(&nation.town, "/authority/publish", "").await), "/authority?done=stopped");
}

#[tokio::test]
async fn every_notification_does_what_its_button_says() {
    let nation = Nation::found().await;
    let state = async |kind: AuthorityKind| {
        let card = nation.world.resident(&resident(MISAKI)).await.unwrap().unwrap().card;
        match kind {
            AuthorityKind::DigitalSignature => card.signature,
            AuthorityKind::UserAuthentication => card.authentication,
        }
        .unwrap()
        .state
    };
    assert!(
        location(
            &post(
                &nation.town,
                "/residents/aoki-misaki/rename",
                "name=%E7%B5%90%E5%9F%8E+%E7%BE%8E%E5%92%B2"
            )
            .await
        )
        .contains("done=rename")
    );
    assert!(location(&post(&nation.town, "/residents/aoki-misaki/theft", "").await).contains("done=theft"));
    for kind in AuthorityKind::ALL {
        assert!(matches!(
            state(kind).await,
            CertState::Revoked { reason: RevocationReason::KeyCompromise, .. }
        ));
    }
    assert!(
        location(&post(&nation.town, "/residents/aoki-misaki/loss", "").await)
            .contains("refused=nothing_to_revoke")
    );
    assert!(location(&post(&nation.town, "/residents/aoki-misaki/renew", "").await).contains("done=renew"));
    assert_eq!(state(AuthorityKind::UserAuthentication).await, CertState::Good);
    assert!(location(&post(&nation.town, "/residents/aoki-misaki/leave", "").await).contains("done=leave"));
    assert!(location(&post(&nation.town, "/residents/aoki-misaki/renew", "").await).contains("refused=left"));
    assert!(
        location(&post(&nation.town, "/residents/kageyama-so/loss", "").await).contains("refused=forged")
    );
    let nothing = post(&nation.town, "/residents/aoki-misaki/vanish", "").await;
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_counter_resets_blocked_pins() {
    let nation = Nation::found().await;
    for pin in [PinReference::Authentication, PinReference::Signature] {
        nation.world.block(&resident(MISAKI), pin).await.unwrap();
    }
    assert_eq!(nation.tries(MISAKI).await, (0, 0));
    assert!(
        location(&post(&nation.town, "/residents/aoki-misaki/unblock", "").await).contains("done=unblock")
    );
    assert_eq!(nation.tries(MISAKI).await, (3, 5));
}

#[tokio::test]
async fn the_office_turns_dials_publishes_and_moves_the_clock() {
    let nation = Nation::found().await;
    let start = nation.world.now();
    assert_eq!(
        location(&post(&nation.town, "/authority/clock", "step=three_days").await),
        "/authority?done=clock"
    );
    assert_eq!(nation.world.now().since(start), 72 * 3600);
    location(&post(&nation.town, "/authority/dials", "dial=authority_unreachable&turned=on").await);
    assert!(nation.world.dials().authority_unreachable && !nation.world.dials().publication_stopped);
    assert_eq!(location(&post(&nation.town, "/authority/publish", "").await), "/authority?done=published");
    let (status, page) = get(&nation.town, "/authority?done=published", "lang=en").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("New revocation lists were published.") && page.contains("list-digital_signature-")
    );
    assert!(page.contains("id=\"unreachable-toggle\" name=\"turned\" value=\"off\""));
    for form in ["step=-1", "step=year", "", "step=day&step=day"] {
        assert_eq!(
            post(&nation.town, "/authority/clock", form).await.status(),
            StatusCode::BAD_REQUEST,
            "{form}"
        );
    }
}
