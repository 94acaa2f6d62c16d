//! A nation for tests: fixed clock, both engines, PEM files for `openssl`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_kernel::{Clock, FixedClock, Secret, UnixTime};
use musubi_nation::{
    CardAnswer, CardOperation, CardRefusal, DEFAULT_SEED, DEMO_PASSWORD, DEMO_PIN, Resident, ResidentId,
    World, WorldConfig,
};
use musubi_pki::SerialNumber;
use musubi_store::Db;

/// 2026-04-01 12:00 JST.
pub(crate) const EPOCH: UnixTime = UnixTime(1_775_012_400);
pub(crate) const CREDENTIAL: &str = "operator-credential";
pub(crate) const AOKI: &str = "aoki-misaki";
pub(crate) const SATO: &str = "sato-kenichi";

pub(crate) fn config(seed: u64, epoch: UnixTime) -> WorldConfig {
    WorldConfig { seed, epoch, operator_credential: Secret::new(CREDENTIAL.to_owned()) }
}

/// A nation in a database of its own.
pub(crate) struct Nation {
    pub(crate) world: World,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) db: Db,
}

impl Nation {
    pub(crate) async fn open_in(db: Db, dir: tempfile::TempDir) -> Self {
        let clock = Arc::new(FixedClock::new(EPOCH));
        let base = Arc::clone(&clock) as Arc<dyn Clock>;
        let world = World::open(config(DEFAULT_SEED, EPOCH), db.clone(), base).await.unwrap();
        Self { world, clock, dir, db }
    }

    /// On SQLite.
    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&dir.path().join("nation.sqlite")).await.unwrap();
        Self::open_in(db, dir).await
    }

    /// On every engine that there is.
    pub(crate) async fn everywhere() -> Vec<Self> {
        let mut nations = vec![Self::sqlite().await];
        if let Some(db) = musubi_store::testing::postgres_schema().await {
            nations.push(Self::open_in(db, tempfile::tempdir().unwrap()).await);
        }
        nations
    }

    /// The same nation, opened again as after a restart.
    pub(crate) async fn reopened(&self) -> World {
        let base = Arc::clone(&self.clock) as Arc<dyn Clock>;
        World::open(config(DEFAULT_SEED, EPOCH), self.db.clone(), base).await.unwrap()
    }

    pub(crate) async fn resident(&self, id: &str) -> Resident {
        self.world.resident(&slug(id)).await.unwrap().unwrap()
    }

    pub(crate) async fn ask(
        &self,
        id: &str,
        operation: CardOperation,
        pin: &str,
    ) -> Result<CardAnswer, CardRefusal> {
        self.world.answer(&slug(id), operation, &Secret::new(pin.to_owned()), b"message").await
    }

    /// The certificate on a resident's card.
    pub(crate) async fn certificate(&self, id: &str, operation: CardOperation) -> Vec<u8> {
        self.sign(id, operation, b"message").await.0
    }

    /// Certificate and signature over `message`.
    pub(crate) async fn sign(
        &self,
        id: &str,
        operation: CardOperation,
        message: &[u8],
    ) -> (Vec<u8>, Vec<u8>) {
        let pin = if operation == CardOperation::Sign { DEMO_PASSWORD } else { DEMO_PIN };
        match self.world.answer(&slug(id), operation, &Secret::new(pin.to_owned()), message).await.unwrap() {
            CardAnswer::Signed { certificate, signature } => (certificate, signature),
            CardAnswer::Attributes(_) => panic!("a signature was asked for"),
        }
    }

    pub(crate) async fn signing_serial(&self, id: &str) -> SerialNumber {
        self.resident(id).await.card.signature.unwrap().serial
    }

    /// All authorities in one PEM file.
    pub(crate) fn anchors_pem(&self) -> PathBuf {
        let all: String = self.world.trust_anchors().iter().map(|(_, der)| pem("CERTIFICATE", der)).collect();
        write(self.dir.path(), "anchors.pem", &all)
    }

    pub(crate) fn pem_file(&self, name: &str, label: &str, der: &[u8]) -> PathBuf {
        write(self.dir.path(), name, &pem(label, der))
    }
}

pub(crate) fn slug(id: &str) -> ResidentId {
    id.parse().unwrap()
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}
