//! What is allowed, once more and apart from the card: the tables of the facts, and what a command does to what is selected,
//! verified and counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use musubi_card::PinReference::{self, *};
use musubi_card::virtual_card::{Content, Image, Profile, VirtualCard};
use musubi_card::{Application, FileId};

use super::{Seen, pins_of, support};

/// Which PINs open a file: any of them; none are needed if there is none.
type Needs = &'static [PinReference];

const JPKI: Application = Application::Jpki;
const TEXT: Application = Application::TextAttributes;
const SURFACE: Application = Application::CardSurface;
const REGISTER: Application = Application::ResidentRegister;
const COMMON: Application = Application::CardCommon;

/// What can be read, and who may.
pub(super) const READABLE: &[(Application, u16, Needs)] = &[
    (JPKI, 0x01, &[Signature]),
    (JPKI, 0x02, &[]),
    (JPKI, 0x06, &[]),
    (JPKI, 0x08, &[]),
    (JPKI, 0x0A, &[]),
    (JPKI, 0x0B, &[]),
    (TEXT, 0x01, &[TextAttributes, TextNumberA]),
    (TEXT, 0x02, &[TextAttributes, TextNumberB]),
    (TEXT, 0x03, &[TextAttributes, TextNumberA, TextNumberB]),
    (TEXT, 0x04, &[]),
    (TEXT, 0x05, &[]),
    (TEXT, 0x07, &[TextAttributes, TextNumberA, TextNumberB]),
    (SURFACE, 0x01, &[SurfaceBirthDate, SurfaceNumberA, SurfaceNumberB]),
    (SURFACE, 0x02, &[SurfaceNumberA, SurfaceNumberB]),
    (SURFACE, 0x03, &[]),
    (SURFACE, 0x05, &[SurfaceNumberA]),
    (REGISTER, 0x02, &[]),
    (COMMON, 0x01, &[]),
];

/// Keys, and who may use them.
pub(super) const KEYS: &[(Application, u16, Needs)] = &[
    (JPKI, 0x17, &[Authentication]),
    (JPKI, 0x1A, &[Signature]),
    (TEXT, 0x13, &[]),
    (SURFACE, 0x1A, &[]),
    (COMMON, 0x19, &[]),
];

/// Where the PINs are.
pub(super) const PINS: &[(Application, u16, PinReference)] = &[
    (JPKI, 0x18, Authentication),
    (JPKI, 0x1B, Signature),
    (TEXT, 0x11, TextAttributes),
    (TEXT, 0x12, TextBlocked),
    (TEXT, 0x14, TextNumberA),
    (TEXT, 0x15, TextNumberB),
    (SURFACE, 0x11, SurfaceBirthDate),
    (SURFACE, 0x12, SurfaceNumberB),
    (SURFACE, 0x13, SurfaceNumberA),
    (REGISTER, 0x1C, ResidentRegister),
    (COMMON, 0x1C, CardCommon),
];

/// Tries and value.
pub(super) type Pins = BTreeMap<PinReference, (u8, Vec<u8>)>;

pub(super) struct Model {
    image: Arc<Image>,
    profile: Profile,
    pub(super) application: Application,
    pub(super) file: Option<u16>,
    pub(super) verified: Vec<PinReference>,
    pub(super) pins: Pins,
    pub(super) seen: Seen,
}

/// A command as the model reads it.
struct Command<'a> {
    head: (u8, u8),
    p1: u8,
    p2: u8,
    data: &'a [u8],
    le: Option<usize>,
}

/// ISO 7816-4 Table 1, once more.
fn read(bytes: &[u8]) -> Option<Command<'_>> {
    let command =
        |data, le| Some(Command { head: (bytes[0], bytes[1]), p1: bytes[2], p2: bytes[3], data, le });
    let number = |at: usize| usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1]);
    let or = |le: usize, all| Some(if le == 0 { all } else { le });
    match bytes.len() {
        0..4 => None,
        4 => command(&[], None),
        5 => command(&[], or(usize::from(bytes[4]), 256)),
        7 if bytes[4] == 0 => command(&[], or(number(5), 65_536)),
        length if bytes[4] > 0 => {
            let end = 5 + usize::from(bytes[4]);
            match length.checked_sub(end)? {
                0 => command(&bytes[5..], None),
                1 => command(&bytes[5..end], or(usize::from(bytes[end]), 256)),
                _ => None,
            }
        }
        6 => None,
        length => {
            let end = 7 + number(5);
            match length.checked_sub(end)? {
                _ if end == 7 => None,
                0 => command(&bytes[7..], None),
                2 => command(&bytes[7..end], or(number(end), 65_536)),
                _ => None,
            }
        }
    }
}

impl Model {
    pub(super) fn new(image: Arc<Image>, card: &VirtualCard) -> Self {
        let profile = image.profile;
        let application = Application::IssuerSecurityDomain;
        let (pins, verified, seen) = (pins_of(card), Vec::new(), Seen::default());
        Self { image, profile, application, file: None, verified, pins, seen }
    }

    pub(super) fn power_off(&mut self) {
        self.application = Application::IssuerSecurityDomain;
        self.file = None;
        self.verified.clear();
    }

    pub(super) fn find<T: Copy>(&self, table: &[(Application, u16, T)], id: Option<u16>) -> Option<T> {
        if self.profile == Profile::AndroidToken && self.application != JPKI {
            return None;
        }
        table
            .iter()
            .find(|(application, known, _)| *application == self.application && Some(*known) == id)
            .map(|(_, _, value)| *value)
    }

    /// `None` if there is no such file.
    fn may_read(&self, id: Option<u16>) -> Option<bool> {
        let needs = self.find(READABLE, id)?;
        let is_phone = self.profile == Profile::AndroidToken && id == Some(0x0A);
        Some(self.opened(if is_phone { &[Authentication] } else { needs }))
    }

    fn opened(&self, needs: Needs) -> bool {
        needs.is_empty() || needs.iter().any(|pin| self.verified.contains(pin))
    }

    /// The file that P1 or P2 names.
    pub(super) fn named(&self, reference: u8) -> Option<u16> {
        if reference == 0x80 { self.file } else { Some(u16::from(reference & 0x1F)) }
    }

    /// Holds the answer against what is allowed, then follows it.
    pub(super) fn check(&mut self, bytes: &[u8], response: &[u8], wrote: bool) -> Result<(), String> {
        self.seen.commands += 1;
        let (data, status) =
            response.split_last_chunk::<2>().map(|(data, status)| (data, *status)).ok_or("no status")?;
        self.check_canaries(data)?;
        let done = matches!(status, [0x90, 0x00] | [0x61 | 0x6C, _]);
        ensure(done || data.is_empty(), "data with a refusal")?;
        let Some(command) = read(bytes) else {
            return ensure(!done && !wrote, "something was done that is no command");
        };
        let changed = match (command.head, done) {
            ((0x00, 0x20), _) => self.follow_verify(&command, done, status)?,
            ((0x00, 0xB0), false) => {
                if status == [0x69, 0x82] {
                    self.seen.refused_reads += 1;
                    let id = self.named(if command.p1 < 0x80 { 0x80 } else { command.p1 });
                    ensure(self.may_read(id) != Some(true), "refused what is open")?;
                }
                false
            }
            (_, false) => false,
            ((0x00, 0xA4), true) => {
                self.follow_select(&command)?;
                false
            }
            ((0x00, 0xB0), true) => {
                self.follow_read(&command, data, status)?;
                false
            }
            ((0x00, 0xB2), true) => {
                self.file = self.named(0x80 | command.p2 >> 3);
                ensure((self.application, self.file) == (COMMON, Some(0x01)), "a record of something else")?;
                ensure(support::CARD_RECORD.starts_with(data), "another record")?;
                false
            }
            ((0x00, 0x24) | (0x80, 0x32), true) => {
                self.follow_change(&command)?;
                true
            }
            ((0x80, 0x2A), true) => {
                self.follow_signature(&command, data, status)?;
                false
            }
            ((0x00, 0x88), true) => {
                self.file = self.named(command.p2);
                ensure(
                    (self.application, self.file) == (COMMON, Some(0x19)),
                    "authenticated with another key",
                )?;
                false
            }
            ((0x00, 0x84), true) => {
                ensure(Some(data.len()) == command.le, "a challenge of another length")?;
                false
            }
            ((0x00, 0xCA | 0xC0), true) => false,
            _ => return Err("an unknown command was done".into()),
        };
        ensure(changed == wrote, "what was written was not said, or the other way round")
    }

    /// Nothing that only a PIN opens is in an answer without it, whatever the command.
    fn check_canaries(&self, data: &[u8]) -> Result<(), String> {
        let mut rest = data;
        while let Some(at) = rest.iter().position(|octet| *octet == 0xCA) {
            rest = &rest[at..];
            if let &[0xCA, 0x4A, 0xC1, high, low, number, 0xE7, 0x5B, ..] = rest {
                let application = Application::ALL[usize::from(number)];
                let open = self.may_read(Some(u16::from_be_bytes([high, low])));
                ensure(application == self.application && open == Some(true), "a private file came out")?;
            }
            rest = &rest[1..];
        }
        Ok(())
    }

    fn follow_select(&mut self, command: &Command<'_>) -> Result<(), String> {
        match command.p1 {
            0x04 => {
                let is_here = |application: &Application| {
                    self.profile == Profile::Plastic
                        || matches!(application, Application::Jpki | Application::IssuerSecurityDomain)
                };
                let mut all = [JPKI, TEXT, SURFACE, REGISTER, COMMON, Application::IssuerSecurityDomain]
                    .into_iter()
                    .filter(is_here);
                let named = all.find(|application| application.aid().starts_with(command.data));
                let named = named.filter(|_| !command.data.is_empty()).ok_or("selected what is not there")?;
                if named != self.application {
                    self.verified.clear();
                }
                (self.application, self.file) = (named, None);
            }
            0x02 => {
                let id: [u8; 2] = command.data.try_into().map_err(|_| "selected a file without its name")?;
                let id = u16::from_be_bytes(id);
                let known = self.find(READABLE, Some(id)).is_some() || self.find(KEYS, Some(id)).is_some();
                let other = self.application == JPKI && matches!(id, 0x09 | 0x10 | 0x16);
                ensure(known || other || self.find(PINS, Some(id)).is_some(), "selected what is not there")?;
                self.file = Some(id);
            }
            _ => ensure(command.data.is_empty(), "selected the master file")?,
        }
        Ok(())
    }

    fn follow_read(&mut self, command: &Command<'_>, data: &[u8], status: [u8; 2]) -> Result<(), String> {
        let (id, offset) = match command.p1 {
            high @ 0..0x80 => (self.file, usize::from(high) << 8 | usize::from(command.p2)),
            short => (self.named(short), usize::from(command.p2)),
        };
        ensure(self.may_read(id) == Some(true), "read without its PIN")?;
        let file =
            self.image.application(self.application).and_then(|image| image.file(FileId(id.unwrap_or(0))));
        let Some(Content::Transparent(content)) = file.map(|file| &file.content) else {
            return Err("read what is no file of bytes".into());
        };
        let rest = content.get(offset..).filter(|rest| !rest.is_empty()).ok_or("read behind the end")?;
        let length = command.le.ok_or("read without Le")?.min(rest.len());
        match status {
            [0x6C, left] => {
                ensure(data.is_empty() && usize::from(left) == rest.len() % 256, "another length left")?
            }
            _ => ensure(data == &rest[..length], "read other bytes")?,
        }
        self.seen.private_reads += u64::from(self.find(READABLE, id).is_some_and(|needs| !needs.is_empty()));
        self.file = id;
        Ok(())
    }

    /// Whether the memory must have changed.
    fn follow_verify(&mut self, command: &Command<'_>, done: bool, status: [u8; 2]) -> Result<bool, String> {
        let id = self.named(command.p2);
        let pin = self.find(PINS, id);
        let left = match status {
            [0x63, left @ 0xC0..=0xCF] => Some(left & 0x0F),
            _ => None,
        };
        if !done && left.is_none() && status != [0x69, 0x84] {
            return Ok(false);
        }
        let pin = pin.ok_or("verified what is no PIN")?;
        let (tries, value) = self.pins.get_mut(&pin).ok_or("verified a PIN that is not set")?;
        let before = *tries;
        if done {
            ensure(*tries > 0, "a blocked PIN was taken")?;
            ensure(value == command.data, "a wrong PIN was taken")?;
            *tries = pin.max_tries();
            self.verified.push(pin);
            self.file = id;
            self.seen.right += 1;
        } else if command.data.is_empty() {
            ensure(left == Some(*tries), "told other tries")?;
        } else if left.is_some() {
            ensure(value != command.data, "the right PIN was refused")?;
            *tries = tries.checked_sub(1).ok_or("compared a blocked PIN")?;
            ensure(left == Some(*tries), "told other tries")?;
            self.verified.retain(|verified| *verified != pin);
            self.seen.wrong += 1;
        } else {
            ensure(*tries == 0, "blocked before its time")?;
            self.seen.blocked += 1;
        }
        Ok(before != *tries)
    }

    fn follow_change(&mut self, command: &Command<'_>) -> Result<(), String> {
        let id = self.named(command.p2);
        let pin = self.find(PINS, id).ok_or("changed what is no PIN")?;
        ensure(self.verified.contains(&pin), "changed without the old PIN")?;
        let digits = command.data.len() == 4 && command.data.iter().all(u8::is_ascii_digit);
        let password = (6..=16).contains(&command.data.len())
            && command.data.iter().all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit());
        let changeable = match pin {
            Authentication | TextAttributes | CardCommon | ResidentRegister => digits,
            Signature => password,
            _ => false,
        };
        ensure(changeable, "changed to what is no such PIN")?;
        self.pins.insert(pin, (pin.max_tries(), command.data.to_vec()));
        self.file = id;
        self.seen.changes += 1;
        Ok(())
    }

    fn follow_signature(
        &mut self,
        command: &Command<'_>,
        data: &[u8],
        status: [u8; 2],
    ) -> Result<(), String> {
        let id = match (command.p2, self.application) {
            (0, Application::TextAttributes) => Some(0x13),
            (0, Application::CardSurface) => Some(0x1A),
            (0, _) => None,
            (reference, _) => self.named(reference),
        };
        ensure((self.application, id) != (COMMON, Some(0x19)), "signed with the key of authentication")?;
        let needs = self.find(KEYS, id).ok_or("signed without a key")?;
        ensure(self.opened(needs), "signed without the PIN")?;
        let whole = command.le.is_some_and(|le| data.len() == le.min(128));
        ensure(whole || (data.is_empty() && status == [0x61, 128]), "a signature of another length")?;
        if command.p2 != 0 {
            self.file = id;
        }
        self.seen.signatures += 1;
        Ok(())
    }
}

pub(super) fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}
