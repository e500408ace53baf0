//! The table of SQL statements, with the schema's name in each.
//!
//! A file in `postgres/sql` is written for the schema `jobs`. When a store is opened, each `jobs`
//! before a dot is replaced by the name of its schema; no statement depends on a `search_path`. A
//! field is named after its file: `<folder>_<file>`. A few statements are put together from several
//! files.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The schema's name in the files, with the dot behind it.
const PLACEHOLDER: &str = "jobs.";

/// Replaces the schema's name in SQL of this crate. `schema` needs no escaping: see
/// [`PostgresUrl`](crate::store::PostgresUrl).
pub(in crate::store::postgres) fn in_schema(text: &str, schema: &str) -> String {
    let mut replaced = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(place) = rest.find(PLACEHOLDER) {
        let (before, found) = rest.split_at(place);
        replaced.push_str(before);
        let inside_a_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if inside_a_word {
            replaced.push_str(PLACEHOLDER);
        } else {
            replaced.push('"');
            replaced.push_str(schema);
            replaced.push_str("\".");
        }
        rest = &found[PLACEHOLDER.len()..];
    }
    replaced.push_str(rest);
    replaced
}

/// Declares the table of statements: one field per statement.
macro_rules! statements {
    ($($name:ident: $text:expr,)*) => {
        /// Every statement for one schema. Cloning a statement copies no text.
        #[derive(Debug)]
        pub(in crate::store::postgres) struct Statements {
            $(pub(in crate::store::postgres) $name: SqlStr,)*
        }

        impl Statements {
            pub(in crate::store::postgres) fn in_schema(schema: &str) -> Self {
                let statement = |text: &str| {
                    let text: Arc<str> = in_schema(text, schema).into();
                    // Built from this crate's files and a validated name.
                    AssertSqlSafe(text).into_sql_str()
                };
                Self { $($name: statement($text),)* }
            }
        }
    };
}

/// Builds a page of executions: selects candidates, filters them newest first up to the size of the
/// page, and reads the columns of `$record` of those that pass. `candidates` is referenced twice
/// and not materialized, so that reading them stops when the page is full.
macro_rules! list {
    // All executions.
    ($record:literal all) => {
        list!(
            $record page "SELECT seq FROM jobs.executions WHERE seq < $1 ORDER BY seq DESC", "",
            concat!("AND ", include_str!("../sql/read/list_status.sql"))
        )
    };
    // Executions with a value in an indexed column. The value is part of the row comparison and of
    // the order. With a plain equality the primary key would have the order of the page, too. The
    // planner might then scan it past all rows in search of a rare value.
    ($record:literal by $column:literal = $value:literal) => {
        list!(
            $record page concat!(
                "SELECT seq, ", $column, " FROM jobs.executions\n",
                "WHERE (", $column, ", seq) < (", $value, ", $1) AND ", $column, " >= ", $value,
                " ORDER BY ", $column, " DESC, seq DESC"
            ),
            concat!("c.", $column, " DESC, "),
            concat!("AND ", include_str!("../sql/read/list_status.sql"))
        )
    };
    // Candidates from the table of the requested status.
    ($record:literal of_status $candidates:expr) => {
        list!($record page $candidates, "", "")
    };
    // The same, in the order of an index that begins with the status.
    ($record:literal of_status_by_index $candidates:expr) => {
        list!($record page $candidates, "c.status DESC, ", "")
    };
    // Executions with these ids.
    ($record:literal of_ids) => {
        list!(
            $record page "SELECT seq FROM jobs.executions \
                WHERE id = ANY ($16::uuid[]) AND seq < $1 ORDER BY seq DESC",
            "", concat!("AND ", include_str!("../sql/read/list_status.sql"))
        )
    };
    ($record:literal page $candidates:expr, $order:expr, $status:expr) => {
        concat!(
            "WITH candidates (seq) AS NOT MATERIALIZED (",
            $candidates,
            " LIMIT $2),\n",
            "passed (seq) AS MATERIALIZED (\n",
            "SELECT c.seq\nFROM candidates AS c\n",
            "JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[c.seq])\nWHERE\n",
            include_str!("../sql/read/list_filters.sql"),
            $status,
            "ORDER BY ",
            $order,
            "c.seq DESC LIMIT $12)\n",
            "SELECT f.last_examined, f.examined, (\n",
            "SELECT created_at FROM jobs.executions WHERE seq = f.last_examined\n",
            ") AS looked_back_to, p.*\n",
            "FROM (SELECT MIN(seq) AS last_examined, COUNT(*) AS examined FROM candidates) AS f\n",
            "LEFT JOIN (\n",
            include_str!($record),
            "WHERE x.seq = ANY (ARRAY(SELECT seq FROM passed))\n) AS p ON TRUE",
        )
    };
}

/// Builds a claim: deletes rows of `ready`, then leases them.
macro_rules! claim {
    ($take:literal) => {
        concat!(include_str!($take), include_str!("../sql/claim/lease.sql"))
    };
    // A scan in the order of claims, beside one of the executions with limits.
    (scan $scan:literal) => {
        concat!(
            include_str!($scan),
            include_str!("../sql/claim/take_scanned.sql"),
            include_str!("../sql/claim/lease.sql")
        )
    };
}

statements! {
    read_count_ahead: include_str!("../sql/read/count_ahead.sql"),
    operator_cancel_blocked: include_str!("../sql/operator/cancel_blocked.sql"),
    operator_cancel_lease: include_str!("../sql/operator/cancel_lease.sql"),
    operator_cancel_ready: include_str!("../sql/operator/cancel_ready.sql"),
    session_cancel_requests: include_str!("../sql/session/cancel_requests.sql"),
    operator_cancel_scheduled: include_str!("../sql/operator/cancel_scheduled.sql"),
    read_catalogue: include_str!("../sql/read/catalogue.sql"),
    read_sensitive_fields: include_str!("../sql/read/sensitive_fields.sql"),
    transfer_moved_to: include_str!("../sql/transfer/moved_to.sql"),
    transfer_extend_unordered: include_str!("../sql/transfer/extend_unordered.sql"),
    transfer_newest_in_order: include_str!("../sql/transfer/newest_in_order.sql"),
    transfer_pause_rates: include_str!("../sql/transfer/pause_rates.sql"),
    transfer_paused_rates: include_str!("../sql/transfer/paused_rates.sql"),
    transfer_row_counts: include_str!("../sql/transfer/row_counts.sql"),
    transfer_set_moved_to: include_str!("../sql/transfer/set_moved_to.sql"),
    operator_edit_execution: include_str!("../sql/operator/edit_execution.sql"),
    operator_edit_insert: include_str!("../sql/operator/edit_insert.sql"),
    operator_edit_remove: include_str!("../sql/operator/edit_remove.sql"),
    claim_capped_take: claim!("../sql/claim/capped_take.sql"),
    claim_by_group: claim!("../sql/claim/by_group.sql"),
    claim_resume: claim!(scan "../sql/claim/resume.sql"),
    claim_from_head: claim!(scan "../sql/claim/from_head.sql"),
    claim_capped_candidates: include_str!("../sql/claim/capped_candidates.sql"),
    claim_leases_of_claim: include_str!("../sql/claim/leases_of_claim.sql"),
    claim_by_id: claim!("../sql/claim/by_id.sql"),
    operator_delete: include_str!("../sql/operator/delete.sql"),
    limits_new_waiters: include_str!("../sql/limits/new_waiters.sql"),
    limits_take_permit_events: include_str!("../sql/limits/take_permit_events.sql"),
    limits_lock_limits: include_str!("../sql/limits/lock_limits.sql"),
    limits_allocator_lock: include_str!("../sql/limits/allocator_lock.sql"),
    limits_lock_waiters: include_str!("../sql/limits/lock_waiters.sql"),
    limits_write_plan: include_str!("../sql/limits/write_plan.sql"),
    enqueue_executions: concat!(
        include_str!("../sql/enqueue/insert_executions.sql"),
        include_str!("../sql/enqueue/insert_ready.sql")
    ),
    enqueue_executions_only: concat!(
        include_str!("../sql/enqueue/insert_executions.sql"),
        include_str!("../sql/enqueue/return_seqs.sql")
    ),
    enqueue_existing_ids: include_str!("../sql/enqueue/existing_ids.sql"),
    enqueue_write_idempotency_keys: include_str!("../sql/enqueue/write_idempotency_keys.sql"),
    enqueue_read_idempotency_keys: include_str!("../sql/enqueue/read_idempotency_keys.sql"),
    enqueue_lock_idempotency_keys: concat!(
        include_str!("../sql/enqueue/read_idempotency_keys.sql"),
        "FOR UPDATE OF k"
    ),
    enqueue_lock_free_limits: include_str!("../sql/enqueue/lock_free_limits.sql"),
    enqueue_try_allocator_lock: include_str!("../sql/enqueue/try_allocator_lock.sql"),
    enqueue_insert_limited: include_str!("../sql/enqueue/insert_limited.sql"),
    enqueue_insert_expirations: include_str!("../sql/enqueue/insert_expirations.sql"),
    enqueue_merge: include_str!("../sql/enqueue/merge.sql"),
    enqueue_dedup_targets: include_str!("../sql/enqueue/dedup_targets.sql"),
    enqueue_write_dedup_keys: include_str!("../sql/enqueue/write_dedup_keys.sql"),
    enqueue_read_dedup_keys: include_str!("../sql/enqueue/read_dedup_keys.sql"),
    enqueue_lock_dedup_keys: concat!(
        include_str!("../sql/enqueue/read_dedup_keys.sql"),
        "FOR UPDATE OF k"
    ),
    enqueue_lock_backlog: include_str!("../sql/enqueue/lock_backlog.sql"),
    enqueue_count_backlog: include_str!("../sql/enqueue/count_backlog.sql"),
    read_execution: concat!(
        "SELECT p.*, (\n",
        include_str!("../sql/read/attempts.sql"),
        ") AS attempts FROM (\n",
        include_str!("../sql/read/execution.sql"),
        "WHERE x.id = $1) AS p"
    ),
    read_list_all: list!("../sql/read/execution.sql" all),
    read_list_correlation: list!("../sql/read/execution.sql" by "correlation_id" = "$6"),
    read_list_creator: list!("../sql/read/execution.sql" by "created_by" = "$7"),
    read_list_item: list!("../sql/read/execution.sql" by "item_id" = "$5"),
    read_list_job: list!("../sql/read/execution.sql" by "job_id" = "$3"),
    read_list_parent: list!("../sql/read/execution.sql" by "parent_id" = "$14"),
    read_seek: include_str!("../sql/read/seek.sql"),
    read_count_queued: include_str!("../sql/read/count_queued.sql"),
    read_list_pending: list!(
        "../sql/read/execution.sql" of_status "SELECT seq FROM jobs.scheduled WHERE seq < $1 ORDER BY seq DESC"
    ),
    read_list_queued: list!(
        "../sql/read/execution.sql" of_status "SELECT seq FROM (\
            SELECT seq FROM jobs.ready UNION ALL SELECT seq FROM jobs.blocked\
        ) AS queued WHERE seq < $1 ORDER BY seq DESC"
    ),
    read_list_running: list!(
        "../sql/read/execution.sql" of_status "SELECT seq FROM jobs.leases WHERE seq < $1 ORDER BY seq DESC"
    ),
    read_list_unsuccessful: list!(
        "../sql/read/execution.sql" of_status_by_index include_str!("../sql/read/list_unsuccessful.sql")
    ),
    read_list_ids: list!("../sql/read/execution.sql" of_ids),
    read_match_all: list!("../sql/read/match.sql" all),
    read_match_correlation: list!("../sql/read/match.sql" by "correlation_id" = "$6"),
    read_match_creator: list!("../sql/read/match.sql" by "created_by" = "$7"),
    read_match_item: list!("../sql/read/match.sql" by "item_id" = "$5"),
    read_match_job: list!("../sql/read/match.sql" by "job_id" = "$3"),
    read_match_parent: list!("../sql/read/match.sql" by "parent_id" = "$14"),
    read_match_pending: list!(
        "../sql/read/match.sql" of_status "SELECT seq FROM jobs.scheduled WHERE seq < $1 ORDER BY seq DESC"
    ),
    read_match_queued: list!(
        "../sql/read/match.sql" of_status "SELECT seq FROM (\
            SELECT seq FROM jobs.ready UNION ALL SELECT seq FROM jobs.blocked\
        ) AS queued WHERE seq < $1 ORDER BY seq DESC"
    ),
    read_match_running: list!(
        "../sql/read/match.sql" of_status "SELECT seq FROM jobs.leases WHERE seq < $1 ORDER BY seq DESC"
    ),
    read_match_unsuccessful: list!(
        "../sql/read/match.sql" of_status_by_index include_str!("../sql/read/list_unsuccessful.sql")
    ),
    read_match_ids: list!("../sql/read/match.sql" of_ids),
    settle_fence_lock: include_str!("../sql/settle/fence_lock.sql"),
    settle_fence_skip_locked: include_str!("../sql/settle/fence_skip_locked.sql"),
    settle_fence_holds: include_str!("../sql/settle/fence_holds.sql"),
    settle_fence_recorded: include_str!("../sql/settle/fence_recorded.sql"),
    caller_tx_identity: include_str!("../sql/caller_tx/identity.sql"),
    caller_tx_schema_exists: include_str!("../sql/caller_tx/schema_exists.sql"),
    migrate_ledger_create: include_str!("../sql/migrate/ledger_create.sql"),
    migrate_index_state: include_str!("../sql/migrate/index_state.sql"),
    migrate_schema_state: include_str!("../sql/migrate/schema_state.sql"),
    migrate_ledger_read: include_str!("../sql/migrate/ledger_read.sql"),
    migrate_ledger_write: include_str!("../sql/migrate/ledger_write.sql"),
    limits_list: include_str!("../sql/limits/list.sql"),
    limits_lookup: include_str!("../sql/limits/lookup.sql"),
    limits_update_published_rules: include_str!("../sql/limits/update_published_rules.sql"),
    limits_write_rules: include_str!("../sql/limits/write_rules.sql"),
    settle_append_logs: include_str!("../sql/settle/append_logs.sql"),
    read_logs: include_str!("../sql/read/logs.sql"),
    conn_notify: include_str!("../sql/conn/notify.sql"),
    limits_blocked_by: include_str!("../sql/limits/blocked_by.sql"),
    limits_waiters: include_str!("../sql/limits/waiters.sql"),
    limits_permit_holders: include_str!("../sql/limits/permit_holders.sql"),
    operator_pause: include_str!("../sql/operator/pause.sql"),
    conn_ping: include_str!("../sql/conn/ping.sql"),
    session_processes: include_str!("../sql/session/processes.sql"),
    promote_expire: include_str!("../sql/promote/expire.sql"),
    promote_expired: include_str!("../sql/promote/expired.sql"),
    promote_postpone_expiry: include_str!("../sql/promote/postpone_expiry.sql"),
    promote_move_due: include_str!("../sql/promote/move_due.sql"),
    promote_due_work: include_str!("../sql/promote/due_work.sql"),
    inbox_back_off: include_str!("../sql/inbox/back_off.sql"),
    inbox_delete: include_str!("../sql/inbox/delete.sql"),
    inbox_due_keys: include_str!("../sql/inbox/due_keys.sql"),
    inbox_insert_ended: include_str!("../sql/inbox/insert_ended.sql"),
    inbox_is_waiting: include_str!("../sql/inbox/is_waiting.sql"),
    inbox_lock_due: include_str!("../sql/inbox/lock_due.sql"),
    inbox_lock_one: include_str!("../sql/inbox/lock_one.sql"),
    inbox_postpone: include_str!("../sql/inbox/postpone.sql"),
    read_publish: include_str!("../sql/read/publish.sql"),
    operator_queues: include_str!("../sql/operator/queues.sql"),
    settle_report_progress: include_str!("../sql/settle/report_progress.sql"),
    limits_reserve: include_str!("../sql/limits/reserve.sql"),
    limits_pause_limit: include_str!("../sql/limits/pause_limit.sql"),
    limits_reset_limit: include_str!("../sql/limits/reset_limit.sql"),
    operator_resume: include_str!("../sql/operator/resume.sql"),
    operator_retry: include_str!("../sql/operator/retry.sql"),
    operator_retry_rules: include_str!("../sql/operator/retry_rules.sql"),
    transfer_export_executions: concat!(
        include_str!("../sql/transfer/page_after.sql"),
        include_str!("../sql/transfer/export_executions.sql")
    ),
    transfer_export_listed: concat!(
        include_str!("../sql/transfer/page_listed.sql"),
        include_str!("../sql/transfer/export_executions.sql")
    ),
    transfer_export_attempts: include_str!("../sql/transfer/export_attempts.sql"),
    transfer_export_keys: include_str!("../sql/transfer/export_keys.sql"),
    transfer_export_limits: include_str!("../sql/transfer/export_limits.sql"),
    transfer_export_logs: include_str!("../sql/transfer/export_logs.sql"),
    transfer_export_dedup_keys: include_str!("../sql/transfer/export_dedup_keys.sql"),
    transfer_export_publications: include_str!("../sql/transfer/export_publications.sql"),
    transfer_import_executions: include_str!("../sql/transfer/import_executions.sql"),
    transfer_import_limited: include_str!("../sql/transfer/import_limited.sql"),
    transfer_import_rows: include_str!("../sql/transfer/import_rows.sql"),
    transfer_import_session: include_str!("../sql/transfer/import_session.sql"),
    read_ids_by_seq: include_str!("../sql/read/ids_by_seq.sql"),
    read_seq_by_id: include_str!("../sql/read/seq_by_id.sql"),
    conn_server_settings: include_str!("../sql/conn/server_settings.sql"),
    conn_server_time: include_str!("../sql/conn/server_time.sql"),
    session_note_claim: include_str!("../sql/session/note_claim.sql"),
    session_close: include_str!("../sql/session/close.sql"),
    session_list: include_str!("../sql/session/list.sql"),
    session_lock: include_str!("../sql/session/lock.sql"),
    session_other_readers: include_str!("../sql/session/other_readers.sql"),
    session_open: include_str!("../sql/session/open.sql"),
    session_renew: include_str!("../sql/session/renew.sql"),
    settle_requeue: concat!(
        include_str!("../sql/settle/requeue.sql"),
        include_str!("../sql/settle/release_permits.sql")
    ),
    settle_end_unlimited: concat!(
        include_str!("../sql/settle/end_attempts.sql"),
        include_str!("../sql/settle/insert_outcomes.sql"),
        "RETURNING seq, FALSE"
    ),
    settle_end_limited: concat!(
        include_str!("../sql/settle/end_attempts.sql"),
        ",\nfinal AS (\n",
        include_str!("../sql/settle/insert_outcomes.sql"),
        "),\n",
        include_str!("../sql/settle/release_permits.sql")
    ),
    read_recent_outcomes: include_str!("../sql/read/recent_outcomes.sql"),
    read_recent_outcomes_of_job: include_str!("../sql/read/recent_outcomes_of_job.sql"),
    session_publications: include_str!("../sql/session/publications.sql"),
    read_row_state: include_str!("../sql/read/row_state.sql"),
    read_execution_states: include_str!("../sql/read/execution_states.sql"),
    limits_has_retained_permits: include_str!("../sql/limits/has_retained_permits.sql"),
    promote_due_ids: include_str!("../sql/promote/due_ids.sql"),
    conn_vacuum: include_str!("../sql/conn/vacuum.sql"),
    telemetry_points: include_str!("../sql/telemetry/points.sql"),
    telemetry_put_points: include_str!("../sql/telemetry/put_points.sql"),
    telemetry_sizes: include_str!("../sql/telemetry/sizes.sql"),
    telemetry_permits: include_str!("../sql/telemetry/permits.sql"),
    telemetry_queue_heads: include_str!("../sql/telemetry/queue_heads.sql"),
    read_waiting_since: include_str!("../sql/read/waiting_since.sql"),
    read_count_leases: include_str!("../sql/read/count_leases.sql"),
    session_take_over_leases: include_str!("../sql/session/take_over_leases.sql"),
    claim_look: include_str!("../sql/claim/look.sql"),
    session_take_over_end: include_str!("../sql/session/take_over_end.sql"),
    session_take_over_check_beat: include_str!("../sql/session/take_over_check_beat.sql"),
    session_take_over_close: include_str!("../sql/session/take_over_close.sql"),
    session_take_over_check_last_beat: include_str!("../sql/session/take_over_check_last_beat.sql"),
    limits_release_permits: include_str!("../sql/limits/release_permits.sql"),
    schedules_advance: include_str!("../sql/schedules/advance.sql"),
    schedules_delete: include_str!("../sql/schedules/delete.sql"),
    schedules_delete_runs: include_str!("../sql/schedules/delete_runs.sql"),
    schedules_due: include_str!("../sql/schedules/due.sql"),
    schedules_insert: include_str!("../sql/schedules/insert.sql"),
    schedules_insert_run: include_str!("../sql/schedules/insert_run.sql"),
    schedules_is_live: include_str!("../sql/schedules/is_live.sql"),
    schedules_list: include_str!("../sql/schedules/list.sql"),
    schedules_lock: include_str!("../sql/schedules/lock.sql"),
    schedules_next_due: include_str!("../sql/schedules/next_due.sql"),
    schedules_prune_runs: include_str!("../sql/schedules/prune_runs.sql"),
    schedules_run_exists: include_str!("../sql/schedules/run_exists.sql"),
    schedules_runs: include_str!("../sql/schedules/runs.sql"),
    schedules_update: include_str!("../sql/schedules/update.sql"),
    audit_append: include_str!("../sql/audit/append.sql"),
    audit_bound: include_str!("../sql/audit/bound.sql"),
    audit_list: include_str!("../sql/audit/list.sql"),
    tokens_exists: include_str!("../sql/tokens/exists.sql"),
    tokens_insert: include_str!("../sql/tokens/insert.sql"),
    tokens_list: include_str!("../sql/tokens/list.sql"),
    tokens_read: include_str!("../sql/tokens/read.sql"),
    tokens_revoke: include_str!("../sql/tokens/revoke.sql"),
    tokens_touch: include_str!("../sql/tokens/touch.sql"),
    transfer_import_expirations: include_str!("../sql/transfer/import_expirations.sql"),
    transfer_import_erasures: include_str!("../sql/transfer/import_erasures.sql"),
    retention_take_turn: include_str!("../sql/retention/take_turn.sql"),
    retention_end_turn: include_str!("../sql/retention/end_turn.sql"),
    retention_expired: concat!(
        include_str!("../sql/retention/page_of_all.sql"),
        include_str!("../sql/retention/expired.sql")
    ),
    retention_expired_of_job: concat!(
        include_str!("../sql/retention/page_of_job.sql"),
        include_str!("../sql/retention/expired.sql")
    ),
    retention_seqs_by_id: include_str!("../sql/retention/seqs_by_id.sql"),
    retention_sweep_idempotency_keys: include_str!("../sql/retention/sweep_idempotency_keys.sql"),
    retention_sweep_series: include_str!("../sql/retention/sweep_series.sql"),
    retention_sweep_sessions: include_str!("../sql/retention/sweep_sessions.sql"),
    retention_sweep_publications: include_str!("../sql/retention/sweep_publications.sql"),
    retention_renew_publications: include_str!("../sql/retention/renew_publications.sql"),
    retention_idle_limits: include_str!("../sql/retention/idle_limits.sql"),
    retention_named_limits: include_str!("../sql/retention/named_limits.sql"),
    retention_sweep_operations: include_str!("../sql/retention/sweep_operations.sql"),
    bulk_insert: include_str!("../sql/bulk/insert.sql"),
    bulk_read: include_str!("../sql/bulk/read.sql"),
    bulk_next: include_str!("../sql/bulk/next.sql"),
    bulk_lock: include_str!("../sql/bulk/lock.sql"),
    bulk_advance: include_str!("../sql/bulk/advance.sql"),
    bulk_cancel: include_str!("../sql/bulk/cancel.sql"),
    retention_sweep_limits: include_str!("../sql/retention/sweep_limits.sql"),
    retention_sweep_audit: include_str!("../sql/retention/sweep_audit.sql"),
    retention_sweep_tokens: include_str!("../sql/retention/sweep_tokens.sql"),
    retention_erase: include_str!("../sql/retention/erase.sql"),
    retention_erasure: include_str!("../sql/retention/erasure.sql"),
    external_open: include_str!("../sql/external/open.sql"),
    external_worker: include_str!("../sql/external/worker.sql"),
    external_renew: include_str!("../sql/external/renew.sql"),
    external_beat_leases: include_str!("../sql/external/beat_leases.sql"),
    external_lease: include_str!("../sql/external/lease.sql"),
    external_leases: include_str!("../sql/external/leases.sql"),
    external_cancel_requests: include_str!("../sql/external/cancel_requests.sql"),
    dispatch_start: include_str!("../sql/dispatch/start.sql"),
    dispatch_stop: include_str!("../sql/dispatch/stop.sql"),
    dispatch_is_on: include_str!("../sql/dispatch/is_on.sql"),
    dispatch_unpublished: include_str!("../sql/dispatch/unpublished.sql"),
    dispatch_confirm_published: include_str!("../sql/dispatch/confirm_published.sql"),
    dispatch_publish_again: include_str!("../sql/dispatch/publish_again.sql"),
    dispatch_ready_counts: include_str!("../sql/dispatch/ready_counts.sql"),
    dispatch_republish: include_str!("../sql/dispatch/republish.sql"),
    dispatch_waiting_states: include_str!("../sql/dispatch/waiting_states.sql"),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_replaces_the_placeholder_and_nothing_else() {
        let text = "SELECT jobs.ready.seq FROM jobs.ready WHERE a_jobs.x > 1";
        let expected = "SELECT \"s\".ready.seq FROM \"s\".ready WHERE a_jobs.x > 1";
        assert_eq!(in_schema(text, "s"), expected);
        let everywhere = format!("{:?}", Statements::in_schema("elsewhere"));
        assert!(!everywhere.contains(" jobs."), "a name is not replaced");
    }
}
