//! 共通カードAP (個人番号カード固有AP) as it is issued, as far as it is known (facts §4.7).

use std::sync::Arc;

use musubi_crypto::CardKey;

use super::image::{Access, ApplicationImage, Content, File};
use crate::layout::{Application, PinReference, card_common as files};
use crate::records::RecordError;
use crate::records::card_number::CardNumber;

/// The application of a card; `internal_key` answers INTERNAL AUTHENTICATE.
///
/// # Errors
/// [`RecordError`] if the number does not have its form.
pub fn application(number: &CardNumber, internal_key: Arc<CardKey>) -> Result<ApplicationImage, RecordError> {
    let content = Content::Records(vec![number.to_record()?]);
    let files = vec![
        File { id: files::CARD_NUMBER, content, access: Access::Free },
        File {
            id: files::INTERNAL_KEY,
            content: Content::AuthenticationKey(internal_key),
            access: Access::Free,
        },
        File { id: files::PIN, content: Content::Pin(PinReference::CardCommon), access: Access::Free },
    ];
    Ok(ApplicationImage { application: Application::CardCommon, files, default_key: None })
}
