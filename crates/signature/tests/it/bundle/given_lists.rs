//! A list given beside the bundle proves or refutes the platform's commitment to it.

use musubi_pki::*;
use musubi_signature::bundle::*;

use super::made::{cases, changed, content, evidence, replayed, sealed};
use super::support::authority::Authority;
use super::support::lists::{List, entry};
use super::support::{Case, DAY, NOW, anchors};

fn list() -> List {
    let authority = Authority::signature_second();
    let entries = (0..40_u32)
        .map(|n| entry(SerialNumber::from(3 + n).as_be_bytes(), NOW, RevocationReason::Superseded));
    entries.fold(List::of(&authority), List::entry)
}

#[test]
fn the_list_itself_confirms_the_commitment() {
    let case = changed(Case::signature(), |case| case.lists = vec![list().verified()]);
    let again = replayed(&sealed(&content(&case, Vec::new()))).unwrap();
    assert_eq!(again.check_list(&list().der(), &anchors()), Ok(0));
    let other = list().numbered(9).der();
    assert_eq!(again.check_list(&other, &anchors()), Err(Difference::GivenListUnused));
    let mut broken = list().der();
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(again.check_list(&broken, &anchors()), Err(Difference::GivenList(CrlError::BadSignature)));
}

#[test]
fn a_commitment_that_leaves_a_revocation_out_is_refuted_by_the_list() {
    // The platform was given a list with the certificate on it, and commits to a tree without it.
    let serial = super::support::authority::serial();
    let honest = list().entry(entry(serial.as_be_bytes(), NOW.plus(-DAY), RevocationReason::KeyCompromise));
    let case = changed(Case::signature(), |case| case.lists = vec![list().verified()]);
    let (mut evidence, judgement) = evidence(&case);
    let fake = &mut evidence.lists[0].commitment;
    fake.sha256 = *honest.read().unwrap().sha256();
    let content = Content::of(evidence, &judgement.verdict, Vec::new(), None);
    let again = replayed(&sealed(&content)).expect("without the list nobody can tell");
    let difference = again.check_list(&honest.der(), &anchors()).unwrap_err();
    assert_eq!(difference, Difference::Commitment { what: "number of entries" });
}

#[test]
fn every_part_of_a_commitment_is_compared() {
    let case = changed(Case::signature(), |case| case.lists = vec![list().verified()]);
    type Change = fn(&mut ListCommitment);
    let changes: [(&str, Change); 4] = [
        ("number", |c| c.number += 1),
        ("thisUpdate", |c| c.this_update = c.this_update.plus(1)),
        ("nextUpdate", |c| c.next_update = c.next_update.plus(1)),
        ("tree root", |_| {}),
    ];
    for (what, change) in changes {
        let mut replayed = replayed(&sealed(&content(&case, Vec::new()))).unwrap();
        let commitment = &mut replayed.content.evidence.lists[0].commitment;
        change(commitment);
        if what == "tree root" {
            commitment.root[0] ^= 1;
        }
        assert_eq!(replayed.check_list(&list().der(), &anchors()), Err(Difference::Commitment { what }));
    }
}

#[test]
fn without_lists_there_is_none_to_check() {
    let (_, case) = cases().into_iter().find(|(name, _)| *name == "no list").unwrap();
    let again = replayed(&sealed(&content(&case, Vec::new()))).unwrap();
    assert_eq!(again.check_list(&list().der(), &anchors()), Err(Difference::GivenListUnused));
}

#[test]
fn two_commitments_to_one_list_must_both_follow_from_it() {
    // The second has the list's digest, a later number and other entries.
    let case = changed(Case::signature(), |case| case.lists = vec![list().verified()]);
    let mut replayed = replayed(&sealed(&content(&case, Vec::new()))).unwrap();
    let lists = &mut replayed.content.evidence.lists;
    lists.push(lists[0].clone());
    assert_eq!(replayed.check_list(&list().der(), &anchors()), Ok(0));
    replayed.content.evidence.lists[1].commitment.number += 1;
    let expected = Err(Difference::Commitment { what: "number" });
    assert_eq!(replayed.check_list(&list().der(), &anchors()), expected);
}
