//! A connector at work: a virtual card, a browser that pairs, a clock that stands still.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, request::Builder};
use axum::response::Response;
use http_body_util::BodyExt as _;
use musubi_agent::serve::{CardSource, Desk, Limits, PAIRING_HEADER, Pairing, Register, SeenReader, router};
use musubi_card::PinReference;
use musubi_card::transport::{Transport, TransportError};
use musubi_card::virtual_card::jpki::{self, CertifiedKey, JpkiContents};
use musubi_card::virtual_card::{Behaviour, Image, Memory, Profile, VirtualCard, VirtualTransport};
use musubi_crypto::{CardKey, PublicKey};
use musubi_kernel::{FixedClock, SeededRandom, UnixTime};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const AT: UnixTime = UnixTime(1_790_000_000);
pub(crate) const PORT: u16 = 24817;
pub(crate) const HOST: &str = "127.0.0.1:24817";
pub(crate) const OWN: &str = "http://127.0.0.1:24817";
pub(crate) const BANK: &str = "https://bank.example";
pub(crate) const NONCE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// Found in no other text of these tests.
pub(crate) const PIN: &str = "7391";

/// A key made with OpenSSL for these tests.
pub(crate) static KEY: LazyLock<Arc<CardKey>> = LazyLock::new(|| {
    let p = "e40027c6bbde47e10679f55ac6ebf7e99e16dfffcbefb141c9e1006210fa306325d41fcbe15e2995538603f6\
             adc585f6c4b5caaf1e1f8d3ac470d82bd549a0c5bb198f3fa11a403ed57dc1827fa731450daf77db2340a388\
             4167cfe98ce0ae69fa5230f03e3f27d21ccfa2b6fa74c0ce9ec3d2761e619d8a5c937d01ba1776a7";
    let q = "c33bf7f4e59e72d3d1419b0a0d1b4d1fb45e1d9b46e455a56229cf1523d5fe2c112e3dd5485f65891a72cbd9\
             0bbdcccf10e96742643caa07fd21baf4348747b08dd182cd5f20e61e80582c561a6626054c26329f7d6304ad\
             286d03b431a99550d293bb3b5263b110c6747b6304f785b9ec1f0df55c6250cd83780bfb18697f1d";
    Arc::new(CardKey::from_primes(&hex::decode(p).unwrap(), &hex::decode(q).unwrap(), 65_537).unwrap())
});

/// The public half, as a verifier has it.
pub(crate) fn public_key() -> PublicKey {
    let der = |tag: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], body].concat()
    };
    let integer = |bytes: Vec<u8>| der(0x02, &[&[0], &bytes[..]].concat());
    let (modulus, exponent) = (KEY.modulus(), KEY.exponent());
    let key = der(0x30, &[integer(modulus.clone()), vec![0x02, 0x03, 0x01, 0x00, 0x01]].concat());
    let algorithm = hex::decode("300d06092a864886f70d0101010500").unwrap();
    let bits = der(0x03, &[&[0], &key[..]].concat());
    PublicKey::rsa(&der(0x30, &[algorithm, bits].concat()), &modulus, &exponent).unwrap()
}

/// A certificate in form only: 700 bytes of DER. Nobody judges it here.
pub(crate) fn certificate() -> Vec<u8> {
    let mut bytes = vec![0x30, 0x82, 0x02, 0xB8];
    bytes.resize(700, 0x5A);
    bytes
}

/// One reader with one card, of which is counted how often it was touched.
pub(crate) struct CardAtHand {
    memory: Arc<Mutex<Memory>>,
    pub(crate) touched: AtomicUsize,
    pub(crate) trouble: Mutex<Option<TransportError>>,
    /// If there: a card operation waits until something comes in.
    pub(crate) hold: Mutex<Option<Receiver<()>>>,
}

impl CardSource for CardAtHand {
    fn readers(&self) -> Result<Vec<SeenReader>, TransportError> {
        match &*self.trouble.lock().unwrap() {
            Some(TransportError::NoService) => Err(TransportError::NoService),
            Some(TransportError::NoReader) => Ok(Vec::new()),
            other => Ok(vec![SeenReader { name: "Test Reader 00".into(), has_card: other.is_none() }]),
        }
    }

    fn connect(&self) -> Result<Box<dyn Transport>, TransportError> {
        self.touched.fetch_add(1, Ordering::SeqCst);
        let hold = self.hold.lock().unwrap().take();
        if let Some(hold) = hold {
            hold.recv().ok();
        }
        if let Some(trouble) = &*self.trouble.lock().unwrap() {
            return Err(trouble.clone());
        }
        let contents = JpkiContents {
            authentication: Some(CertifiedKey { certificate: certificate(), key: Arc::clone(&KEY) }),
            signature: None,
            authentication_authority: certificate(),
            signature_authority: certificate(),
        };
        let applications = vec![jpki::application(&contents, Profile::Plastic)];
        let image = Arc::new(Image { profile: Profile::Plastic, applications, issuer_data: Vec::new() });
        let memory = self.memory.lock().unwrap().clone();
        let card = VirtualCard::new(image, memory, Behaviour::default());
        let kept = Arc::clone(&self.memory);
        let transport = VirtualTransport::new(card, Arc::new(SeededRandom::new([9; 32])));
        Ok(Box::new(transport.storing(move |memory| {
            *kept.lock().unwrap() = memory.clone();
            Ok(())
        })))
    }
}

pub(crate) struct Station {
    pub(crate) router: Router,
    pub(crate) card: Arc<CardAtHand>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) register: Register,
    pub(crate) folder: tempfile::TempDir,
    codes: Arc<Mutex<Vec<String>>>,
}

impl Station {
    pub(crate) fn new() -> Self {
        let seconds = Duration::from_secs(20);
        Self::with(Limits { patience: seconds, operation: seconds, waiting: 4 })
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("state")).unwrap();
        let memory =
            Memory::default().with(PinReference::Authentication, PIN).with(PinReference::Signature, "ABC123");
        let card = Arc::new(CardAtHand {
            memory: Arc::new(Mutex::new(memory)),
            touched: AtomicUsize::new(0),
            trouble: Mutex::new(None),
            hold: Mutex::new(None),
        });
        let clock = Arc::new(FixedClock::new(AT));
        let codes = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::clone(&codes);
        let announce = Box::new(move |code: &str| shown.lock().unwrap().push(code.to_owned()));
        let pairing = Arc::new(Pairing::new(Box::new(SeededRandom::new([5; 32])), announce));
        let desk = Desk::new(card.clone(), register.clone(), clock.clone(), limits);
        Self { router: router(desk, pairing, PORT), card, clock, register, folder, codes }
    }

    /// The code that the terminal showed last.
    pub(crate) fn code(&self) -> String {
        self.codes.lock().unwrap().last().unwrap().clone()
    }

    pub(crate) fn codes_shown(&self) -> usize {
        self.codes.lock().unwrap().len()
    }

    pub(crate) fn touched(&self) -> usize {
        self.card.touched.load(Ordering::SeqCst)
    }

    pub(crate) fn tries(&self) -> u8 {
        self.card.memory.lock().unwrap().pin(PinReference::Authentication).unwrap().tries_left
    }

    pub(crate) async fn send(&self, request: Builder, body: impl Into<Body>) -> Response {
        self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap()
    }

    /// Posts as this program's own page does in a browser with this secret.
    pub(crate) async fn post(&self, secret: Option<&str>, path: &str, body: Value) -> (StatusCode, Value) {
        let mut request = own(Request::post(path)).header("content-type", "application/json");
        if let Some(secret) = secret {
            request = request.header(PAIRING_HEADER, secret);
        }
        let response = self.send(request, body.to_string()).await;
        let status = response.status();
        (status, read(response).await)
    }

    /// Pairs a browser and gives its secret.
    pub(crate) async fn pair(&self) -> String {
        let (status, answer) = self.post(None, "/pair", json!({ "code": self.code() })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["secret"].as_str().unwrap().to_owned()
    }

    /// A paired browser in which the bank is approved.
    pub(crate) async fn ready(&self) -> String {
        let secret = self.pair().await;
        let (_, answer) = self.post(Some(&secret), "/window/approve", json!({ "origin": BANK })).await;
        assert_eq!(answer["permission"], "granted");
        secret
    }
}

/// The headers of this program's own page.
pub(crate) fn own(request: Builder) -> Builder {
    request.header("host", HOST).header("origin", OWN).header("sec-fetch-site", "same-origin")
}

pub(crate) async fn read(response: Response) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&bytes)))
}

/// The bank's request to sign in.
pub(crate) fn sign_in() -> Value {
    json!({
        "version": 1, "operation": "authenticate", "nonce": NONCE, "purpose": "sign_in",
        "relying_party": { "id": "rp_bank", "name": { "ja": "むすび銀行", "en": "Musubi Bank" } },
    })
}
