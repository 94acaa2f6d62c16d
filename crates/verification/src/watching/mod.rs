//! Watching (変更確認の登録): for what a relying party may learn of changes of its customers.

mod purpose;

pub use purpose::{Disclosure, PURPOSES, Purpose, purpose};
