//! The name of a server (RFC 9525 6, before it RFC 6125): for a DNS name only `dNSName` counts, and a wildcard only as the
//! whole left-most label, standing for exactly one; for an address only `iPAddress`, octet by octet. The subject's common
//! name counts for nothing.

use core::net::IpAddr;

use super::general_name::GeneralName;
use super::name_constraints::{is_address, is_host};

/// Whether one of the certificate's names is the name that was asked for.
pub(super) fn is_named(names: Option<&[GeneralName<'_>]>, asked: &str) -> bool {
    if let Ok(address) = asked.parse::<IpAddr>() {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        return names.into_iter().flatten().any(|name| matches!(name, GeneralName::Ip(ip) if *ip == octets));
    }
    let asked = asked.strip_suffix('.').unwrap_or(asked);
    is_host(asked)
        && !is_address(asked)
        && names
            .into_iter()
            .flatten()
            .any(|name| matches!(name, GeneralName::Dns(name) if matches(name, asked)))
}

fn matches(presented: &str, asked: &str) -> bool {
    match presented.strip_prefix("*.") {
        // A wildcard directly under a top-level domain would stand for everybody's names.
        Some(rest) => {
            rest.contains('.')
                && is_host(rest)
                && asked.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest))
        }
        None => presented.eq_ignore_ascii_case(asked),
    }
}
