//! Reasons for people: a sentence each.

use super::{COUNTED, Reason, TakenSlots};
use crate::store::{BlockingLimit, CapScope, ExecutionRecord, LimitRule, PermitHolder};

/// Holders of a permit that are named at most.
const NAMED: usize = 5;

/// The reason for people.
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
                Some(at) => format!("; the worker was seen last at {at}"),
                None => "; its worker's session is gone, another will find that out".to_owned(),
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
        Reason::Delayed { until } => format!("it was wanted for later and is due at {until}"),
        Reason::Debounced {
            until,
            delay_ms,
            at_most_until,
        } => {
            let delay = duration_text(*delay_ms);
            let beyond =
                at_most_until.map_or_else(String::new, |at| format!(", but not beyond {at}"));
            format!(
                "it waits for others of its key and is due at {until}; each that comes puts it off \
                 by {delay}{beyond}"
            )
        }
        Reason::Retry {
            until,
            attempt,
            error: Some(error),
        } => format!("attempt {attempt} ended: {error}; the next one is due at {until}"),
        Reason::Retry { until, attempt, .. } => {
            format!("attempt {attempt} asked for a later time; the next one is due at {until}")
        }
        Reason::Due { since } => {
            format!("it is due since {since}; a worker is about to move it into its queue")
        }
        Reason::QueuePaused { queue, since } => format!(
            "queue `{queue}` is paused since {since}; `queues resume {queue}` lets it be claimed from"
        ),
        Reason::Limited { limit } => limited(limit),
        Reason::AtTheDoor => {
            format!("job `{job}` has limits; a worker is about to look whether they let it in")
        }
        Reason::NoWorker => {
            "no worker has a session: nothing is executed; `run` or `work` start one".to_owned()
        }
        Reason::External => {
            format!("programs outside execute job `{job}`, and none of them has taken it yet")
        }
        Reason::JobDisabled => format!("job `{job}` is disabled (`enabled = false`)"),
        Reason::UnknownJob => format!(
            "no program has ever published a job `{job}`: the crate of the job is not linked into \
             any worker, or its id has changed without an alias"
        ),
        Reason::NoWorkerForJob { workers } => format!(
            "no worker that has a session links job `{job}`: {}",
            workers.join(", ")
        ),
        Reason::NoWorkerForQueue { queue, workers } => format!(
            "no worker that links job `{job}` takes from queue `{queue}`: {}",
            workers.join(", ")
        ),
        Reason::ShareTaken { shares } => {
            let told: Vec<_> = shares.iter().map(share_text).collect();
            format!(
                "the workers that could take it have no share left: {}",
                told.join("; ")
            )
        }
        Reason::Behind { ahead, queue } if *ahead >= COUNTED => {
            format!("{COUNTED} or more others of queue `{queue}` come first")
        }
        Reason::Behind { ahead: 1, queue } => format!("1 other of queue `{queue}` comes first"),
        Reason::Behind { ahead, queue } => {
            format!("{ahead} others of queue `{queue}` come first")
        }
        Reason::Next { workers } => format!(
            "it is the next of its queue, for when one of these has a free slot: {}",
            workers.join(", ")
        ),
    }
}

/// What of whose slots is taken.
fn share_text(TakenSlots { worker, share }: &TakenSlots) -> String {
    let of = match &share.of {
        CapScope::Queue(queue) => format!("queue `{queue}`"),
        CapScope::JobIds(_) => "its job".to_owned(),
    };
    let runs = match share.most {
        1 => "and 1 runs".to_owned(),
        most => format!("and {most} run"),
    };
    format!("{worker} gives {of} {} at a time, {runs}", share.most)
}

/// Which limit, what it allows, who comes before, and until when or because of whom.
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
        COUNTED.. => text.push_str(&format!(", and {COUNTED} or more others wait before it")),
        ahead => text.push_str(&format!(", and {ahead} others wait before it")),
    }
    if let Some(at) = free_at {
        text.push_str(&format!("; there is room at {at}"));
    }
    if !holders.is_empty() {
        let named: Vec<_> = holders.iter().take(NAMED).map(holder).collect();
        text.push_str(&format!("; its permits are held by {}", named.join(", ")));
        if holders.len() > NAMED {
            text.push_str(&format!(" and {} more", holders.len() - NAMED));
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
            "{execution_id} (attempt {attempt}{on}, which has ended although its handler still runs)"
        ),
    }
}

/// A duration as it is written in the attribute: `1h30m`.
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
    match text.is_empty() {
        true => "0s".to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Rate;
    use crate::time::Timestamp;

    #[test]
    fn durations_read_as_they_are_written() {
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
    fn a_limit_says_what_it_allows_and_who_has_its_permits() {
        let id: jobs::ExecutionId = "0198c0de-0000-7000-8000-000000000001"
            .parse()
            .expect("an id");
        let holder = |attempt, stuck| PermitHolder {
            execution_id: id,
            attempt,
            worker: (attempt > 0).then(|| "host:7".to_owned()),
            stuck,
        };
        let told = |rule, ahead, free_at, holders| {
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
            told(LimitRule::Concurrent { count: 3 }, 2, None, holders),
            format!(
                "limit `docs/concurrent/\"ws\"` allows 3 attempts at a time, and 2 others wait before \
                 it; its permits are held by {id} (attempt 2 on host:7), {id} (attempt 1 on host:7, \
                 which has ended although its handler still runs), {id} (no worker has claimed \
                 it yet)"
            )
        );
        let rate = LimitRule::Rate(Rate {
            count: 60,
            period_ms: 60_000,
        });
        let at = Timestamp::from_millis(0);
        assert_eq!(
            told(rate, 0, Some(at), Vec::new()),
            format!(
                "limit `docs/concurrent/\"ws\"` allows 60 starts in 1m, and it is the next; there is \
                 room at {at}"
            )
        );
    }
}
