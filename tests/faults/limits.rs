//! Limits of a fleet whose workers are killed: recomputed from what the database noted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tests::http;
use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::fleet::Fleet;
use super::ledger::{Entry, Ledger, Story};

/// Kills, and by how much there is more to do than in the short tier.
fn extent() -> (usize, usize) {
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
fn keys_hold_under_kills_on_sqlite() {
    keys_hold_under_kills("sqlite:jobs.db");
}

#[test]
fn keys_hold_under_kills_on_postgres() {
    keys_hold_under_kills(&Postgres::shared().fresh_url());
}

#[test]
fn turns_hold_under_kills_on_sqlite() {
    turns_hold_under_kills("sqlite:jobs.db");
}

#[test]
fn turns_hold_under_kills_on_postgres() {
    turns_hold_under_kills(&Postgres::shared().fresh_url());
}

/// Enqueues in batches.
fn enqueue(front: SocketAddr, job: &str, payloads: &[Value]) {
    for batch in payloads.chunks(50) {
        http::trigger_batch(front, job, batch);
    }
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
    enqueue(
        front,
        "test.keyed",
        &some(150, &|_| json!({"key": 0, "millis": 25})),
    );
    enqueue(
        front,
        "test.keyed",
        &some(150, &|n| json!({"key": 1 + n % 15, "millis": 25})),
    );
    enqueue(front, "test.slot", &some(150, &|_| json!({"millis": 25})));
    enqueue(front, "test.paced", &some(50, &|_| json!({"millis": 5})));
    enqueue(
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
        enqueue(front, "test.keyed", &wave);
        total += wave.len();
        fleet.wait("half a wave", || ledger.ended() >= total - wave.len() / 2);
        let worker = fleet.any();
        fleet.kill_amid(worker, || {
            if ledger.ended() == total {
                enqueue(front, "test.keyed", &wave);
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
    enqueue(fleet.front.address, "test.outside", &vec![json!({}); total]);
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

/// Asks again and again, with a key by chance.
fn ask(front: SocketAddr, job: &'static str, requests: usize, keys: u32) -> JoinHandle<Vec<Value>> {
    std::thread::spawn(move || {
        let mut answers = Vec::new();
        for _ in 0..requests {
            let payload =
                json!({"payload": {"key": fastrand::u32(..keys), "millis": fastrand::u32(5..40)}});
            let path = format!("/api/v1/workers/jobs/{job}/trigger");
            let answer = http::post(front, &path, &payload.to_string());
            assert!(matches!(answer.status, 200 | 202 | 409 | 429), "{answer:?}");
            let mut body = answer.body;
            body["httpStatus"] = answer.status.into();
            answers.push(body);
        }
        answers
    })
}

/// Executions that are the same one, that put each other off, and that are too many.
fn keys_hold_under_kills(url: &str) {
    let (kills, times) = extent();
    let mut fleet = Fleet::start(url, 3, "2s");
    let ledger = Ledger::install(url, fleet.dir());
    let front = fleet.front.address;
    let mut asking = Vec::new();
    for job in ["test.alone", "test.jealous", "test.gathered"] {
        asking.extend((0..2).map(|_| ask(front, job, 150 * times, 3)));
    }
    asking.extend((0..2).map(|_| {
        std::thread::spawn(move || {
            let mut answers = Vec::new();
            for _ in 0..150 * times {
                let body = json!({"payload": {"millis": 100}}).to_string();
                let answer = http::post(front, "/api/v1/workers/jobs/test.capped/trigger", &body);
                assert!(matches!(answer.status, 202 | 429), "{answer:?}");
                answers.push(answer.body);
            }
            answers
        })
    }));
    for kill in 0..kills {
        let before = ledger.ended();
        fleet.wait("some ends", || {
            ledger.ended() > before + 5 || asking.iter().all(JoinHandle::is_finished)
        });
        if kill % 2 == 0 {
            pause_for_a_while(&fleet, &ledger);
        }
        let worker = fleet.any();
        // Somebody has to have something to lose.
        enqueue(front, "test.slot", &vec![json!({"millis": 400}); 12]);
        fleet.kill(worker);
    }
    let answers: Vec<Value> = asking
        .into_iter()
        .flat_map(|thread| thread.join().expect("every answer was expected"))
        .collect();
    let live = || http::get(front, "/api/v1/workers/executions?limit=1&status=queued").body;
    let all_ended = || {
        let story = ledger.read();
        let created = story.entries.iter().filter(|it| it.what == "created");
        ledger.ended() == created.count() && live()["executions"][0].is_null()
    };
    // The quicker the kills, the more is left: it may take its time as long as it goes on.
    while !all_ended() {
        let before = ledger.ended();
        fleet.wait("another end", || ledger.ended() > before || all_ended());
    }
    let story = ledger.read();
    for job in ["test.alone", "test.jealous"] {
        assert_one_lives(&story, job);
    }
    assert_one_waits(&story, "test.gathered");
    assert_no_more_wait(&story, "test.capped", 8);
    assert_pauses_held(&story, "test.capped");
    let counted = |status: u64| {
        answers
            .iter()
            .filter(|it| it["httpStatus"] == status)
            .count()
    };
    println!(
        "{kills} kills: {} new, {} answered with another, {} refused; keys held, seed {}",
        counted(202),
        counted(200),
        counted(409),
        fleet.seed
    );
    assert!(counted(200) > 0 && counted(409) > 0, "they met each other");
    fleet.end();
}

/// Pauses a queue until others have gone on.
fn pause_for_a_while(fleet: &Fleet, ledger: &Ledger) {
    let front = fleet.front.address;
    let post = |act: &str| {
        let path = format!("/api/v1/workers/queues/capped/{act}");
        let answer = http::post(front, &path, "{}");
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    post("pause");
    ledger.mark("paused");
    enqueue(front, "test.slot", &vec![json!({"millis": 5}); 10]);
    let before = ledger.ended();
    fleet.wait("others to go on", || ledger.ended() >= before + 10);
    ledger.mark("resumed");
    post("resume");
}

/// Of each key, one is there that has not ended.
fn assert_one_lives(story: &Story, job: &str) {
    let mut live: BTreeMap<u64, i64> = BTreeMap::new();
    for entry in story.about(job) {
        let key = story.of(entry).key();
        match &*entry.what {
            "created" => {
                let other = live.insert(key, entry.seq);
                assert_eq!(other, None, "two live under key {key} of {job}");
            }
            "ended" => assert_eq!(live.remove(&key), Some(entry.seq)),
            _ => {}
        }
    }
    assert!(live.is_empty());
}

/// Of each key, one waits for others. One that is put off may be noted as gone and there again.
fn assert_one_waits(story: &Story, job: &str) {
    let mut begun = BTreeSet::new();
    let mut waiting: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
    for entry in story.about(job) {
        let of_key = waiting.entry(story.of(entry).key()).or_default();
        match &*entry.what {
            "created" => {
                assert!(
                    of_key.is_empty(),
                    "two wait under one key: {of_key:?}, {entry:?}"
                );
                of_key.insert(entry.seq);
            }
            "due" => drop(of_key.remove(&entry.seq)),
            "delayed" if !begun.contains(&entry.seq) => drop(of_key.insert(entry.seq)),
            "leased" => drop(begun.insert(entry.seq)),
            _ => {}
        }
    }
}

/// No enqueue made more wait than may. What comes back after an attempt is not refused, and what comes back
/// at the moment of an enqueue is not seen by it.
fn assert_no_more_wait(story: &Story, job: &str, most: usize) {
    const MOMENT: i64 = 250;
    let mut created = BTreeMap::new();
    let mut now = 0;
    // Who waits, and since when if it has come back.
    let mut waiting: BTreeMap<i64, Option<i64>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for entry in story.about(job) {
        match &*entry.what {
            "created" => {
                created.insert(entry.seq, entry.at);
                now = now.max(entry.at);
            }
            "waits" if seen.insert(entry.seq) => {
                waiting.insert(entry.seq, None);
                let counted_at = created[&entry.seq];
                let was_there =
                    |since: &&Option<i64>| since.is_none_or(|since| since + MOMENT < counted_at);
                let counted = waiting.values().filter(was_there).count();
                assert!(counted <= most, "{counted} wait");
            }
            "waits" => drop(waiting.insert(entry.seq, Some(now))),
            "went" => drop(waiting.remove(&entry.seq)),
            _ => {}
        }
    }
    assert!(seen.len() > most, "{} were let in", seen.len());
}

/// No claim that began while the queue was paused has taken anything from it.
fn assert_pauses_held(story: &Story, job: &str) {
    let mut paused_at = None;
    let mut pauses = 0;
    for entry in &story.entries {
        match &*entry.what {
            "paused" => {
                paused_at = Some(entry.at);
                pauses += 1;
            }
            "resumed" => paused_at = None,
            "leased" if story.of(entry).job == job => {
                let broken = paused_at.is_some_and(|paused_at| entry.at > paused_at);
                assert!(!broken, "{entry:?} in a pause since {paused_at:?}");
            }
            _ => {}
        }
    }
    assert!(pauses > 0);
}
