//! Statements of a group, put together and run as one query.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::error::Fault;
use crate::store::sqlite::enqueue::EnqueuePlan;
use crate::store::sqlite::settle::SettlePlan;
use crate::store::{Caps, Claim};

/// Statements that run as one query: a hop to the connection's thread costs more than most of
/// them. Their parameters are written `$n`, never `?n`, because sqlx stops binding at a gap.
#[derive(Default)]
pub(in crate::store::sqlite) struct Script(String);

impl Script {
    pub(in crate::store::sqlite) fn add(&mut self, statements: &str) {
        self.0.push_str(statements);
        self.0.push('\n');
    }

    /// What a plan of enqueues needs.
    pub(in crate::store::sqlite) fn add_enqueue(&mut self, plan: &EnqueuePlan) {
        if plan.rows > 0 {
            self.add(include_str!("../sql/enqueue/enqueue.sql"));
            self.add(match plan.limited {
                None => include_str!("../sql/enqueue/ready.sql"),
                Some(_) => include_str!("../sql/enqueue/limited.sql"),
            });
        }
        if plan.taken_once.is_some() {
            self.add(include_str!("../sql/enqueue/taken_once.sql"));
        }
        if plan.taken.is_some() {
            self.add(include_str!("../sql/enqueue/taken.sql"));
        }
        if plan.capped.is_some() {
            self.add(include_str!("../sql/enqueue/capped.sql"));
        }
        if plan.keys.is_some() {
            self.add(include_str!("../sql/enqueue/keys.sql"));
        }
        if plan.names.is_some() {
            self.add(include_str!("../sql/enqueue/names.sql"));
        }
        if plan.merges.is_some() {
            self.add(include_str!("../sql/enqueue/merge.sql"));
        }
    }

    /// What a plan of settlements needs.
    pub(in crate::store::sqlite) fn add_settle(&mut self, plan: &SettlePlan) {
        if plan.logs.is_some() {
            self.add(include_str!("../sql/settle/logs.sql"));
        }
        if plan.noted.is_some() {
            self.add(include_str!("../sql/settle/released.sql"));
        }
        if plan.returned.is_some() {
            self.add(include_str!("../sql/settle/permits.sql"));
        }
        if plan.permits.is_some() {
            self.add(include_str!("../sql/settle/retained.sql"));
        }
        if plan.ended > 0 {
            self.add(include_str!("../sql/settle/final.sql"));
        }
        if plan.followed > 0 {
            self.add(include_str!("../sql/settle/requeue.sql"));
        }
    }

    /// What a claim needs.
    pub(in crate::store::sqlite) fn add_claim(&mut self, claim: Option<&Claim>) {
        let Some(Claim { caps, .. }) = claim else {
            return;
        };
        self.add(include_str!("../sql/claim/claim.sql"));
        if caps.has_slot_caps() {
            self.add(include_str!("../sql/claim/caps.sql"));
        }
        if !caps.is_empty() {
            self.add(include_str!("../sql/claim/trim.sql"));
        }
        self.add(include_str!("../sql/claim/lease.sql"));
    }

    pub(in crate::store::sqlite) async fn run(
        self,
        conn: &mut SqliteConnection,
        enqueue: &EnqueuePlan,
        settle: &SettlePlan,
        claim: Option<&Claim>,
    ) -> Result<Vec<SqliteRow>, Fault> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(AssertSqlSafe(self.0))
            .bind(enqueue.executions.as_deref())
            .bind(i64::try_from(enqueue.rows).unwrap_or(i64::MAX))
            .bind(enqueue.keys.as_deref())
            .bind(settle.finals.as_deref())
            .bind(settle.final_leases.as_deref())
            .bind(settle.others.as_deref())
            .bind(claim.map(|claim| claim.session.0))
            .bind(claim.map(|claim| claim.number))
            .bind(claim.map(Claim::job_ids_json).transpose()?)
            .bind(claim.map(Claim::queues_json).transpose()?.flatten())
            .bind(claim.map(|claim| i64::try_from(claim.limit).unwrap_or(i64::MAX)))
            .bind(claim.map(|claim| claim.now.as_millis()))
            .bind(claim.map(Claim::only_json).transpose()?.flatten())
            .bind(settle.logs.as_deref())
            .bind(claim.map(Claim::except_json).transpose()?)
            .bind(
                claim
                    .and_then(|claim| claim.caps.limited)
                    .map(|most| i64::try_from(most).unwrap_or(i64::MAX)),
            )
            .bind(
                claim
                    .map(|claim| Caps::json(&claim.caps.queues))
                    .transpose()?,
            )
            .bind(
                claim
                    .map(|claim| Caps::json(&claim.caps.jobs))
                    .transpose()?,
            )
            .bind(enqueue.limited.as_deref())
            .bind(enqueue.names.as_deref())
            .bind(enqueue.merges.as_deref())
            .bind(settle.permits.as_deref())
            .bind(enqueue.taken.as_deref())
            .bind(settle.returned.as_deref())
            .bind(enqueue.capped.as_deref())
            .bind(enqueue.held.as_deref())
            .bind(settle.noted.as_deref())
            .bind(enqueue.taken_once.as_deref())
            .bind(enqueue.last_limit)
            .bind(enqueue.last_rank)
            .fetch_all(conn)
            .await?;
        Ok(rows)
    }
}

/// The rows of one statement among those of a script: each statement names itself in its first
/// column.
pub(in crate::store::sqlite) fn rows_named<'r>(
    rows: &'r [SqliteRow],
    name: &'r str,
) -> impl Iterator<Item = &'r SqliteRow> {
    rows.iter()
        .filter(move |row| row.try_get::<&str, _>(0).is_ok_and(|first| first == name))
}
