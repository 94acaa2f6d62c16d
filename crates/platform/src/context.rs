//! What every handler is given.

use std::sync::Arc;

use musubi_crypto::Ed25519Signer;
use musubi_kernel::{Clock, Random, Secret};
use musubi_store::Db;

/// The platform's surroundings: made once by the composition root, cloned into every handler.
#[derive(Clone)]
pub struct Context {
    /// The database.
    pub db: Db,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub random: Arc<dyn Random>,
    /// Key of the pairwise ids, at least 32 bytes. Whoever loses it loses every relying party's customers.
    pub pairwise_secret: Arc<Secret<Vec<u8>>>,
    /// Signs what the platform vouches for: the bundles of its verdicts (`docs/spec/bundle.md`).
    pub signing_key: Arc<Ed25519Signer>,
    /// Origin of the REST API, such as `https://api.musubi.example`, without a final slash.
    pub api_origin: String,
    /// Origin of the resident's portal, without a final slash.
    pub portal_origin: String,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("api_origin", &self.api_origin)
            .field("portal_origin", &self.portal_origin)
            .finish_non_exhaustive()
    }
}
