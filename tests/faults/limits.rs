//! Limits of a fleet whose workers are killed: recomputed from what the database noted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tests::http::trigger_all;
use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::fleet::Fleet;
use super::ledger::{Entry, Ledger, Story};

/// Kills, and by how much there is more to do than in the short tier.
pub(super) fn extent() -> (usize, usize) {
    match is_full_tier() {
        true => (40, 10),
        false => (3, 1),
    }
}

#[test]
fn permits_hold_under_kills_on_sqlite() {
    permits_hold_under_kills("sqlite:jobs.db");
}

#[test]
fn permits_hold_under_kills_on_postgres() {
    permits_hold_under_kills(&Postgres::shared().fresh_url());
}

#[test]
fn permits_of_many_keys_hold_under_kills_on_sqlite() {
    permits_of_many_keys_hold_under_kills("sqlite:jobs.db");
}

#[test]
fn permits_of_many_keys_hold_under_kills_on_postgres() {
    permits_of_many_keys_hold_under_kills(&Postgres::shared().fresh_url());
}

#[test]
fn turns_hold_under_kills_on_sqlite() {
    turns_hold_under_kills("sqlite:jobs.db");
}

#[test]
fn turns_hold_under_kills_on_postgres() {
    turns_hold_under_kills(&Postgres::shared().fresh_url());
}

/// So many at a time, and so many per period, of several jobs at once.
fn permits_hold_under_kills(url: &str) {
    let (kills, times) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    let ledger = Ledger::install(url, fleet.dir());
    let front = fleet.front.address;
    let some = |count: usize, payload: &dyn Fn(usize) -> Value| -> Vec<Value> {
        (0..count * times).map(payload).collect()
    };
    // One key has a long backlog before the others come.
    trigger_all(
        front,
        "test.keyed",
        &some(150, &|_| json!({"key": 0, "millis": 25})),
    );
    trigger_all(
        front,
        "test.keyed",
        &some(150, &|n| json!({"key": 1 + n % 15, "millis": 25})),
    );
    trigger_all(front, "test.slot", &some(150, &|_| json!({"millis": 25})));
    trigger_all(front, "test.paced", &some(50, &|_| json!({"millis": 5})));
    trigger_all(
        front,
        "test.paced-by-key",
        &some(150, &|n| json!({"key": n % 8, "millis": 5})),
    );
    let total = 650 * times;
    for kill in 1..=kills {
        fleet.wait("some ends", || ledger.ended() >= total * kill / (kills + 2));
        let worker = fleet.any();
        fleet.kill(worker);
    }
    fleet.wait("every end", || ledger.ended() == total);
    let story = ledger.read();
    let by_key = |entry: &Entry| story.of(entry).key();
    let slots = most_at_once(&story, "test.slot", |_| 0);
    assert_eq!(
        slots, 3,
        "as many as may, and never more; seed {}",
        fleet.seed
    );
    let keyed = most_at_once(&story, "test.keyed", by_key);
    assert_eq!(keyed, 2, "of each key; seed {}", fleet.seed);
    assert!(most_at_once(&story, "test.paced-by-key", |_| 0) <= 4);
    assert_paced(&story, "test.paced", 8, |_| 0);
    assert_paced(&story, "test.paced-by-key", 5, by_key);
    let long = |entry: &&Entry| by_key(entry) == 0;
    let starts: Vec<_> = starts(&story, "test.keyed").collect();
    let middle = |of_long: bool| {
        let places = starts.iter().enumerate();
        let places: Vec<_> = places.filter(|(_, it)| long(it) == of_long).collect();
        places[places.len() / 2].0
    };
    assert!(
        middle(false) < middle(true),
        "a long backlog delays no other key"
    );
    println!(
        "{kills} kills, {total} executions: limits held, seed {}",
        fleet.seed
    );
    fleet.end();
}

/// Permits of many keys come back together, mostly when nobody waits for one; what comes then finds them.
fn permits_of_many_keys_hold_under_kills(url: &str) {
    const KEYS: usize = 40;
    let (waves, _) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    let ledger = Ledger::install(url, fleet.dir());
    // Two of each run at once, the third waits for one of them.
    let wave: Vec<_> = (0..3 * KEYS)
        .map(|n| json!({"key": n % KEYS, "millis": 25}))
        .collect();
    let front = fleet.front.address;
    let mut total = 0;
    for _ in 0..waves {
        trigger_all(front, "test.keyed", &wave);
        total += wave.len();
        fleet.wait("half a wave", || ledger.ended() >= total - wave.len() / 2);
        let worker = fleet.any();
        fleet.kill_amid(worker, || {
            if ledger.ended() == total {
                trigger_all(front, "test.keyed", &wave);
                total += wave.len();
            }
        });
        fleet.wait("a wave", || ledger.ended() == total);
    }
    let story = ledger.read();
    let keyed = most_at_once(&story, "test.keyed", |entry| story.of(entry).key());
    assert_eq!(keyed, 2, "of each key; seed {}", fleet.seed);
    println!(
        "{waves} kills, {total} executions of {KEYS} keys: limits held, seed {}",
        fleet.seed
    );
    fleet.end();
}

/// Handlers take turns at a limit that they ask themselves, fifteen a second. When a handler goes on after its turn
/// is up to its machine; before its turn it never does. So however late they are, at no time have more gone on
/// than had a turn by then. The turn of one that was killed is lost.
fn turns_hold_under_kills(url: &str) {
    const A_SECOND: i64 = 15;
    let (kills, times) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    let ledger = Ledger::install(url, fleet.dir());
    let total = 60 * times;
    ledger.mark("begun");
    trigger_all(fleet.front.address, "test.outside", &vec![json!({}); total]);
    for kill in 1..=kills {
        fleet.wait("some ends", || ledger.ended() >= total * kill / (kills + 2));
        if ledger.ended() == total {
            // Far too soon, as is told below.
            break;
        }
        let worker = fleet.any();
        fleet.kill(worker);
    }
    fleet.wait("every end", || ledger.ended() == total);
    let begun = ledger
        .read()
        .entries
        .into_iter()
        .find(|it| it.what == "begun");
    let begun = begun.expect("it was noted").at;
    let results = ledger.results("test.outside");
    let mut went_on: Vec<_> = results.iter().filter_map(Value::as_i64).collect();
    went_on.sort_unstable();
    assert_eq!(went_on.len(), total, "each says when");
    for (nth, at) in (0..).zip(&went_on) {
        let turn = begun + nth * 1_000 / A_SECOND;
        assert!(
            *at >= turn,
            "{nth} had gone on before, {} ms after the first; seed {}",
            at - begun,
            fleet.seed
        );
    }
    println!("{kills} kills: turns held, seed {}", fleet.seed);
    fleet.end();
}

fn starts<'s>(story: &'s Story, job: &'s str) -> impl Iterator<Item = &'s Entry> {
    story.about(job).filter(|entry| entry.what == "leased")
}

/// The most leases of one key that there were at once.
fn most_at_once(story: &Story, job: &str, key: impl Fn(&Entry) -> u64) -> usize {
    let mut leased: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
    let mut most = 0;
    for entry in story.about(job) {
        let of_key = leased.entry(key(entry)).or_default();
        match &*entry.what {
            "leased" => assert!(of_key.insert(entry.seq), "leased twice: {entry:?}"),
            "left" => assert!(of_key.remove(&entry.seq), "not leased: {entry:?}"),
            _ => {}
        }
        most = most.max(of_key.len());
    }
    assert!(leased.values().all(BTreeSet::is_empty), "all have ended");
    most
}

/// No second has more starts of one key than so many, by the times that are noted: a start is noted no
/// earlier than its permit was given, however long the claim waited for the store.
fn assert_paced(story: &Story, job: &str, count: usize, key: impl Fn(&Entry) -> u64) {
    let mut by_key: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
    for entry in starts(story, job) {
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
                for entry in story.about(job).filter(about).filter(near) {
                    println!("{entry:?}");
                }
                panic!(
                    "{within} starts of {job} ({key}) from {} on: {:?}",
                    start.at,
                    &starts[first..first + within]
                );
            }
        }
    }
}
