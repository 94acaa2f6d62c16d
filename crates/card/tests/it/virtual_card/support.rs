//! A card of a nobody, with every kind of file. Its private files are made of canaries. Shared with the fuzzer.

use std::sync::{Arc, LazyLock};

use musubi_card::PinReference::{self, *};
use musubi_card::virtual_card::jpki::{self, CertifiedKey, JpkiContents};
use musubi_card::virtual_card::{Access, ApplicationImage, Content, File, Image, Memory, Profile};
use musubi_card::{Application, FileId};
use musubi_crypto::CardKey;

pub(crate) const PIN: &str = "1234";
pub(crate) const PASSWORD: &str = "ABC123";
pub(crate) const TEXT_PIN: &str = "5678";
pub(crate) const NUMBER_A: &str = "123456789018";
pub(crate) const NUMBER_B: &str = "55021720352285";
pub(crate) const BIRTH_DATE: &str = "550217";
pub(crate) const COMMON_PIN: &str = "2468";
pub(crate) const REGISTER_PIN: &str = "1357";

/// Serial, municipality, expiry of nobody.
pub(crate) const CARD_RECORD: &[u8] = b"\x01\x1C9000000000000009999920350217";

/// 2048 bits, as on the real card.
pub(crate) static LARGE_KEY: LazyLock<Arc<CardKey>> = LazyLock::new(|| {
    key(
        "CB26232729AA7067473B16C9CD9B2D46536FBA2A65061835769FB263DC5D5669FFA5FCEDD2E10E7096657F357011A0321F3A1D6C\
         9AB8FD25BE90F211DC5A71E1A2176B1B3945B62E91E7FB0D2A006B30D45961175F5E53E7C17A0A0EEA05626714574AC1A3666216\
         89996BEE1C7569F8445ACB5999ADD34AB24AE777DDEC42EF",
        "FFCF6EAED54094607A9A5628032743E678ABAF58466B41C11793A9556833EBBB958CF6C5C71B0E5369A1EA8E358B27F6903F0C0A\
         C7FDE66F1EA99980871CF2081EC5D59BA2BABDD21C692724750D11CBE98EA680B9DF3AD3CC0BA283424B56A188B70086417F2624\
         6977E11CD4D256A37596DB019CE16D14B51419E20CE38B23",
    )
});

/// 1024 bits: cheap.
pub(crate) static SMALL_KEY: LazyLock<Arc<CardKey>> = LazyLock::new(|| {
    key(
        "D97F7E7194082FAD44274C6D757C00CE78A1D338A054653479F3E28956B5CE73A9EFE83A54D6A859C4F44113FA1D70BFB41EB53F\
         E5B58B81364C6BAD57E27615",
        "F7067B4427D6E87DEE466A210CE64C6D1FAF9E8F8DEA365FF8627C0C54E9F4803A8C4831C49C7F33BA2B906E2BC4B44F5F04163F\
         F30F9A49C7ACF1573456FF03",
    )
});

fn key(p: &str, q: &str) -> Arc<CardKey> {
    let bytes = |hex: &str| -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().map(|digit| (digit as char).to_digit(16).unwrap() as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    };
    Arc::new(CardKey::from_primes(&bytes(p), &bytes(q), 65_537).unwrap())
}

/// Which certificates the card has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Adult,
    /// No certificate for signatures, and no password for it.
    Under15,
}

/// The bytes that a private file is made of, over and over: they occur nowhere else.
pub(crate) fn canary(application: Application, id: FileId) -> [u8; 8] {
    let [high, low] = id.to_bytes();
    let number = Application::ALL.iter().position(|known| *known == application).unwrap();
    [0xCA, 0x4A, 0xC1, high, low, number as u8, 0xE7, 0x5B]
}

/// A certificate in form only: `30 82`, its length, canaries. `length` includes the header.
pub(crate) fn certificate(application: Application, id: FileId, length: u16) -> Vec<u8> {
    let [high, low] = (length - 4).to_be_bytes();
    let mut bytes = vec![0x30, 0x82, high, low];
    bytes.extend(canary(application, id).iter().cycle().take(usize::from(length) - 4));
    bytes
}

fn file(application: Application, id: u16, length: usize, access: Access) -> File {
    let canary = canary(application, FileId(id));
    let bytes = canary.iter().copied().cycle().take(length).collect();
    File { id: FileId(id), content: Content::Transparent(bytes), access }
}

fn pin(id: u16, pin: PinReference) -> File {
    File { id: FileId(id), content: Content::Pin(pin), access: Access::Free }
}

fn jpki(key: &Arc<CardKey>, profile: Profile, holder: Holder) -> ApplicationImage {
    let certificate = |id, length| certificate(Application::Jpki, FileId(id), length);
    let certified = |id, length| CertifiedKey { certificate: certificate(id, length), key: Arc::clone(key) };
    let contents = JpkiContents {
        authentication: Some(certified(0x0A, 700)),
        signature: (holder == Holder::Adult).then(|| certified(0x01, 1000)),
        authentication_authority: certificate(0x0B, 500),
        signature_authority: certificate(0x02, 600),
    };
    jpki::application(&contents, profile)
}

/// Files like those of the 券面 applications: of the right kind and access, not of the right form.
pub(crate) fn image(key: &Arc<CardKey>, profile: Profile, holder: Holder) -> Arc<Image> {
    const TEXT: Access = Access::AfterAny(&[TextAttributes, TextNumberA, TextNumberB]);
    let mut applications = vec![jpki(key, profile, holder)];
    let signing =
        |id| File { id: FileId(id), content: Content::SigningKey(Arc::clone(key)), access: Access::Free };
    if profile == Profile::Plastic {
        let application = Application::TextAttributes;
        applications.push(ApplicationImage {
            application,
            files: vec![
                file(application, 0x01, 17, Access::AfterAny(&[TextAttributes, TextNumberA])),
                file(application, 0x02, 104, Access::AfterAny(&[TextAttributes, TextNumberB])),
                file(application, 0x03, 336, TEXT),
                file(application, 0x04, 568, Access::Free),
                file(application, 0x05, 164, Access::Free),
                file(application, 0x07, 536, TEXT),
                pin(0x11, TextAttributes),
                pin(0x12, TextBlocked),
                signing(0x13),
                pin(0x14, TextNumberA),
                pin(0x15, TextNumberB),
            ],
            default_key: Some(FileId(0x13)),
        });
        let application = Application::CardSurface;
        applications.push(ApplicationImage {
            application,
            files: vec![
                file(
                    application,
                    0x01,
                    547,
                    Access::AfterAny(&[SurfaceBirthDate, SurfaceNumberA, SurfaceNumberB]),
                ),
                file(application, 0x02, 40_000, Access::AfterAny(&[SurfaceNumberA, SurfaceNumberB])),
                file(application, 0x03, 320, Access::Free),
                file(application, 0x05, 686, Access::AfterAny(&[SurfaceNumberA])),
                pin(0x11, SurfaceBirthDate),
                pin(0x12, SurfaceNumberB),
                pin(0x13, SurfaceNumberA),
                signing(0x1A),
            ],
            default_key: Some(FileId(0x1A)),
        });
        let application = Application::ResidentRegister;
        applications.push(ApplicationImage {
            application,
            files: vec![file(application, 0x02, 16, Access::Free), pin(0x1C, ResidentRegister)],
            default_key: None,
        });
        let record = Content::Records(vec![CARD_RECORD.to_vec()]);
        applications.push(ApplicationImage {
            application: Application::CardCommon,
            files: vec![
                File { id: FileId(0x01), content: record, access: Access::Free },
                File {
                    id: FileId(0x19),
                    content: Content::AuthenticationKey(Arc::clone(key)),
                    access: Access::Free,
                },
                pin(0x1C, CardCommon),
            ],
            default_key: None,
        });
    }
    let issuer_data = vec![(0x0042, b"nobody".to_vec()), (0x7F21, vec![0x7F; 575])];
    Arc::new(Image { profile, applications, issuer_data })
}

pub(crate) fn memory(holder: Holder) -> Memory {
    let mut memory = Memory::default();
    for (pin, value) in pins() {
        if pin != Signature || holder == Holder::Adult {
            memory = memory.with(pin, value);
        }
    }
    memory
}

/// Every PIN and its first value.
pub(crate) fn pins() -> [(PinReference, &'static str); 11] {
    [
        (Authentication, PIN),
        (Signature, PASSWORD),
        (TextAttributes, TEXT_PIN),
        (TextNumberA, NUMBER_A),
        (TextNumberB, NUMBER_B),
        (TextBlocked, "0000"),
        (SurfaceBirthDate, BIRTH_DATE),
        (SurfaceNumberB, NUMBER_B),
        (SurfaceNumberA, NUMBER_A),
        (CardCommon, COMMON_PIN),
        (ResidentRegister, REGISTER_PIN),
    ]
}
