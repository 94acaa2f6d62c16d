//! A revocation list, read more leniently than one that is judged: also one that no judgement would use.

use der::Tag;

use super::report::{Report, Value, field};
use super::{certificate, extensions, names};
use crate::asn1::{Element, Elements, Malformed, constructed, whole};
use crate::key::RevocationReason;
use crate::oid;

/// Entries that are told of; all are counted.
const MAX_ENTRIES: usize = 10;

pub(super) fn report(der: &[u8]) -> Result<Report, Malformed> {
    let (tbs, algorithm) = whole(der, |outer| {
        outer.inside(Tag::Sequence, |parts| {
            let tbs = parts.element(Tag::Sequence)?;
            let algorithm = parts.algorithm()?;
            parts.bytes_of_bit_string()?;
            Ok::<_, Malformed>((tbs, algorithm))
        })
    })?;
    whole(tbs.value, |parts| {
        let is_v2 = parts.optional(Tag::Integer)?.is_some();
        parts.algorithm()?;
        let issuer = parts.name()?;
        let this_update = parts.time_of_any_form()?;
        let next_update = match parts.optional(Tag::UtcTime)? {
            Some(time) => Some(time),
            None => parts.optional(Tag::GeneralizedTime)?,
        };
        let next_update = next_update.map(|time| whole(time.raw, Elements::time_of_any_form)).transpose()?;
        let revoked = parts.optional(Tag::Sequence)?.map_or(&[][..], |list| list.value);
        let (count, first) = entries(revoked)?;
        let told = match parts.optional(constructed(0))? {
            Some(list) => Some(whole(list.value, |list| extensions::tell(list, extensions::of_list))?),
            None => None,
        };
        let next_update = next_update.map_or_else(|| Value::from("not said (記載なし)"), Value::from);
        let mut fields = vec![
            field("issuer", "Issuer (発行者)", names::name(issuer)),
            field("this_update", "This update (今回更新日時)", this_update),
            field("next_update", "Next update (次回更新日時)", next_update),
            field(
                "signature_algorithm",
                "Signature algorithm (署名アルゴリズム)",
                certificate::algorithm(algorithm.signature_or_sha1()?),
            ),
            field("version", "Version", if is_v2 { 2_u64 } else { 1 }),
            field("entry_count", "Revoked certificates (失効した証明書)", count),
        ];
        if !first.is_empty() {
            fields.push(field("first_entries", "The first of them", Value::List(first)));
        }
        fields.extend(told.map(|told| field("extensions", "Extensions (拡張領域)", told)));
        fields.push(certificate::fingerprints(der));
        Ok(Report {
            kind: "revocation_list",
            title: "Certificate revocation list (証明書失効リスト)",
            fields,
        })
    })
}

/// How many there are, and the first few.
fn entries(revoked: &[u8]) -> Result<(u64, Vec<Value>), Malformed> {
    let mut count = 0_u64;
    let mut first = Vec::new();
    whole(revoked, |list| {
        list.each(|list| {
            let element = list.element(Tag::Sequence)?;
            count = count.saturating_add(1);
            if first.len() < MAX_ENTRIES {
                first.push(entry(element)?);
            }
            Ok::<_, Malformed>(())
        })
    })?;
    Ok((count, first))
}

fn entry(element: Element<'_>) -> Result<Value, Malformed> {
    whole(element.value, |parts| {
        let serial = parts.element(Tag::Integer)?.value;
        let at = parts.time_of_any_form()?;
        let mut fields = vec![
            field("serial_number", "Serial number (シリアル番号)", names::serial(serial)),
            field("revoked_at", "Revoked (失効日時)", at),
        ];
        if !parts.is_empty() {
            parts.extensions(
                |_| Malformed,
                |id, _, value| {
                    if id == oid::REASON_CODE {
                        let code = whole(value, |v| v.element(Tag::Enumerated))?.value;
                        fields.push(field("reason", "Reason (失効理由)", reason(code)));
                    }
                    Ok(())
                },
            )?;
        }
        Ok(Value::Fields(fields))
    })
}

fn reason(code: &[u8]) -> String {
    match *code {
        [8] => "removeFromCRL".to_owned(),
        [code] => RevocationReason::from_code(code)
            .map_or_else(|| format!("not defined: {code}"), |reason| reason.to_string()),
        _ => format!("#{}", hex::encode(code)),
    }
}
