//! The card, its reader and its window.

use super::*;

#[tokio::test]
async fn the_card_signs_for_the_right_pin_and_the_signature_is_over_the_text_of_the_contract() {
    let nation = Nation::found().await;
    let (status, answer) = ask(&nation, MISAKI, sign_in(DEMO_PIN)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["origin"], BANK);
    for member in ["certificate", "signature"] {
        assert!(answer[member].as_str().unwrap().len() > 300);
    }
    let message = format!(
        "Musubi user authentication 1\norigin: {BANK}\nrelying-party: rp_00112233445566778899aabbccddeeff\n\
         purpose: sign_in\nnonce: {NONCE}\n"
    );
    let pin = Secret::new(DEMO_PIN.to_owned());
    let direct = nation
        .world
        .answer(&resident(MISAKI), crate::CardOperation::Authenticate, &pin, message.as_bytes())
        .await
        .unwrap();
    let crate::CardAnswer::Signed { signature, .. } = direct else { panic!("a signature") };
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(signature);
    // RSASSA-PKCS1-v1_5 is deterministic: same text, same signature.
    assert_eq!(answer["signature"], encoded);
}

#[tokio::test]
async fn a_document_is_signed_with_the_password_and_attributes_are_read_with_the_pin() {
    let nation = Nation::found().await;
    let document = format!("口座開設の申込み\norigin: {BANK}\n");
    let (status, answer) = ask(&nation, MISAKI, sign(&document, DEMO_PASSWORD)).await;
    assert_eq!((status, &answer["origin"]), (StatusCode::OK, &json!(BANK)));
    let (status, answer) = ask(&nation, MISAKI, read(DEMO_PIN)).await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({ "name": "青木　美咲", "address": "東京都清瀬市松山１－２－３",
        "date_of_birth": "1988-07-21", "sex": "female" });
    assert_eq!(answer, json!({ "attributes": expected }));
}

#[tokio::test]
async fn an_enrolment_is_vouched_for_by_the_nations_authority_of_cards_and_presence_follows_from_its_key() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let nation = Nation::found().await;
    let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let lines = format!(
        "origin: {BANK}\nrelying-party: rp_00112233445566778899aabbccddeeff\npurpose: sign_in\nnonce: {NONCE}\n"
    );
    let mut enrolment = sign_in(DEMO_PIN);
    enrolment["request"].as_object_mut().unwrap().insert("enrol_presence".into(), json!(true));
    enrolment.as_object_mut().unwrap().insert("text_pin".into(), json!(DEMO_PIN));
    let (status, answer) = ask(&nation, MISAKI, enrolment).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let authorities = nation.world.card_authorities().await.unwrap();
    let vouched = &answer["presence"];
    let key = authorities
        .verify_key_record(&bytes(&vouched["key_record"]), &bytes(&vouched["card_certificate"]))
        .unwrap();
    let named = URL_SAFE_NO_PAD.encode(musubi_crypto::sha256(key.spki_der()));
    let text = format!("Musubi user authentication 1\n{lines}presence-key: {named}\n");
    key.verify(text.as_bytes(), &bytes(&vouched["signature"])).unwrap();

    let mut held_out = sign_in("");
    held_out.as_object_mut().unwrap().remove("pin");
    held_out["request"]["operation"] = json!("prove_presence");
    let (status, presence) = ask(&nation, MISAKI, held_out.clone()).await;
    assert_eq!((status, &presence["certificate"]), (StatusCode::OK, &answer["certificate"]));
    let certificate = URL_SAFE_NO_PAD.encode(musubi_crypto::sha256(&bytes(&presence["certificate"])));
    let text = format!("Musubi card presence 1\n{lines}certificate: {certificate}\n");
    key.verify(text.as_bytes(), &bytes(&presence["signature"])).unwrap();
    // Another card's key does not speak for this one.
    let (_, other) = ask(&nation, CHILD, held_out).await;
    assert!(key.verify(text.as_bytes(), &bytes(&other["signature"])).is_err());
}

#[tokio::test]
async fn wrong_pins_count_down_to_a_block_that_says_where_to_go() {
    let nation = Nation::found().await;
    for left in [2, 1] {
        let (status, problem) = ask(&nation, MISAKI, sign_in("0000")).await;
        assert_eq!(
            (status, &problem["code"], &problem["tries_left"]),
            (StatusCode::FORBIDDEN, &json!("pin.wrong"), &json!(left))
        );
    }
    let (_, problem) = ask(&nation, MISAKI, sign_in("0000")).await;
    assert_eq!((&problem["code"], nation.tries(MISAKI).await), (&json!("pin.last_try"), (1, 5)));
    let mut spent = sign_in("0000");
    spent.as_object_mut().unwrap().insert("last_try".into(), json!(true));
    for body in [spent, sign_in(DEMO_PIN)] {
        let (status, problem) = ask(&nation, MISAKI, body).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("pin.blocked")));
        assert!(problem["detail"]["ja"]["next"].as_str().unwrap().contains("窓口"));
        assert!(problem["detail"]["en"]["next"].as_str().unwrap().contains("municipality"));
    }
    assert_eq!(nation.tries(MISAKI).await, (0, 5));
}

#[tokio::test]
async fn what_is_no_pin_costs_no_try() {
    let nation = Nation::found().await;
    let document = format!("origin: {BANK}\n");
    let bodies = [
        sign_in("123"),
        sign_in("12345"),
        sign_in("１２３４"),
        sign_in(""),
        sign(&document, "musubi1"),
        sign(&document, "A1"),
    ];
    for body in bodies {
        let (status, problem) = ask(&nation, MISAKI, body).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("request.malformed")));
    }
    assert_eq!(nation.tries(MISAKI).await, (3, 5));
}

#[tokio::test]
async fn a_document_for_another_site_is_not_signed() {
    let nation = Nation::found().await;
    let document = format!("申込み\norigin: {BANK}\n");
    let relayed = changed(sign(&document, DEMO_PASSWORD), "/origin", "http://phish.localhost:8080");
    let (status, problem) = ask(&nation, MISAKI, relayed).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("card.origin_mismatch")));
    assert!(problem["detail"]["ja"]["next"].as_str().unwrap().contains("偽"));
}

#[tokio::test]
async fn no_card_a_missing_certificate_and_an_unknown_card_say_so() {
    let nation = Nation::found().await;
    for id in ["", "nobody", "../x"] {
        let (status, problem) = ask(&nation, id, sign_in(DEMO_PIN)).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("card.none")), "{id}");
    }
    let (status, problem) = ask(&nation, CHILD, sign(&format!("origin: {BANK}\n"), DEMO_PASSWORD)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("card.certificate_absent")));
    assert_eq!(ask(&nation, CHILD, sign_in(DEMO_PIN)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn another_site_can_neither_ask_the_card_nor_change_anything() {
    let nation = Nation::found().await;
    for site in ["cross-site", "same-site", "none"] {
        for uri in ["/window/state", "/window/answer", "/insert", "/remove"] {
            let response = post_from(&nation.card, uri, "resident=aoki-misaki", site).await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{uri} {site}");
            assert!(response.headers().get(header::SET_COOKIE).is_none());
        }
        for uri in ["/residents/aoki-misaki/theft", "/authority/clock", "/authority/dials"] {
            let response = post_from(&nation.town, uri, "step=day", site).await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{uri} {site}");
        }
    }
    let card = nation.world.resident(&resident(MISAKI)).await.unwrap().unwrap().card;
    assert_eq!(card.signature.unwrap().state, CertState::Good);
}

#[tokio::test]
async fn a_card_is_taken_put_on_the_reader_and_removed() {
    let nation = Nation::found().await;
    let (status, page) = get(&nation.card, "/take/aoki-misaki?next=bank_apply", "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("id=\"insert-card\"") && page.contains("name=\"next\" value=\"bank_apply\""));
    assert!(!page.contains("id=\"continue\""));

    let response = post(&nation.card, "/insert", "resident=aoki-misaki&next=bank_apply").await;
    assert_eq!(location(&response), "/take/aoki-misaki?next=bank_apply");
    let cookie = response.headers().get(header::SET_COOKIE).unwrap().to_str().unwrap().to_owned();
    assert_eq!(cookie, "card=aoki-misaki; Path=/; HttpOnly; SameSite=Lax");

    let (_, page) = get(&nation.card, "/take/aoki-misaki?next=bank_apply", "card=aoki-misaki").await;
    assert!(page.contains("id=\"continue\" href=\"http://bank.localhost:8080/apply?lang=ja\""));
    let (_, page) = get(&nation.card, "/", "lang=en; card=aoki-misaki").await;
    assert!(page.contains("青木　美咲 (Aoki Misaki)") && page.contains("id=\"serial-signature\""));

    let response = post(&nation.card, "/remove", "").await;
    assert!(response.headers().get(header::SET_COOKIE).unwrap().to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(location(&response), "/");
    let (_, page) = get(&nation.card, "/", "").await;
    assert!(page.contains("id=\"insert-aoki-misaki\""));
}

#[tokio::test]
async fn nobody_can_be_sent_to_a_place_that_is_not_listed() {
    let nation = Nation::found().await;
    for next in ["http://evil.example", "//evil.example", "evil"] {
        let (status, _) = get(&nation.card, &format!("/take/aoki-misaki?next={next}"), "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{next}");
        let response = post(&nation.card, "/insert", &format!("resident=aoki-misaki&next={next}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{next}");
    }
    let response = post(&nation.card, "/insert", "resident=nobody").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(response.headers().get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn the_window_is_the_connectors_over_the_card_that_the_cookie_names() {
    let nation = Nation::found().await;
    let (status, page) = get(&nation.card, "/window?lang=en", "").await;
    assert_eq!(status, StatusCode::OK);
    // Every card can be put on the reader from here, and leads back into the window.
    assert!(page.contains("id=\"insert-aoki-misaki\"") && page.contains("name=\"next\" value=\"window\""));
    assert!(page.contains("id=\"fill-pin\"") && page.contains("href=\"http://localhost:8080/?lang=en\""));
    let request = sign_in(DEMO_PIN)["request"].clone();
    let state = |id| post_json(&nation, "/window/state", id, json!({ "origin": BANK, "request": request }));
    let (_, nobody) = state("").await;
    assert_eq!((&nobody["condition"], &nobody["holder"]), (&json!("no_card"), &Value::Null));
    let (_, child) = state(CHILD).await;
    assert_eq!((&child["permission"], &child["condition"]), (&json!("granted"), &json!("ready")));
    assert_eq!(child["overview"]["has_signature"], false);
    assert_eq!(child["overview"]["authentication_tries"], 3);
    let counter = child["holder"]["counter"].as_str().unwrap();
    assert_eq!(counter, format!("http://town.localhost:8080/residents/{CHILD}?lang=ja#unblock-form"));
    assert!(!child["holder"]["name"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn the_holder_is_told_that_the_certificate_can_be_renewed_or_has_expired_before_a_pin_is_asked() {
    let nation = Nation::found().await;
    let document = format!("口座開設の申込み\norigin: {BANK}\n");
    let requests = [sign_in(DEMO_PIN), sign(&document, DEMO_PASSWORD)].map(|asked| asked["request"].clone());
    let validity = async |request: &Value| {
        let asked = json!({ "origin": BANK, "request": request });
        post_json(&nation, "/window/state", MISAKI, asked).await.1["validity"].clone()
    };
    let certificate = nation.world.resident(&resident(MISAKI)).await.unwrap().unwrap().card.authentication;
    let end = certificate.unwrap().not_after;
    let until = end.date_in_japan().to_string();
    assert_eq!(validity(&requests[0]).await, Value::Null);
    nation.world.advance_clock(end.since(nation.world.now()) - 60 * 24 * 3600).await.unwrap();
    assert_eq!(validity(&requests[0]).await, json!({ "state": "near_renewal", "until": until }));
    nation.world.advance_clock(61 * 24 * 3600).await.unwrap();
    assert_eq!(validity(&requests[0]).await, json!({ "state": "expired", "until": until }));
    // The other certificate shows itself to nobody without the password.
    assert_eq!(validity(&requests[1]).await, Value::Null);
}
