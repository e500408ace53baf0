//! What every store promises, run against each kind of SQLite store, and what only files can show.
//!
//! A point of the contract is one function that takes a store; the table below runs all of them
//! against all stores.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[path = "store/harness.rs"]
mod harness;

#[path = "store/claims.rs"]
mod claims;
#[path = "store/enqueues.rs"]
mod enqueues;
#[path = "store/feeds.rs"]
mod feeds;
#[path = "store/logs.rs"]
mod logs;
#[path = "store/operators.rs"]
mod operators;
#[path = "store/sessions.rs"]
mod sessions;
#[path = "store/settlements.rs"]
mod settlements;

#[path = "store/files.rs"]
mod files;
#[path = "store/neighbours.rs"]
mod neighbours;

/// Runs each point against a file and against memory.
macro_rules! conformance {
    ($($module:ident { $($point:ident,)* })*) => {
        mod on_file {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $point() {
                    let file = crate::harness::TestFile::new();
                    crate::$module::$point(file.open().await).await;
                })*
            })*
        }
        mod in_memory {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $point() {
                    crate::$module::$point(crate::harness::in_memory().await).await;
                })*
            })*
        }
    };
}

conformance! {
    enqueues {
        an_execution_reads_back_as_written,
        a_batch_is_written_whole_or_not_at_all,
        a_repeated_enqueue_creates_nothing_new,
        payloads_and_texts_are_opaque,
        a_key_creates_one_execution,
        a_key_with_another_payload_is_a_conflict_for_its_caller_alone,
        an_expired_key_is_replaced,
        a_key_used_by_many_at_once_creates_one,
        a_key_used_twice_in_a_batch_creates_one,
        a_refused_batch_leaves_its_keys_free,
        delayed_ones_are_pending_and_announced,
        descriptors_are_published_by_fingerprint,
    }
    claims {
        the_most_urgent_come_first_then_the_oldest,
        several_queues_are_merged_by_urgency,
        limits_are_exact,
        unknown_jobs_stay_queued,
        only_the_named_queues_are_taken_from,
        a_claim_is_found_again,
        competing_claims_share_without_overlap,
        claims_need_a_session,
    }
    settlements {
        success_keeps_the_result,
        failure_keeps_the_error,
        a_repeated_settlement_is_already_mine,
        a_stale_one_fails_alone,
        a_fence_is_all_of_its_parts,
        the_same_fence_twice_in_a_batch_settles_once,
        a_retry_waits_is_promoted_and_claimed_with_the_next_number,
        only_failures_spend_the_budget,
        what_is_given_back_keeps_its_place,
        progress_is_noted_while_the_lease_holds,
        many_settle_at_once,
    }
    sessions {
        numbers_are_never_used_again,
        a_beat_changes_with_each_renewal,
        a_closed_session_is_lost,
        one_with_leases_is_not_closed,
        only_the_watched_beat_is_taken_over,
        taking_over_goes_in_slices_and_closes_at_the_end,
        after_a_take_over_every_write_is_stale,
        a_take_over_is_found_again,
        processes_tell_what_they_execute,
    }
    logs {
        lines_read_back_as_written,
        a_line_is_written_once_under_its_number,
        the_last_lines_come_with_the_end,
        an_ended_attempt_is_completed_by_its_own_session,
        after_a_take_over_lines_are_refused,
        the_lines_of_a_stale_end_are_refused_among_others,
        pages_of_a_log_follow_each_other,
    }
    operators {
        a_waiting_execution_is_cancelled_at_once,
        a_scheduled_execution_is_cancelled_at_once,
        a_running_execution_is_asked_to_cancel,
        nobody_tries_again_what_shall_be_cancelled,
        final_ones_are_not_cancelled,
        a_retry_by_hand_starts_afresh_and_keeps_the_past,
        a_retry_after_cancelling_while_waiting_goes_on_counting,
        only_failed_and_cancelled_ones_are_retried,
        a_deleted_execution_leaves_nothing,
        only_final_executions_are_deleted,
        those_ahead_are_counted_in_the_order_of_claims,
    }
    feeds {
        pages_follow_each_other,
        every_filter_applies_and_all_combine,
        statuses_are_found_wherever_they_stand,
        pages_stay_apart_under_concurrent_writes,
        a_page_examines_a_bounded_number_of_rows,
        standings_follow_the_order_of_the_ids,
    }
}
