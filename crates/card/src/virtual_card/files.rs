//! READ BINARY and READ RECORD (ISO 7816-4 11.2.3, 11.3.3; facts §4.3).

use super::VirtualCard;
use super::engine::{Outcome, Processed, check_only_le};
use super::image::{Content, File};
use crate::apdu::CommandApdu;
use crate::status::StatusWord;

impl VirtualCard {
    /// READ BINARY: P1-P2 is an offset of 15 bits in the current file, or `80 | SFI` and an offset of 8 bits.
    pub(super) fn read_binary(&mut self, command: &CommandApdu) -> Processed {
        let le = usize::try_from(check_only_le(command)?).unwrap_or(usize::MAX);
        let (id, offset) = match (command.p1, command.p2) {
            (0x80, _) => return Err(StatusWord::WRONG_P1_P2.into()),
            (0x00..0x80, _) => {
                let id = self.session.file.ok_or(StatusWord::NO_CURRENT_FILE)?;
                (id, usize::from(u16::from_be_bytes([command.p1, command.p2])))
            }
            (short, offset) => (self.referenced(short, StatusWord::FILE_NOT_FOUND)?, usize::from(offset)),
        };
        let file = self.file(id)?;
        let bytes = match &file.content {
            Content::Transparent(bytes) => bytes,
            Content::Opaque => return Err(StatusWord::SECURITY_STATUS.into()),
            _ => return Err(StatusWord::FILE_STRUCTURE.into()),
        };
        self.check_access(file)?;
        let rest = bytes.get(offset..).filter(|rest| !rest.is_empty()).ok_or(StatusWord::WRONG_OFFSET)?;
        Ok(Outcome::of(rest.get(..le).unwrap_or(rest).to_vec()))
    }

    /// READ RECORD by number: P2 is `04` for the current file, or `SFI << 3 | 4`.
    pub(super) fn read_record(&mut self, command: &CommandApdu) -> Processed {
        check_only_le(command)?;
        if command.p2 & 0x07 != 0x04 || command.p1 == 0 {
            return Err(StatusWord::WRONG_P1_P2.into());
        }
        let id = self.referenced(0x80 | command.p2 >> 3, StatusWord::FILE_NOT_FOUND)?;
        let file = self.file(id)?;
        let records = records(file)?;
        self.check_access(file)?;
        let record = records.get(usize::from(command.p1) - 1).ok_or(StatusWord::RECORD_NOT_FOUND)?;
        Ok(Outcome::of(record.clone()))
    }
}

fn records(file: &File) -> Result<&[Vec<u8>], StatusWord> {
    match &file.content {
        Content::Records(records) => Ok(records),
        Content::Opaque => Err(StatusWord::SECURITY_STATUS),
        _ => Err(StatusWord::FILE_STRUCTURE),
    }
}
