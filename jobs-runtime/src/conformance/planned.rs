//! What the contract will ask for once it can be said through the trait.

use super::requirement::{Requirement, Run};

const fn later(
    area: &'static str,
    name: &'static str,
    promise: &'static str,
    what: &'static str,
) -> Requirement {
    Requirement {
        area,
        name,
        promise,
        run: Run::Later(what),
    }
}

const SCHEDULES: &str = "schedules";
const RETENTION: &str = "retention";
const EXTERNAL: &str = "external workers";
const BROKER: &str = "broker";

pub(super) const REQUIREMENTS: &[Requirement] = &[
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
