//! The statements of a commit group, concatenated and run as one query.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::error::DbError;
use crate::store::sqlite::enqueue::EnqueuePlan;
use crate::store::sqlite::settle::SettlePlan;
use crate::store::{Caps, Claim};

/// Statements that run as one query. Each query passes to the connection's thread and back, which
/// costs more than most statements do.
///
/// All statements of a script share one list of parameters, see [`run`](Self::run). They are
/// written `$n`, never `?n`, because sqlx stops binding at a gap.
#[derive(Default)]
pub(in crate::store::sqlite) struct Script(String);

impl Script {
    /// Appends statements.
    pub(in crate::store::sqlite) fn add(&mut self, statements: &str) {
        self.0.push_str(statements);
        self.0.push('\n');
    }

    /// Appends the statements that write an enqueue plan.
    pub(in crate::store::sqlite) fn add_enqueue(&mut self, plan: &EnqueuePlan) {
        if plan.rows > 0 {
            self.add(include_str!("../sql/enqueue/insert_executions.sql"));
            self.add(match plan.limited {
                None => include_str!("../sql/enqueue/insert_ready.sql"),
                Some(_) => include_str!("../sql/enqueue/insert_limited.sql"),
            });
        }
        if plan.expirations.is_some() {
            self.add(include_str!("../sql/enqueue/insert_expirations.sql"));
        }
        if plan.permit_counts.is_some() {
            self.add(include_str!("../sql/enqueue/take_permits.sql"));
        }
        if plan.capped.is_some() {
            self.add(include_str!("../sql/enqueue/add_backlog_entries.sql"));
        }
        if plan.keys.is_some() {
            self.add(include_str!("../sql/enqueue/write_idempotency_keys.sql"));
        }
        if plan.dedup_keys.is_some() {
            self.add(include_str!("../sql/enqueue/write_dedup_keys.sql"));
        }
        if plan.merges.is_some() {
            self.add(include_str!("../sql/enqueue/merge.sql"));
        }
    }

    /// Appends the statements that write a settle plan. Permits are released before leases go,
    /// because some of these statements read the leases.
    pub(in crate::store::sqlite) fn add_settle(&mut self, plan: &SettlePlan) {
        if plan.logs.is_some() {
            self.add(include_str!("../sql/settle/final_logs.sql"));
        }
        if plan.released_counts.is_some() {
            self.add(include_str!("../sql/settle/return_permits.sql"));
        }
        if plan.retained_or_paused.is_some() {
            self.add(include_str!("../sql/settle/retain_or_pause.sql"));
        }
        if plan.ended > 0 {
            self.add(include_str!("../sql/settle/end_executions.sql"));
        }
        if plan.requeued > 0 {
            self.add(include_str!("../sql/settle/requeue.sql"));
        }
    }

    /// Appends the statements that choose and lease executions for a claim.
    pub(in crate::store::sqlite) fn add_claim(&mut self, claim: Option<&Claim>) {
        if let Some(claim) = claim {
            self.choose(claim);
            self.add(include_str!("../sql/claim/lease.sql"));
        }
    }

    /// Appends the statements that choose executions for a claim.
    pub(in crate::store::sqlite) fn choose(&mut self, Claim { caps, .. }: &Claim) {
        self.add(include_str!("../sql/claim/choose.sql"));
        if caps.has_slot_caps() {
            self.add(include_str!("../sql/claim/apply_slot_caps.sql"));
        }
        if !caps.is_empty() {
            self.add(include_str!("../sql/claim/apply_limited_cap.sql"));
        }
    }

    /// Runs the script with the parameters of a claim alone.
    pub(in crate::store::sqlite) async fn run_claim(
        self,
        conn: &mut SqliteConnection,
        claim: &Claim,
    ) -> Result<Vec<SqliteRow>, DbError> {
        let (enqueue, settle) = (EnqueuePlan::default(), SettlePlan::default());
        self.run(conn, &enqueue, &settle, Some(claim)).await
    }

    /// Runs the script with the parameters of its plans. Their order is that of the `bind` calls:
    /// `$1` is the first. Returns the rows of all statements, see [`rows_named`].
    pub(in crate::store::sqlite) async fn run(
        self,
        conn: &mut SqliteConnection,
        enqueue: &EnqueuePlan,
        settle: &SettlePlan,
        claim: Option<&Claim>,
    ) -> Result<Vec<SqliteRow>, DbError> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(AssertSqlSafe(self.0))
            .bind(enqueue.executions.as_deref())
            .bind(i64::try_from(enqueue.rows).unwrap_or(i64::MAX))
            .bind(enqueue.keys.as_deref())
            .bind(settle.finals.as_deref())
            .bind(settle.final_leases.as_deref())
            .bind(settle.requeues.as_deref())
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
            .bind(enqueue.dedup_keys.as_deref())
            .bind(enqueue.merges.as_deref())
            .bind(settle.retained_or_paused.as_deref())
            .bind(enqueue.permit_counts.as_deref())
            .bind(settle.released_counts.as_deref())
            .bind(enqueue.capped.as_deref())
            .bind(enqueue.blocked.as_deref())
            .bind(enqueue.expirations.as_deref())
            .fetch_all(conn)
            .await?;
        Ok(rows)
    }
}

/// The rows of one statement among those of a script. Each statement that returns rows has its name
/// in the first column.
pub(in crate::store::sqlite) fn rows_named<'r>(
    rows: &'r [SqliteRow],
    name: &'r str,
) -> impl Iterator<Item = &'r SqliteRow> {
    rows.iter()
        .filter(move |row| row.try_get::<&str, _>(0).is_ok_and(|first| first == name))
}
