//! Files of 券面事項確認AP (facts §4.6): what is printed on the card's face, as pictures, signed by the issuer. Looks into no
//! picture.

use musubi_crypto::{PublicKey, sha256, sha256_parts};

use super::public_key::CardPublicKey;
use super::text::{offset_of, split_offsets, with_offsets};
use super::{Issuer, KeyId, RecordError, check_digits};
use crate::tlv::{Reader, write};

/// Version bytes of EF 0003 on the test card.
const VERSION: [u8; 4] = [0x06, 0x03, 0x0E, 0x01];

/// EF 0001, read: the date of birth alone, for those who may know no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeRecord<'a> {
    /// 生年月日, eight digits `YYYYMMDD`.
    pub date_of_birth: &'a str,
    /// Public half of the free key of this application.
    pub card_key: CardPublicKey,
    /// What is signed: both with tag and length.
    pub signed: &'a [u8],
    /// The issuer's signature, RSASSA-PKCS1-v1_5 with SHA-256.
    pub signature: &'a [u8],
}

impl<'a> AgeRecord<'a> {
    /// Reads the file; filler may follow.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(file: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(file);
        let value = reader.expect(0xFF10)?;
        reader.end_or_filler()?;
        let mut reader = Reader::new(value);
        let date_of_birth = date(reader.expect(0xDF11)?)?;
        let card_key = CardPublicKey::parse(reader.expect(0xDF12)?)?;
        let signed = value.len().checked_sub(reader.rest().len()).and_then(|length| value.get(..length));
        let signature = reader.expect(0xDF13)?;
        reader.end()?;
        Ok(Self { date_of_birth, card_key, signed: signed.unwrap_or_default(), signature })
    }
}

/// Writes EF 0001.
///
/// # Errors
/// [`RecordError`].
pub fn age_file(
    date_of_birth: &str,
    card_key: &CardPublicKey,
    issuer: Issuer<'_>,
) -> Result<Vec<u8>, RecordError> {
    check_digits(date_of_birth.as_bytes(), 8, "date of birth")?;
    let signed =
        [write(0xDF11, &[date_of_birth.as_bytes()])?, write(0xDF12, &[&card_key.to_objects()?])?].concat();
    let signature = write(0xDF13, &[&issuer.key.sign_pkcs1_sha256(&signed)?])?;
    Ok(write(0xFF10, &[&signed, &signature])?)
}

/// What EF 0002 shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Face<'a> {
    /// 生年月日, eight digits `YYYYMMDD`.
    pub date_of_birth: &'a str,
    /// 性別, one digit as in the text attributes.
    pub sex: u8,
    /// 氏名, PNG of one bit per pixel.
    pub name_png: &'a [u8],
    /// 住所, likewise.
    pub address_png: &'a [u8],
    /// 顔写真, JPEG 2000 (JP2). Empty on a virtual card without a picture, which is our own choice.
    pub photograph: &'a [u8],
    /// 有効期限, eight digits `YYYYMMDD`. **Not signed.**
    pub expires_on: &'a str,
    /// セキュリティコード, PNG. **Not signed.**
    pub security_code_png: &'a [u8],
}

impl std::fmt::Debug for Face<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Face")
    }
}

/// EF 0002, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaceRecord<'a> {
    /// What it shows.
    pub face: Face<'a>,
    /// Public half of the free key of this application.
    pub card_key: CardPublicKey,
    /// What is signed: digests of date of birth, sex and key; of name and address; of the photograph.
    pub digests: [[u8; 32]; 3],
    /// The issuer's signature over the three digests ([`PublicKey::verify_rsa_over_three_sha256`]).
    pub signature: &'a [u8],
}

impl<'a> FaceRecord<'a> {
    /// Reads the file; filler may follow. The offsets that it begins with must be those of its data objects.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(file: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(file);
        let value = reader.expect(0xFF20)?;
        reader.end_or_filler()?;
        let (offsets, objects) = split_offsets(file, value)?;
        let mut reader = Reader::new(objects);
        let mut found = Vec::new();
        let mut object = |tag| {
            found.extend(offset_of(file, reader.rest())?.to_be_bytes());
            Ok::<_, RecordError>(reader.expect_whole(tag)?)
        };
        let birth = object(0xDF22)?;
        let sex = object(0xDF23)?;
        let key = object(0xDF24)?;
        let name = object(0xDF25)?;
        let address = object(0xDF26)?;
        let photograph = object(0xDF27)?;
        let (_, signature) = object(0xDF28)?;
        let (_, expiry) = object(0xDF29)?;
        let (_, security_code_png) = object(0xDF2A)?;
        reader.end()?;
        if offsets != found {
            return Err(RecordError::Value("table of offsets"));
        }
        let sex_digit = match sex.1 {
            [digit @ b'0'..=b'9'] => digit - b'0',
            _ => return Err(RecordError::Value("sex")),
        };
        Ok(Self {
            face: Face {
                date_of_birth: date(birth.1)?,
                sex: sex_digit,
                name_png: name.1,
                address_png: address.1,
                photograph: photograph.1,
                expires_on: date(expiry)?,
                security_code_png,
            },
            card_key: CardPublicKey::parse(key.1)?,
            digests: [
                sha256_parts(&[birth.0, sex.0, key.0]),
                sha256_parts(&[name.0, address.0]),
                sha256(photograph.0),
            ],
            signature,
        })
    }
}

/// Writes EF 0002.
///
/// # Errors
/// [`RecordError`]; the pictures together must be below 65,000 bytes.
pub fn face_file(
    face: &Face<'_>,
    card_key: &CardPublicKey,
    issuer: Issuer<'_>,
) -> Result<Vec<u8>, RecordError> {
    check_digits(face.date_of_birth.as_bytes(), 8, "date of birth")?;
    check_digits(face.expires_on.as_bytes(), 8, "date of expiry")?;
    let sex = face.sex.checked_add(b'0').filter(u8::is_ascii_digit).ok_or(RecordError::Value("sex"))?;
    let birth = write(0xDF22, &[face.date_of_birth.as_bytes()])?;
    let sex = write(0xDF23, &[&[sex]])?;
    let key = write(0xDF24, &[&card_key.to_objects()?])?;
    let name = write(0xDF25, &[face.name_png])?;
    let address = write(0xDF26, &[face.address_png])?;
    let photograph = write(0xDF27, &[face.photograph])?;
    let digests =
        [sha256_parts(&[&birth, &sex, &key]), sha256_parts(&[&name, &address]), sha256(&photograph)];
    let content = [PublicKey::THREE_SHA256_INFO.as_slice(), digests.as_flattened()].concat();
    let signature = write(0xDF28, &[&issuer.key.sign_padded(&content)?])?;
    let expiry = write(0xDF29, &[face.expires_on.as_bytes()])?;
    let code = write(0xDF2A, &[face.security_code_png])?;
    let objects = [birth, sex, key, name, address, photograph, signature, expiry, code];
    with_offsets(0xFF20, 0xDF21, &objects)
}

/// EF 0003: version, key identifier, a byte of unknown use, municipality, and 272 bytes: a key identifier and what looks
/// like a modulus; whose it is is unknown. A virtual card has what it is given.
///
/// # Errors
/// [`RecordError`].
pub fn basic_file(
    key_id: &KeyId,
    municipality: &str,
    unknown_key_id: &KeyId,
    unknown: &[u8; 256],
) -> Result<Vec<u8>, RecordError> {
    check_digits(municipality.as_bytes(), 5, "municipality")?;
    let objects = [
        write(0xDF31, &[&VERSION])?,
        write(0xDF32, &[key_id])?,
        write(0xDF33, &[&[0]])?,
        write(0xDF34, &[municipality.as_bytes()])?,
        write(0xDF35, &[unknown_key_id, unknown])?,
    ];
    Ok(write(0xFF30, &[&objects.concat()])?)
}

/// EF 0005, written only: the picture of the My Number, signed with the key of this application.
///
/// # Errors
/// [`RecordError`].
pub fn number_picture_file(
    picture_png: &[u8],
    card_key: &CardPublicKey,
    issuer: Issuer<'_>,
) -> Result<Vec<u8>, RecordError> {
    let signed = [write(0xDF41, &[picture_png])?, write(0xDF42, &[&card_key.to_objects()?])?].concat();
    let signature = write(0xDF43, &[&issuer.key.sign_pkcs1_sha256(&signed)?])?;
    Ok(write(0xFF40, &[&signed, &signature])?)
}

fn date(value: &[u8]) -> Result<&str, RecordError> {
    check_digits(value, 8, "date")?;
    str::from_utf8(value).map_err(|_| RecordError::Value("date"))
}
