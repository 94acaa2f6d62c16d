//! Tests of the evaluation of responses: OpenSSL's, and some of our own making where times and contents matter.

mod disagreement;
mod made;
mod openssl;
mod reading;
mod windows;

use musubi_crypto::PublicKey;
use musubi_kernel::UnixTime;

use super::{Response, status};
use crate::path::certificate::PathCertificate;
use crate::path::status::{Authorities, Exhausted, IssuerKey, Question, Role, Status, Unusable};
use crate::policy::ValidationPolicy;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ocsp/", $name)).as_slice()
    };
}
pub(crate) use fixture;

const AUTHORITY: &[u8] = fixture!("authority.der");
const DELEGATE: &[u8] = fixture!("delegate.der");
const GOOD: &[u8] = fixture!("good.der");

fn certificate(der: &[u8]) -> PathCertificate<'_> {
    PathCertificate::parse(der).unwrap()
}

/// Path validation as far as it is asked here.
struct Judge<'a> {
    candidates: Vec<PathCertificate<'a>>,
    /// What it says of every delegate.
    refusal: Option<Unusable>,
    work_left: u32,
    asked: u32,
}

impl<'a> Judge<'a> {
    fn knowing(candidates: &[&'a [u8]]) -> Self {
        let candidates = candidates.iter().map(|der| certificate(der)).collect();
        Self { candidates, refusal: None, work_left: 100, asked: 0 }
    }
}

impl<'a> Authorities<'a> for Judge<'a> {
    fn charge(&mut self) -> Result<(), Exhausted> {
        self.work_left = self.work_left.checked_sub(1).ok_or(Exhausted)?;
        Ok(())
    }

    fn candidates(&self) -> &[PathCertificate<'a>] {
        &self.candidates
    }

    fn trusted_key(
        &mut self,
        candidate: &PathCertificate<'a>,
        role: Role,
        _: &Question<'_>,
    ) -> Result<PublicKey, Unusable> {
        assert_eq!(role, Role::OcspResponder);
        self.asked += 1;
        match self.refusal {
            Some(why) => Err(why),
            None => Ok(candidate.public_key.clone().unwrap()),
        }
    }
}

/// A question about a certificate of the fixtures' authority.
struct Asked {
    leaf: &'static [u8],
    control: UnixTime,
    judged_at: UnixTime,
    policy: ValidationPolicy,
}

impl Asked {
    /// A minute after the response was made.
    fn about(leaf: &'static [u8], response: &[u8]) -> Self {
        let at = Response::parse(response).unwrap().produced_at.plus(60);
        Self { leaf, control: at, judged_at: at, policy: ValidationPolicy::default() }
    }

    fn answer<'a>(&self, responses: &[&'a [u8]], judge: &mut Judge<'a>) -> Status {
        self.answer_under(AUTHORITY, responses, judge)
    }

    fn answer_under<'a>(&self, issuer: &[u8], responses: &[&'a [u8]], judge: &mut Judge<'a>) -> Status {
        let leaf = certificate(self.leaf);
        let issuer = certificate(issuer);
        let key = issuer.public_key.as_ref().unwrap();
        let responses: Vec<_> = responses.iter().map(|der| Response::parse(der).unwrap()).collect();
        let question = Question {
            certificate: &leaf,
            issuer: IssuerKey {
                name: issuer.subject,
                key,
                key_bits: issuer.key_bits,
                key_id: issuer.extensions.subject_key_id,
                may_sign_crls: true,
            },
            control: self.control,
            judged_at: self.judged_at,
            policy: &self.policy,
        };
        status(&question, &responses, judge)
    }
}

fn is_good(status: &Status) -> bool {
    matches!(status, Status::Good { .. })
}
