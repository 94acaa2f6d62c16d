//! Random commands, most of them nearly right.

use musubi_card::Application;

use super::rules::{KEYS, Model, PINS, READABLE};

/// SplitMix64: the same commands for the same seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D))
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn octet(&mut self) -> u8 {
        self.number() as u8
    }

    fn octets(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.octet()).collect()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// One command.
pub(super) fn any(dice: &mut Dice, model: &Model) -> Vec<u8> {
    let mut command = match dice.below(100) {
        0..14 => select_application(dice),
        14..26 => select_file(dice, model),
        26..48 => read_binary(dice, model),
        48..51 => read_record(dice),
        51..73 => verify(dice, model),
        73..80 => change(dice, model),
        80..86 => sign(dice, model),
        86..88 => with_data(&[0x00, 0x88, 0x00, 0x99], &[0x5A; 8], dice.pick(&[Some(0), None])),
        88..90 => vec![0x00, 0x84, 0x00, 0x00, dice.octet()],
        90..93 => get_data(dice),
        93..97 => vec![0x00, 0xC0, 0x00, 0x00, dice.octet()],
        _ => {
            let length = dice.below(24);
            dice.octets(length)
        }
    };
    if dice.one_in(10) && !command.is_empty() {
        damage(dice, &mut command);
    }
    command
}

/// One byte is another, or the command ends before its time.
fn damage(dice: &mut Dice, command: &mut Vec<u8>) {
    let at = dice.below(command.len());
    let head = dice.below(command.len().min(5));
    match dice.below(4) {
        0 => command[at] ^= 1 << dice.below(8),
        1 => command[head] = dice.octet(),
        2 => command.truncate(at),
        _ => command.push(dice.octet()),
    }
}

fn with_data(head: &[u8; 4], data: &[u8], le: Option<u8>) -> Vec<u8> {
    let mut command = head.to_vec();
    if !data.is_empty() {
        command.push(data.len() as u8);
        command.extend(data);
    }
    command.extend(le);
    command
}

fn select_application(dice: &mut Dice) -> Vec<u8> {
    let application = dice.pick(&Application::ALL[..]);
    let aid = application.aid();
    let length = if dice.one_in(6) { 1 + dice.below(aid.len()) } else { aid.len() };
    let p2 = dice.pick(&[0x0C, 0x0C, 0x00]);
    let le = (p2 == 0).then(|| dice.octet());
    if dice.one_in(20) {
        return vec![0x00, 0xA4, 0x00, 0x00];
    }
    with_data(&[0x00, 0xA4, 0x04, p2], &aid[..length], le)
}

/// A file of the application, or any number.
fn file(dice: &mut Dice, of: &[u16]) -> u8 {
    if of.is_empty() || dice.one_in(6) {
        return dice.below(0x20) as u8;
    }
    dice.pick(of) as u8
}

fn ids<T>(model: &Model, table: &[(Application, u16, T)]) -> Vec<u16> {
    table
        .iter()
        .filter(|(application, _, _)| *application == model.application)
        .map(|(_, id, _)| *id)
        .collect()
}

fn select_file(dice: &mut Dice, model: &Model) -> Vec<u8> {
    let mut known = ids(model, READABLE);
    known.extend(ids(model, KEYS));
    known.extend(ids(model, PINS));
    let id = file(dice, &known);
    let id = if dice.one_in(30) { [0x3F, 0x00] } else { [0x00, id] };
    with_data(&[0x00, 0xA4, 0x02, 0x0C], &id, None)
}

/// The current file or one by its short identifier.
fn reference(dice: &mut Dice, of: &[u16]) -> u8 {
    if dice.one_in(4) { 0x80 } else { 0x80 | file(dice, of) }
}

fn read_binary(dice: &mut Dice, model: &Model) -> Vec<u8> {
    let (p1, p2) = if dice.one_in(3) {
        let high = if dice.one_in(4) { dice.octet() & 0x7F } else { 0 };
        (high, if dice.one_in(2) { 0 } else { dice.octet() })
    } else {
        let id = file(dice, &ids(model, READABLE));
        (0x80 | id, if dice.one_in(2) { 0 } else { dice.octet() })
    };
    let mut command = vec![0x00, 0xB0, p1, p2];
    match dice.below(12) {
        0 => command.extend([0x00, dice.octet() & 0x03, dice.octet()]),
        1 if dice.one_in(8) => command.extend([0x00, 0x00, 0x00]),
        2 => command.push(dice.octet()),
        3 => command.push(0xFF),
        4..7 => command.push(0x10),
        _ => command.push(0),
    }
    command
}

fn read_record(dice: &mut Dice) -> Vec<u8> {
    let p2 = dice.pick(&[0x04, 0x0C, 0x0C, 0xCC]);
    vec![0x00, 0xB2, dice.pick(&[1, 1, 1, 2, 0]), p2, dice.pick(&[0x00, 0x1E, 0x05])]
}

fn verify(dice: &mut Dice, model: &Model) -> Vec<u8> {
    let id = reference(dice, &ids(model, PINS));
    let value = value(dice, model, id);
    with_data(&[0x00, 0x20, 0x00, id], &value, None)
}

/// Right, right for another PIN, wrong, or none.
fn value(dice: &mut Dice, model: &Model, reference: u8) -> Vec<u8> {
    let own = model.find(PINS, model.named(reference));
    let pin = match own {
        Some(pin) if !dice.one_in(5) => pin,
        _ => dice.pick(PINS).2,
    };
    let mut value = model.pins.get(&pin).map_or_else(Vec::new, |(_, value)| value.clone());
    match dice.below(6) {
        0 => value.clear(),
        1 => {
            let at = dice.below(value.len().max(1));
            if let Some(octet) = value.get_mut(at) {
                *octet = b'0' + (*octet + 1) % 10;
            }
        }
        2 if dice.one_in(4) => value.truncate(3),
        _ => {}
    }
    value
}

fn change(dice: &mut Dice, model: &Model) -> Vec<u8> {
    let id = reference(dice, &ids(model, PINS));
    let value: &[u8] =
        dice.pick(&[b"9999", b"1234", b"ZYX987", b"ABCDEFGH", b"12a4", b"123", b"11111111111111"]);
    let jpki = matches!(model.application, Application::Jpki | Application::TextAttributes);
    let [class, instruction, p1] =
        if jpki != dice.one_in(8) { [0x00, 0x24, 0x01] } else { [0x80, 0x32, 0x00] };
    with_data(&[class, instruction, p1, id], value, None)
}

fn sign(dice: &mut Dice, model: &Model) -> Vec<u8> {
    let id = if dice.one_in(8) { 0 } else { reference(dice, &ids(model, KEYS)) };
    let length = dice.pick(&[1, 20, 32, 32, 51, 117, 118, 245]);
    let data = dice.octets(length);
    let p1 = dice.pick(&[0, 0, 1, 2, 3, 4, 5, 6]);
    with_data(&[0x80, 0x2A, p1, id], &data, dice.pick(&[Some(0), Some(0), Some(0x20), None]))
}

fn get_data(dice: &mut Dice) -> Vec<u8> {
    let [high, low] = dice.pick(&[0x5F51_u16, 0x0042, 0x7F21, 0x0045, 0x0101]).to_be_bytes();
    vec![0x00, 0xCA, high, low, dice.octet()]
}
