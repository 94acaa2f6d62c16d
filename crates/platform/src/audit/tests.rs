use musubi_crypto::Sha256Digest;
use musubi_kernel::Random as _;
use proptest::prelude::*;
use serde_json::json;

use super::tree::{Cover, Node};
use super::*;
use crate::test_support::{NOW, World, worlds};
use musubi_crypto::merkle::node_hash;

/// The tree as RFC 6962, 2.1 defines it, from all leaves.
fn naive_root(leaves: &[Sha256Digest]) -> Sha256Digest {
    match leaves {
        [] => musubi_crypto::sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

/// PATH as RFC 6962, 2.1.1 defines it.
fn naive_path(m: usize, leaves: &[Sha256Digest]) -> Vec<Sha256Digest> {
    if leaves.len() == 1 {
        return vec![];
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, beside) = match m.checked_sub(left.len()) {
        None => (naive_path(m, left), naive_root(right)),
        Some(m) => (naive_path(m, right), naive_root(left)),
    };
    path.push(beside);
    path
}

/// SUBPROOF as RFC 6962, 2.1.2 defines it.
fn naive_consistency(m: usize, leaves: &[Sha256Digest], whole: bool) -> Vec<Sha256Digest> {
    if m == leaves.len() {
        return if whole { vec![] } else { vec![naive_root(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut proof, beside) = if m <= left.len() {
        (naive_consistency(m, left, whole), naive_root(right))
    } else {
        (naive_consistency(m - left.len(), right, false), naive_root(left))
    };
    proof.push(beside);
    proof
}

fn leaves(count: usize) -> Vec<Sha256Digest> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

/// Resolves nodes from all leaves, as the database does from its rows.
fn resolve(covers: &[Cover], leaves: &[Sha256Digest]) -> Vec<Sha256Digest> {
    let node = |node: &Node| {
        let start = usize::try_from(node.position << node.level).unwrap();
        naive_root(&leaves[start..start + (1 << node.level)])
    };
    covers.iter().map(|cover| tree::fold(&cover.iter().map(node).collect::<Vec<_>>())).collect()
}

#[test]
fn the_known_roots_of_rfc_6962_test_vectors() {
    // The vectors of Certificate Transparency's reference implementation (merkletree tests).
    let inputs =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaves: Vec<_> = inputs.iter().map(|text| leaf_hash(&hex::decode(text).unwrap())).collect();
    for (n, root) in roots.iter().enumerate() {
        let size = n as u64 + 1;
        let resolved = resolve(&[tree::cover(0, size)], &leaves);
        assert_eq!(hex::encode(resolved[0]), *root);
    }
    assert!(hex::encode(tree::fold(&[])).starts_with("e3b0c44298fc1c14"));
}

#[test]
fn every_inclusion_proof_up_to_64_leaves_is_the_rfcs_and_verifies_for_its_leaf_alone() {
    let all = leaves(64);
    for size in 1..=64 {
        let root = naive_root(&all[..size]);
        assert_eq!(resolve(&[tree::cover(0, size as u64)], &all), [root]);
        for index in 0..size {
            let proof = resolve(&tree::inclusion(index as u64, size as u64), &all);
            assert_eq!(proof, naive_path(index, &all[..size]));
            for claimed in 0..size + 2 {
                let verdict = verify_inclusion(&all[index], claimed as u64, size as u64, &proof, &root);
                assert_eq!(verdict.is_ok(), claimed == index, "{index} as {claimed} of {size}");
            }
        }
    }
}

#[test]
fn every_consistency_proof_up_to_64_leaves_is_the_rfcs_and_verifies_for_its_sizes_alone() {
    let all = leaves(65);
    for new in 1..=64 {
        let new_root = naive_root(&all[..new]);
        for old in 1..=new {
            let proof = resolve(&tree::consistency(old as u64, new as u64), &all);
            assert_eq!(proof, naive_consistency(old, &all[..new], true));
            for claimed in 0..=new + 1 {
                let claimed_root = naive_root(&all[..claimed]);
                let verdict =
                    verify_consistency(claimed as u64, new as u64, &proof, &claimed_root, &new_root);
                assert_eq!(verdict.is_ok(), claimed == old, "{old} as {claimed} of {new}");
            }
            let forked = naive_root(&[&all[..old - 1], &all[64..]].concat());
            assert!(verify_consistency(old as u64, new as u64, &proof, &forked, &new_root).is_err());
        }
    }
}

proptest! {
    #[test]
    fn a_proof_with_any_bit_or_length_changed_proves_nothing(
        size in 2_usize..200, at: prop::sample::Index, bit in 0_usize..256, hash: prop::sample::Index,
    ) {
        let all = leaves(size);
        let root = naive_root(&all);
        let index = at.index(size);
        let proof = resolve(&tree::inclusion(index as u64, size as u64), &all);
        let check = |proof: &[Sha256Digest]| verify_inclusion(&all[index], index as u64, size as u64, proof, &root);
        prop_assert!(check(&proof).is_ok());
        let mut flipped = proof.clone();
        flipped[hash.index(proof.len())][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(check(&flipped).is_err());
        prop_assert!(check(&proof[1..]).is_err());
        prop_assert!(check(&[&proof[..], &[root]].concat()).is_err());

        let old = at.index(size - 1) + 1;
        let old_root = naive_root(&all[..old]);
        let proof = resolve(&tree::consistency(old as u64, size as u64), &all);
        let check = |proof: &[Sha256Digest]| verify_consistency(old as u64, size as u64, proof, &old_root, &root);
        prop_assert!(check(&proof).is_ok());
        let mut flipped = proof.clone();
        flipped[hash.index(proof.len())][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(check(&flipped).is_err());
        prop_assert!(check(&proof[..proof.len() - 1]).is_err());
        prop_assert!(check(&[&proof[..], &[root]].concat()).is_err());
    }

    #[test]
    fn proofs_and_roots_of_any_size_read_few_rows(size in 1_u64..(1 << 62), index: u64, old: u64) {
        let (index, old) = (index % size, old % size + 1);
        prop_assert!(tree::cover(0, size).len() <= 62);
        prop_assert!(tree::inclusion(index, size).iter().map(Vec::len).sum::<usize>() <= 128);
        prop_assert!(tree::consistency(old, size).iter().map(Vec::len).sum::<usize>() <= 190);
    }

    #[test]
    fn verification_of_nonsense_ends_and_refuses(
        a: u64, b: u64, proof in prop::collection::vec(any::<[u8; 32]>(), 0..70), root: [u8; 32], leaf: [u8; 32],
    ) {
        prop_assert!(verify_inclusion(&leaf, a, b, &proof, &root).is_err());
        prop_assert!(verify_consistency(a, b, &proof, &leaf, &root).is_err());
    }
}

fn event(person: Option<&PersonId>) -> AuditEvent {
    AuditEvent {
        kind: CHANGE_CHECK_MADE,
        relying_party: None,
        person: person.cloned(),
        detail: json!({"b": 1, "a": 2}),
    }
}

async fn fill(world: &World, count: usize) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for _ in 0..count {
        let mut tx = world.context.db.begin().await.unwrap();
        receipts.push(append(&mut tx, &event(None), &*world.context.random, world.now()).await.unwrap());
        tx.commit().await.unwrap();
    }
    receipts
}

fn digests(value: &serde_json::Value) -> Vec<Sha256Digest> {
    let texts: Vec<String> = serde_json::from_value(value.clone()).unwrap();
    texts.iter().map(|text| hex::decode(text).unwrap().try_into().unwrap()).collect()
}

#[tokio::test]
async fn anyone_can_check_over_http_that_a_receipt_is_in_the_log_and_that_the_log_only_grew() {
    for world in worlds().await {
        let empty = world.get("/v1/audit/checkpoint").await;
        assert_eq!(empty.body["size"], 0);
        assert_eq!(empty.body["at"], serde_json::Value::Null);
        let mut roots = vec![];
        let mut receipts = vec![];
        for size in 1..=21_u64 {
            receipts.extend(fill(&world, 1).await);
            let answer = world.get("/v1/audit/checkpoint").await;
            assert_eq!((answer.status.as_u16(), &answer.body["size"]), (200, &json!(size)));
            assert_eq!(answer.body["at"], NOW.rfc3339());
            roots.push(digests(&json!([answer.body["root_hash"]]))[0]);
        }
        let leaves: Vec<_> = receipts.iter().map(|receipt| receipt.leaf_hash).collect();
        assert_eq!(naive_root(&leaves), roots[20]);
        for (index, receipt) in receipts.iter().enumerate() {
            assert_eq!(receipt.index, index as u64);
            let size = 21;
            let answer = world.get(&format!("/v1/audit/inclusion?index={index}&size={size}")).await;
            assert_eq!(answer.body["leaf_hash"], hex::encode(receipt.leaf_hash));
            let proof = digests(&answer.body["hashes"]);
            verify_inclusion(&receipt.leaf_hash, receipt.index, size, &proof, &roots[20]).unwrap();
            let (old, old_root) = (index as u64 + 1, &roots[index]);
            let answer = world.get(&format!("/v1/audit/consistency?from={old}&to={size}")).await;
            verify_consistency(old, size, &digests(&answer.body["hashes"]), old_root, &roots[20]).unwrap();
        }
    }
}

#[tokio::test]
async fn questions_beyond_the_log_and_malformed_ones_are_refused() {
    for world in worlds().await {
        fill(&world, 3).await;
        for path in [
            "inclusion?index=3&size=3",
            "inclusion?index=0&size=4",
            "inclusion?index=0&size=0",
            "consistency?from=0&to=3",
            "consistency?from=3&to=2",
            "consistency?from=1&to=4",
            "inclusion?index=0&size=18446744073709551615",
        ] {
            assert_eq!(
                world.get(&format!("/v1/audit/{path}")).await.code(),
                (400, "audit.out_of_range"),
                "{path}"
            );
        }
        for path in [
            "inclusion",
            "inclusion?index=0",
            "inclusion?index=-1&size=3",
            "inclusion?index=0&size=3&x=1",
            "inclusion?index=0&index=1&size=3",
            "consistency?from=a&to=3",
            "consistency?from=1&to=99999999999999999999",
        ] {
            assert_eq!(
                world.get(&format!("/v1/audit/{path}")).await.code(),
                (400, "request.malformed"),
                "{path}"
            );
        }
        assert_eq!(world.get("/v1/audit/records").await.code(), (404, "route.unknown"));
    }
}

#[tokio::test]
async fn a_record_is_the_canonical_text_that_its_leaf_hashes_and_no_two_are_alike() {
    for world in worlds().await {
        let receipts = fill(&world, 2).await;
        let mut tx = world.context.db.begin_read().await.unwrap();
        let first = record(&mut tx, 0).await.unwrap().unwrap();
        assert_eq!(first.leaf_hash, receipts[0].leaf_hash);
        assert_eq!(leaf_hash(first.record.as_bytes()), first.leaf_hash);
        let parsed: serde_json::Value = serde_json::from_str(&first.record).unwrap();
        assert_eq!(musubi_crypto::canonical_json(&parsed), first.record);
        assert!(first.record.contains(r#""detail":{"a":2,"b":1}"#), "{}", first.record);
        assert_eq!(first.detail().unwrap(), json!({"a": 2, "b": 1}));
        assert_eq!(parsed["salt"].as_str().unwrap().len(), 32);
        assert_ne!(receipts[0].leaf_hash, receipts[1].leaf_hash, "the same event has another salt");
        assert_eq!(record(&mut tx, 2).await.unwrap(), None);
        assert_eq!(record(&mut tx, u64::MAX).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_person_reads_their_own_records_page_by_page() {
    for world in worlds().await {
        let random = &*world.context.random;
        let (person, other) = (PersonId::generate(random), PersonId::generate(random));
        let mut tx = world.context.db.begin().await.unwrap();
        for whose in [&person, &other, &person, &person, &other] {
            append(&mut tx, &event(Some(whose)), random, NOW).await.unwrap();
        }
        let indices = |records: Vec<AuditRecord>| records.iter().map(|r| r.index).collect::<Vec<_>>();
        assert_eq!(indices(by_person(&mut tx, &person, 2, None).await.unwrap()), [3, 2]);
        assert_eq!(indices(by_person(&mut tx, &person, 2, Some(2)).await.unwrap()), [0]);
        assert_eq!(indices(by_person(&mut tx, &other, 9, None).await.unwrap()), [4, 1]);
        let records = by_person(&mut tx, &person, 9, None).await.unwrap();
        assert!(records.iter().all(|r| r.person.as_ref() == Some(&person)));
    }
}

#[tokio::test]
async fn what_was_rolled_back_is_not_in_the_log_and_leaves_no_gap() {
    for world in worlds().await {
        fill(&world, 1).await;
        let mut tx = world.context.db.begin().await.unwrap();
        append(&mut tx, &event(None), &*world.context.random, NOW).await.unwrap();
        drop(tx);
        let receipts = fill(&world, 1).await;
        assert_eq!(receipts[0].index, 1);
        assert_eq!(world.audited().await.len(), 2);
    }
}

#[tokio::test]
async fn appends_at_once_stand_one_after_another() {
    for world in worlds().await {
        let world = std::sync::Arc::new(world);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let world = std::sync::Arc::clone(&world);
                tokio::spawn(async move { fill(&world, 4).await })
            })
            .collect();
        let mut receipts = Vec::new();
        for task in tasks {
            receipts.extend(task.await.unwrap());
        }
        receipts.sort_by_key(|receipt| receipt.index);
        let leaves: Vec<_> = receipts.iter().map(|receipt| receipt.leaf_hash).collect();
        let mut tx = world.context.db.begin_read().await.unwrap();
        let checkpoint = checkpoint(&mut tx).await.unwrap();
        assert_eq!((checkpoint.size, checkpoint.root_hash), (32, naive_root(&leaves)));
    }
}

#[tokio::test]
async fn an_event_that_is_not_in_the_list_is_refused() {
    for world in worlds().await {
        let mut tx = world.context.db.begin().await.unwrap();
        let unknown = AuditEvent { kind: "made.up", ..event(None) };
        assert!(append(&mut tx, &unknown, &*world.context.random, NOW).await.is_err());
    }
    let names: std::collections::BTreeSet<_> = AUDIT_EVENTS.iter().map(|kind| kind.name).collect();
    assert_eq!(names.len(), AUDIT_EVENTS.len());
}

#[test]
fn a_receipt_is_hex_on_the_wire() {
    let mut leaf_hash = [0; 32];
    musubi_kernel::SeededRandom::new([3; 32]).fill(&mut leaf_hash);
    let receipt = Receipt { index: 7, leaf_hash };
    let json = serde_json::to_value(receipt).unwrap();
    assert_eq!(json, json!({ "index": 7, "leaf_hash": hex::encode(leaf_hash) }));
    assert_eq!(serde_json::from_value::<Receipt>(json).unwrap(), receipt);
}

#[tokio::test]
async fn many_at_once_make_the_same_tree_as_one_after_another() {
    for world in worlds().await {
        let context = &world.context;
        let mut hashes = Vec::new();
        for batch in [1, 5, 2, 64, 3, 0, 25] {
            let mut tx = context.db.begin().await.unwrap();
            let events: Vec<AuditEvent> = (0..batch)
                .map(|n| AuditEvent {
                    kind: CHANGE_EVENT_RECORDED,
                    relying_party: None,
                    person: None,
                    detail: json!({ "n": n }),
                })
                .collect();
            let receipts = append_all(&mut tx, &events, context.random.as_ref(), NOW).await.unwrap();
            assert_eq!(receipts.len(), events.len());
            for receipt in receipts {
                assert_eq!(receipt.index, hashes.len() as u64);
                hashes.push(receipt.leaf_hash);
            }
            let checkpoint = checkpoint(&mut tx).await.unwrap();
            assert_eq!((checkpoint.size, checkpoint.root_hash), (hashes.len() as u64, naive_root(&hashes)));
            tx.commit().await.unwrap();
        }
    }
}
