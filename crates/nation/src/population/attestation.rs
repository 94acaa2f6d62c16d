//! What the authorities answer about serial numbers at the present instant: correspondence, succession, latest
//! attributes; and what only the nation knows: whose a certificate is, and why it ended.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, BasicAttributes};

use super::register::{Certificate, Fate, NONE};
use super::{Happening, LINKAGE_LAG, Population};

/// 新旧紐付け: the serial numbers of one person's certificates of one authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// Before the one asked for, newest first.
    pub predecessors: Vec<u32>,
    /// The newest that is linked; the one asked for if nothing followed.
    pub current: u32,
    /// When the one that followed the one asked for was issued, if it is linked.
    pub next_issued_at: Option<UnixTime>,
}

/// 最新の4情報: what the newest signing certificate states.
#[derive(Debug, Clone)]
pub struct Latest {
    /// The attributes.
    pub attributes: BasicAttributes,
    /// The newest signing certificate.
    pub serial: u32,
}

impl Population {
    /// A certificate that the authorities know at the present instant.
    fn certificate(&self, kind: AuthorityKind, serial: u32) -> Option<(u32, &Certificate)> {
        let place = self.register(kind).place(serial)?;
        let certificate = self.register(kind).at(place)?;
        (certificate.holder != NONE).then_some((place, certificate))
    }

    /// The newest of a holder's certificates that is linked by now.
    fn newest_linked(&self, kind: AuthorityKind, holder: u32) -> u32 {
        let Some(resident) = self.resident(holder) else { return NONE };
        let linked = self.now.plus(1 - LINKAGE_LAG);
        self.register(kind).newest_before(*resident.newest.of(kind), linked)
    }

    /// 対応証明書の発行の番号: the certificate of the other authority that was on the card with this one, the newest
    /// if there were several. `None`: unknown, not linked yet, or without counterpart.
    #[must_use]
    pub fn correspondence(&self, kind: AuthorityKind, serial: u32) -> Option<u32> {
        let (place, certificate) = self.certificate(kind, serial)?;
        let destroyed = certificate.fate().is_some_and(|fate| fate.happening == Happening::NotHandedOver);
        if destroyed || certificate.issued_at().plus(LINKAGE_LAG) > self.now {
            return None;
        }
        let resident = self.resident(certificate.holder)?;
        let successor = self.register(kind).successor(*resident.newest.of(kind), place);
        let until = self.register(kind).at(successor).map(Certificate::issued_at);
        let other = self.register(kind.counterpart());
        let newest = self.newest_linked(kind.counterpart(), certificate.holder);
        let found = match until {
            Some(until) => other.newest_before(newest, until),
            None => newest,
        };
        (found != NONE).then(|| other.serial(found))
    }

    /// 新旧紐付け. `None`: the authority has not issued this serial number. What is younger than [`LINKAGE_LAG`] is
    /// not linked yet.
    #[must_use]
    pub fn succession(&self, kind: AuthorityKind, serial: u32) -> Option<Succession> {
        let (place, certificate) = self.certificate(kind, serial)?;
        let register = self.register(kind);
        let newest = self.newest_linked(kind, certificate.holder);
        // Places rise with time.
        let of_holder = self.resident(certificate.holder)?.newest;
        let next = register.successor(*of_holder.of(kind), place);
        let linked = next != NONE;
        let current = if linked && newest != NONE && newest > place { newest } else { place };
        let predecessors = register.chain(certificate.predecessor);
        let destroyed = certificate.fate().is_some_and(|fate| fate.happening == Happening::NotHandedOver);
        Some(Succession {
            predecessors: if destroyed {
                Vec::new()
            } else {
                predecessors.into_iter().map(|place| register.serial(place)).collect()
            },
            current: register.serial(current),
            next_issued_at: if current == place {
                None
            } else {
                register.at(next).map(Certificate::issued_at)
            },
        })
    }

    /// 最新の利用者情報: what the newest signing certificate of this one's holder states. `None` if no newer one is
    /// linked and good.
    #[must_use]
    pub fn latest_attributes(&self, serial: u32) -> Option<Latest> {
        let kind = AuthorityKind::DigitalSignature;
        let (place, certificate) = self.certificate(kind, serial)?;
        let newest = self.newest_linked(kind, certificate.holder);
        let good = self.register(kind).at(newest).is_some_and(|newer| newer.is_good(self.now));
        if newest == NONE || newest <= place || !good {
            return None;
        }
        let attributes = self.attributes(certificate.holder)?;
        Some(Latest { attributes, serial: self.register(kind).serial(newest) })
    }

    // -- what only the nation knows

    /// A resident's attributes as the register has them now. While their newest signing certificate is good, it
    /// states the same.
    #[must_use]
    pub fn attributes(&self, resident: u32) -> Option<BasicAttributes> {
        Some(self.resident(resident)?.attributes(self.seed, resident))
    }

    /// Whose a certificate is.
    #[must_use]
    pub fn holder(&self, kind: AuthorityKind, serial: u32) -> Option<u32> {
        Some(self.certificate(kind, serial)?.1.holder)
    }

    /// How a certificate ended before its time, and why in truth; `None` while it has not.
    #[must_use]
    pub fn fate(&self, kind: AuthorityKind, serial: u32) -> Option<Fate> {
        self.certificate(kind, serial)?.1.fate()
    }

    /// From when to when a certificate is valid by its dates.
    #[must_use]
    pub fn validity(&self, kind: AuthorityKind, serial: u32) -> Option<(UnixTime, UnixTime)> {
        let (_, certificate) = self.certificate(kind, serial)?;
        Some((certificate.issued_at(), certificate.not_after()))
    }

    /// The certificates that are good now, with their holders: who could be watched.
    pub fn good_certificates(&self, kind: AuthorityKind) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..self.residents()).filter_map(move |number| {
            let resident = self.resident(number)?;
            let place = *resident.newest.of(kind);
            let certificate = self.register(kind).at(place)?;
            certificate.is_good(self.now).then(|| (number, self.register(kind).serial(place)))
        })
    }
}
