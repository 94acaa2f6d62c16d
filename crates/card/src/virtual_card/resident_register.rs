//! 住基AP as it is issued: the two files that are known (facts §4.7).

use super::image::{Access, ApplicationImage, Content, File};
use crate::layout::{Application, PinReference, resident_register as files};
use crate::records::KeyId;

/// The application of a card.
#[must_use]
pub fn application(key_reference: &KeyId) -> ApplicationImage {
    let content = Content::Transparent(key_reference.to_vec());
    let files = vec![
        File { id: files::KEY_REFERENCE, content, access: Access::Free },
        File { id: files::PIN, content: Content::Pin(PinReference::ResidentRegister), access: Access::Free },
    ];
    ApplicationImage { application: Application::ResidentRegister, files, default_key: None }
}
