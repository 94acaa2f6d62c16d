//! One command and its whole answer, selection, and files of unknown length (ISO 7816-4 5.3.4, 7.1.1, 7.2.3). Interprets no
//! file.

use zeroize::Zeroizing;

use super::CardError;
use crate::apdu::{ApduError, CommandApdu, ResponseApdu, SHORT_LE};
use crate::layout::{Application, FileId};
use crate::status::StatusWord;
use crate::transport::{Transport, TransportError};

/// Bytes of one READ BINARY: what every reader and card of either kind passes in one short answer.
const CHUNK: u32 = 255;
/// The longest file that is read, in bytes; certificates have about 1,800.
pub(super) const MAX_FILE_BYTES: usize = 8192;
/// Rounds of GET RESPONSE after one command; 256 bytes each are more than any answer here.
const MAX_ROUNDS: usize = 64;

/// A transport and what is selected behind it.
pub(super) struct Exchange<T> {
    transport: T,
    /// Selecting another application forgets what was verified (facts §4.1), so this one is not selected twice.
    selected: Option<Application>,
}

impl<T: Transport> Exchange<T> {
    pub(super) fn new(transport: T) -> Self {
        Self { transport, selected: None }
    }

    /// Sends a command and collects its answer over `61xx` and `6Cxx`.
    pub(super) fn send(&mut self, command: CommandApdu) -> Result<ResponseApdu, CardError> {
        let mut response = self.once(&command)?;
        // Only a command that expects an answer is sent again: a VERIFY would cost a second try.
        if let (Some(_), Some(le)) = (command.le(), response.status.as_repeat_with()) {
            response = self.once(&command.expecting(le)?)?;
        }
        let mut data = response.data;
        let mut rounds = 0;
        while let Some(waiting) = response.status.as_bytes_waiting() {
            rounds += 1;
            if rounds > MAX_ROUNDS {
                return Err(TransportError::Unresponsive.into());
            }
            let more = CommandApdu::new(0x00, 0xC0, 0x00, 0x00);
            response = self.once(&more.clone().expecting(waiting)?)?;
            if let Some(le) = response.status.as_repeat_with() {
                response = self.once(&more.expecting(le)?)?;
            }
            data.extend_from_slice(&response.data);
        }
        Ok(ResponseApdu { data, status: response.status })
    }

    fn once(&mut self, command: &CommandApdu) -> Result<ResponseApdu, CardError> {
        let bytes = Zeroizing::new(command.to_bytes());
        let answer = self.transport.transmit(&bytes)?;
        // No card answers with less than a status word.
        ResponseApdu::parse(&answer).map_err(|_| TransportError::Unresponsive.into())
    }

    /// Selects an application; the status word if the card does not.
    pub(super) fn select(&mut self, application: Application) -> Result<StatusWord, CardError> {
        if self.selected == Some(application) {
            return Ok(StatusWord::OK);
        }
        self.selected = None;
        // P2 = 0C: no file control information in the answer.
        let command = CommandApdu::new(0x00, 0xA4, 0x04, 0x0C).with_data(application.aid())?;
        let status = self.send(command)?.status;
        if status == StatusWord::OK {
            self.selected = Some(application);
        }
        Ok(status)
    }

    /// Selects an elementary file of the selected application.
    pub(super) fn select_file(&mut self, file: FileId) -> Result<StatusWord, CardError> {
        let command = CommandApdu::new(0x00, 0xA4, 0x02, 0x0C).with_data(&file.to_bytes())?;
        Ok(self.send(command)?.status)
    }

    /// Reads the selected file: `len` bytes from its beginning, or fewer where it ends before.
    pub(super) fn read(&mut self, len: usize) -> Result<Vec<u8>, CardError> {
        let mut content = Vec::new();
        while content.len() < len {
            let left = u32::try_from(len - content.len()).unwrap_or(CHUNK);
            let offset = u16::try_from(content.len()).ok().filter(|offset| *offset < 0x8000);
            let Some([high, low]) = offset.map(u16::to_be_bytes) else { break };
            let command = CommandApdu::new(0x00, 0xB0, high, low).expecting(left.min(CHUNK))?;
            let response = self.send(command)?;
            match response.status {
                StatusWord::OK if response.data.len() > SHORT_LE as usize => {
                    return Err(CardError::Malformed("READ BINARY"));
                }
                StatusWord::OK if !response.data.is_empty() => content.extend(response.data),
                // The end: said by the offset, by nothing, or by 6282 with the rest (ISO 7816-4 Table 6).
                StatusWord::OK | StatusWord::WRONG_OFFSET => break,
                StatusWord(0x6282) => {
                    content.extend(response.data);
                    break;
                }
                status => return Err(CardError::Unexpected { command: "READ BINARY", status }),
            }
        }
        content.truncate(len);
        Ok(content)
    }
}

/// No command of the client's is too long; were one, nothing would have been sent.
impl From<ApduError> for CardError {
    fn from(_: ApduError) -> Self {
        Self::Malformed("command")
    }
}

/// `9000`, or the card's refusal.
pub(super) fn done(command: &'static str, status: StatusWord) -> Result<(), CardError> {
    match status {
        StatusWord::OK => Ok(()),
        status => Err(CardError::Unexpected { command, status }),
    }
}
