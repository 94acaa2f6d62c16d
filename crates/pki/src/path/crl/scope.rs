//! Of which certificates, and of which revocation reasons, a list speaks (RFC 5280 6.3.3 (b), (d)): its issuer and its
//! `issuingDistributionPoint` beside the certificate's issuer and `cRLDistributionPoints`.

use super::list::{List, Only};
use crate::path::certificate::PathCertificate;
use crate::path::extensions::{DistributionPoint, PointName, ReasonFlags};
use crate::path::general_name::{GeneralName, same_name};
use crate::path::status::Unusable;

/// Every reason that `ReasonFlags` knows: bits 1 to 8. Without a reason code a certificate is on every list.
pub(super) const ALL_REASONS: ReasonFlags = 0x1FE;

/// How many names one question may compare: certificate and lists may hold thousands each.
const MAX_COMPARISONS: u32 = 50_000;

/// Comparison of names within bounds.
pub(super) struct Names {
    left: u32,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { left: MAX_COMPARISONS }
    }

    fn charge(&mut self) -> Result<(), Unusable> {
        self.left = self.left.checked_sub(1).ok_or(Unusable::TooMuchWork)?;
        Ok(())
    }

    /// Whether two `Name`s (DER) are the same.
    pub(super) fn are_same(&mut self, a: &[u8], b: &[u8]) -> Result<bool, Unusable> {
        if a == b {
            return Ok(true);
        }
        self.charge()?;
        Ok(same_name(a, b))
    }

    fn have_one_in_common(&mut self, a: &[GeneralName<'_>], b: &[GeneralName<'_>]) -> Result<bool, Unusable> {
        for (x, y) in a.iter().flat_map(|x| b.iter().map(move |y| (x, y))) {
            self.charge()?;
            if x.is_same(y) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The reasons for which the list, being silent of this certificate, says that it is not revoked.
///
/// # Errors
/// [`Unusable::NotCovering`] if it speaks of other certificates only, [`Unusable::TooMuchWork`].
pub(super) fn covered_reasons(
    certificate: &PathCertificate<'_>,
    list: &List<'_>,
    names: &mut Names,
) -> Result<ReasonFlags, Unusable> {
    if !is_of_kind(certificate, list) {
        return Err(Unusable::NotCovering);
    }
    // RFC 5280 6.3.3, last paragraph: the issuer's lists count also if no distribution point leads to them.
    let own = DistributionPoint {
        name: Some(PointName::Full(vec![GeneralName::Directory(certificate.issuer)])),
        reasons: None,
        crl_issuer: Vec::new(),
    };
    let points = certificate.extensions.crl_distribution_points.as_deref().unwrap_or_default();
    let in_list = list.extensions.point.as_ref().and_then(|point| point.reasons).unwrap_or(ALL_REASONS);
    let mut reasons = 0;
    for point in points.iter().chain([&own]) {
        let adds = point.reasons.unwrap_or(ALL_REASONS) & in_list & ALL_REASONS & !reasons;
        if adds != 0 && leads_to(point, certificate, list, names)? {
            reasons |= adds;
        }
    }
    if reasons == 0 { Err(Unusable::NotCovering) } else { Ok(reasons) }
}

/// RFC 5280 6.3.3 (b) (2) (ii) to (iv).
fn is_of_kind(certificate: &PathCertificate<'_>, list: &List<'_>) -> bool {
    let is_ca = certificate.extensions.basic_constraints.is_some_and(|c| c.is_ca);
    match list.extensions.point.as_ref().and_then(|point| point.only) {
        None => true,
        Some(Only::User) => !is_ca,
        Some(Only::Authority) => is_ca,
        Some(Only::Attribute) => false,
    }
}

/// RFC 5280 6.3.3 (b) (1) and (2) (i).
fn leads_to(
    point: &DistributionPoint<'_>,
    certificate: &PathCertificate<'_>,
    list: &List<'_>,
    names: &mut Names,
) -> Result<bool, Unusable> {
    let is_from_issuer = if point.crl_issuer.is_empty() {
        names.are_same(list.issuer, certificate.issuer)?
    } else {
        list.is_indirect()
            && names.have_one_in_common(&[GeneralName::Directory(list.issuer)], &point.crl_issuer)?
    };
    let of_list = list.extensions.point.as_ref().and_then(|point| point.name.as_ref());
    let (true, Some(of_list)) = (is_from_issuer, of_list) else { return Ok(is_from_issuer) };
    let whose = match point.crl_issuer.as_slice() {
        [] => certificate.issuer,
        [GeneralName::Directory(name)] => name,
        // RFC 5280 4.2.1.13: then no name can be relative to it.
        _ => &[],
    };
    with_full_names(of_list, list.issuer, |of_list| match &point.name {
        Some(name) => with_full_names(name, whose, |of_point| names.have_one_in_common(of_list, of_point)),
        None => names.have_one_in_common(of_list, &point.crl_issuer),
    })
}

/// The names of a distribution point, a relative one appended to the name of its list's issuer.
fn with_full_names<T>(name: &PointName<'_>, issuer: &[u8], read: impl FnOnce(&[GeneralName<'_>]) -> T) -> T {
    match name {
        PointName::Full(names) => read(names),
        PointName::Relative(attributes) => match appended(issuer, attributes) {
            Some(name) => read(&[GeneralName::Directory(&name)]),
            None => read(&[]),
        },
    }
}

/// DER of the `Name` with one relative distinguished name, the content of its SET, appended.
fn appended(name: &[u8], attributes: &[u8]) -> Option<Vec<u8>> {
    let rdns = crate::asn1::whole(name, |outer| outer.element(der::Tag::Sequence)).ok()?.value;
    let mut content = rdns.to_vec();
    content.extend(header(0x31, attributes.len())?);
    content.extend(attributes);
    let mut out = header(0x30, content.len())?;
    out.extend(content);
    Some(out)
}

/// Tag and length, the length up to 65,535.
fn header(tag: u8, length: usize) -> Option<Vec<u8>> {
    let [high, low] = u16::try_from(length).ok()?.to_be_bytes();
    Some(match (high, low) {
        (0, 0..=0x7F) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    })
}
