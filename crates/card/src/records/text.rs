//! Files of 券面事項入力補助AP (facts §4.5): the attributes as text, and the record of their integrity.

use musubi_crypto::sha256;

use super::{Issuer, KeyId, RecordError, check_digits};
use crate::client::Attributes;
use crate::tlv::{Reader, write};

/// Version bytes of EF 0005 on the test card.
const VERSION: [u8; 4] = [0x01, 0x03, 0x0E, 0x01];
/// The data objects of EF 0002: 氏名, 住所, 生年月日, 性別.
const ATTRIBUTES: [u16; 4] = [0xDF22, 0xDF23, 0xDF24, 0xDF25];

/// EF 0002, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributesFile<'a> {
    /// What stands there.
    pub attributes: Attributes,
    /// What the integrity record covers: the data objects from `DF22` to the end.
    pub covered: &'a [u8],
}

impl<'a> AttributesFile<'a> {
    /// Reads the file; filler may follow. The offsets that it begins with must be those of its data objects.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(file: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(file);
        let value = reader.expect(0xFF20)?;
        reader.end_or_filler()?;
        let (offsets, covered) = split_offsets(file, value)?;
        let mut reader = Reader::new(covered);
        let mut found = Vec::new();
        let mut text = |tag, name| {
            found.extend(offset_of(file, reader.rest())?.to_be_bytes());
            let value = reader.expect(tag)?;
            str::from_utf8(value).map_err(|_| RecordError::Value(name))
        };
        let [name, address, birth, sex] = ATTRIBUTES;
        let name = text(name, "name")?.to_owned();
        let address = text(address, "address")?.to_owned();
        let date_of_birth = text(birth, "date of birth")?.to_owned();
        let sex = text(sex, "sex")?;
        reader.end()?;
        check_digits(date_of_birth.as_bytes(), 8, "date of birth")?;
        let sex = match sex.as_bytes() {
            [digit @ b'0'..=b'9'] => digit - b'0',
            _ => return Err(RecordError::Value("sex")),
        };
        if offsets != found {
            return Err(RecordError::Value("table of offsets"));
        }
        Ok(Self { attributes: Attributes { name, address, date_of_birth, sex }, covered })
    }
}

/// Writes EF 0002.
///
/// # Errors
/// [`RecordError`].
pub fn attributes_file(attributes: &Attributes) -> Result<Vec<u8>, RecordError> {
    check_digits(attributes.date_of_birth.as_bytes(), 8, "date of birth")?;
    let sex = attributes.sex.checked_add(b'0').filter(u8::is_ascii_digit).ok_or(RecordError::Value("sex"))?;
    let values: [&[u8]; 4] = [
        attributes.name.as_bytes(),
        attributes.address.as_bytes(),
        attributes.date_of_birth.as_bytes(),
        &[sex],
    ];
    let objects: Vec<Vec<u8>> =
        ATTRIBUTES.iter().zip(values).map(|(tag, value)| write(*tag, &[value])).collect::<Result<_, _>>()?;
    with_offsets(0xFF20, 0xDF21, &objects)
}

/// EF 0003, read: digests of EF 0001 and EF 0002, signed by the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrityRecord<'a> {
    /// SHA-256 of the data objects of EF 0002 ([`AttributesFile::covered`]).
    pub attributes_digest: &'a [u8],
    /// What is signed: the data objects before the signature.
    pub signed: &'a [u8],
    /// The issuer's signature, RSASSA-PKCS1-v1_5 with SHA-256.
    pub signature: &'a [u8],
}

impl<'a> IntegrityRecord<'a> {
    /// Reads the file; filler may follow. The digest of EF 0001 is not given out: twelve digits can be guessed from it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(file: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(file);
        let value = reader.expect(0xFF30)?;
        reader.end_or_filler()?;
        let mut reader = Reader::new(value);
        let number_digest = reader.expect(0xDF31)?;
        let attributes_digest = reader.expect(0xDF32)?;
        let signed = value.len().checked_sub(reader.rest().len()).and_then(|length| value.get(..length));
        let signature = reader.expect(0xDF33)?;
        reader.end()?;
        if (number_digest.len(), attributes_digest.len()) != (32, 32) {
            return Err(RecordError::Value("digest"));
        }
        Ok(Self { attributes_digest, signed: signed.unwrap_or_default(), signature })
    }
}

/// Writes EF 0003 over EF 0001, all of it with its filler, and EF 0002.
///
/// # Errors
/// [`RecordError`].
pub fn integrity_file(
    number_file: &[u8],
    attributes_file: &[u8],
    issuer: Issuer<'_>,
) -> Result<Vec<u8>, RecordError> {
    let covered = AttributesFile::parse(attributes_file)?.covered;
    let signed = [write(0xDF31, &[&sha256(number_file)])?, write(0xDF32, &[&sha256(covered)])?].concat();
    let signature = write(0xDF33, &[&issuer.key.sign_pkcs1_sha256(&signed)?])?;
    Ok(write(0xFF30, &[&signed, &signature])?)
}

/// EF 0005: version, key identifier, and 128 bytes of which only the first 32 are used on the test card. Their meaning is
/// unknown; a virtual card has what it is given.
///
/// # Errors
/// [`RecordError`].
pub fn basic_file(key_id: &KeyId, unknown: &[u8; 32]) -> Result<Vec<u8>, RecordError> {
    let mut padded = unknown.to_vec();
    padded.resize(128, 0xFF);
    let objects = [write(0xDF41, &[&VERSION])?, write(0xDF42, &[key_id])?, write(0xDF43, &[&padded])?];
    let value = objects.concat();
    Ok(write(0xFF40, &[&value])?)
}

/// A file of data objects behind a table of their offsets from the beginning of the file, 16 bits each.
pub(super) fn with_offsets(tag: u16, table: u16, objects: &[Vec<u8>]) -> Result<Vec<u8>, RecordError> {
    let too_long = RecordError::Objects(crate::tlv::TlvError::TooLong);
    let table_length = 2 * objects.len();
    let content: usize = objects.iter().map(Vec::len).sum::<usize>() + table_length + 3;
    let outer = if content < 0x80 { 3 } else { 5 };
    let mut at = outer + table_length + 3;
    let mut offsets = Vec::new();
    for object in objects {
        offsets.extend(u16::try_from(at).map_err(|_| too_long)?.to_be_bytes());
        at += object.len();
    }
    Ok(write(tag, &[&write(table, &[&offsets])?, &objects.concat()])?)
}

/// The table of offsets of EF 0002, and the data objects behind it.
pub(super) fn split_offsets<'a>(
    file: &'a [u8],
    value: &'a [u8],
) -> Result<(&'a [u8], &'a [u8]), RecordError> {
    if file.len() > usize::from(u16::MAX) {
        return Err(RecordError::Value("file"));
    }
    let mut reader = Reader::new(value);
    let offsets = reader.expect(0xDF21)?;
    Ok((offsets, reader.rest()))
}

/// How far into its file the rest begins; both end at the same byte but for filler.
pub(super) fn offset_of(file: &[u8], rest: &[u8]) -> Result<u16, RecordError> {
    let mut reader = Reader::new(file);
    reader.next_object()?;
    let end = file.len().saturating_sub(reader.rest().len());
    u16::try_from(end.saturating_sub(rest.len())).map_err(|_| RecordError::Value("table of offsets"))
}
