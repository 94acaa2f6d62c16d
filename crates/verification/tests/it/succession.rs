//! Following a person to new certificates.

use std::sync::Mutex;

use async_trait::async_trait;
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, CertKey, RevocationReason, SerialNumber};
use musubi_platform::Context;
use musubi_platform::person::PersonId;
use musubi_store::{StoreError, Tx};
use musubi_verification::linking::{person_of, remember, settle_person};
use musubi_verification::upstream::SerialSuccession;
use musubi_verification::watching::succession::{Followed, OnSucceeded, follow, queue};

use crate::support::authority::Authority;
use crate::support::lists::{List, entry};
use crate::support::{DAY, HOUR, NOW};
use crate::world::{World, name_of, worlds};

#[derive(Default)]
struct Heard(Mutex<Vec<(CertKey, CertKey)>>);

#[async_trait]
impl OnSucceeded for Heard {
    async fn on_succeeded(
        &self,
        _: &mut Tx,
        _: &Context,
        _: &PersonId,
        (old, new): (&CertKey, &CertKey),
        _: UnixTime,
    ) -> Result<(), StoreError> {
        self.0.lock().unwrap().push((old.clone(), new.clone()));
        Ok(())
    }
}

fn signing(serial: u32) -> CertKey {
    CertKey { authority: AuthorityKind::DigitalSignature, serial: SerialNumber::from(serial) }
}

fn authentication(serial: u32) -> CertKey {
    CertKey { authority: AuthorityKind::UserAuthentication, serial: SerialNumber::from(serial) }
}

async fn person_with(world: &World, key: &CertKey, not_after: Option<UnixTime>) -> PersonId {
    let context = world.context();
    let mut tx = context.db.begin().await.unwrap();
    let person = match not_after {
        Some(end) => {
            let none = Default::default();
            settle_person(&mut tx, key, end, &none, context.random.as_ref(), NOW).await.unwrap()
        }
        None => {
            let person = PersonId::generate(context.random.as_ref());
            remember(&mut tx, key, &person, NOW).await.unwrap();
            person
        }
    };
    tx.commit().await.unwrap();
    person
}

fn renewed(world: &World, old: &CertKey, new: &CertKey, counterpart: Option<&CertKey>) {
    let mut said = world.upstream.0.lock().unwrap();
    let predecessors = vec![old.serial.clone()];
    let succession = SerialSuccession { predecessors, current: new.serial.clone(), next_issued_at: None };
    said.successions.insert(name_of(old), succession);
    if let Some(counterpart) = counterpart {
        said.counterparts.insert(name_of(new), counterpart.serial.clone());
    }
}

async fn pending(world: &World) -> (u64, u64) {
    let mut tx = world.context().db.begin_read().await.unwrap();
    let queue = queue(&mut tx, world.now()).await.unwrap();
    (queue.pending, queue.due)
}

async fn owner(world: &World, key: &CertKey) -> Option<PersonId> {
    let mut tx = world.context().db.begin_read().await.unwrap();
    person_of(&mut tx, key).await.unwrap()
}

#[tokio::test]
async fn a_superseded_certificate_is_followed_once_the_authority_knows_the_next_one() {
    for world in worlds().await {
        let person = person_with(&world, &signing(0x11), None).await;
        person_with(&world, &signing(0x12), None).await;
        let at = NOW.plus(-HOUR);
        let list = List::of(&Authority::signature_second())
            .entry(entry(&[0x11], at, RevocationReason::Superseded))
            .entry(entry(&[0x12], at, RevocationReason::KeyCompromise));
        world.publish(list, 2).await;
        assert_eq!(pending(&world).await, (1, 1), "only who got a new one: {}", world.engine());
        let heard = Heard::default();
        // Linkage lags behind the list.
        let step = follow(&world.verification, &heard).await.unwrap();
        assert_eq!(step, Followed { waiting: 1, ..Followed::default() });
        assert_eq!(pending(&world).await, (1, 0));
        assert_eq!(follow(&world.verification, &heard).await.unwrap(), Followed::default());
        renewed(&world, &signing(0x11), &signing(0x21), Some(&authentication(0x22)));
        world.upstream.0.lock().unwrap().unreachable = true;
        world.clock.advance(15 * 60);
        let step = follow(&world.verification, &heard).await.unwrap();
        assert_eq!(step, Followed { waiting: 1, unanswered: 1, ..Followed::default() });
        world.upstream.0.lock().unwrap().unreachable = false;
        world.clock.advance(45 * 60);
        let step = follow(&world.verification, &heard).await.unwrap();
        assert_eq!(step, Followed { succeeded: 1, ..Followed::default() }, "{}", world.engine());
        assert_eq!(owner(&world, &signing(0x21)).await, Some(person.clone()));
        assert_eq!(owner(&world, &authentication(0x22)).await, Some(person.clone()));
        assert_eq!(*heard.0.lock().unwrap(), [(signing(0x11), signing(0x21))]);
        assert_eq!(pending(&world).await, (0, 0));
        assert_eq!(world.audited(&person).await, ["succession.followed"]);
    }
}

#[tokio::test]
async fn a_certificate_that_expired_is_followed_too_and_one_that_lives_is_not() {
    for world in worlds().await {
        let person = person_with(&world, &signing(0x31), Some(NOW.plus(DAY))).await;
        person_with(&world, &signing(0x32), Some(NOW.plus(30 * DAY))).await;
        renewed(&world, &signing(0x31), &signing(0x41), None);
        let heard = Heard::default();
        assert_eq!(follow(&world.verification, &heard).await.unwrap(), Followed::default());
        world.clock.advance(2 * DAY);
        let step = follow(&world.verification, &heard).await.unwrap();
        assert_eq!(step, Followed { succeeded: 1, ..Followed::default() }, "{}", world.engine());
        assert_eq!(owner(&world, &signing(0x41)).await, Some(person));
        assert_eq!(follow(&world.verification, &heard).await.unwrap(), Followed::default());
    }
}

#[tokio::test]
async fn nothing_is_guessed_where_upstream_contradicts_and_asking_ends() {
    for world in worlds().await {
        person_with(&world, &signing(0x51), None).await;
        person_with(&world, &signing(0x52), None).await;
        let stranger = person_with(&world, &signing(0x61), None).await;
        let list = List::of(&Authority::signature_second())
            .entry(entry(&[0x51], NOW.plus(-HOUR), RevocationReason::Superseded))
            .entry(entry(&[0x52], NOW.plus(-HOUR), RevocationReason::AffiliationChanged));
        world.publish(list, 2).await;
        renewed(&world, &signing(0x51), &signing(0x61), None);
        let heard = Heard::default();
        let step = follow(&world.verification, &heard).await.unwrap();
        assert_eq!(step, Followed { contradicted: 1, waiting: 1, ..Followed::default() });
        assert_eq!(owner(&world, &signing(0x61)).await, Some(stranger), "{}", world.engine());
        world.clock.advance(91 * DAY);
        let step = follow(&world.verification, &heard).await.unwrap();
        assert_eq!(step, Followed { given_up: 1, ..Followed::default() });
        assert_eq!(pending(&world).await, (0, 0));
        assert!(heard.0.lock().unwrap().is_empty());
    }
}
