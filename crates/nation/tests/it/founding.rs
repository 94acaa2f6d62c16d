//! Founding and loading.

use std::collections::BTreeSet;
use std::sync::Arc;

use musubi_kernel::{FixedClock, UnixTime};
use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_nation::{CertState, DEFAULT_SEED, Dials, NationError, World};
use musubi_pki::{AuthorityKind, RevocationReason, SerialNumber};
use musubi_store::Db;

use crate::support::{AOKI, EPOCH, Nation, SATO, config};

#[tokio::test]
async fn one_seed_gives_byte_identical_certificates_on_every_engine_and_another_seed_others() {
    let mut nations = Nation::everywhere().await;
    nations.push(Nation::sqlite().await);
    let (first, rest) = nations.split_first().unwrap();
    for nation in rest {
        assert_eq!(nation.world.trust_anchors(), first.world.trust_anchors());
        for id in [AOKI, SATO, "kageyama-so", "watanabe-makoto"] {
            for operation in [Sign, Authenticate] {
                assert_eq!(
                    nation.certificate(id, operation).await,
                    first.certificate(id, operation).await,
                    "{id}"
                );
            }
        }
    }
}

#[tokio::test]
async fn another_seed_gives_another_nation() {
    let nation = Nation::sqlite().await;
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&dir.path().join("other.sqlite")).await.unwrap();
    let other = World::open(config(7, EPOCH), db, Arc::new(FixedClock::new(EPOCH))).await.unwrap();
    for (ours, theirs) in nation.world.trust_anchors().iter().zip(other.trust_anchors()) {
        assert_eq!(ours.0, theirs.0);
        assert_ne!(ours.1, theirs.1);
    }
}

#[tokio::test]
async fn a_nation_is_the_same_after_a_restart_and_refuses_another_seed() {
    for nation in Nation::everywhere().await {
        nation.world.advance_clock(86_400).await.unwrap();
        nation
            .world
            .set_dials(Dials { authority_unreachable: true, publication_stopped: true })
            .await
            .unwrap();
        let again = nation.reopened().await;
        assert_eq!(again.trust_anchors(), nation.world.trust_anchors());
        assert_eq!(again.now(), EPOCH.plus(86_400));
        assert_eq!(again.dials(), nation.world.dials());
        let clock = Arc::new(FixedClock::new(EPOCH));
        let other = World::open(config(DEFAULT_SEED + 1, EPOCH), nation.db.clone(), clock).await;
        assert!(matches!(other, Err(NationError::OtherSeed)));
    }
}

#[tokio::test]
async fn a_later_start_keeps_the_founding_day() {
    let nation = Nation::sqlite().await;
    let later = EPOCH.plus(30 * 86_400);
    let clock = Arc::new(FixedClock::new(later));
    let world = World::open(config(DEFAULT_SEED, later), nation.db.clone(), clock).await.unwrap();
    assert_eq!((world.epoch(), world.now()), (EPOCH, later));
}

#[tokio::test]
async fn the_clock_moves_forwards_only_and_not_past_the_last_authority() {
    let nation = Nation::sqlite().await;
    assert!(matches!(nation.world.advance_clock(-1).await, Err(NationError::Clock)));
    assert!(matches!(nation.world.advance_clock(10 * 366 * 86_400).await, Err(NationError::Clock)));
    assert_eq!(nation.world.now(), EPOCH);
    nation.world.advance_clock(3600).await.unwrap();
    nation.clock.advance(60);
    assert_eq!(nation.world.clock().now(), EPOCH.plus(3660));
}

#[tokio::test]
async fn residents_are_as_their_notes_say() {
    let nation = Nation::sqlite().await;
    let residents = nation.world.residents().await.unwrap();
    assert_eq!(residents[0].id.as_str(), AOKI);
    assert!(residents.len() >= 18);
    let revoked = |state: CertState| match state {
        CertState::Revoked { reason, .. } => Some(reason),
        _ => None,
    };
    for resident in &residents {
        let (signature, authentication) =
            (resident.card.signature.clone(), resident.card.authentication.clone().unwrap());
        assert_eq!((resident.card.pin_tries, resident.card.password_tries), (3, 5));
        let id = resident.id.as_str();
        assert_eq!(signature.is_none(), ["takahashi-hinata", "takahashi-riku"].contains(&id), "{id}");
        let states = [signature.as_ref().map_or(authentication.state, |s| s.state), authentication.state];
        let expected = match id {
            "morita-tsuyoshi" => Some(RevocationReason::KeyCompromise),
            "okamoto-megumi" => Some(RevocationReason::CertificateHold),
            "nishimura-tadashi" => Some(RevocationReason::CessationOfOperation),
            _ => None,
        };
        assert_eq!(states.map(revoked), [expected; 2], "{id}");
        match (id, expected) {
            ("furukawa-akira", _) => assert_eq!(states, [CertState::Expired; 2]),
            (_, None) => assert_eq!(states, [CertState::Good; 2], "{id}"),
            _ => {}
        }
        assert_eq!(resident.left_at.is_some(), id == "nishimura-tadashi");
    }
}

#[tokio::test]
async fn serial_numbers_are_small_unique_and_rise_with_time() {
    let nation = Nation::sqlite().await;
    let residents = nation.world.residents().await.unwrap();
    for kind in AuthorityKind::ALL {
        let mut issued: Vec<(UnixTime, SerialNumber)> = residents
            .iter()
            .filter(|r| r.id.as_str() != "kageyama-so")
            .filter_map(|r| match kind {
                AuthorityKind::DigitalSignature => r.card.signature.clone(),
                AuthorityKind::UserAuthentication => r.card.authentication.clone(),
            })
            .map(|c| (c.not_before, c.serial))
            .collect();
        issued.sort();
        let serials: Vec<u32> =
            issued.iter().map(|(_, s)| u32::from_str_radix(&s.to_string(), 16).unwrap()).collect();
        assert!(serials.is_sorted() && serials.iter().all(|s| *s > 1 << 20));
        assert_eq!(serials.iter().collect::<BTreeSet<_>>().len(), serials.len());
    }
}

#[tokio::test]
async fn the_forged_card_copies_everything_but_the_signature() {
    let nation = Nation::sqlite().await;
    let (forged, victim) = (nation.resident("kageyama-so").await, nation.resident(SATO).await);
    assert_eq!(forged.card.signature.unwrap().serial, victim.card.signature.unwrap().serial);
    assert_eq!(forged.card.authentication.unwrap().serial, victim.card.authentication.unwrap().serial);
}
