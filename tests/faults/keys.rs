//! Deduplication, backlog bounds and queue pauses of a fleet whose workers are killed. The
//! assertions are computed from the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tests::http::{self, trigger_all};
use tests::postgres::Postgres;

use super::fleet::Fleet;
use super::ledger::{History, Ledger};
use super::limits::extent;

#[test]
fn deduplication_and_pauses_hold_when_workers_are_killed_on_sqlite() {
    check_deduplication_and_pauses("sqlite:jobs.db");
}

#[test]
fn deduplication_and_pauses_hold_when_workers_are_killed_on_postgres() {
    check_deduplication_and_pauses(&Postgres::shared().fresh_url());
}

/// A thread that triggers a job repeatedly, each time with a random key.
fn trigger_repeatedly(
    serving: SocketAddr,
    job: &'static str,
    requests: usize,
    keys: u32,
) -> JoinHandle<Vec<Value>> {
    std::thread::spawn(move || {
        let mut answers = Vec::new();
        for _ in 0..requests {
            let payload =
                json!({"payload": {"key": fastrand::u32(..keys), "millis": fastrand::u32(5..40)}});
            let path = format!("/api/v1/workers/jobs/{job}/trigger");
            let answer = http::post(serving, &path, &payload.to_string());
            assert!(matches!(answer.status, 200 | 202 | 409 | 429), "{answer:?}");
            let mut body = answer.body;
            body["httpStatus"] = answer.status.into();
            answers.push(body);
        }
        answers
    })
}

/// Enqueues by `unique`, `debounce` and `max_waiting` from several threads, while workers are
/// killed and a queue is paused.
fn check_deduplication_and_pauses(url: &str) {
    let (kills, times) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    let ledger = Ledger::install(url, fleet.dir());
    let serving = fleet.serving.address;
    let mut callers = Vec::new();
    for job in ["test.unique", "test.unique-reject", "test.debounced"] {
        callers.extend((0..2).map(|_| trigger_repeatedly(serving, job, 150 * times, 3)));
    }
    callers.extend((0..2).map(|_| {
        std::thread::spawn(move || {
            let mut answers = Vec::new();
            for _ in 0..150 * times {
                let body = json!({"payload": {"millis": 100}}).to_string();
                let answer = http::post(serving, "/api/v1/workers/jobs/test.capped/trigger", &body);
                assert!(matches!(answer.status, 202 | 429), "{answer:?}");
                answers.push(answer.body);
            }
            answers
        })
    }));
    for kill in 0..kills {
        let before = ledger.count_ended();
        fleet.wait("some executions to end", || {
            ledger.count_ended() > before + 5 || callers.iter().all(JoinHandle::is_finished)
        });
        if kill % 2 == 0 {
            pause_queue_for_a_while(&fleet, &ledger);
        }
        let worker = fleet.random_worker();
        // The killed worker must run an attempt.
        trigger_all(serving, "test.slot", &vec![json!({"millis": 400}); 12]);
        fleet.kill(worker);
    }
    let answers: Vec<Value> = callers
        .into_iter()
        .flat_map(|thread| thread.join().expect("a caller met no unexpected answer"))
        .collect();
    let queued = || http::get(serving, "/api/v1/workers/executions?limit=1&status=queued").body;
    let all_ended = || {
        let history = ledger.read();
        let created = history.entries.iter().filter(|it| it.event == "created");
        ledger.count_ended() == created.count() && queued()["executions"][0].is_null()
    };
    // The rest may take long after fast kills. Each wait is for one more end.
    while !all_ended() {
        let before = ledger.count_ended();
        fleet.wait("another execution to end", || {
            ledger.count_ended() > before || all_ended()
        });
    }
    let history = ledger.read();
    for job in ["test.unique", "test.unique-reject"] {
        assert_one_live_per_key(&history, job);
    }
    assert_one_waiting_per_key(&history, "test.debounced");
    assert_backlog_bounded(&history, "test.capped", 8);
    assert_pauses_held(&history, "test.capped");
    let counted = |status: u64| {
        answers
            .iter()
            .filter(|it| it["httpStatus"] == status)
            .count()
    };
    println!(
        "{kills} kills: {} new, {} answered with an existing execution, {} rejected; seed {}",
        counted(202),
        counted(200),
        counted(409),
        fleet.seed
    );
    assert!(
        counted(200) > 0 && counted(409) > 0,
        "no two enqueues had the same key at once"
    );
    fleet.shut_down();
}

/// Pauses the queue `capped` until ten executions of other queues have ended.
fn pause_queue_for_a_while(fleet: &Fleet, ledger: &Ledger) {
    let serving = fleet.serving.address;
    let post = |action: &str| {
        let path = format!("/api/v1/workers/queues/capped/{action}");
        let answer = http::post(serving, &path, "{}");
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    post("pause");
    ledger.mark("paused");
    trigger_all(serving, "test.slot", &vec![json!({"millis": 5}); 10]);
    let before = ledger.count_ended();
    fleet.wait("other executions to end", || {
        ledger.count_ended() >= before + 10
    });
    ledger.mark("resumed");
    post("resume");
}

/// Asserts that each key has at most one unfinished execution at a time.
fn assert_one_live_per_key(history: &History, job: &str) {
    let mut live: BTreeMap<u64, i64> = BTreeMap::new();
    for entry in history.of_job(job) {
        let key = history.subject(entry).key();
        match &*entry.event {
            "created" => {
                let other = live.insert(key, entry.seq);
                assert_eq!(other, None, "key {key} of {job} has two live executions");
            }
            "ended" => assert_eq!(live.remove(&key), Some(entry.seq)),
            _ => {}
        }
    }
    assert!(live.is_empty(), "unfinished executions of {job}: {live:?}");
}

/// Asserts that each key has at most one waiting execution at a time. A debounced execution may
/// leave `scheduled` and enter it again.
fn assert_one_waiting_per_key(history: &History, job: &str) {
    let mut begun = BTreeSet::new();
    let mut waiting: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
    for entry in history.of_job(job) {
        let of_key = waiting.entry(history.subject(entry).key()).or_default();
        match &*entry.event {
            "created" => {
                assert!(
                    of_key.is_empty(),
                    "two executions wait under one key: {of_key:?}, {entry:?}"
                );
                of_key.insert(entry.seq);
            }
            "due" => drop(of_key.remove(&entry.seq)),
            "scheduled" if !begun.contains(&entry.seq) => drop(of_key.insert(entry.seq)),
            "leased" => drop(begun.insert(entry.seq)),
            _ => {}
        }
    }
}

/// Asserts that no enqueue made more than `most` executions wait. Executions that return to the
/// backlog after an attempt may exceed the bound. An enqueue may miss an execution that returns at
/// the same moment.
fn assert_backlog_bounded(history: &History, job: &str, most: usize) {
    const SAME_MOMENT_MS: i64 = 250;
    let mut created = BTreeMap::new();
    let mut now = 0;
    // Waiting executions; with a time if they returned after an attempt.
    let mut waiting: BTreeMap<i64, Option<i64>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for entry in history.of_job(job) {
        match &*entry.event {
            "created" => {
                created.insert(entry.seq, entry.at);
                now = now.max(entry.at);
            }
            "entered_backlog" if seen.insert(entry.seq) => {
                waiting.insert(entry.seq, None);
                let counted_at = created[&entry.seq];
                let was_visible = |since: &&Option<i64>| {
                    since.is_none_or(|since| since + SAME_MOMENT_MS < counted_at)
                };
                let counted = waiting.values().filter(was_visible).count();
                assert!(counted <= most, "{counted} executions wait");
            }
            "entered_backlog" => drop(waiting.insert(entry.seq, Some(now))),
            "left_backlog" => drop(waiting.remove(&entry.seq)),
            _ => {}
        }
    }
    assert!(
        seen.len() > most,
        "only {} executions were accepted",
        seen.len()
    );
}

/// Asserts that no claim of a time within a pause took an execution of the job.
fn assert_pauses_held(history: &History, job: &str) {
    let mut paused_at = None;
    let mut pauses = 0;
    for entry in &history.entries {
        match &*entry.event {
            "paused" => {
                paused_at = Some(entry.at);
                pauses += 1;
            }
            "resumed" => paused_at = None,
            "leased" if history.subject(entry).job == job => {
                let broken = paused_at.is_some_and(|paused_at| entry.at > paused_at);
                assert!(!broken, "{entry:?} within the pause since {paused_at:?}");
            }
            _ => {}
        }
    }
    assert!(pauses > 0, "the queue was never paused");
}
