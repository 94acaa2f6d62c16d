//! What a list says of itself, as it stands in its sealed form: little-endian, in the order of the fields, a partition's
//! directory name at the end.

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;

use crate::revocation_list::{DeltaOrigin, ListScope};

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Description {
    /// SHA-256 of the issuing authority's certificate.
    pub(crate) issuer: Sha256Digest,
    pub(crate) number: u64,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    pub(crate) sha256: Sha256Digest,
    pub(crate) delta: Option<DeltaOrigin>,
    pub(crate) scope: ListScope,
}

/// Bits of the word that says which parts follow.
const PARTITION: u64 = 1;
const DELTA: u64 = 2;

impl Description {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let delta = if self.delta.is_some() { DELTA } else { 0 };
        let partition = self.scope.partition();
        let flags = delta | if partition.is_some() { PARTITION } else { 0 };
        let mut out = Vec::new();
        out.extend(self.issuer);
        out.extend(self.number.to_le_bytes());
        out.extend(self.this_update.0.to_le_bytes());
        out.extend(self.next_update.0.to_le_bytes());
        out.extend(self.sha256);
        out.extend(flags.to_le_bytes());
        if let Some(origin) = &self.delta {
            out.extend(origin.base_number.to_le_bytes());
            out.extend(origin.delta_sha256);
        }
        out.extend(partition.unwrap_or_default());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (issuer, rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (this_update, rest) = rest.split_first_chunk()?;
        let (next_update, rest) = rest.split_first_chunk()?;
        let (sha256, rest) = rest.split_first_chunk()?;
        let (flags, mut rest) = rest.split_first_chunk()?;
        let flags = u64::from_le_bytes(*flags);
        let delta = if flags & DELTA == 0 {
            None
        } else {
            let (base_number, behind) = rest.split_first_chunk()?;
            let (delta_sha256, behind) = behind.split_first_chunk()?;
            rest = behind;
            Some(DeltaOrigin { base_number: u64::from_le_bytes(*base_number), delta_sha256: *delta_sha256 })
        };
        let scope = match flags & PARTITION {
            0 if rest.is_empty() => ListScope::Full,
            0 => return None,
            _ => ListScope::Partition(rest.to_vec()),
        };
        let (this_update, next_update) =
            (UnixTime(i64::from_le_bytes(*this_update)), UnixTime(i64::from_le_bytes(*next_update)));
        let sound = flags & !(PARTITION | DELTA) == 0 && this_update < next_update;
        sound.then_some(Self {
            issuer: *issuer,
            number: u64::from_le_bytes(*number),
            this_update,
            next_update,
            sha256: *sha256,
            delta,
            scope,
        })
    }
}
