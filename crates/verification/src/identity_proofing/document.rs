//! The document that the resident reads and signs: built by the platform, one field per line.
//!
//! Every value is one line without control or invisible characters, so that no value can pose as another field. The
//! document names the origin, the relying party and a single-use nonce: a signature over it is good for this
//! one transaction at this one site. The same application renders to the same bytes, so that the platform
//! need keep only a digest.

use musubi_kernel::UnixTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest document, in bytes.
const MAX_STATEMENTS: usize = 40;

/// The four basic attributes as written in an application.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attributes {
    /// 氏名, at most 200 characters.
    #[schema(example = "結城　美咲")]
    pub name: String,
    /// 住所 from the prefecture on, at most 300 characters.
    #[schema(example = "東京都清瀬市中里５－８４２")]
    pub address: String,
    /// 生年月日, `YYYY-MM-DD` in the Gregorian calendar.
    #[schema(example = "1990-04-12")]
    pub date_of_birth: String,
    /// 性別: `male`, `female` or `unknown`.
    #[schema(example = "female")]
    pub sex: String,
}

impl std::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attributes(…)")
    }
}

/// Consent to receive the latest basic attributes after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LatestAttributesConsent {
    /// Any of `name`, `address`, `date_of_birth`, `sex`, each at most once.
    pub items: Vec<String>,
}

/// What a resident applies for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// One line, at most 100 characters.
    #[schema(example = "普通預金口座の開設申込")]
    pub title: String,
    /// At most 40 lines of at most 400 characters; the whole document has at most 32 KiB.
    pub statements: Vec<String>,
    /// The attributes that must match the certificate.
    pub attributes: Attributes,
    /// Present if the resident consents to later provision of the latest attributes.
    pub latest_attributes_consent: Option<LatestAttributesConsent>,
}

/// Which field of an application is not as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` is not as it must be")]
pub struct ApplicationError {
    /// Path of the field.
    pub field: &'static str,
}

/// The items of the basic attributes.
const ITEMS: [&str; 4] = ["name", "address", "date_of_birth", "sex"];

impl Application {
    /// Checks every bound.
    ///
    /// # Errors
    /// [`ApplicationError`] names the first field that is out of bounds.
    pub fn check(&self) -> Result<(), ApplicationError> {
        line("application.title", &self.title, 100)?;
        if self.statements.len() > MAX_STATEMENTS {
            return Err(ApplicationError { field: "application.statements" });
        }
        self.statements.iter().try_for_each(|text| line("application.statements", text, 400))?;
        let a = &self.attributes;
        line("application.attributes.name", &a.name, 200)?;
        line("application.attributes.address", &a.address, 300)?;
        let wrong = |field| ApplicationError { field };
        a.date_of_birth
            .parse::<musubi_pki::DateOfBirth>()
            .map_err(|_| wrong("application.attributes.date_of_birth"))?;
        a.sex.parse::<musubi_pki::Sex>().map_err(|_| wrong("application.attributes.sex"))?;
        if let Some(consent) = &self.latest_attributes_consent {
            let known = consent.items.iter().all(|item| ITEMS.contains(&item.as_str()));
            let distinct = (1..consent.items.len()).all(|i| {
                let (before, rest) = consent.items.split_at(i);
                rest.first().is_none_or(|item| !before.contains(item))
            });
            if consent.items.is_empty() || !known || !distinct {
                return Err(wrong("application.latest_attributes_consent.items"));
            }
        }
        Ok(())
    }
}

/// One line of 1 to `max` characters, none of which deceives its reader.
pub(crate) fn line(field: &'static str, text: &str, max: usize) -> Result<(), ApplicationError> {
    let length = text.chars().take(max + 1).count();
    if length == 0 || length > max || text.chars().any(musubi_kernel::deceives) {
        return Err(ApplicationError { field });
    }
    Ok(())
}

/// What surrounds the application in the document.
#[derive(Debug, Clone)]
pub(crate) struct Frame<'a> {
    /// The relying party's origin.
    pub(crate) origin: &'a str,
    /// The relying party's identifier and names.
    pub(crate) relying_party: (&'a str, &'a str, &'a str),
    /// Purpose code.
    pub(crate) purpose: &'a str,
    /// The relying party's own number for the person.
    pub(crate) customer_id: &'a str,
    /// The transaction.
    pub(crate) transaction: &'a str,
    /// base64url of 32 random bytes.
    pub(crate) nonce: &'a str,
    /// When the transaction began.
    pub(crate) created_at: UnixTime,
}

/// The document's text. `application` was checked.
#[must_use]
pub(crate) fn render(frame: &Frame<'_>, application: &Application) -> String {
    let a = &application.attributes;
    let sex = match a.sex.as_str() {
        "male" => "男 / male",
        "female" => "女 / female",
        _ => "不明 / unknown",
    };
    let (id, name_ja, name_en) = frame.relying_party;
    let mut text = String::from("Musubi identity proofing 1\n");
    let mut field = |label: &str, value: &str| {
        text.push_str(label);
        text.push_str(": ");
        text.push_str(value);
        text.push('\n');
    };
    field("申込 / application", &application.title);
    field("申込先 / relying party", &format!("{name_ja} / {name_en}"));
    field("氏名 / name", &a.name);
    field("住所 / address", &a.address);
    field("生年月日 / date of birth", &a.date_of_birth);
    field("性別 / sex", sex);
    for statement in &application.statements {
        field("内容 / statement", statement);
    }
    match &application.latest_attributes_consent {
        Some(consent) => {
            field("最新の基本4情報の提供への同意 / consent to latest attributes", &consent.items.join(", "));
            field(
                "同意の期間 / term",
                "翌日から10年間、いつでも撤回可 / ten years from the next day, may be withdrawn",
            );
        }
        None => field("最新の基本4情報の提供への同意 / consent to latest attributes", "なし / none"),
    }
    field("日時 / time", &frame.created_at.rfc3339());
    field("origin", frame.origin);
    field("relying-party", id);
    field("customer", frame.customer_id);
    field("purpose", frame.purpose);
    field("transaction", frame.transaction);
    field("nonce", frame.nonce);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application() -> Application {
        Application {
            title: "普通預金口座の開設申込".into(),
            statements: vec!["口座の種類: 普通預金".into()],
            attributes: Attributes {
                name: "結城　美咲".into(),
                address: "東京都清瀬市中里５－８４２".into(),
                date_of_birth: "1990-04-12".into(),
                sex: "female".into(),
            },
            latest_attributes_consent: Some(LatestAttributesConsent {
                items: vec!["name".into(), "address".into()],
            }),
        }
    }

    const FRAME: Frame<'_> = Frame {
        origin: "https://bank.example",
        relying_party: ("rp_1", "結び銀行", "Musubi Bank"),
        purpose: "account_opening",
        customer_id: "c-1",
        transaction: "ip_1",
        nonce: "AAAA",
        created_at: UnixTime(0),
    };

    #[test]
    fn the_document_names_origin_nonce_and_every_statement() {
        let text = render(&FRAME, &application());
        for line in [
            "origin: https://bank.example",
            "nonce: AAAA",
            "内容 / statement: 口座の種類: 普通預金",
            "氏名 / name: 結城　美咲",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}");
        }
    }

    #[test]
    fn no_value_can_pose_as_another_line() {
        for poison in [
            "x\norigin: https://evil.example",
            "x\r",
            "x\u{2028}y",
            "\u{202E}",
            "",
            "x\0",
            "x\u{200B}",
            "\u{200F}x",
        ] {
            for put in [
                (|a: &mut Application, v: String| a.title = v) as fn(&mut Application, String),
                |a, v| a.statements = vec![v],
                |a, v| a.attributes.name = v,
                |a, v| a.attributes.address = v,
            ] {
                let mut a = application();
                put(&mut a, poison.into());
                assert!(a.check().is_err(), "{poison:?}");
            }
        }
        assert_eq!(application().check(), Ok(()));
    }

    #[test]
    fn every_change_of_the_application_changes_the_document() {
        let before = render(&FRAME, &application());
        for change in [
            (|a: &mut Application| a.title.push('！')) as fn(&mut Application),
            |a| a.statements.push("追加".into()),
            |a| a.attributes.sex = "male".into(),
            |a| a.attributes.date_of_birth = "1990-04-13".into(),
            |a| a.latest_attributes_consent = None,
        ] {
            let mut a = application();
            change(&mut a);
            assert_ne!(render(&FRAME, &a), before);
        }
    }

    #[test]
    fn bounds_and_unknown_items_are_refused() {
        let mut a = application();
        a.statements = vec!["x".into(); 41];
        assert_eq!(a.check().unwrap_err().field, "application.statements");
        let mut a = application();
        a.latest_attributes_consent =
            Some(LatestAttributesConsent { items: vec!["name".into(), "name".into()] });
        assert!(a.check().is_err());
        a.latest_attributes_consent = Some(LatestAttributesConsent { items: vec!["my_number".into()] });
        assert!(a.check().is_err());
        let mut a = application();
        a.attributes.date_of_birth = "1990-4-12".into();
        assert!(a.check().is_err());
    }
}
