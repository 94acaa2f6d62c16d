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
async fn wrong_pins_count_down_to_a_block_that_says_where_to_go() {
    let nation = Nation::found().await;
    for left in [2, 1, 0] {
        let (status, problem) = ask(&nation, MISAKI, sign_in("0000")).await;
        assert_eq!(
            (status, &problem["code"], &problem["tries_left"]),
            (StatusCode::FORBIDDEN, &json!("pin.wrong"), &json!(left))
        );
    }
    let (status, problem) = ask(&nation, MISAKI, sign_in(DEMO_PIN)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("pin.blocked")));
    assert!(problem["detail"]["ja"]["next"].as_str().unwrap().contains("窓口"));
    assert!(problem["detail"]["en"]["next"].as_str().unwrap().contains("municipality"));
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
async fn malformed_requests_are_refused_before_the_pin_is_tried() {
    let nation = Nation::found().await;
    let right = sign_in("0000");
    let mut more = right.clone();
    more.as_object_mut().unwrap().insert("document".into(), json!("x"));
    let bodies = [
        changed(right.clone(), "/origin", "null"),
        changed(right.clone(), "/origin", "http://bank.localhost:8080/"),
        changed(right.clone(), "/origin", "http://bank.localhost:8080\nnonce: x"),
        changed(right.clone(), "/request/nonce", "short"),
        changed(right.clone(), "/request/nonce", &format!("{NONCE}\norigin: http://evil.example")),
        changed(right.clone(), "/request/purpose", "sign_in\nnonce: x"),
        changed(right.clone(), "/request/relying_party/id", "rp_1\nnonce: x"),
        changed(right.clone(), "/request/operation", "erase"),
        changed(right.clone(), "/request/version", "1"),
        more,
        sign("", "WRONG1"),
        sign(&"あ".repeat(11_000), "WRONG1"),
        json!({}),
        json!([right]),
    ];
    for body in bodies {
        let (status, problem) = ask(&nation, MISAKI, body.clone()).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("request.malformed")),
            "{body}"
        );
    }
    let (status, problem) = ask(&nation, MISAKI, sign(&"x".repeat(100_000), "WRONG1")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("request.too_large")));
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
        for uri in ["/window/answer", "/insert", "/remove"] {
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
async fn the_window_brings_frame_texts_and_the_cards_state_but_no_inline_script() {
    let nation = Nation::found().await;
    let (status, page) = get(&nation.card, "/window?lang=ja", &format!("card={CHILD}")).await;
    assert_eq!(status, StatusCode::OK);
    for id in [
        "pin",
        "fill-pin",
        "submit-pin",
        "cancel",
        "digit-0",
        "key-Z",
        "key-9",
        "request-origin",
        "state-no-opener",
    ] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    let settings = page.split("id=\"window-settings\">").nth(1).unwrap().split("</script>").next().unwrap();
    let settings: Value = serde_json::from_str(settings).unwrap();
    let card = json!({ "signature": false, "authentication": true, "pin_tries": 3, "password_tries": 5 });
    assert_eq!(settings["card"], card);
    assert!(page.contains("autocomplete=\"off\""));
    for script in page.split("<script").skip(1) {
        assert!(
            script.starts_with(" type=\"application/json\"")
                || script.contains("src=\"/assets/card-window.js\"")
        );
    }
    let (_, page) = get(&nation.card, "/window?lang=en", "").await;
    assert!(
        page.contains("There is no card on the reader") && page.contains("name=\"next\" value=\"window\"")
    );
}

#[tokio::test]
async fn the_windows_script_and_texts_fit_together() {
    let nation = Nation::found().await;
    let (_, page) = get(&nation.card, "/window", &format!("card={MISAKI}")).await;
    let script = include_str!("../assets/card-window.js");
    for id in script.split("element(\"").skip(1).filter_map(|rest| rest.split_once('"').map(|(id, _)| id)) {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    for state in ["waiting", "no-opener", "no-card", "absent", "blocked", "refused", "done", "request"] {
        assert!(
            page.contains(&format!("data-state=\"{state}\"")) && script.contains(&format!("\"{state}\"")),
            "{state}"
        );
    }
}
