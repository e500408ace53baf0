//! The statements, with the name of the schema in them.
//!
//! A file in `postgres/sql` reads as it runs in the schema `jobs`; wherever a word `jobs` stands
//! before a dot, it is replaced by the schema of this store, once, when the store is opened.
//! Nothing depends on a `search_path`.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The word in the files that stands for the schema.
const PLACEHOLDER: &str = "jobs.";

/// Text of ours with the schema's name in it. `schema` needs no escaping: see
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

/// Declares the table of statements: a field for each file.
macro_rules! statements {
    ($($name:ident: $text:expr,)*) => {
        /// Every statement, ready to run. Cheap to hand out: each is kept once.
        #[derive(Debug)]
        pub(in crate::store::postgres) struct Statements {
            $(pub(in crate::store::postgres) $name: SqlStr,)*
        }

        impl Statements {
            pub(in crate::store::postgres) fn in_schema(schema: &str) -> Self {
                let statement = |text: &str| {
                    let text: Arc<str> = in_schema(text, schema).into();
                    // Made of our own files and a checked name.
                    AssertSqlSafe(text).into_sql_str()
                };
                Self { $($name: statement($text),)* }
            }
        }
    };
}

/// A page: which candidates pass, newest first and no more of them than fit, then the records of
/// those. The candidates are named twice rather than kept: looking ends with the page.
macro_rules! list {
    // All executions.
    (all) => {
        list!(
            page "SELECT seq FROM jobs.executions WHERE seq < $1 ORDER BY seq DESC", "",
            concat!("AND ", include_str!("../sql/read/list_status.sql"))
        )
    };
    // Those with a value in a column that has an index. The order is that of the index, and the value part
    // of it: beside an equality the primary key has the order of the page too, and where nearly all rows
    // have the same value the planner walks that, past all of them in search of another.
    (by $column:literal = $value:literal) => {
        list!(
            page concat!(
                "SELECT seq, ", $column, " FROM jobs.executions\n",
                "WHERE (", $column, ", seq) < (", $value, ", $1) AND ", $column, " >= ", $value,
                " ORDER BY ", $column, " DESC, seq DESC"
            ),
            concat!("c.", $column, " DESC, "),
            concat!("AND ", include_str!("../sql/read/list_status.sql"))
        )
    };
    // Candidates that stand where the status asked for says.
    (standing $candidates:expr) => {
        list!(page $candidates, "", "")
    };
    // The same, in an order that begins with their status.
    (standing by status $candidates:expr) => {
        list!(page $candidates, "c.status DESC, ", "")
    };
    (page $candidates:expr, $order:expr, $standing:expr) => {
        concat!(
            "WITH candidates (seq) AS NOT MATERIALIZED (",
            $candidates,
            " LIMIT $2),\n",
            "passed (seq) AS MATERIALIZED (\n",
            "SELECT c.seq\nFROM candidates AS c\n",
            "JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[c.seq])\nWHERE\n",
            include_str!("../sql/read/list_filters.sql"),
            $standing,
            "ORDER BY ",
            $order,
            "c.seq DESC LIMIT $12)\n",
            "SELECT f.last_examined, f.examined, p.*\n",
            "FROM (SELECT MIN(seq) AS last_examined, COUNT(*) AS examined FROM candidates) AS f\n",
            "LEFT JOIN (\n",
            include_str!("../sql/read/execution.sql"),
            "WHERE x.seq = ANY (ARRAY(SELECT seq FROM passed))\n) AS p ON TRUE",
        )
    };
}

/// A claim: what it takes, then what becomes of that.
macro_rules! claim {
    ($taken:literal) => {
        concat!(include_str!($taken), include_str!("../sql/claim/lease.sql"))
    };
    // In the order of all, and in that of those with limits.
    (walk $free:literal) => {
        concat!(
            include_str!($free),
            include_str!("../sql/claim/taken.sql"),
            include_str!("../sql/claim/lease.sql")
        )
    };
}

statements! {
    ahead: include_str!("../sql/read/ahead.sql"),
    cancel_blocked: include_str!("../sql/operator/cancel_blocked.sql"),
    cancel_lease: include_str!("../sql/operator/cancel_lease.sql"),
    cancel_ready: include_str!("../sql/operator/cancel_ready.sql"),
    cancel_requests: include_str!("../sql/session/cancel_requests.sql"),
    cancel_scheduled: include_str!("../sql/operator/cancel_scheduled.sql"),
    catalogue: include_str!("../sql/read/catalogue.sql"),
    row_counts: include_str!("../sql/transfer/row_counts.sql"),
    edit: include_str!("../sql/operator/edit.sql"),
    edit_enter: include_str!("../sql/operator/edit_enter.sql"),
    edit_leave: include_str!("../sql/operator/edit_leave.sql"),
    claim_chosen: claim!("../sql/claim/chosen.sql"),
    claim_groups: claim!("../sql/claim/groups.sql"),
    claim_ahead: claim!(walk "../sql/claim/ahead.sql"),
    claim_head: claim!(walk "../sql/claim/head.sql"),
    claim_heads: include_str!("../sql/claim/heads.sql"),
    claim_leased: include_str!("../sql/claim/leased.sql"),
    claim_only: claim!("../sql/claim/only.sql"),
    claim_first: include_str!("../sql/claim/first.sql"),
    delete: include_str!("../sql/operator/delete.sql"),
    limits_new_waiters: include_str!("../sql/limits/new_waiters.sql"),
    limits_permit_events: include_str!("../sql/limits/permit_events.sql"),
    limits_states: include_str!("../sql/limits/limit_states.sql"),
    allocator_lock: include_str!("../sql/limits/allocator_lock.sql"),
    limits_admitted: include_str!("../sql/limits/admitted.sql"),
    limits_waiters: include_str!("../sql/limits/waiters.sql"),
    limits_write_plan: include_str!("../sql/limits/write_plan.sql"),
    enqueue: concat!(
        include_str!("../sql/enqueue/enqueue.sql"),
        include_str!("../sql/enqueue/ready.sql")
    ),
    enqueue_bare: concat!(
        include_str!("../sql/enqueue/enqueue.sql"),
        include_str!("../sql/enqueue/numbers.sql")
    ),
    enqueue_ids: include_str!("../sql/enqueue/ids.sql"),
    enqueue_keys: include_str!("../sql/enqueue/keys.sql"),
    enqueue_keys_lock: include_str!("../sql/enqueue/keys_lock.sql"),
    enqueue_limits: include_str!("../sql/enqueue/limits.sql"),
    enqueue_allocator_idle: include_str!("../sql/enqueue/allocator_idle.sql"),
    enqueue_limited: include_str!("../sql/enqueue/limited.sql"),
    enqueue_merge: include_str!("../sql/enqueue/merge.sql"),
    enqueue_named: include_str!("../sql/enqueue/named.sql"),
    enqueue_names: include_str!("../sql/enqueue/names.sql"),
    enqueue_names_lock: include_str!("../sql/enqueue/names_lock.sql"),
    enqueue_backlog_lock: include_str!("../sql/enqueue/backlog_lock.sql"),
    enqueue_backlog: include_str!("../sql/enqueue/backlog.sql"),
    execution: concat!(
        "SELECT p.*, (\n",
        include_str!("../sql/read/attempts.sql"),
        ") AS attempts FROM (\n",
        include_str!("../sql/read/execution.sql"),
        "WHERE x.id = $1) AS p"
    ),
    list_all: list!(all),
    list_correlation: list!(by "correlation_id" = "$6"),
    list_creator: list!(by "created_by" = "$7"),
    list_item: list!(by "item_id" = "$5"),
    list_job: list!(by "job_id" = "$3"),
    list_few_ready: include_str!("../sql/read/list_few_ready.sql"),
    list_pending: list!(
        standing "SELECT seq FROM jobs.scheduled WHERE seq < $1 ORDER BY seq DESC"
    ),
    list_queued: list!(
        standing "SELECT seq FROM (\
            SELECT seq FROM jobs.ready UNION ALL SELECT seq FROM jobs.blocked\
        ) AS queued WHERE seq < $1 ORDER BY seq DESC"
    ),
    list_running: list!(
        standing "SELECT seq FROM jobs.leases WHERE seq < $1 ORDER BY seq DESC"
    ),
    list_unsuccessful: list!(standing by status include_str!("../sql/read/list_unsuccessful.sql")),
    fence_lock: include_str!("../sql/settle/fence_lock.sql"),
    fence_lock_free: include_str!("../sql/settle/fence_lock_free.sql"),
    fence_there: include_str!("../sql/settle/fence_there.sql"),
    fence_recorded: include_str!("../sql/settle/fence_recorded.sql"),
    identity: include_str!("../sql/caller_tx/identity.sql"),
    installed: include_str!("../sql/caller_tx/installed.sql"),
    ledger_create: include_str!("../sql/migrate/ledger_create.sql"),
    ledger_exists: include_str!("../sql/migrate/ledger_exists.sql"),
    ledger_read: include_str!("../sql/migrate/ledger_read.sql"),
    ledger_write: include_str!("../sql/migrate/ledger_write.sql"),
    limits_lookup: include_str!("../sql/limits/lookup.sql"),
    limits_published: include_str!("../sql/limits/published.sql"),
    limits_write: include_str!("../sql/limits/write.sql"),
    logs_append: include_str!("../sql/settle/append_logs.sql"),
    logs_read: include_str!("../sql/read/logs.sql"),
    notify: include_str!("../sql/conn/notify.sql"),
    blocked_by: include_str!("../sql/limits/blocked_by.sql"),
    blocked_by_holders: include_str!("../sql/limits/blocked_by_holders.sql"),
    pause: include_str!("../sql/operator/pause.sql"),
    ping: include_str!("../sql/conn/ping.sql"),
    processes: include_str!("../sql/session/processes.sql"),
    promote: include_str!("../sql/promote/promote.sql"),
    promote_due: include_str!("../sql/promote/due.sql"),
    publish: include_str!("../sql/read/publish.sql"),
    queues: include_str!("../sql/operator/queues.sql"),
    report: include_str!("../sql/settle/report.sql"),
    reserve: include_str!("../sql/limits/reserve.sql"),
    pause_limit: include_str!("../sql/limits/pause_limit.sql"),
    resume: include_str!("../sql/operator/resume.sql"),
    retry: include_str!("../sql/operator/retry.sql"),
    export: include_str!("../sql/transfer/export.sql"),
    export_attempts: include_str!("../sql/transfer/export_attempts.sql"),
    export_keys: include_str!("../sql/transfer/export_keys.sql"),
    export_limits: include_str!("../sql/transfer/export_limits.sql"),
    export_logs: include_str!("../sql/transfer/export_logs.sql"),
    export_names: include_str!("../sql/transfer/export_names.sql"),
    export_publications: include_str!("../sql/transfer/export_publications.sql"),
    import: include_str!("../sql/transfer/import.sql"),
    import_limited: include_str!("../sql/transfer/import_limited.sql"),
    import_places: include_str!("../sql/transfer/import_places.sql"),
    import_session: include_str!("../sql/transfer/import_session.sql"),
    ids_of: include_str!("../sql/read/ids_of.sql"),
    seq_of: include_str!("../sql/read/seq_of.sql"),
    server: include_str!("../sql/conn/server.sql"),
    server_time: include_str!("../sql/conn/server_time.sql"),
    session_claimed: include_str!("../sql/session/claimed.sql"),
    session_close: include_str!("../sql/session/close.sql"),
    session_list: include_str!("../sql/session/list.sql"),
    session_lock: include_str!("../sql/session/lock.sql"),
    session_open: include_str!("../sql/session/open.sql"),
    session_renew: include_str!("../sql/session/renew.sql"),
    settle_requeue: concat!(
        include_str!("../sql/settle/requeue.sql"),
        include_str!("../sql/settle/permits.sql")
    ),
    settle_final: concat!(
        include_str!("../sql/settle/ended.sql"),
        include_str!("../sql/settle/final.sql"),
        "RETURNING seq, FALSE"
    ),
    settle_limited: concat!(
        include_str!("../sql/settle/ended.sql"),
        ",\nfinal AS (\n",
        include_str!("../sql/settle/final.sql"),
        "),\n",
        include_str!("../sql/settle/permits.sql")
    ),
    execution_state: include_str!("../sql/read/execution_state.sql"),
    execution_states: include_str!("../sql/read/execution_states.sql"),
    retained_of: include_str!("../sql/limits/retained_of.sql"),
    promote_first: include_str!("../sql/promote/first.sql"),
    vacuum: include_str!("../sql/conn/vacuum.sql"),
    waiting_since: include_str!("../sql/read/waiting_since.sql"),
    leases_of: include_str!("../sql/read/leases_of.sql"),
    take_over: include_str!("../sql/session/take_over.sql"),
    take_over_beat: include_str!("../sql/session/take_over_beat.sql"),
    take_over_close: include_str!("../sql/session/take_over_close.sql"),
    take_over_last_beat: include_str!("../sql/session/take_over_last_beat.sql"),
    release_permits: include_str!("../sql/limits/release_permits.sql"),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_stands_before_every_name_of_ours_and_no_other() {
        let text = "SELECT jobs.ready.seq FROM jobs.ready WHERE a_jobs.x > 1";
        let expected = "SELECT \"s\".ready.seq FROM \"s\".ready WHERE a_jobs.x > 1";
        assert_eq!(in_schema(text, "s"), expected);
        let everywhere = format!("{:?}", Statements::in_schema("elsewhere"));
        assert!(!everywhere.contains(" jobs."), "a name is not replaced");
    }
}
