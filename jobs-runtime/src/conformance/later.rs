//! What the contract will ask for once it can be said through the trait.

use super::point::{Point, Run};

const fn later(
    area: &'static str,
    name: &'static str,
    promise: &'static str,
    what: &'static str,
) -> Point {
    Point {
        area,
        name,
        promise,
        run: Run::Later(what),
    }
}

const LIMITS: &str = "limits";
const SCHEDULES: &str = "schedules";
const RETENTION: &str = "retention";
const EXTERNAL: &str = "external workers";
const BROKER: &str = "broker";

pub(super) const POINTS: &[Point] = &[
    later(
        "limits",
        "as_many_run_as_are_allowed",
        "Of a job with `max_concurrent`, never more attempts are leased in the whole fleet, and never fewer than could be.",
        LIMITS,
    ),
    later(
        "limits",
        "each_key_has_its_own_permits",
        "A limit per payload field counts each value apart, and a key with a backlog holds up no other.",
        LIMITS,
    ),
    later(
        "limits",
        "a_permit_comes_back_with_its_attempt",
        "A settlement, a release and a rescue each free the permit, once.",
        LIMITS,
    ),
    later(
        "limits",
        "no_more_start_than_the_rate_allows",
        "Starts per period stay within `rate_limit` in the whole fleet.",
        LIMITS,
    ),
    later(
        "limits",
        "one_lives_per_unique_key",
        "Of enqueues with the same `unique` key at once, one creates; `skip`, `replace` and `reject` answer as they say.",
        LIMITS,
    ),
    later(
        "limits",
        "a_debounce_starts_again",
        "While more arrive the delay starts again, up to `at_most`, and the newest payload runs.",
        LIMITS,
    ),
    later(
        "limits",
        "a_full_queue_refuses",
        "Beyond `max_waiting` an enqueue is refused, the whole batch or nothing of it.",
        LIMITS,
    ),
    later(
        "limits",
        "a_paused_queue_gives_nothing",
        "Of a paused queue nothing is leased, and what is resumed is in its old order.",
        LIMITS,
    ),
    later(
        "schedules",
        "a_fire_time_enqueues_once",
        "However many schedulers run, each fire time of a schedule creates one execution.",
        SCHEDULES,
    ),
    later(
        "schedules",
        "what_was_missed_is_caught_up_as_told",
        "After a pause, `catch_up` decides what of the missed fire times is enqueued.",
        SCHEDULES,
    ),
    later(
        "schedules",
        "an_overlap_is_handled_as_told",
        "While the last one lives, `overlap` decides what becomes of the next.",
        SCHEDULES,
    ),
    later(
        "retention",
        "what_has_expired_is_pruned",
        "Final executions go when their time is over, with attempts, logs and keys, in bounded steps; no others.",
        RETENTION,
    ),
    later(
        "retention",
        "waiting_ones_expire",
        "What has not started by its time is cancelled instead of claimed.",
        RETENTION,
    ),
    later(
        "external",
        "a_token_is_a_lease",
        "A lease given to an external worker ends by its own deadline, and its token is then stale for every write.",
        EXTERNAL,
    ),
    later(
        "external",
        "a_heartbeat_answers_cancels",
        "A heartbeat prolongs its lease alone and says whether a cancellation was requested.",
        EXTERNAL,
    ),
    later(
        "broker",
        "only_a_confirm_makes_queued",
        "With a broker, an execution is queued when its message is confirmed, and not before.",
        BROKER,
    ),
    later(
        "broker",
        "a_message_claims_once",
        "A message that comes twice, or late, leases its execution at most once.",
        BROKER,
    ),
];
