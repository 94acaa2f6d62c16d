//! The protocol of vpcd, the virtual reader of vsmartcard (facts §4.4): messages of a length, two bytes big-endian, and
//! that many bytes. One byte is a control code, more are a command; commands and [`Request::Atr`] are answered. The card
//! connects to the reader, not the other way round.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

/// The port of the first virtual reader.
pub(crate) const DEFAULT_PORT: u16 = 35_963;

/// What the reader wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// The power goes off.
    PowerOff,
    /// The power comes on.
    PowerOn,
    /// A warm reset.
    Reset,
    /// The answer to reset is to be sent.
    Atr,
    /// A command for the card; it may carry a PIN.
    Command(Zeroizing<Vec<u8>>),
}

/// Why the connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VpcdError {
    /// The reader has gone.
    #[error("the virtual reader has gone: {0}")]
    Gone(#[from] std::io::Error),
    /// This is not vpcd, or another version of it.
    #[error("an unknown message of the virtual reader")]
    Unknown,
    /// An answer that does not fit into a message.
    #[error("an answer of more than 65,535 bytes")]
    TooLong,
}

/// The next request.
pub(crate) async fn receive(from: &mut (impl AsyncRead + Unpin)) -> Result<Request, VpcdError> {
    // The length bounds what is read: 65,535 bytes.
    let length = from.read_u16().await?;
    let mut message = Zeroizing::new(vec![0; usize::from(length)]);
    from.read_exact(&mut message).await?;
    match **message {
        [0] => Ok(Request::PowerOff),
        [1] => Ok(Request::PowerOn),
        [2] => Ok(Request::Reset),
        [4] => Ok(Request::Atr),
        [] | [_] => Err(VpcdError::Unknown),
        _ => Ok(Request::Command(message)),
    }
}

/// Sends an answer.
pub(crate) async fn send(to: &mut (impl AsyncWrite + Unpin), answer: &[u8]) -> Result<(), VpcdError> {
    let length = u16::try_from(answer.len()).map_err(|_| VpcdError::TooLong)?;
    // In one piece: the reader may look for all of it at once.
    let message = Zeroizing::new([&length.to_be_bytes(), answer].concat());
    to.write_all(&message).await?;
    Ok(to.flush().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn requests(mut bytes: &[u8]) -> Vec<Result<Request, String>> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let next = receive(&mut bytes).await.map_err(|error| error.to_string());
            let ended = next.is_err();
            all.push(next);
            if ended {
                break;
            }
        }
        all
    }

    #[tokio::test]
    async fn one_byte_is_a_control_code_and_more_are_a_command() {
        let command = Zeroizing::new(vec![0x00, 0xA4, 0x00, 0x00]);
        let bytes = [0, 1, 1, 0, 1, 4, 0, 4, 0x00, 0xA4, 0x00, 0x00, 0, 1, 2, 0, 1, 0];
        assert_eq!(
            requests(&bytes).await,
            [
                Ok(Request::PowerOn),
                Ok(Request::Atr),
                Ok(Request::Command(command)),
                Ok(Request::Reset),
                Ok(Request::PowerOff),
            ]
        );
    }

    #[tokio::test]
    async fn what_is_no_message_ends_the_connection() {
        for bytes in [&[0, 0][..], &[0, 1, 3], &[0, 1, 0xFF]] {
            assert_eq!(requests(bytes).await, [Err(VpcdError::Unknown.to_string())]);
        }
        for bytes in [&[0][..], &[0, 4, 0, 0xA4], &[0xFF, 0xFF, 1, 2, 3]] {
            assert!(matches!(requests(bytes).await.as_slice(), [Err(text)] if text.contains("gone")));
        }
    }

    #[tokio::test]
    async fn an_answer_goes_out_with_its_length() {
        let mut out = Vec::new();
        send(&mut out, &[0x90, 0x00]).await.unwrap();
        assert_eq!(out, [0, 2, 0x90, 0x00]);
        assert!(matches!(send(&mut out, &vec![0; 65_536]).await, Err(VpcdError::TooLong)));
    }
}
