//! Limits of a fleet whose workers are killed. The assertions are computed from the ledger.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::http::trigger_all;
use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::fleet::Fleet;
use super::ledger::{Entry, History, Ledger};

/// The number of kills, and the factor by which the work exceeds that of the short tier.
pub(super) fn extent() -> (usize, usize) {
    if is_full_tier() { (40, 10) } else { (3, 1) }
}

#[test]
fn limits_hold_when_workers_are_killed_on_sqlite() {
    check_limits("sqlite:jobs.db");
}

#[test]
fn limits_hold_when_workers_are_killed_on_postgres() {
    check_limits(&Postgres::shared().fresh_url());
}

#[test]
fn limits_of_many_keys_hold_when_workers_are_killed_on_sqlite() {
    check_limits_of_many_keys("sqlite:jobs.db");
}

#[test]
fn limits_of_many_keys_hold_when_workers_are_killed_on_postgres() {
    check_limits_of_many_keys(&Postgres::shared().fresh_url());
}

#[test]
fn limits_within_handlers_hold_when_workers_are_killed_on_sqlite() {
    check_limits_within_handlers("sqlite:jobs.db");
}

#[test]
fn limits_within_handlers_hold_when_workers_are_killed_on_postgres() {
    check_limits_within_handlers(&Postgres::shared().fresh_url());
}

/// Runs four jobs at once, with limits on concurrency and on rates, with and without keys.
fn check_limits(url: &str) {
    let (kills, times) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    let ledger = Ledger::install(url, fleet.dir());
    let serving = fleet.serving.address;
    let payloads = |count: usize, payload: &dyn Fn(usize) -> Value| -> Vec<Value> {
        (0..count * times).map(payload).collect()
    };
    // Key 0 gets a long backlog before the other keys get any.
    trigger_all(
        serving,
        "test.keyed",
        &payloads(150, &|_| json!({"key": 0, "millis": 25})),
    );
    trigger_all(
        serving,
        "test.keyed",
        &payloads(150, &|n| json!({"key": 1 + n % 15, "millis": 25})),
    );
    trigger_all(
        serving,
        "test.slot",
        &payloads(150, &|_| json!({"millis": 25})),
    );
    trigger_all(
        serving,
        "test.paced",
        &payloads(50, &|_| json!({"millis": 5})),
    );
    trigger_all(
        serving,
        "test.paced-by-key",
        &payloads(150, &|n| json!({"key": n % 8, "millis": 5})),
    );
    let total = 650 * times;
    for kill in 1..=kills {
        fleet.wait("some executions to end", || {
            ledger.count_ended() >= total * kill / (kills + 2)
        });
        let worker = fleet.random_worker();
        fleet.kill(worker);
    }
    fleet.wait("every execution to end", || ledger.count_ended() == total);
    let history = ledger.read();
    let by_key = |entry: &Entry| history.subject(entry).key();
    // The limits are used up, and never exceeded.
    let slots = most_at_once(&history, "test.slot", |_| 0);
    assert_eq!(slots, 3, "most attempts at once; seed {}", fleet.seed);
    let keyed = most_at_once(&history, "test.keyed", by_key);
    assert_eq!(keyed, 2, "most attempts of a key; seed {}", fleet.seed);
    let paced = most_at_once(&history, "test.paced-by-key", |_| 0);
    assert!(paced <= 4, "{paced} attempts at once; seed {}", fleet.seed);
    assert_paced(&history, "test.paced", 8, |_| 0);
    assert_paced(&history, "test.paced-by-key", 5, by_key);
    let has_long_backlog = |entry: &&Entry| by_key(entry) == 0;
    let starts: Vec<_> = starts(&history, "test.keyed").collect();
    let median_place = |long: bool| {
        let places = starts.iter().enumerate();
        let places: Vec<_> = places
            .filter(|(_, it)| has_long_backlog(it) == long)
            .collect();
        places[places.len() / 2].0
    };
    assert!(
        median_place(false) < median_place(true),
        "the long backlog of key 0 delayed the other keys"
    );
    println!(
        "{kills} kills, {total} executions: limits held, seed {}",
        fleet.seed
    );
    fleet.shut_down();
}

/// Runs waves of executions of many keys. Permits of many keys are released together, mostly while
/// no execution waits for them, and the next wave takes them.
fn check_limits_of_many_keys(url: &str) {
    const KEYS: usize = 40;
    let (waves, _) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    let ledger = Ledger::install(url, fleet.dir());
    // Of each key, two executions run at once, and the third waits for a permit.
    let wave: Vec<_> = (0..3 * KEYS)
        .map(|n| json!({"key": n % KEYS, "millis": 100}))
        .collect();
    let serving = fleet.serving.address;
    let mut total = 0;
    for _ in 0..waves {
        trigger_all(serving, "test.keyed", &wave);
        total += wave.len();
        fleet.wait("half of a wave to end", || {
            ledger.count_ended() >= total - wave.len() / 2
        });
        let worker = fleet.random_worker();
        fleet.kill_under_load(worker, || {
            if ledger.count_ended() == total {
                trigger_all(serving, "test.keyed", &wave);
                total += wave.len();
            }
        });
        fleet.wait("the wave to end", || ledger.count_ended() == total);
    }
    // A busy machine may execute the short ones of a wave one by one. Two long ones overlap.
    trigger_all(
        serving,
        "test.keyed",
        &vec![json!({"key": 0, "millis": 5_000}); 2],
    );
    total += 2;
    fleet.wait("the long ones to end", || ledger.count_ended() == total);
    let history = ledger.read();
    let keyed = most_at_once(&history, "test.keyed", |entry| history.subject(entry).key());
    assert_eq!(keyed, 2, "most attempts of a key; seed {}", fleet.seed);
    println!(
        "{waves} kills, {total} executions of {KEYS} keys: limits held, seed {}",
        fleet.seed
    );
    fleet.shut_down();
}

/// Handlers await `ctx.limit`, with 15 permits a second. A slow machine may delay a handler after
/// its permit, and no handler continues before it. So at any time at most as many handlers have
/// continued as permits were due. The permit of a killed handler is lost.
fn check_limits_within_handlers(url: &str) {
    const PER_SECOND: i64 = 15;
    let (kills, times) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    let ledger = Ledger::install(url, fleet.dir());
    let total = 60 * times;
    ledger.mark("begun");
    trigger_all(
        fleet.serving.address,
        "test.limited-handler",
        &vec![json!({}); total],
    );
    for kill in 1..=kills {
        fleet.wait("some executions to end", || {
            ledger.count_ended() >= total * kill / (kills + 2)
        });
        if ledger.count_ended() == total {
            // All have ended too early: the assertion below fails.
            break;
        }
        let worker = fleet.random_worker();
        fleet.kill(worker);
    }
    fleet.wait("every execution to end", || ledger.count_ended() == total);
    let begun = ledger
        .read()
        .entries
        .into_iter()
        .find(|it| it.event == "begun");
    let begun = begun.expect("the test marked the begin").at;
    let results = ledger.results("test.limited-handler");
    let mut continued_at: Vec<_> = results.iter().filter_map(Value::as_i64).collect();
    continued_at.sort_unstable();
    assert_eq!(continued_at.len(), total, "not every handler has a result");
    for (nth, at) in (0..).zip(&continued_at) {
        let due = begun + nth * 1_000 / PER_SECOND;
        assert!(
            *at >= due,
            "{} handlers had continued {} ms after the begin; seed {}",
            nth + 1,
            at - begun,
            fleet.seed
        );
    }
    println!("{kills} kills: the limit held, seed {}", fleet.seed);
    fleet.shut_down();
}

fn starts<'s>(history: &'s History, job: &'s str) -> impl Iterator<Item = &'s Entry> {
    history.of_job(job).filter(|entry| entry.event == "leased")
}

/// The largest number of simultaneous leases of one key.
fn most_at_once(history: &History, job: &str, key: impl Fn(&Entry) -> u64) -> usize {
    let mut leased: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
    let mut most = 0;
    for entry in history.of_job(job) {
        let of_key = leased.entry(key(entry)).or_default();
        match &*entry.event {
            "leased" => assert!(of_key.insert(entry.seq), "leased twice: {entry:?}"),
            "unleased" => assert!(of_key.remove(&entry.seq), "not leased: {entry:?}"),
            _ => {}
        }
        most = most.max(of_key.len());
    }
    assert!(leased.values().all(BTreeSet::is_empty), "a lease is left");
    most
}

/// Asserts that no period of one second has more than `count` starts of a key. The recorded time of
/// a start is never before the grant of its permit, also when the claim waited for the store.
fn assert_paced(history: &History, job: &str, count: usize, key: impl Fn(&Entry) -> u64) {
    let mut by_key: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
    for entry in starts(history, job) {
        by_key.entry(key(entry)).or_default().push(entry);
    }
    for (key, mut starts) in by_key {
        starts.sort_by_key(|start| start.at);
        for (first, start) in starts.iter().enumerate() {
            let end = start.at + 1_000;
            let within = starts[first..].iter().take_while(|it| it.at < end);
            let within = within.count();
            if within > count {
                let about = |entry: &&Entry| starts.iter().any(|start| start.seq == entry.seq);
                let near = |entry: &&Entry| (entry.at - start.at).abs() < 3_000;
                for entry in history.of_job(job).filter(about).filter(near) {
                    println!("{entry:?}");
                }
                panic!(
                    "{within} starts of {job} (key {key}) in the second from {}: {:?}",
                    start.at,
                    &starts[first..first + within]
                );
            }
        }
    }
}
