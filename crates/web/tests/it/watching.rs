//! The page about watching: what a resident sees, ends, finds and answers.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use musubi_pki::{AuthorityKind, CertKey};
use musubi_platform::person::PersonId;
use musubi_platform::session;
use musubi_verification::linking::{Link, remember};
use musubi_verification::watching;
use musubi_web::portal::Portal;
use serde_json::json;
use tower::ServiceExt as _;

use crate::support::authority::{Authority, HOLDER_NAME, Leaf, serial};
use crate::support::{Key, sign};
use crate::world::{World, base64, worlds};

const PORTAL: &str = "https://portal.musubi.test";

struct Visitor {
    router: Router,
    cookie: String,
    person: PersonId,
}

struct Page {
    status: u16,
    location: String,
    text: String,
}

impl Visitor {
    /// A resident who has signed in: their certificates are known.
    async fn new(world: &World) -> Self {
        let context = world.context();
        let person = PersonId::generate(context.random.as_ref());
        let key = CertKey { authority: AuthorityKind::DigitalSignature, serial: serial() };
        let mut tx = context.db.begin().await.unwrap();
        remember(&mut tx, &key, &person, world.now()).await.unwrap();
        let token = session::open(&mut tx, &person, context.random.as_ref(), world.now()).await.unwrap();
        tx.commit().await.unwrap();
        let cookie = format!("__Host-musubi_portal={}", token.expose());
        let card = "https://card.musubi.test";
        let portal = Portal::new(world.verification.clone(), world.shop.registered.clone(), card.into());
        Self { router: portal.pages(), cookie, person }
    }

    async fn send(&self, request: Request<Body>) -> Page {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Page {
            status: parts.status.as_u16(),
            location: parts.headers.get("location").map_or("", |value| value.to_str().unwrap()).to_owned(),
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str, language: &str) -> Page {
        let request = Request::get(path)
            .header("host", "portal.musubi.test")
            .header("cookie", &self.cookie)
            .header("accept-language", language);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = Request::post(path)
            .header("host", "portal.musubi.test")
            .header("origin", PORTAL)
            .header("sec-fetch-site", "same-origin")
            .header("cookie", &self.cookie)
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(serde_urlencoded::to_string(fields).unwrap())).unwrap()).await
    }
}

/// The text that the page asks the card to sign.
fn document_of(page: &str) -> String {
    let json = page.split("id=\"card-request\">").nth(1).unwrap().split("</script>").next().unwrap();
    let request: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!((&request["operation"], &request["origin"]), (&json!("sign_document"), &json!(PORTAL)));
    request["document"].as_str().unwrap().to_owned()
}

async fn watch(world: &World, visitor: &Visitor, basis: &str) {
    let link = Link {
        relying_party: world.bank.registered.id.clone(),
        person: visitor.person.clone(),
        customer_id: "c-1".into(),
        attributes_serial: serial(),
    };
    let mut tx = world.context().db.begin().await.unwrap();
    watching::save_proofed_link(&mut tx, world.context(), &link, world.now()).await.unwrap();
    tx.commit().await.unwrap();
    let ground = json!({ "purpose": "address_upkeep", "basis": basis, "reference": "約款 第3条" });
    let answer = world.call(&world.bank, "PUT", "/v1/watched-customers/c-1", Some(ground)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_resident_sees_who_watches_for_what_in_both_languages() {
    for world in worlds().await {
        let visitor = Visitor::new(&world).await;
        watch(&world, &visitor, "law").await;
        let page = visitor.get("/watching", "ja").await;
        for text in ["結び銀行", "住所などの最新化", "法令", "約款 第3条", "事業者に問い合わせてください"]
        {
            assert!(page.text.contains(text), "{text}");
        }
        assert!(!page.text.contains("/object"), "a law is not ended here");
        let page = visitor.get("/watching", "en").await;
        for text in ["A relying party", "Keeping the address and other attributes up to date", "A law"] {
            assert!(page.text.contains(text), "{text}");
        }
        assert!(visitor.get("/", "ja").await.text.contains("href=\"/watching\""));
        let stranger = Visitor { cookie: String::new(), ..visitor };
        assert_eq!(stranger.get("/watching", "ja").await.location, "/", "{}", world.engine());
    }
}

#[tokio::test]
async fn a_watching_by_consent_is_ended_and_allowed_again_by_the_resident() {
    for world in worlds().await {
        let visitor = Visitor::new(&world).await;
        watch(&world, &visitor, "consent").await;
        let path = format!("/watching/{}/object", world.bank.registered.id);
        assert!(visitor.get("/watching", "ja").await.text.contains(&path));
        assert_eq!(visitor.post(&path, &[]).await.location, "/watching?notice=objected");
        assert_eq!(visitor.post(&path, &[]).await.status, 404);
        assert_eq!(world.counted(&world.bank).await, 0);
        let page = visitor.get("/watching?notice=objected", "ja").await.text;
        assert!(page.contains("変更確認はしていません") && page.contains("変更確認をやめさせました"));
        let path = format!("/watching/{}/allow", world.bank.registered.id);
        assert_eq!(visitor.post(&path, &[]).await.location, "/watching?notice=allowed");
        assert_eq!(visitor.post(&path, &[]).await.status, 404, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_resident_finds_a_company_by_signature_and_only_the_yes_links() {
    for world in worlds().await {
        let visitor = Visitor::new(&world).await;
        let line = |customer: &str| {
            json!({
                "customer_id": customer, "name": HOLDER_NAME, "address": "東京都清瀬市観布子南12-7-202",
                "date_of_birth": "1980-02-17", "sex": "male",
            })
        };
        let start = json!({ "format": "ndjson", "purpose": "address_upkeep", "basis": "consent" });
        let id = world.begin(&world.bank, start).await;
        let file = format!("{}\n", line("k-1"));
        world.append(&world.bank, &id, 0, "?1", file).await;
        assert!(!visitor.get("/watching", "ja").await.text.contains("k-1"));
        let search = visitor.post("/watching/searches", &[]).await.location;
        let text = document_of(&visitor.get(&search, "ja").await.text);
        let certificate = base64(&Authority::signature_second().issue(&Leaf::signature()));
        let signature = base64(&sign(Key::Holder, text.as_bytes()));
        let answer = |signature: &str| {
            vec![
                ("certificate".to_owned(), certificate.clone()),
                ("signature".to_owned(), signature.to_owned()),
                ("origin".to_owned(), PORTAL.to_owned()),
            ]
        };
        let complete = format!("{search}/complete");
        let fields = answer(&signature);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(visitor.post(&complete, &fields).await.location, "/watching?notice=found");
        // Another signature over another text is refused, and says why.
        let other = visitor.post("/watching/searches", &[]).await.location;
        let refused = visitor.post(&format!("{other}/complete"), &fields).await;
        assert_eq!(refused.status, 403);
        assert!(refused.text.contains("探せませんでした"), "{}", refused.text);
        let page = visitor.get("/watching?notice=found", "ja").await.text;
        assert!(page.contains("結び銀行は、あなたを顧客番号 k-1 のお客さまだと言っています。"), "{page}");
        assert_eq!(world.counted(&world.bank).await, 0);
        let id = world.bank.registered.id.as_str();
        let say = |customer, answer| [("relying_party", id), ("customer_id", customer), ("answer", answer)];
        assert_eq!(visitor.post("/watching/answers", &say("k-2", "yes")).await.status, 404);
        assert_eq!(visitor.post("/watching/answers", &say("k-1", "perhaps")).await.status, 404);
        let answered = visitor.post("/watching/answers", &say("k-1", "yes")).await;
        assert_eq!(answered.location, "/watching?notice=confirmed");
        assert_eq!(world.counted(&world.bank).await, 1, "{}", world.engine());
        let page = visitor.get("/watching", "en").await.text;
        assert!(page.contains("k-1") && page.contains("Your consent") && page.contains("/object"));
    }
}
