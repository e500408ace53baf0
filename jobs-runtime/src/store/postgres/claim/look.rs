//! A look for work before a claim, which writes nothing if there is none.
//!
//! A claim locks the row of its session, and so writes. A worker that is notified of executions
//! that it cannot take should not write. A claim therefore looks first, unless the last claim for
//! the same jobs and queues has leased something: then this one probably will, too.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sqlx::Row;

use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::operation::{Operation, Outcome, TxMode, without_events};
use crate::store::postgres::conn::text::encode_all;
use crate::store::postgres::conn::tx::Tx;
use crate::store::{Claim, StoreError};

/// Jobs and queues whose last claim has leased something.
#[derive(Clone, Debug, Default)]
pub(in crate::store::postgres) struct BusyClaims {
    hasher: RandomState,
    busy: Arc<Mutex<HashSet<u64>>>,
}

impl BusyClaims {
    /// True if a claim should look for work before it locks its session. A claim for certain
    /// executions does not: they are looked up by their ids.
    pub(in crate::store::postgres) fn should_look(&self, claim: &Claim) -> bool {
        claim.only.is_empty() && !self.lock().contains(&self.key_of(claim))
    }

    /// Notes the number of executions that a claim has leased.
    pub(in crate::store::postgres) fn note(&self, claim: &Claim, leased: usize) {
        let key = self.key_of(claim);
        let mut busy = self.lock();
        if leased > 0 {
            busy.insert(key);
        } else {
            busy.remove(&key);
        }
    }

    fn key_of(&self, claim: &Claim) -> u64 {
        self.hasher.hash_one((&claim.job_ids, &claim.queues))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns true if a claim may lease something, or is a repetition.
pub(in crate::store::postgres) struct LookForWork(pub(in crate::store::postgres) Claim);

#[async_trait]
impl Operation for LookForWork {
    type Output = bool;
    const TX_MODE: TxMode = TxMode::Statement;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let Self(claim) = self;
        let query = tx
            .query(&tx.sql.claim_look)
            .bind(claim.session.0)
            .bind(claim.number)
            .bind(encode_all(&claim.job_ids))
            .bind((!claim.queues.is_empty()).then(|| encode_all(&claim.queues)))
            .bind(encode_all(&claim.except));
        let rows = tx.fetch(query).await?;
        let row = rows.first().ok_or(StoreError::SessionLost)?;
        Ok(without_events(row.try_get(0)?))
    }
}
