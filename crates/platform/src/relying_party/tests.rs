use musubi_crypto::ClientKey;

use super::*;
use crate::test_support::{NOW, new_relying_party, worlds};

#[tokio::test]
async fn a_registration_is_found_again_and_audited() {
    for world in worlds().await {
        let key = ClientKey::generate().unwrap();
        let mut tx = world.context.db.begin().await.unwrap();
        let id = register(&mut tx, &new_relying_party(&key), &*world.context.random, NOW).await.unwrap();
        let found = by_id(&mut tx, &id).await.unwrap().unwrap();
        assert_eq!((found.name_ja.as_str(), found.name_en.as_str()), ("結び銀行", "Musubi Bank"));
        assert!(found.has_origin("https://bank.test") && !found.has_origin("https://bank.test:8443"));
        assert_eq!(found.created_at, NOW);
        assert_eq!(list(&mut tx).await.unwrap().len(), 1);
        let other = RelyingPartyId::generate(&*world.context.random);
        assert!(by_id(&mut tx, &other).await.unwrap().is_none());
        tx.commit().await.unwrap();
        assert_eq!(world.audited().await, ["relying_party.registered"]);
    }
}

#[tokio::test]
async fn registering_again_changes_nothing_or_brings_it_up_to_date() {
    for world in worlds().await {
        let key = ClientKey::generate().unwrap();
        let id = RelyingPartyId::generate(&*world.context.random);
        let mut new = new_relying_party(&key);
        let mut tx = world.context.db.begin().await.unwrap();
        for _ in 0..2 {
            register_as(&mut tx, &id, &new, &*world.context.random, NOW).await.unwrap();
        }
        new.origins.push("http://bank.localhost:8080".into());
        register_as(&mut tx, &id, &new, &*world.context.random, NOW.plus(60)).await.unwrap();
        let found = by_id(&mut tx, &id).await.unwrap().unwrap();
        assert_eq!(found.origins, new.origins);
        assert_eq!(found.created_at, NOW);
        tx.commit().await.unwrap();
        assert_eq!(world.audited().await, ["relying_party.registered", "relying_party.registered"]);
    }
}

#[tokio::test]
async fn a_registration_with_a_bad_name_or_origin_is_refused() {
    for world in worlds().await {
        let key = ClientKey::generate().unwrap();
        let good = new_relying_party(&key);
        let mut tx = world.context.db.begin().await.unwrap();
        for name in ["", " Bank", "a\nb", "a\u{200B}b", "a\u{202E}b", "\u{200F}", &"あ".repeat(101)] {
            let new = NewRelyingParty { name_ja: name.into(), ..good.clone() };
            let refused = register(&mut tx, &new, &*world.context.random, NOW).await;
            assert!(matches!(refused, Err(RegisterError::Name)), "{name:?}");
        }
        for origins in [vec![], vec!["https://bank.test".to_owned(); 17], vec!["bank.test".to_owned()]] {
            let new = NewRelyingParty { origins, ..good.clone() };
            let refused = register(&mut tx, &new, &*world.context.random, NOW).await;
            assert!(matches!(refused, Err(RegisterError::Origin)));
        }
        assert!(list(&mut tx).await.unwrap().is_empty());
    }
}

#[test]
fn an_origin_is_what_a_browser_writes_and_plain_http_stays_on_this_machine() {
    for good in [
        "https://bank.example",
        "https://bank.example:8443",
        "https://xn--3kq.example",
        "http://localhost",
        "http://localhost:8080",
        "http://bank.localhost:8080",
    ] {
        assert!(check_origin(good), "{good}");
    }
    for bad in [
        "",
        "https://",
        "bank.example",
        "http://bank.example",
        "http://evillocalhost",
        "https://bank.example/",
        "https://bank.example/path",
        "https://Bank.example",
        "https://bank.example:443",
        "http://localhost:80",
        "https://bank.example:",
        "https://bank.example:0443",
        "https://bank.example:99999",
        "https://bank.example:+1",
        "https://user@bank.example",
        "https://bank..example",
        "https://-bank.example",
        "https://結び.example",
        "https://bank.example?q",
        "ftp://bank.example",
        "null",
        "https://bank.example\nhttps://x",
    ] {
        assert!(!check_origin(bad), "{bad}");
    }
}
