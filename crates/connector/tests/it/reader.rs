//! A reader of these tests: with a virtual card of nobody, or with something the matter.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use musubi_card::client::{Card, CardError};
use musubi_card::transport::{Transport, TransportError};
use musubi_card::virtual_card::jpki::{self, CertifiedKey, JpkiContents};
use musubi_card::virtual_card::{
    Access, ApplicationImage, Behaviour, Content, File, Image, Memory, Profile, VirtualCard, VirtualTransport,
};
use musubi_card::{Application, FileId, PinReference};
use musubi_connector::{Caller, CardChoice, Holder, Permission, Reader, WindowConfig, router};
use musubi_crypto::CardKey;
use musubi_kernel::{SeededRandom, UnixTime};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const BANK: &str = "http://bank.localhost:8080";
pub(crate) const NONCE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
pub(crate) const PIN: &str = "1234";
pub(crate) const PASSWORD: &str = "ABC123";
/// Another one than [`PIN`], so that no test passes with the two exchanged.
pub(crate) const TEXT_PIN: &str = "5678";
/// DER in form: a header and zeros.
pub(crate) const CERTIFICATE: [u8; 4] = [0x30, 0x82, 0x02, 0xB8];

/// The key of the certificates, and the card's free key: made with OpenSSL for these tests.
pub(crate) static CERTIFIED_KEY: LazyLock<Arc<CardKey>> = LazyLock::new(|| {
    key(
        "e40027c6bbde47e10679f55ac6ebf7e99e16dfffcbefb141c9e1006210fa306325d41fcbe15e2995538603f6\
         adc585f6c4b5caaf1e1f8d3ac470d82bd549a0c5bb198f3fa11a403ed57dc1827fa731450daf77db2340a388\
         4167cfe98ce0ae69fa5230f03e3f27d21ccfa2b6fa74c0ce9ec3d2761e619d8a5c937d01ba1776a7",
        "c33bf7f4e59e72d3d1419b0a0d1b4d1fb45e1d9b46e455a56229cf1523d5fe2c112e3dd5485f65891a72cbd9\
         0bbdcccf10e96742643caa07fd21baf4348747b08dd182cd5f20e61e80582c561a6626054c26329f7d6304ad\
         286d03b431a99550d293bb3b5263b110c6747b6304f785b9ec1f0df55c6250cd83780bfb18697f1d",
    )
});
pub(crate) static FREE_KEY: LazyLock<Arc<CardKey>> = LazyLock::new(|| {
    key(
        "fc2a599cf7b58478752b8e8d7ff708b12afcd5b9f495e7fe3f74f05df136da9f6a4e874abbcb92eeab6a30c4\
         8dbb48bd0083d3f13a27954435c9926a1ba6764e613947ef9e32e7d20cd43042ec5a13b989d4b1a7abf98f55\
         a543500332d3a76573e9af80230cededd02564401480dab086453cfec7fe3ea38c9c5ba066ce0dcb",
        "cd48492a8cfed22a565ea73d5f1c8869f090f168f027b4b0dbd999e01869cbe37520996e671df2f0625feff9\
         dc5f6fa70ae2d6984cf7ae28e73463f3489740613f375e4b1cf93d832823c320db99d3d4661cfc6311e9fce4\
         d4fca9ad1bca471df0b66fa394d2560f38d3c6c92fdaff7142647a101433feab3409ce0940f0f333",
    )
});

fn key(p: &str, q: &str) -> Arc<CardKey> {
    let bytes = |hex: &str| -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().map(|digit| (digit as char).to_digit(16).unwrap() as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    };
    Arc::new(CardKey::from_primes(&bytes(p), &bytes(q), 65_537).unwrap())
}

/// A certificate in form only, 700 bytes.
pub(crate) fn certificate() -> Vec<u8> {
    let mut bytes = CERTIFICATE.to_vec();
    bytes.resize(700, 0x5A);
    bytes
}

/// EF 0007: the free key as the issuer would sign it; nobody looks at the signature here.
pub(crate) fn key_record() -> Vec<u8> {
    let mut record = vec![0xFF, 0x50, 0x82, 0x02, 0x13, 0xDF, 0x51, 0x82, 0x01, 0x09];
    record.extend([0x90, 0x03, 0x01, 0x00, 0x01, 0x91, 0x82, 0x01, 0x00]);
    record.extend(FREE_KEY.modulus());
    record.extend([0xDF, 0x52, 0x82, 0x01, 0x00]);
    record.resize(record.len() + 256, 0x77);
    record
}

/// EF 0004 in form only.
pub(crate) fn card_certificate() -> Vec<u8> {
    let mut bytes = vec![0x7F, 0x21, 0x82, 0x02, 0x33];
    bytes.resize(568, 0x66);
    bytes
}

/// EF 0002, laid out as the facts have it.
fn attributes() -> Vec<u8> {
    let values = [("DF22", "青木　美咲"), ("DF23", "東京都清瀬市"), ("DF24", "19880721"), ("DF25", "2")];
    let tag = |tag: &str| u16::from_str_radix(tag, 16).unwrap().to_be_bytes();
    let mut objects = Vec::new();
    let mut offsets = Vec::new();
    for (name, value) in values {
        offsets.extend(u16::try_from(14 + objects.len()).unwrap().to_be_bytes());
        objects.extend(tag(name));
        objects.push(u8::try_from(value.len()).unwrap());
        objects.extend(value.as_bytes());
    }
    let mut file = vec![0xFF, 0x20, u8::try_from(11 + objects.len()).unwrap(), 0xDF, 0x21, 0x08];
    file.extend(offsets);
    file.extend(objects);
    file
}

/// What kind of card lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Adult,
    /// Without certificate for signatures.
    Child,
    Phone,
}

fn image(kind: Kind) -> Arc<Image> {
    let profile = if kind == Kind::Phone { Profile::AndroidToken } else { Profile::Plastic };
    let certified = || CertifiedKey { certificate: certificate(), key: Arc::clone(&CERTIFIED_KEY) };
    let contents = JpkiContents {
        authentication: Some(certified()),
        signature: (kind != Kind::Child).then(certified),
        authentication_authority: certificate(),
        signature_authority: certificate(),
    };
    let mut applications = vec![jpki::application(&contents, profile)];
    if kind != Kind::Phone {
        const OPENED: Access = Access::AfterAny(&[PinReference::TextAttributes]);
        let bytes = |id, bytes, access| File { id: FileId(id), content: Content::Transparent(bytes), access };
        applications.push(ApplicationImage {
            application: Application::TextAttributes,
            files: vec![
                bytes(0x02, attributes(), OPENED),
                bytes(0x04, card_certificate(), Access::Free),
                bytes(0x07, key_record(), OPENED),
                File {
                    id: FileId(0x11),
                    content: Content::Pin(PinReference::TextAttributes),
                    access: Access::Free,
                },
                File {
                    id: FileId(0x13),
                    content: Content::SigningKey(Arc::clone(&FREE_KEY)),
                    access: Access::Free,
                },
            ],
            default_key: Some(FileId(0x13)),
        });
    }
    Arc::new(Image { profile, applications, issuer_data: Vec::new() })
}

/// What is on the reader.
enum Place {
    Card(Kind, Arc<Mutex<Memory>>),
    Trouble(CardError),
}

#[derive(Clone)]
pub(crate) struct TestReader {
    place: Arc<Place>,
    permission: Permission,
    touched: Arc<AtomicUsize>,
    approved: Arc<Mutex<Vec<String>>>,
    choices: Vec<CardChoice>,
}

impl TestReader {
    pub(crate) fn with(kind: Kind) -> Self {
        let memory = Memory::default()
            .with(PinReference::Authentication, PIN)
            .with(PinReference::Signature, PASSWORD)
            .with(PinReference::TextAttributes, TEXT_PIN);
        Self::at(Place::Card(kind, Arc::new(Mutex::new(memory))))
    }

    pub(crate) fn with_trouble(error: impl Into<CardError>) -> Self {
        Self::at(Place::Trouble(error.into()))
    }

    fn at(place: Place) -> Self {
        Self {
            place: Arc::new(place),
            permission: Permission::Granted,
            touched: Arc::default(),
            approved: Arc::default(),
            choices: Vec::new(),
        }
    }

    pub(crate) fn permitting(mut self, permission: Permission) -> Self {
        self.permission = permission;
        self
    }

    pub(crate) fn offering(mut self, choice: CardChoice) -> Self {
        self.choices.push(choice);
        self
    }

    /// How often a card was touched.
    pub(crate) fn touched(&self) -> usize {
        self.touched.load(Ordering::SeqCst)
    }

    pub(crate) fn approved(&self) -> Vec<String> {
        self.approved.lock().unwrap().clone()
    }

    /// Tries that are left for the PINs of authentication, signature and text attributes.
    pub(crate) fn tries(&self) -> [u8; 3] {
        let Place::Card(_, memory) = &*self.place else { panic!("a card") };
        let memory = memory.lock().unwrap();
        [PinReference::Authentication, PinReference::Signature, PinReference::TextAttributes]
            .map(|pin| memory.pin(pin).unwrap().tries_left)
    }

    pub(crate) fn serve(&self, config: WindowConfig) -> Router {
        router(self.clone(), config)
    }

    /// Posts to the window as its own page does.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.serve(WindowConfig::default()).oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    pub(crate) async fn answer(&self, body: Value) -> (StatusCode, Value) {
        self.post("/window/answer", body).await
    }

    pub(crate) async fn state(&self, request: Value) -> (StatusCode, Value) {
        self.post("/window/state", json!({ "origin": BANK, "request": request })).await
    }
}

impl Reader for TestReader {
    fn now(&self) -> UnixTime {
        UnixTime(0)
    }

    async fn permission(&self, _: Caller<'_>, origin: &str) -> Permission {
        let approved = self.approved.lock().unwrap().iter().any(|known| known == origin);
        if approved && self.permission == Permission::ApprovalNeeded {
            Permission::Granted
        } else {
            self.permission
        }
    }

    async fn approve(&self, caller: Caller<'_>, origin: &str) -> Permission {
        if self.permission == Permission::ApprovalNeeded {
            self.approved.lock().unwrap().push(origin.to_owned());
        }
        self.permission(caller, origin).await
    }

    async fn holder(&self, _: Caller<'_>) -> Option<Holder> {
        None
    }

    async fn choices(&self, _: Caller<'_>) -> Vec<CardChoice> {
        self.choices.clone()
    }

    async fn with_card<R, F>(&self, _: Caller<'_>, work: F) -> Result<R, CardError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Card<Box<dyn Transport>>) -> Result<R, CardError> + Send + 'static,
    {
        self.touched.fetch_add(1, Ordering::SeqCst);
        match &*self.place {
            Place::Trouble(error) => Err(error.clone()),
            Place::Card(kind, memory) => {
                let kept = Arc::clone(memory);
                let present = memory.lock().unwrap().clone();
                let card = VirtualCard::new(image(*kind), present, Behaviour::default());
                let transport = VirtualTransport::new(card, Arc::new(SeededRandom::new([7; 32])));
                let transport = transport.storing(move |memory| {
                    *kept.lock().map_err(|_| TransportError::Removed)? = memory.clone();
                    Ok(())
                });
                let transport: Box<dyn Transport> = Box::new(transport);
                work(&mut Card::connect(transport)?)
            }
        }
    }
}

pub(crate) fn rp() -> Value {
    json!({ "id": "rp_00112233445566778899aabbccddeeff", "name": { "ja": "みほん銀行", "en": "Sample Bank" } })
}

pub(crate) fn authenticate() -> Value {
    json!({ "version": 1, "operation": "authenticate", "nonce": NONCE, "purpose": "sign_in", "relying_party": rp() })
}

pub(crate) fn enrol() -> Value {
    changed(authenticate(), "enrol_presence", json!(true))
}

pub(crate) fn presence() -> Value {
    changed(authenticate(), "operation", json!("prove_presence"))
}

pub(crate) fn sign(document: &str) -> Value {
    json!({ "version": 1, "operation": "sign_document", "document": document, "origin": BANK, "relying_party": rp() })
}

pub(crate) fn read() -> Value {
    json!({ "version": 1, "operation": "read_attributes", "relying_party": rp() })
}

pub(crate) fn asked(request: Value) -> Value {
    json!({ "origin": BANK, "request": request })
}

pub(crate) fn with_pin(request: Value, pin: &str) -> Value {
    changed(asked(request), "pin", json!(pin))
}

/// The object with one member set.
pub(crate) fn changed(mut object: Value, member: &str, value: Value) -> Value {
    object.as_object_mut().unwrap().insert(member.to_owned(), value);
    object
}

/// RSASSA-PKCS1-v1_5 with SHA-256 is deterministic (RFC 8017 8.2.1, 9.2): the signature over a text, in base64.
pub(crate) fn signature_by(key: &CardKey, text: &str) -> String {
    use base64::Engine as _;
    let digest_info = [
        0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
        0x04, 0x20,
    ];
    let mut block = vec![0x00, 0x01];
    block.resize(256 - 1 - digest_info.len() - 32, 0xFF);
    block.push(0x00);
    block.extend(digest_info);
    block.extend(musubi_crypto::sha256(text.as_bytes()));
    base64::engine::general_purpose::STANDARD.encode(key.private_operation(&block).unwrap())
}
