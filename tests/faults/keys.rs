//! Executions that are the same one, put each other off, or are too many, in a fleet whose workers are killed:
//! recomputed from what the database noted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tests::http::{self, trigger_all};
use tests::postgres::Postgres;

use super::fleet::Fleet;
use super::ledger::{Ledger, Story};
use super::limits::extent;

#[test]
fn keys_hold_under_kills_on_sqlite() {
    keys_hold_under_kills("sqlite:jobs.db");
}

#[test]
fn keys_hold_under_kills_on_postgres() {
    keys_hold_under_kills(&Postgres::shared().fresh_url());
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
        trigger_all(front, "test.slot", &vec![json!({"millis": 400}); 12]);
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
    trigger_all(front, "test.slot", &vec![json!({"millis": 5}); 10]);
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
