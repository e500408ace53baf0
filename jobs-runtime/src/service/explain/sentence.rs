//! Sentences for the reasons of an explanation.

use super::{MAX_COUNTED, ReachedSlotCap, Reason};
use crate::store::{BlockingLimit, CapScope, ExecutionRecord, LimitRule, PermitHolder};

/// The largest number of permit holders that a sentence names.
const MAX_NAMED: usize = 5;

/// Returns the sentence for a reason.
pub(super) fn sentence(reason: &Reason, record: &ExecutionRecord) -> String {
    let job = &record.job_id;
    match reason {
        Reason::Final { finished_at, error } => {
            let mut text = record.status.to_string();
            if let Some(at) = finished_at {
                text.push_str(&format!(" at {at}"));
            }
            match (record.attempt, error) {
                (0, Some(error)) => text.push_str(&format!(": {error}")),
                (attempt, Some(error)) => {
                    text.push_str(&format!(" with attempt {attempt}: {error}"));
                }
                (_, None) => {}
            }
            text
        }
        Reason::Running {
            worker,
            since,
            attempt,
            renewed_at,
        } => {
            let since = since.map_or_else(String::new, |at| format!(" since {at}"));
            let seen = match renewed_at {
                Some(at) => format!("; the worker last renewed its session at {at}"),
                None => {
                    "; the worker's session is gone, and another worker will rescue the attempt"
                        .to_owned()
                }
            };
            format!("attempt {attempt} runs on {worker}{since}{seen}")
        }
        Reason::CancelRequested {
            worker,
            requested_at,
        } => format!(
            "its cancellation was requested at {requested_at}; it runs on {worker} until its \
             handler returns or its grace is over"
        ),
        Reason::Delayed { until } => format!("it was enqueued for later and is due at {until}"),
        Reason::Debounced {
            until,
            delay_ms,
            at_most_until,
        } => {
            let delay = duration_text(*delay_ms);
            let beyond =
                at_most_until.map_or_else(String::new, |at| format!(", but not beyond {at}"));
            format!(
                "it is debounced and due at {until}; each further request with its key postpones \
                 it by {delay}{beyond}"
            )
        }
        Reason::Retry {
            until,
            attempt,
            error: Some(error),
        } => format!("attempt {attempt} ended: {error}; the next one is due at {until}"),
        Reason::Retry { until, attempt, .. } => {
            format!("attempt {attempt} snoozed; the next one is due at {until}")
        }
        Reason::Due { since } => {
            format!("it is due since {since}, and a worker is about to promote it into its queue")
        }
        Reason::QueuePaused {
            queue,
            since,
            because,
        } => {
            let because = because
                .as_ref()
                .map_or_else(String::new, |because| format!(" ({because})"));
            format!(
                "queue `{queue}` is paused since {since}{because}; `queues resume {queue}` resumes \
                 it"
            )
        }
        Reason::Limited { limit } => limited(limit),
        Reason::AwaitingAdmission => {
            format!("job `{job}` has limits, and a worker is about to check them for it")
        }
        Reason::NoWorker => {
            "no worker has a session, so nothing is executed; `run` or `work` starts one".to_owned()
        }
        Reason::External => {
            format!("external programs execute job `{job}`, and none of them has leased it yet")
        }
        Reason::JobDisabled => format!("job `{job}` is disabled (`enabled = false`)"),
        Reason::UnknownJob => format!(
            "no program has published a job `{job}`: its crate is not linked into any worker, or \
             its id was changed without an alias"
        ),
        Reason::NoWorkerForJob { workers } => format!(
            "no worker with a session links job `{job}`: {}",
            workers.join(", ")
        ),
        Reason::NoWorkerForQueue { queue, workers } => format!(
            "no worker that links job `{job}` takes executions from queue `{queue}`: {}",
            workers.join(", ")
        ),
        Reason::SlotCapReached { slot_caps } => {
            let texts: Vec<_> = slot_caps.iter().map(slot_cap_text).collect();
            format!(
                "every worker that could take it has reached its slot cap: {}",
                texts.join("; ")
            )
        }
        Reason::Behind { ahead, queue } if *ahead >= MAX_COUNTED => {
            format!("{MAX_COUNTED} or more executions of queue `{queue}` come first")
        }
        Reason::Behind { ahead: 1, queue } => {
            format!("1 execution of queue `{queue}` comes first")
        }
        Reason::Behind { ahead, queue } => {
            format!("{ahead} executions of queue `{queue}` come first")
        }
        Reason::Expired { at } => format!(
            "it expired at {at}: its first attempt had not started, and a worker is about to \
             cancel it"
        ),
        Reason::Next { workers } => format!(
            "it is the next of its queue and starts when one of these workers has a free slot: {}",
            workers.join(", ")
        ),
    }
}

/// Describes a reached slot cap.
fn slot_cap_text(ReachedSlotCap { worker, slot_cap }: &ReachedSlotCap) -> String {
    let scope = match &slot_cap.of {
        CapScope::Queue(queue) => format!("queue `{queue}`"),
        CapScope::JobIds(_) => "its job".to_owned(),
    };
    let attempts = match slot_cap.most {
        1 => "1 attempt".to_owned(),
        most => format!("{most} attempts"),
    };
    format!("{worker} runs {attempts} of {scope}, its cap")
}

/// Describes a blocking limit: its rule, the executions ahead, and the holders of its permits or
/// the time of the next one.
fn limited(limit: &BlockingLimit) -> String {
    let BlockingLimit {
        key,
        rule,
        ahead,
        free_at,
        holders,
    } = limit;
    let allowed = match rule {
        LimitRule::Concurrent { count: 1 } => "1 attempt at a time".to_owned(),
        LimitRule::Concurrent { count } => format!("{count} attempts at a time"),
        LimitRule::Rate(rate) => {
            let period = duration_text(rate.period_ms);
            let starts = if rate.count == 1 { "start" } else { "starts" };
            format!("{} {starts} in {period}", rate.count)
        }
    };
    let mut text = format!("limit `{key}` allows {allowed}");
    match ahead {
        0 => text.push_str(", and it is the next"),
        1 => text.push_str(", and 1 other waits before it"),
        MAX_COUNTED.. => {
            text.push_str(&format!(
                ", and {MAX_COUNTED} or more others wait before it"
            ));
        }
        ahead => text.push_str(&format!(", and {ahead} others wait before it")),
    }
    if let Some(at) = free_at {
        text.push_str(&format!("; its next permit is free at {at}"));
    }
    if !holders.is_empty() {
        let named: Vec<_> = holders.iter().take(MAX_NAMED).map(holder).collect();
        text.push_str(&format!("; its permits are in use by {}", named.join(", ")));
        if holders.len() > MAX_NAMED {
            text.push_str(&format!(" and {} more", holders.len() - MAX_NAMED));
        }
    }
    text
}

fn holder(holder: &PermitHolder) -> String {
    let PermitHolder {
        execution_id,
        attempt,
        worker,
        stuck,
    } = holder;
    let on = worker
        .as_ref()
        .map_or_else(String::new, |worker| format!(" on {worker}"));
    match (attempt, stuck) {
        (0, _) => format!("{execution_id} (no worker has claimed it yet)"),
        (attempt, false) => format!("{execution_id} (attempt {attempt}{on})"),
        (attempt, true) => format!(
            "{execution_id} (attempt {attempt}{on}; the attempt has ended, its handler still runs)"
        ),
    }
}

/// Writes a duration in the notation of the `#[job]` attribute: `1h30m`.
fn duration_text(millis: u64) -> String {
    let units = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut rest = millis;
    let mut text = String::new();
    for (unit, length) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Rate;
    use crate::time::Timestamp;

    #[test]
    fn durations_use_the_notation_of_the_attribute() {
        for (millis, text) in [
            (0, "0s"),
            (1_000, "1s"),
            (60_000, "1m"),
            (5_400_000, "1h30m"),
            (86_400_000, "1d"),
            (1_500, "1s500ms"),
        ] {
            assert_eq!(duration_text(millis), text);
        }
    }

    #[test]
    fn a_blocking_limit_is_described_by_its_rule_and_its_holders() {
        let id: jobs::ExecutionId = "0198c0de-0000-7000-8000-000000000001"
            .parse()
            .expect("an id");
        let holder = |attempt, stuck| PermitHolder {
            execution_id: id,
            attempt,
            worker: (attempt > 0).then(|| "host:7".to_owned()),
            stuck,
        };
        let text = |rule, ahead, free_at, holders| {
            limited(&BlockingLimit {
                key: "docs/concurrent/\"ws\"".to_owned(),
                rule,
                ahead,
                free_at,
                holders,
            })
        };
        let holders = vec![holder(2, false), holder(1, true), holder(0, false)];
        assert_eq!(
            text(LimitRule::Concurrent { count: 3 }, 2, None, holders),
            format!(
                "limit `docs/concurrent/\"ws\"` allows 3 attempts at a time, and 2 others wait \
                 before it; its permits are in use by {id} (attempt 2 on host:7), {id} (attempt 1 on \
                 host:7; the attempt has ended, its handler still runs), {id} (no worker has \
                 claimed it yet)"
            )
        );
        let rate = LimitRule::Rate(Rate {
            count: 60,
            period_ms: 60_000,
        });
        let at = Timestamp::from_millis(0);
        assert_eq!(
            text(rate, 0, Some(at), Vec::new()),
            format!(
                "limit `docs/concurrent/\"ws\"` allows 60 starts in 1m, and it is the next; its \
                 next permit is free at {at}"
            )
        );
    }
}
