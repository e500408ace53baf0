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
pub(super) fn in_schema(text: &str, schema: &str) -> String {
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
        pub(super) struct Statements {
            $(pub(super) $name: SqlStr,)*
        }

        impl Statements {
            pub(super) fn in_schema(schema: &str) -> Self {
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
macro_rules! feed {
    // All executions.
    (all) => {
        feed!(
            page "SELECT seq FROM jobs.executions WHERE seq < $1 ORDER BY seq DESC", "",
            concat!("AND ", include_str!("sql/feed_standing.sql"))
        )
    };
    // Those with a value in a column that has an index. The order is that of the index, and the value part
    // of it: beside an equality the primary key has the order of the page too, and where nearly all rows
    // have the same value the planner walks that, past all of them in search of another.
    (by $column:literal = $value:literal) => {
        feed!(
            page concat!(
                "SELECT seq, ", $column, " FROM jobs.executions\n",
                "WHERE (", $column, ", seq) < (", $value, ", $1) AND ", $column, " >= ", $value,
                " ORDER BY ", $column, " DESC, seq DESC"
            ),
            concat!("c.", $column, " DESC, "),
            concat!("AND ", include_str!("sql/feed_standing.sql"))
        )
    };
    // Candidates that stand where the status asked for says.
    (standing $candidates:expr) => {
        feed!(page $candidates, "", "")
    };
    // The same, in an order that begins with their status.
    (standing by status $candidates:expr) => {
        feed!(page $candidates, "c.status DESC, ", "")
    };
    (page $candidates:expr, $order:expr, $standing:expr) => {
        concat!(
            "WITH candidates (seq) AS NOT MATERIALIZED (",
            $candidates,
            " LIMIT $2),\n",
            "passed (seq) AS MATERIALIZED (\n",
            "SELECT c.seq\nFROM candidates AS c\n",
            "JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[c.seq])\nWHERE\n",
            include_str!("sql/feed_filters.sql"),
            $standing,
            "ORDER BY ",
            $order,
            "c.seq DESC LIMIT $12)\n",
            "SELECT f.last_examined, f.examined, p.*\n",
            "FROM (SELECT MIN(seq) AS last_examined, COUNT(*) AS examined FROM candidates) AS f\n",
            "LEFT JOIN (\n",
            include_str!("sql/record.sql"),
            "WHERE x.seq = ANY (ARRAY(SELECT seq FROM passed))\n) AS p ON TRUE",
        )
    };
}

/// A claim: what it takes, then what becomes of that.
macro_rules! claim {
    ($taken:literal) => {
        concat!(include_str!($taken), include_str!("sql/claim_lease.sql"))
    };
    // In the order of all, and in that of those with limits.
    (walk $free:literal) => {
        concat!(
            include_str!($free),
            include_str!("sql/claim_taken.sql"),
            include_str!("sql/claim_lease.sql")
        )
    };
}

statements! {
    ahead: include_str!("sql/ahead.sql"),
    cancel_held: include_str!("sql/cancel_held.sql"),
    cancel_lease: include_str!("sql/cancel_lease.sql"),
    cancel_ready: include_str!("sql/cancel_ready.sql"),
    cancel_requests: include_str!("sql/cancel_requests.sql"),
    cancel_scheduled: include_str!("sql/cancel_scheduled.sql"),
    catalogue: include_str!("sql/catalogue.sql"),
    census: include_str!("sql/census.sql"),
    change: include_str!("sql/change.sql"),
    change_enter: include_str!("sql/change_enter.sql"),
    change_leave: include_str!("sql/change_leave.sql"),
    claim_chosen: claim!("sql/claim_chosen.sql"),
    claim_groups: claim!("sql/claim_groups.sql"),
    claim_ahead: claim!(walk "sql/claim_ahead.sql"),
    claim_head: claim!(walk "sql/claim_head.sql"),
    claim_heads: include_str!("sql/claim_heads.sql"),
    claim_held: include_str!("sql/claim_held.sql"),
    claim_only: claim!("sql/claim_only.sql"),
    claim_first: include_str!("sql/claim_first.sql"),
    delete: include_str!("sql/delete.sql"),
    door_arrivals: include_str!("sql/door_arrivals.sql"),
    door_events: include_str!("sql/door_events.sql"),
    door_limits: include_str!("sql/door_limits.sql"),
    door_lock: include_str!("sql/door_lock.sql"),
    door_ready: include_str!("sql/door_ready.sql"),
    door_standing: include_str!("sql/door_standing.sql"),
    door_write: include_str!("sql/door_write.sql"),
    enqueue: concat!(
        include_str!("sql/enqueue.sql"),
        include_str!("sql/enqueue_ready.sql")
    ),
    enqueue_bare: concat!(
        include_str!("sql/enqueue.sql"),
        include_str!("sql/enqueue_numbers.sql")
    ),
    enqueue_ids: include_str!("sql/enqueue_ids.sql"),
    enqueue_keys: include_str!("sql/enqueue_keys.sql"),
    enqueue_keys_lock: include_str!("sql/enqueue_keys_lock.sql"),
    enqueue_limits: include_str!("sql/enqueue_limits.sql"),
    enqueue_office: include_str!("sql/enqueue_office.sql"),
    enqueue_limited: include_str!("sql/enqueue_limited.sql"),
    enqueue_merge: include_str!("sql/enqueue_merge.sql"),
    enqueue_named: include_str!("sql/enqueue_named.sql"),
    enqueue_names: include_str!("sql/enqueue_names.sql"),
    enqueue_names_lock: include_str!("sql/enqueue_names_lock.sql"),
    enqueue_turn: include_str!("sql/enqueue_turn.sql"),
    enqueue_waiting: include_str!("sql/enqueue_waiting.sql"),
    execution: concat!(
        "SELECT p.*, (\n",
        include_str!("sql/attempts.sql"),
        ") AS attempts FROM (\n",
        include_str!("sql/record.sql"),
        "WHERE x.id = $1) AS p"
    ),
    feed_all: feed!(all),
    feed_correlation: feed!(by "correlation_id" = "$6"),
    feed_creator: feed!(by "created_by" = "$7"),
    feed_item: feed!(by "item_id" = "$5"),
    feed_job: feed!(by "job_id" = "$3"),
    feed_few_ready: include_str!("sql/feed_few_ready.sql"),
    feed_pending: feed!(
        standing "SELECT seq FROM jobs.scheduled WHERE seq < $1 ORDER BY seq DESC"
    ),
    feed_queued: feed!(
        standing "SELECT seq FROM (\
            SELECT seq FROM jobs.ready UNION ALL SELECT seq FROM jobs.held\
        ) AS queued WHERE seq < $1 ORDER BY seq DESC"
    ),
    feed_running: feed!(
        standing "SELECT seq FROM jobs.leases WHERE seq < $1 ORDER BY seq DESC"
    ),
    feed_unsuccessful: feed!(standing by status include_str!("sql/feed_unsuccessful.sql")),
    fence_lock: include_str!("sql/fence_lock.sql"),
    fence_lock_free: include_str!("sql/fence_lock_free.sql"),
    fence_there: include_str!("sql/fence_there.sql"),
    fence_recorded: include_str!("sql/fence_recorded.sql"),
    identity: include_str!("sql/identity.sql"),
    installed: include_str!("sql/installed.sql"),
    ledger_create: include_str!("sql/ledger_create.sql"),
    ledger_exists: include_str!("sql/ledger_exists.sql"),
    ledger_read: include_str!("sql/ledger_read.sql"),
    ledger_write: include_str!("sql/ledger_write.sql"),
    limits_known: include_str!("sql/limits_known.sql"),
    limits_published: include_str!("sql/limits_published.sql"),
    limits_write: include_str!("sql/limits_write.sql"),
    logs_append: include_str!("sql/logs_append.sql"),
    logs_read: include_str!("sql/logs_read.sql"),
    notify: include_str!("sql/notify.sql"),
    obstacle: include_str!("sql/obstacle.sql"),
    obstacle_holders: include_str!("sql/obstacle_holders.sql"),
    pause: include_str!("sql/pause.sql"),
    ping: include_str!("sql/ping.sql"),
    processes: include_str!("sql/processes.sql"),
    promote: include_str!("sql/promote.sql"),
    promote_due: include_str!("sql/promote_due.sql"),
    publish: include_str!("sql/publish.sql"),
    queues: include_str!("sql/queues.sql"),
    report: include_str!("sql/report.sql"),
    reserve: include_str!("sql/reserve.sql"),
    rest: include_str!("sql/rest.sql"),
    resume: include_str!("sql/resume.sql"),
    retry: include_str!("sql/retry.sql"),
    export: include_str!("sql/export.sql"),
    export_attempts: include_str!("sql/export_attempts.sql"),
    export_keys: include_str!("sql/export_keys.sql"),
    export_limits: include_str!("sql/export_limits.sql"),
    export_logs: include_str!("sql/export_logs.sql"),
    export_names: include_str!("sql/export_names.sql"),
    export_publications: include_str!("sql/export_publications.sql"),
    import: include_str!("sql/import.sql"),
    import_limited: include_str!("sql/import_limited.sql"),
    import_places: include_str!("sql/import_places.sql"),
    import_session: include_str!("sql/import_session.sql"),
    ids_of: include_str!("sql/ids_of.sql"),
    seq_of: include_str!("sql/seq_of.sql"),
    server: include_str!("sql/server.sql"),
    server_time: include_str!("sql/server_time.sql"),
    session_claimed: include_str!("sql/session_claimed.sql"),
    session_close: include_str!("sql/session_close.sql"),
    session_list: include_str!("sql/session_list.sql"),
    session_lock: include_str!("sql/session_lock.sql"),
    session_open: include_str!("sql/session_open.sql"),
    session_renew: include_str!("sql/session_renew.sql"),
    settle_again: concat!(
        include_str!("sql/settle_again.sql"),
        include_str!("sql/settle_permits.sql")
    ),
    settle_final: concat!(
        include_str!("sql/settle_ended.sql"),
        include_str!("sql/settle_final.sql"),
        "RETURNING seq, FALSE"
    ),
    settle_limited: concat!(
        include_str!("sql/settle_ended.sql"),
        ",\nfinal AS (\n",
        include_str!("sql/settle_final.sql"),
        "),\n",
        include_str!("sql/settle_permits.sql")
    ),
    standing: include_str!("sql/standing.sql"),
    standings: include_str!("sql/standings.sql"),
    stuck_of: include_str!("sql/stuck_of.sql"),
    promote_first: include_str!("sql/promote_first.sql"),
    sweep: include_str!("sql/sweep.sql"),
    waiting_since: include_str!("sql/waiting_since.sql"),
    held_of: include_str!("sql/held_of.sql"),
    take_over: include_str!("sql/take_over.sql"),
    take_over_beat: include_str!("sql/take_over_beat.sql"),
    take_over_close: include_str!("sql/take_over_close.sql"),
    take_over_last_beat: include_str!("sql/take_over_last_beat.sql"),
    unstick: include_str!("sql/unstick.sql"),
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
