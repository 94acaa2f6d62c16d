//! From the bytes of a command to its answer: class, instruction, SELECT, GET DATA, and how answers leave the card
//! (ISO 7816-4 5.1, 5.4, 11.1; facts §4.1, §4.3).
//!
//! **Our own choices**, where nothing is known of the real card: the class is looked at before the lengths, P1 and P2 before
//! the file, the file before the PIN; a command that gives data wants Le, one that gives none wants no Le (`6700`); an
//! instruction of the other class is `6E00`; no application's file is current after SELECT of an application or a warm
//! reset; a file that is named by its short identifier becomes the current one if the command succeeds; P2 = 00 gives the
//! application's name as file control information; `80 AE` without a key for it is `66F1`.

use std::ops::ControlFlow;

use musubi_kernel::Random;

use super::image::{Access, Content, File};
use super::secure_messaging::SecureMessaging;
use super::session::Messaging;
use super::{ATR, ApplicationImage, Chaining, VirtualCard};
use crate::apdu::{CommandApdu, ResponseApdu, SHORT_LE};
use crate::layout::{Application, FileId};
use crate::status::StatusWord;

/// The master file, which cannot be selected by its identifier (facts §4.1).
const MASTER_FILE: [u8; 2] = [0x3F, 0x00];
/// Tag of the answer to reset in GET DATA.
const ATR_TAG: u16 = 0x5F51;

/// What a command comes to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) data: Vec<u8>,
    /// The memory has changed.
    pub(super) wrote: bool,
}

impl Outcome {
    /// Response data, and nothing changed.
    pub(super) fn of(data: Vec<u8>) -> Self {
        Self { data, wrote: false }
    }
}

/// A refusal, which may have changed the memory: a wrong PIN costs a try.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusWord,
    pub(super) wrote: bool,
}

impl From<StatusWord> for Refusal {
    fn from(status: StatusWord) -> Self {
        Self { status, wrote: false }
    }
}

pub(super) type Processed = Result<Outcome, Refusal>;

/// How a class byte is taken.
enum Class {
    /// 00.
    Standard,
    /// 80.
    Proprietary,
    /// 08.
    Secured,
}

impl VirtualCard {
    /// Answers a command; the flag says that the memory has changed.
    pub(super) fn process(&mut self, bytes: &[u8], random: &dyn Random) -> (ResponseApdu, bool) {
        // ISO 7816-4 5.3.4: an answer waits only for the command that follows.
        let waiting = std::mem::take(&mut self.session.waiting);
        let class = match class_of(bytes) {
            Ok(class) => class,
            Err(status) => return (status.into(), false),
        };
        let Ok(command) = CommandApdu::parse(bytes) else {
            return (StatusWord::WRONG_LENGTH.into(), false);
        };
        match class {
            Class::Secured => self.secured(&command, random),
            Class::Standard if command.ins == 0xC0 => (self.give_response(&command, waiting), false),
            Class::Standard | Class::Proprietary => {
                let (processed, wrote) = flag(self.dispatch(&command, random));
                (self.leave(&command, processed), wrote)
            }
        }
    }

    fn dispatch(&mut self, command: &CommandApdu, random: &dyn Random) -> Processed {
        let processed = self.execute(command, random);
        let named = self.session.named.take();
        if processed.is_ok() && named.is_some() {
            self.session.file = named;
        }
        processed
    }

    fn execute(&mut self, command: &CommandApdu, random: &dyn Random) -> Processed {
        match (command.cla, command.ins) {
            (0x00, 0xA4) => self.select(command),
            (0x00, 0xB0) => self.read_binary(command),
            (0x00, 0xB2) => self.read_record(command),
            (0x00, 0x20) => self.verify(command),
            (0x00, 0x24) | (0x80, 0x32) => self.change(command),
            (0x00, 0x84) => challenge(command, random),
            (0x00, 0x88) => self.internal_authenticate(command),
            (0x00, 0xCA) => self.give_data(command),
            (0x80, 0x2A) => self.compute_digital_signature(command, random),
            (0x80, 0xAE) => self.take_session_key(command),
            // Our own choice: a known instruction of the other class.
            (0x80, 0xA4 | 0xB0 | 0xB2 | 0x20 | 0x24 | 0x84 | 0x88 | 0xC0 | 0xCA)
            | (0x00, 0x2A | 0x32 | 0xAE) => Err(StatusWord::CLASS.into()),
            _ => Err(StatusWord::INSTRUCTION.into()),
        }
    }

    /// SELECT (ISO 7816-4 11.1.1).
    fn select(&mut self, command: &CommandApdu) -> Processed {
        let no_answer = match command.p2 {
            0x00 => false,
            0x0C => true,
            _ => return Err(StatusWord::WRONG_P1_P2.into()),
        };
        match command.p1 {
            0x04 => {
                let application = self.application_named(command.data())?;
                self.session.select(application);
                // Our own choice: the file control information is the name alone (5.3.3).
                let aid = application.aid();
                let length = |bytes: usize| u8::try_from(bytes).unwrap_or(u8::MAX);
                let name = [&[0x6F, length(aid.len() + 2), 0x84, length(aid.len())], aid].concat();
                Ok(Outcome::of(if no_answer || command.le().is_none() { Vec::new() } else { name }))
            }
            0x02 => {
                let id: [u8; 2] = command.data().try_into().map_err(|_| StatusWord::LC_CONTRADICTS_P1_P2)?;
                let id = FileId(u16::from_be_bytes(id));
                self.application_image()
                    .and_then(|image| image.file(id))
                    .ok_or(StatusWord::FILE_NOT_FOUND)?;
                self.session.file = Some(id);
                Ok(Outcome::default())
            }
            0x00 if self.session.application() != Application::IssuerSecurityDomain => match command.data() {
                [] => Ok(Outcome::default()),
                id if id == MASTER_FILE => Err(StatusWord::FILE_NOT_FOUND.into()),
                [_, _] => Err(StatusWord::FILE_NOT_FOUND.into()),
                _ => Err(StatusWord::LC_CONTRADICTS_P1_P2.into()),
            },
            _ => Err(StatusWord::WRONG_P1_P2.into()),
        }
    }

    /// The first application whose identifier begins like this.
    fn application_named(&self, prefix: &[u8]) -> Result<Application, StatusWord> {
        if prefix.is_empty() || prefix.len() > 16 {
            return Err(StatusWord::LC_CONTRADICTS_P1_P2);
        }
        let here = |application: &Application| {
            *application == Application::IssuerSecurityDomain
                || self.image.application(*application).is_some()
        };
        let mut named = Application::ALL.into_iter().filter(here);
        named.find(|application| application.aid().starts_with(prefix)).ok_or(StatusWord::FILE_NOT_FOUND)
    }

    /// GET DATA (ISO 7816-4 11.4.3): the answer to reset everywhere, the issuer's objects in its security domain.
    fn give_data(&self, command: &CommandApdu) -> Processed {
        check_only_le(command)?;
        let tag = u16::from_be_bytes([command.p1, command.p2]);
        if tag == ATR_TAG {
            return Ok(Outcome::of(ATR.get(1..).unwrap_or_default().to_vec()));
        }
        if self.session.application() != Application::IssuerSecurityDomain {
            return Err(StatusWord::KEY_NOT_FOUND.into());
        }
        let object = self.image.issuer_data.iter().find(|(known, _)| *known == tag);
        object.map(|(_, value)| Outcome::of(value.clone())).ok_or(StatusWord::KEY_NOT_FOUND.into())
    }

    /// How an answer leaves the card.
    fn leave(&mut self, command: &CommandApdu, processed: Result<Vec<u8>, StatusWord>) -> ResponseApdu {
        let data = match processed {
            Ok(data) => data,
            Err(status) => return status.into(),
        };
        let le = command.le().map_or(0, |le| usize::try_from(le).unwrap_or(usize::MAX));
        match self.behaviour.chaining {
            Chaining::Direct => {
                let end = le.min(data.len());
                ResponseApdu { data: data.get(..end).unwrap_or_default().to_vec(), status: StatusWord::OK }
            }
            Chaining::GetResponse if data.is_empty() => StatusWord::OK.into(),
            Chaining::GetResponse if !command.data().is_empty() => {
                let status = StatusWord::bytes_waiting(data.len());
                self.session.waiting = data;
                status.into()
            }
            Chaining::GetResponse => match give_part(data, le) {
                ControlFlow::Break(response) => response,
                ControlFlow::Continue((response, rest)) => {
                    self.session.waiting = rest;
                    response
                }
            },
        }
    }

    /// GET RESPONSE (ISO 7816-4 11.7.1).
    fn give_response(&mut self, command: &CommandApdu, waiting: Vec<u8>) -> ResponseApdu {
        if (command.p1, command.p2) != (0, 0) {
            return StatusWord::WRONG_P1_P2.into();
        }
        let Some(le) = command.le().filter(|_| command.data().is_empty()) else {
            return StatusWord::WRONG_LENGTH.into();
        };
        if waiting.is_empty() {
            return StatusWord::CONDITIONS.into();
        }
        let le = usize::try_from(le).unwrap_or(usize::MAX);
        if waiting.len() < le && waiting.len() <= 256 {
            let status = StatusWord::repeat_with(waiting.len());
            self.session.waiting = waiting;
            return status.into();
        }
        match give_part(waiting, le) {
            ControlFlow::Break(response) => response,
            ControlFlow::Continue((response, rest)) => {
                self.session.waiting = rest;
                response
            }
        }
    }

    /// `80 AE`: the delivery of the key of secure messaging (facts §4.5).
    fn take_session_key(&mut self, command: &CommandApdu) -> Processed {
        if (command.p1, command.p2) != (0, 0) {
            return Err(StatusWord::WRONG_P1_P2.into());
        }
        let image = self.application_image().ok_or(StatusWord::NO_KEY_DELIVERY)?;
        let (file, key) = image
            .files
            .iter()
            .find_map(|file| match &file.content {
                Content::SessionKey(key) => Some((file, key)),
                _ => None,
            })
            .ok_or(StatusWord::NO_KEY_DELIVERY)?;
        if command.data().len() != key.modulus_length() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        self.check_access(file)?;
        let opened = SecureMessaging::open(key, command.data());
        self.session.messaging = Messaging::Closed;
        self.session.messaging = Messaging::Open(opened?);
        Ok(Outcome::default())
    }

    /// A command of class 08.
    fn secured(&mut self, command: &CommandApdu, random: &dyn Random) -> (ResponseApdu, bool) {
        let has_key = |image: &ApplicationImage| {
            image.files.iter().any(|file| matches!(file.content, Content::SessionKey(_)))
        };
        if !self.application_image().is_some_and(has_key) {
            return (StatusWord::SECURE_MESSAGING.into(), false);
        }
        let Messaging::Open(messaging) = &mut self.session.messaging else {
            return (StatusWord::SM_SESSION_GONE.into(), false);
        };
        let inner = match messaging.unwrap(command) {
            Ok(inner) => inner,
            Err(status) => {
                self.session.messaging = Messaging::Closed;
                return (status.into(), false);
            }
        };
        let (processed, wrote) = flag(self.dispatch(&inner, random));
        let le = inner.le().map_or(0, |le| usize::try_from(le).unwrap_or(usize::MAX));
        let response = match processed {
            Ok(mut data) => {
                data.truncate(le);
                ResponseApdu { data, status: StatusWord::OK }
            }
            Err(status) => status.into(),
        };
        // The command may have selected another application, and with it ended the session.
        match &mut self.session.messaging {
            Messaging::Open(messaging) => (messaging.wrap(response), wrote),
            Messaging::Closed => (response, wrote),
        }
    }

    pub(super) fn application_image(&self) -> Option<&ApplicationImage> {
        self.image.application(self.session.application())
    }

    /// The file that P1 or P2 names: `80` the current one, `80 | SFI` another, which becomes the current one if
    /// the command succeeds.
    pub(super) fn referenced(&mut self, reference: u8, unknown: StatusWord) -> Result<FileId, StatusWord> {
        let short = reference & 0x1F;
        if reference & 0xE0 != 0x80 || short == 0x1F {
            return Err(StatusWord::WRONG_P1_P2);
        }
        if short == 0 {
            return self.session.file.ok_or(StatusWord::NO_CURRENT_FILE);
        }
        let mut files = self.application_image().map(|image| image.files.iter()).into_iter().flatten();
        let id = files.find(|file| file.id.short() == reference).map(|file| file.id).ok_or(unknown)?;
        self.session.named = Some(id);
        Ok(id)
    }

    /// A file that was selected or referenced.
    pub(super) fn file(&self, id: FileId) -> Result<&File, StatusWord> {
        self.application_image().and_then(|image| image.file(id)).ok_or(StatusWord::FILE_NOT_FOUND)
    }

    pub(super) fn check_access(&self, file: &File) -> Result<(), StatusWord> {
        let open = match file.access {
            Access::Free => true,
            Access::AfterAny(pins) => pins.iter().any(|pin| self.session.verified.contains(pin)),
            Access::Never => false,
        };
        if open { Ok(()) } else { Err(StatusWord::SECURITY_STATUS) }
    }
}

/// What of the class byte the card takes (ISO 7816-4 5.4.1).
fn class_of(bytes: &[u8]) -> Result<Class, StatusWord> {
    match bytes.first() {
        None => Err(StatusWord::WRONG_LENGTH),
        Some(0x00) => Ok(Class::Standard),
        Some(0x80) => Ok(Class::Proprietary),
        Some(0x08) => Ok(Class::Secured),
        Some(0x04 | 0x0C | 0x84 | 0x88 | 0x8C) => Err(StatusWord::SECURE_MESSAGING),
        Some(0x01..=0x0F | 0x40..=0x7F | 0x81..=0x8F) => Err(StatusWord::LOGICAL_CHANNEL),
        Some(_) => Err(StatusWord::CLASS),
    }
}

/// For commands without data that give something.
pub(super) fn check_only_le(command: &CommandApdu) -> Result<u32, StatusWord> {
    command.le().filter(|_| command.data().is_empty()).ok_or(StatusWord::WRONG_LENGTH)
}

/// GET CHALLENGE (ISO 7816-4 11.5.3).
fn challenge(command: &CommandApdu, random: &dyn Random) -> Processed {
    if (command.p1, command.p2) != (0, 0) {
        return Err(StatusWord::WRONG_P1_P2.into());
    }
    let le = check_only_le(command)?;
    if le > SHORT_LE {
        return Err(StatusWord::WRONG_LENGTH.into());
    }
    let mut bytes = vec![0; usize::try_from(le).unwrap_or_default()];
    random.fill(&mut bytes);
    Ok(Outcome::of(bytes))
}

/// `6Cxx` if there is less than `le`; else so much of it, with `61xx` and the rest if there is more.
fn give_part(mut data: Vec<u8>, le: usize) -> ControlFlow<ResponseApdu, (ResponseApdu, Vec<u8>)> {
    if data.len() < le && data.len() <= 256 {
        return ControlFlow::Break(StatusWord::repeat_with(data.len()).into());
    }
    let rest = data.split_off(le.min(data.len()));
    if rest.is_empty() {
        ControlFlow::Break(ResponseApdu { data, status: StatusWord::OK })
    } else {
        let status = StatusWord::bytes_waiting(rest.len());
        ControlFlow::Continue((ResponseApdu { data, status }, rest))
    }
}

fn flag(processed: Processed) -> (Result<Vec<u8>, StatusWord>, bool) {
    match processed {
        Ok(Outcome { data, wrote }) => (Ok(data), wrote),
        Err(Refusal { status, wrote }) => (Err(status), wrote),
    }
}
