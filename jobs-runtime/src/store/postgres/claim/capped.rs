//! Claims with slot caps: at most so many executions of a queue or a job.
//!
//! The claim reads candidates without locks, selects from them by its caps in the order of claims,
//! and takes the selected ones. If other claims have taken all of these meanwhile, it tries again.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::store::postgres::conn::error::DbError;
use crate::store::postgres::conn::text::{encode, encode_all};
use crate::store::postgres::conn::tx::Tx;
use crate::store::postgres::uuid_of;
use crate::store::{Caps, Claim};

/// The tries of a claim whose selected executions were all taken by other claims.
const MAX_TRIES: usize = 5;

/// Candidates with limits that are read.
const MAX_LIMITED: i64 = 1_000;

/// Takes the executions that the caps of a claim allow.
pub(in crate::store::postgres) async fn take(
    tx: &mut Tx<'_>,
    claim: &Claim,
) -> Result<Vec<PgRow>, DbError> {
    // The transactions of the other claims may still be open.
    let mut taken_elsewhere = Vec::new();
    for _ in 0..MAX_TRIES {
        let (ranks, numbers) = select(tx, claim, &taken_elsewhere).await?;
        if numbers.is_empty() {
            break;
        }
        let rows = take_selected(tx, claim, ranks, numbers.clone()).await?;
        if !rows.is_empty() {
            return Ok(rows);
        }
        taken_elsewhere.extend(numbers);
    }
    Ok(Vec::new())
}

/// Takes the executions with these ranks and seqs that are still ready.
pub(in crate::store::postgres) async fn take_selected(
    tx: &mut Tx<'_>,
    claim: &Claim,
    ranks: Vec<i16>,
    seqs: Vec<i64>,
) -> Result<Vec<PgRow>, DbError> {
    let query = tx
        .query(&tx.sql.claim_capped_take)
        .bind(claim.session.0)
        .bind(claim.number)
        .bind(claim.now.as_millis())
        .bind(ranks)
        .bind(seqs);
    tx.fetch(query).await
}

/// Selects executions by the caps of a claim, without those of `except`; returns their ranks and
/// seqs.
pub(in crate::store::postgres) async fn select(
    tx: &mut Tx<'_>,
    claim: &Claim,
    except: &[i64],
) -> Result<(Vec<i16>, Vec<i64>), DbError> {
    let queues = (!claim.queues.is_empty()).then(|| encode_all(&claim.queues));
    let query = tx
        .query(&tx.sql.claim_capped_candidates)
        .bind(encode_all(&claim.job_ids))
        .bind(queues)
        .bind(i64::try_from(claim.limit).unwrap_or(i64::MAX))
        .bind(encode_all(&claim.except))
        .bind(MAX_LIMITED)
        .bind(claim.only.iter().map(uuid_of).collect::<Vec<_>>())
        .bind(claim.now.as_millis())
        .bind(except.to_vec());
    let rows = tx.fetch(query).await?;
    let mut remaining = RemainingCaps::of(&claim.caps);
    let mut selected = (Vec::new(), Vec::new());
    for row in &rows {
        if selected.1.len() == claim.limit {
            break;
        }
        if remaining.try_take(row.try_get(2)?, row.try_get(3)?, row.try_get(4)?) {
            selected.0.push(row.try_get(0)?);
            selected.1.push(row.try_get(1)?);
        }
    }
    Ok(selected)
}

/// Numbers of executions that the caps of a claim still allow.
struct RemainingCaps {
    limited: usize,
    queues: HashMap<String, usize>,
    jobs: HashMap<String, usize>,
}

impl RemainingCaps {
    fn of(caps: &Caps) -> Self {
        let of_each = |kinds: &[(String, usize)]| {
            let kinds = kinds.iter();
            kinds
                .map(|(name, most)| (encode(name).into_owned(), *most))
                .collect()
        };
        Self {
            limited: caps.limited.unwrap_or(usize::MAX),
            queues: of_each(&caps.queues),
            jobs: of_each(&caps.jobs),
        }
    }

    /// Counts an execution if every cap that concerns it allows one more.
    fn try_take(&mut self, queue: &str, job: &str, limited: bool) -> bool {
        let mut free = usize::MAX;
        let limited = if limited {
            &mut self.limited
        } else {
            &mut free
        };
        let kinds = [
            Some(limited),
            self.queues.get_mut(queue),
            self.jobs.get_mut(job),
        ];
        if kinds.iter().flatten().any(|left| **left == 0) {
            return false;
        }
        for left in kinds.into_iter().flatten() {
            *left -= 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_that_one_cap_excludes_is_counted_by_no_other() {
        let mut remaining = RemainingCaps::of(&Caps {
            limited: Some(1),
            queues: vec![("q".to_owned(), 1)],
            jobs: vec![("none".to_owned(), 0)],
        });
        assert!(!remaining.try_take("q", "none", true));
        assert!(remaining.try_take("q", "job", true));
        assert!(!remaining.try_take("other", "job", true));
        assert!(!remaining.try_take("q", "job", false));
        assert!(remaining.try_take("other", "job", false));
    }
}
