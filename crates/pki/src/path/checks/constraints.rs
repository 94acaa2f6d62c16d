//! What certificates say of how they may be used, and what was asked of the one in question.

use const_oid::ObjectIdentifier;

use super::broken;
use crate::checks::Finding;
use crate::oid;
use crate::path::KeyUsage;
use crate::path::facts::{Demand, PathFacts};
use crate::path::server_name::is_named;

/// DER of a `Name` without attributes.
const EMPTY_NAME: [u8; 2] = [0x30, 0x00];

/// Every issuer's name is the subject's name above it, and none is empty.
pub(super) fn names(facts: &PathFacts<'_, '_>, _: &Demand<'_>) -> Finding {
    if facts.anchor.is_none() || facts.names_chain.len() != facts.certificates.len() {
        return Finding::skipped();
    }
    for (position, (certificate, chains)) in facts.certificates.iter().zip(&facts.names_chain).enumerate() {
        if !chains || certificate.issuer == EMPTY_NAME {
            return broken("issuer", facts.place_of(position));
        }
    }
    Finding::passed()
}

pub(super) fn critical_extensions(facts: &PathFacts<'_, '_>, _: &Demand<'_>) -> Finding {
    for (position, certificate) in facts.certificates.iter().enumerate() {
        if let [first, ..] = certificate.extensions.unknown_critical.as_slice() {
            return broken("unknown", facts.place_of(position)).with("extension", first.to_string());
        }
    }
    Finding::passed()
}

/// Everything above the certificate in question is an authority's (a version below 3 cannot say so and is none), and
/// no more of them follow than are allowed, self-issued ones not counted.
pub(super) fn basic_constraints(facts: &PathFacts<'_, '_>, _: &Demand<'_>) -> Finding {
    let mut most = u32::MAX;
    for (position, certificate) in facts.intermediates().iter().enumerate() {
        let Some(constraints) = certificate.extensions.basic_constraints.filter(|b| b.is_ca) else {
            return broken("not_an_authority", facts.place_of(position));
        };
        if !certificate.is_self_issued() {
            if most == 0 {
                return broken("path_too_long", facts.place_of(position));
            }
            most -= 1;
        }
        most = most.min(constraints.path_length.unwrap_or(u32::MAX));
    }
    Finding::passed()
}

/// Authorities may sign certificates; the certificate in question has every usage of those that are all asked for, and
/// one of those of which any will do.
pub(super) fn key_usage(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Finding {
    for (position, certificate) in facts.intermediates().iter().enumerate() {
        if !certificate.permits(KeyUsage::KeyCertSign) {
            return broken("keyCertSign", facts.place_of(position));
        }
    }
    let (all, any) = (&demand.purpose.all_key_usage, &demand.purpose.any_key_usage);
    let kept = facts.leaf().is_some_and(|leaf| {
        all.iter().all(|usage| leaf.permits(*usage))
            && (any.is_empty() || any.iter().any(|usage| leaf.permits(*usage)))
    });
    if kept { Finding::passed() } else { broken("usage", 0) }
}

/// The purposes asked for. Where they are time-stamping, OCSP signing or servers, authorities that name purposes must
/// name them too: those who may only issue for servers must not make time (for servers: CA/Browser Forum BR 7.1.2). For
/// other purposes RFC 5280 has no such rule, and authorities name purposes without meaning one.
pub(super) fn extended_key_usage(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Finding {
    let asked = &demand.purpose.extended_key_usage;
    let of_leaf = facts.leaf().and_then(|leaf| leaf.extensions.extended_key_usage.as_ref());
    if demand.purpose.only_this_purpose {
        let Some((named, critical)) = of_leaf else { return broken("absent", 0) };
        if !asked.iter().all(|purpose| named.contains(purpose))
            || !named.iter().all(|purpose| asked.contains(purpose))
        {
            return broken("other_purposes", 0);
        }
        if asked.contains(&oid::TIME_STAMPING) && !critical {
            return broken("not_critical", 0);
        }
    }
    if of_leaf.is_some_and(|(named, _)| !asked.iter().all(|purpose| is_for(named, *purpose))) {
        return broken("purpose", 0);
    }
    for (position, certificate) in facts.intermediates().iter().enumerate() {
        let Some((named, _)) = &certificate.extensions.extended_key_usage else { continue };
        let keeps = |purpose: &ObjectIdentifier| {
            let is_inherited = is_special(*purpose) || *purpose == oid::SERVER_AUTH;
            !is_inherited || named.contains(purpose) || named.contains(&oid::ANY_EXTENDED_KEY_USAGE)
        };
        if !asked.iter().all(keeps) {
            return broken("purpose", facts.place_of(position));
        }
    }
    Finding::passed()
}

/// Purposes that must be named and are not among any.
fn is_special(purpose: ObjectIdentifier) -> bool {
    purpose == oid::TIME_STAMPING || purpose == oid::OCSP_SIGNING
}

fn is_for(named: &[ObjectIdentifier], purpose: ObjectIdentifier) -> bool {
    named.contains(&purpose) || (!is_special(purpose) && named.contains(&oid::ANY_EXTENDED_KEY_USAGE))
}

pub(super) fn server_name(facts: &PathFacts<'_, '_>, demand: &Demand<'_>) -> Finding {
    let Some(asked) = &demand.purpose.server_name else { return Finding::skipped() };
    let names = facts.leaf().and_then(|leaf| leaf.extensions.subject_alt_names.as_deref());
    if is_named(names, asked) { Finding::passed() } else { broken("no_such_name", 0) }
}

pub(super) fn policies(facts: &PathFacts<'_, '_>, _: &Demand<'_>) -> Finding {
    let Some(outcome) = &facts.policies else { return Finding::skipped() };
    match outcome.fault {
        Some((fault, position)) => broken(fault.as_str(), facts.place_of(position)),
        None => {
            let texts: Vec<String> = outcome.user_constrained.iter().map(ToString::to_string).collect();
            Finding::passed().with("user_constrained", texts.join(" "))
        }
    }
}

pub(super) fn name_constraints(facts: &PathFacts<'_, '_>, _: &Demand<'_>) -> Finding {
    match facts.name_fault {
        None => Finding::skipped(),
        Some(None) => Finding::passed(),
        Some(Some(fault)) => broken(fault.what, facts.place_of(fault.position)),
    }
}
