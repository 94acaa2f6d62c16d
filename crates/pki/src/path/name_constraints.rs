//! Name constraints (RFC 5280 4.2.1.10, 6.1.3 (b) and (c), 6.1.4 (g)): every name of every certificate below an
//! authority that has them must stand in what it permits and not in what it excludes. What is not understood refuses:
//! a constraint on X.400 or EDI names, on another kind of `otherName`, a `minimum` or `maximum`, a mask with holes, and
//! a name that cannot be compared with the constraint on its form, or that may be an excluded one in other letters.

use const_oid::ObjectIdentifier;
use der::Tag;

use super::certificate::PathCertificate;
use super::general_name::{GeneralName, SubtreeName};
use super::status::Exhausted;
use super::work::Work;
use crate::asn1::{Elements, Malformed, constructed, for_each_attribute, text, whole};
use crate::oid;

/// A rule that was broken, and by which certificate, counted from the anchor's child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NameFault {
    pub(super) position: usize,
    pub(super) what: &'static str,
}

/// A name of a certificate, or the base of a subtree, in the form in which it is compared.
enum Name<'a> {
    Directory(SubtreeName),
    /// With the host in it, if it has one that can be compared: found once, compared often.
    Other(GeneralName<'a>, Option<&'a str>),
}

/// What one authority permits and excludes.
#[derive(Default)]
struct Constraints<'a> {
    permitted: Vec<Name<'a>>,
    excluded: Vec<Name<'a>>,
}

/// How a name stands to a subtree of its form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Inside,
    Outside,
    /// It cannot be told.
    Unknown,
}

/// Processes the constraints of a path, `certificates` from the anchor's child to the leaf. `Ok(Some(_))` names the
/// first name that is refused.
pub(super) fn process(
    certificates: &[&PathCertificate<'_>],
    work: &mut Work,
) -> Result<Option<NameFault>, Exhausted> {
    let mut all: Vec<Constraints<'_>> = Vec::new();
    for (position, certificate) in certificates.iter().enumerate() {
        let is_last = position + 1 == certificates.len();
        if !all.is_empty() && (is_last || !certificate.is_self_issued()) {
            // Reading names takes time, too; long ones longer.
            work.steps(certificate.subject.len() / 32)?;
            let Ok(names) = names(certificate) else {
                return Ok(Some(NameFault { position, what: "name_malformed" }));
            };
            for name in &names {
                for constraints in &all {
                    let steps = constraints.permitted.len().saturating_add(constraints.excluded.len());
                    work.steps(steps.saturating_add(1))?;
                    if let Some(what) = constraints.refuse(name) {
                        return Ok(Some(NameFault { position, what }));
                    }
                }
            }
        }
        if let Some(extension) = certificate.extensions.name_constraints.filter(|_| !is_last) {
            work.steps(extension.len() / 8)?;
            match whole(extension, read) {
                Ok(constraints) => all.push(constraints),
                Err(Malformed) => {
                    return Ok(Some(NameFault { position, what: "constraints_not_understood" }));
                }
            }
        }
    }
    Ok(None)
}

/// The subject, the alternative names, and the mail addresses in the subject (RFC 5280 4.2.1.6; also beside
/// alternative names, which is stricter than 4.2.1.10 asks).
fn names<'a>(certificate: &PathCertificate<'a>) -> Result<Vec<Name<'a>>, Malformed> {
    let mut out = Vec::new();
    let subject = SubtreeName::read(certificate.subject)?;
    if !subject.is_empty() {
        out.push(Name::Directory(subject));
    }
    let (mut mail, mut is_readable) = (Vec::new(), true);
    for_each_attribute(certificate.subject, |id, value| {
        if id == oid::EMAIL_ADDRESS {
            match text(value) {
                Ok(address) if address.is_ascii() => mail.push(GeneralName::Mail(address)),
                _ => is_readable = false,
            }
        }
    })?;
    if !is_readable {
        return Err(Malformed);
    }
    for name in mail.iter().chain(certificate.extensions.subject_alt_names.iter().flatten()) {
        out.push(Name::of_certificate(*name)?);
    }
    Ok(out)
}

fn read<'a>(value: &mut Elements<'a>) -> Result<Constraints<'a>, Malformed> {
    value.inside(Tag::Sequence, |parts| {
        let mut subtrees = |number| match parts.optional(constructed(number))? {
            Some(list) => whole(list.value, bases),
            None => Ok(Vec::new()),
        };
        let (permitted, excluded) = (subtrees(0)?, subtrees(1)?);
        if permitted.is_empty() && excluded.is_empty() {
            Err(Malformed)
        } else {
            Ok(Constraints { permitted, excluded })
        }
    })
}

/// `GeneralSubtrees`: `minimum` and `maximum` must be absent.
fn bases<'a>(list: &mut Elements<'a>) -> Result<Vec<Name<'a>>, Malformed> {
    let mut out = Vec::new();
    list.each(|list| {
        out.push(Name::of_constraint(list.inside(Tag::Sequence, GeneralName::read)?)?);
        Ok::<(), Malformed>(())
    })?;
    if out.is_empty() { Err(Malformed) } else { Ok(out) }
}

impl<'a> Name<'a> {
    fn of_certificate(name: GeneralName<'a>) -> Result<Self, Malformed> {
        let host = match name {
            GeneralName::Directory(der) => return Ok(Self::Directory(SubtreeName::read(der)?)),
            GeneralName::Dns(name) => Some(name.strip_prefix("*.").unwrap_or(name)),
            GeneralName::Mail(name) => {
                name.rsplit_once('@').filter(|(local, _)| !local.is_empty()).map(|(_, host)| host)
            }
            GeneralName::Uri(name) => host_of_uri(name),
            _ => None,
        };
        Ok(Self::Other(name, host.filter(|host| is_host(host))))
    }

    fn of_constraint(base: GeneralName<'a>) -> Result<Self, Malformed> {
        let domain = match base {
            GeneralName::Directory(der) => return Ok(Self::Directory(SubtreeName::read(der)?)),
            GeneralName::Ip(bytes) if !is_network(bytes) => return Err(Malformed),
            GeneralName::Mail(base) => Some(base.rsplit_once('@').map_or(base, |(_, host)| host)),
            GeneralName::Dns(base) | GeneralName::Uri(base) => Some(base),
            _ => None,
        };
        let domain = domain.map(|domain| domain.strip_prefix('.').unwrap_or(domain));
        Ok(Self::Other(base, domain.filter(|domain| is_host(domain))))
    }
}

/// An address and a mask without holes, both of 4 or of 16 bytes.
fn is_network(bytes: &[u8]) -> bool {
    let Some((_, mask)) = halves(bytes) else { return false };
    let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
    let set: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let leading = mask.iter().take_while(|byte| **byte == 0xFF).count();
    // All ones stand first: no byte after the first that is not full has any.
    ones == set && mask.iter().skip(leading + 1).all(|byte| *byte == 0)
}

fn halves(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    matches!(bytes.len(), 8 | 32).then(|| bytes.split_at_checked(bytes.len() / 2)).flatten()
}

impl Constraints<'_> {
    /// Why this name is refused, if it is.
    fn refuse(&self, name: &Name<'_>) -> Option<&'static str> {
        let mut constrained = false;
        let mut permitted = false;
        for base in self.permitted.iter().filter(|base| base.is_of_the_form_of(name)) {
            constrained = true;
            match base.relation(name, Side::Permitted) {
                Relation::Inside => permitted = true,
                Relation::Outside => {}
                Relation::Unknown => return Some("form_not_understood"),
            }
        }
        if constrained && !permitted {
            return Some("not_permitted");
        }
        for base in self.excluded.iter().filter(|base| base.is_of_the_form_of(name)) {
            match base.relation(name, Side::Excluded) {
                Relation::Inside => return Some("excluded"),
                Relation::Outside => {}
                Relation::Unknown => return Some("form_not_understood"),
            }
        }
        None
    }
}

/// Which list a base stands in: where the meaning of a base is in doubt, permitting takes it narrowly, excluding widely.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Permitted,
    Excluded,
}

impl Name<'_> {
    fn is_of_the_form_of(&self, name: &Name<'_>) -> bool {
        match (self, name) {
            (Self::Directory(_), Name::Directory(_)) => true,
            // SmtpUTF8Mailbox is a mail address, too (RFC 9598 6), and one that cannot be compared here.
            (Self::Other(GeneralName::Mail(_), _), Name::Other(GeneralName::Other(id, _), _)) => {
                *id == oid::SMTP_UTF8_MAILBOX
            }
            (Self::Other(base, _), Name::Other(name, _)) => {
                std::mem::discriminant(base) == std::mem::discriminant(name)
            }
            _ => false,
        }
    }

    /// How a name of the same form stands to this base.
    fn relation(&self, name: &Name<'_>, side: Side) -> Relation {
        let inside = |is: bool| if is { Relation::Inside } else { Relation::Outside };
        let (base, domain, name, host) = match (self, name) {
            (Self::Directory(base), Name::Directory(name)) => {
                let is_inside = name.is_in_subtree(base);
                let may_be = side == Side::Excluded && name.may_be_in_subtree(base);
                return if !is_inside && may_be { Relation::Unknown } else { inside(is_inside) };
            }
            (Self::Other(base, domain), Name::Other(name, host)) => (base, *domain, name, *host),
            _ => return Relation::Outside,
        };
        match (base, name) {
            // The empty base is every name's.
            (GeneralName::Dns(""), GeneralName::Dns(_)) => Relation::Inside,
            (GeneralName::Dns(base), GeneralName::Dns(name)) => match (host, domain) {
                (Some(host), Some(domain)) => inside(dns((name, host), (base, domain), side)),
                _ => Relation::Unknown,
            },
            (
                GeneralName::Mail(base) | GeneralName::Uri(base),
                GeneralName::Mail(name) | GeneralName::Uri(name),
            ) => match (host, domain) {
                (Some(host), Some(domain)) => inside(at_host((name, host), (base, domain), side)),
                _ => Relation::Unknown,
            },
            (GeneralName::Ip(base), GeneralName::Ip(name)) => ip(name, base),
            (GeneralName::RegisteredId(base), GeneralName::RegisteredId(name)) => {
                inside(name == base || (side == Side::Excluded && is_arc_of(*base, *name)))
            }
            (GeneralName::Other(base_id, base), GeneralName::Other(id, value)) => {
                match (base_id == id, base == value, side) {
                    (true, true, _) => Relation::Inside,
                    // Where the subtrees of a kind of name are is not known; only that it is not of this kind.
                    (true, false, _) | (false, _, Side::Permitted) => Relation::Unknown,
                    (false, _, Side::Excluded) => Relation::Outside,
                }
            }
            _ => Relation::Unknown,
        }
    }
}

fn is_arc_of(base: ObjectIdentifier, name: ObjectIdentifier) -> bool {
    name.as_bytes().starts_with(base.as_bytes())
}

/// Letters, digits, hyphens and underscores in labels of 1 to 63, at most 253 in all.
pub(super) fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether `host` is `domain` or stands under it.
fn is_under(host: &str, domain: &str) -> bool {
    host.len().checked_sub(domain.len()).and_then(|at| host.split_at_checked(at)).is_some_and(
        |(before, end)| end.eq_ignore_ascii_case(domain) && (before.is_empty() || before.ends_with('.')),
    )
}

/// Whether `host` stands under `domain` and is not itself it.
fn is_strictly_under(host: &str, domain: &str) -> bool {
    host.len() > domain.len() && is_under(host, domain)
}

/// Whether a DNS name stands in a base. A base that begins with a dot, of which RFC 5280 does not speak here, permits
/// only what is under it.
fn dns((name, host): (&str, &str), (base, domain): (&str, &str), side: Side) -> bool {
    let is_wildcard = name.starts_with('*');
    match side {
        // Every host that the wildcard stands for has one label more than `host`.
        Side::Permitted if base.starts_with('.') && !is_wildcard => is_strictly_under(host, domain),
        Side::Permitted => is_under(host, domain),
        // A wildcard stands for hosts inside if one label before it makes the domain.
        Side::Excluded => {
            let one_more = || domain.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host));
            is_under(host, domain) || (is_wildcard && one_more())
        }
    }
}

/// Whether a mail address or a URI stands in a base (RFC 5280 4.2.1.10): a mailbox, a host, or with a leading dot every
/// host under a domain.
fn at_host((name, host): (&str, &str), (base, domain): (&str, &str), side: Side) -> bool {
    if base.contains('@') {
        // The local part is case-sensitive (RFC 5321 2.4), but hardly ever is; so it excludes in any case.
        let local = |address: &'_ str| address.rsplit_once('@').map(|(local, _)| local.to_owned());
        let is_same = local(name) == local(base);
        let is_alike = side == Side::Excluded && name.eq_ignore_ascii_case(base);
        host.eq_ignore_ascii_case(domain) && (is_same || is_alike)
    } else if base.starts_with('.') {
        is_strictly_under(host, domain)
    } else {
        host.eq_ignore_ascii_case(domain)
    }
}

/// The host of the authority part, if it is a name.
fn host_of_uri(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => host,
    };
    (!is_address(host)).then_some(host)
}

/// Whether the last label is a number: an IPv4 address, not a name (RFC 3986 3.2.2, RFC 1123 2.1).
pub(super) fn is_address(host: &str) -> bool {
    host.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()))
}

fn ip(name: &[u8], base: &[u8]) -> Relation {
    if !matches!(name.len(), 4 | 16) {
        return Relation::Unknown;
    }
    let inside = halves(base).is_some_and(|(address, mask)| {
        address.len() == name.len()
            && address.iter().zip(mask).zip(name).all(|((address, mask), name)| address & mask == name & mask)
    });
    if inside { Relation::Inside } else { Relation::Outside }
}
