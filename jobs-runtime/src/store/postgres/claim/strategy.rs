//! What a claim takes that counts its queues or jobs.
//!
//! It looks at the heads first, without a lock, chooses by its caps in the order of claims, and then takes
//! what it has chosen. What others have taken meanwhile is gone, and the claim looks again.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::store::postgres::conn::error::Fault;
use crate::store::postgres::conn::text::{all_stored, stored};
use crate::store::postgres::conn::tx::Db;
use crate::store::postgres::uuid_of;
use crate::store::{Caps, Claim};

/// How often a claim looks that finds everything taken by others.
const LOOKS: usize = 5;

/// How many of those with limits are looked at.
const LIMITED: i64 = 1_000;

/// Takes what the caps of a claim allow.
pub(in crate::store::postgres) async fn take(
    db: &mut Db<'_>,
    claim: &Claim,
) -> Result<Vec<PgRow>, Fault> {
    for _ in 0..LOOKS {
        let (ranks, numbers) = choose(db, claim).await?;
        if numbers.is_empty() {
            break;
        }
        let query = db
            .query(&db.sql.claim_capped_take)
            .bind(claim.session.0)
            .bind(claim.number)
            .bind(claim.now.as_millis())
            .bind(ranks)
            .bind(numbers);
        let rows = db.fetch(query).await?;
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
    Ok(Vec::new())
}

/// The ranks and the numbers of what a claim may take.
async fn choose(db: &mut Db<'_>, claim: &Claim) -> Result<(Vec<i16>, Vec<i64>), Fault> {
    let queues = (!claim.queues.is_empty()).then(|| all_stored(&claim.queues));
    let query = db
        .query(&db.sql.claim_capped_candidates)
        .bind(all_stored(&claim.job_ids))
        .bind(queues)
        .bind(i64::try_from(claim.limit).unwrap_or(i64::MAX))
        .bind(all_stored(&claim.except))
        .bind(LIMITED)
        .bind(claim.only.iter().map(uuid_of).collect::<Vec<_>>());
    let rows = db.fetch(query).await?;
    let mut room = Room::of(&claim.caps);
    let mut chosen = (Vec::new(), Vec::new());
    for row in &rows {
        if chosen.1.len() == claim.limit {
            break;
        }
        if room.takes(row.try_get(2)?, row.try_get(3)?, row.try_get(4)?) {
            chosen.0.push(row.try_get(0)?);
            chosen.1.push(row.try_get(1)?);
        }
    }
    Ok(chosen)
}

/// What the caps of a claim leave.
struct Room {
    limited: usize,
    queues: HashMap<String, usize>,
    jobs: HashMap<String, usize>,
}

impl Room {
    fn of(caps: &Caps) -> Self {
        let of_each = |kinds: &[(String, usize)]| {
            let kinds = kinds.iter();
            kinds
                .map(|(name, most)| (stored(name).into_owned(), *most))
                .collect()
        };
        Self {
            limited: caps.limited.unwrap_or(usize::MAX),
            queues: of_each(&caps.queues),
            jobs: of_each(&caps.jobs),
        }
    }

    /// Counts one in, if there is room of every kind.
    fn takes(&mut self, queue: &str, job: &str, limited: bool) -> bool {
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
    fn what_one_kind_has_no_room_for_is_not_counted_by_another() {
        let mut room = Room::of(&Caps {
            limited: Some(1),
            queues: vec![("q".to_owned(), 1)],
            jobs: vec![("none".to_owned(), 0)],
        });
        assert!(!room.takes("q", "none", true));
        assert!(room.takes("q", "job", true));
        assert!(!room.takes("other", "job", true));
        assert!(!room.takes("q", "job", false));
        assert!(room.takes("other", "job", false));
    }
}
