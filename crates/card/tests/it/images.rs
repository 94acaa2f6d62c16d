//! Applications as they are issued: what is where, who opens it, and that the files vouch for each other.

use musubi_card::layout::{FileId, PinReference, text_attributes as text};
use musubi_card::records::card_number::CardNumber;
use musubi_card::records::key_id;
use musubi_card::virtual_card::card_surface::{self, SurfaceContents};
use musubi_card::virtual_card::text_attributes::{self, TextContents};
use musubi_card::virtual_card::{Access, ApplicationImage, Content, card_common, resident_register};

use crate::issued::{attributes, authority, by_issuer, certificate, face, number};
use crate::keys::{self, key};

pub(crate) fn text_application() -> ApplicationImage {
    by_issuer(|issuer| {
        text_attributes::application(&TextContents {
            number: &number(),
            attributes: &attributes(),
            issuer,
            key_id: key_id("9000034", "001", 0).unwrap(),
            internal_key: key(keys::CARD),
            session_key: key(keys::SESSION),
        })
    })
    .unwrap()
}

fn surface_application() -> ApplicationImage {
    by_issuer(|issuer| {
        card_surface::application(&SurfaceContents {
            face: face(),
            number_png: &[5; 30],
            municipality: "13221",
            issuer,
            key_id: key_id("9000024", "001", 0).unwrap(),
            internal_key: key(keys::CARD),
        })
    })
    .unwrap()
}

fn bytes(image: &ApplicationImage, id: u16) -> &[u8] {
    match &image.file(FileId(id)).unwrap().content {
        Content::Transparent(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

/// Identifier and what opens it: `None` is anyone.
type Opened = (u16, Option<&'static [PinReference]>);

fn assert_opened_by(image: &ApplicationImage, expected: &[Opened]) {
    let found: Vec<u16> = image.files.iter().map(|file| file.id.0).collect();
    let all: Vec<u16> = expected.iter().map(|(id, _)| *id).collect();
    assert_eq!(found, all, "the files, in order");
    for (id, by) in expected {
        let access = by.map_or(Access::Free, Access::AfterAny);
        assert_eq!(image.file(FileId(*id)).unwrap().access, access, "{id:04X}");
    }
}

#[test]
fn the_files_of_the_text_application_are_opened_as_on_the_card() {
    use PinReference::{TextAttributes as Pin, TextNumberA as A, TextNumberB as B};
    assert_opened_by(
        &text_application(),
        &[
            (0x0001, Some(&[Pin, A])),
            (0x0002, Some(&[Pin, B])),
            (0x0003, Some(&[Pin, A, B])),
            (0x0004, None),
            (0x0005, None),
            (0x0006, Some(&[Pin, A, B])),
            (0x0007, Some(&[Pin, A, B])),
            (0x0008, None),
            (0x0011, None),
            (0x0012, None),
            (0x0013, None),
            (0x0014, None),
            (0x0015, None),
            (text::SESSION_PRIVATE_KEY.0, Some(&[Pin, A, B])),
        ],
    );
}

#[test]
fn the_files_of_the_surface_application_are_opened_as_on_the_card() {
    use PinReference::{SurfaceBirthDate as Birth, SurfaceNumberA as A, SurfaceNumberB as B};
    assert_opened_by(
        &surface_application(),
        &[
            (0x0001, Some(&[Birth])),
            (0x0002, Some(&[B, A])),
            (0x0003, None),
            (0x0004, None),
            (0x0005, Some(&[A])),
            (0x0011, None),
            (0x0012, None),
            (0x0013, None),
            (0x001A, None),
        ],
    );
}

#[test]
fn what_the_applications_hold_is_genuine() {
    let (known, text, surface) = (authority(keys::AUTHORITY), text_application(), surface_application());
    let read = known.verify_attributes(bytes(&text, 2), bytes(&text, 3), bytes(&text, 4)).unwrap();
    assert_eq!(read, attributes());
    let genuine = known.verify_key_record(bytes(&text, 7), bytes(&text, 4)).unwrap();
    assert_eq!(genuine.spki_der(), key(keys::CARD).public_key().unwrap().spki_der());
    assert!(known.verify_age(bytes(&surface, 1), bytes(&surface, 4)).is_ok());
    assert_eq!(known.verify_face(bytes(&surface, 2), bytes(&surface, 4)).unwrap().face, face());
    assert_eq!(bytes(&text, 4), certificate());
}

#[test]
fn the_free_key_is_the_default_key_and_sessions_have_their_own() {
    for (image, id) in [(text_application(), 0x0013), (surface_application(), 0x001A)] {
        assert_eq!(image.default_key, Some(FileId(id)));
        let file = image.file(FileId(id)).unwrap();
        assert!(matches!(&file.content, Content::SigningKey(k) if k.modulus() == key(keys::CARD).modulus()));
    }
    let session = text_application();
    let session = session.file(text::SESSION_PRIVATE_KEY).unwrap();
    assert!(
        matches!(&session.content, Content::SessionKey(k) if k.modulus() == key(keys::SESSION).modulus())
    );
}

#[test]
fn the_small_applications_hold_what_is_known_of_them() {
    let number = CardNumber {
        serial: "900000012719843".to_owned(),
        municipality: "13221".to_owned(),
        expires_on: "20350217".to_owned(),
    };
    let common = card_common::application(&number, key(keys::CARD)).unwrap();
    let Content::Records(records) = &common.file(FileId(1)).unwrap().content else { panic!() };
    assert_eq!(records, &[number.to_record().unwrap()]);
    assert!(matches!(common.file(FileId(0x19)).unwrap().content, Content::AuthenticationKey(_)));
    assert!(matches!(common.file(FileId(0x1C)).unwrap().content, Content::Pin(PinReference::CardCommon)));

    let reference = key_id("9000010", "001", 0).unwrap();
    let register = resident_register::application(&reference);
    assert_eq!(bytes(&register, 2), reference);
    let pin = &register.file(FileId(0x1C)).unwrap().content;
    assert!(matches!(pin, Content::Pin(PinReference::ResidentRegister)));
}

#[test]
fn nothing_of_a_person_is_in_what_is_printed_of_an_image() {
    let attributes = attributes();
    let printed = format!("{:?} {:?} {attributes:?}", text_application(), surface_application());
    let as_bytes = |text: &str| format!("{:?}", text.as_bytes()).replace(['[', ']'], "");
    let said = [number().expose().clone(), attributes.name, attributes.address, attributes.date_of_birth];
    for said in &said {
        assert!(!printed.contains(said.as_str()) && !printed.contains(&as_bytes(said)));
    }
}
