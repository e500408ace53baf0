//! A schedule of seconds, fired by several processes that are killed at random. The assertions are
//! computed from the executions alone.

use serde_json::{Value, json};
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, is_full_tier, prompt_dir, wait_for};

use super::fleet::invariants::list_executions;

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// The same program with a wall clock that is `TEST_CLOCK_AHEAD` seconds ahead.
const SKEWED: &str = env!("CARGO_BIN_EXE_skewed");

/// The processes of the fleet.
const PROCESSES: usize = 5;

#[test]
fn each_time_runs_once_when_processes_are_killed_on_sqlite() {
    check_times("sqlite:jobs.db");
}

#[test]
fn each_time_runs_once_when_processes_are_killed_on_postgres() {
    check_times(&Postgres::shared().fresh_url());
}

/// Kills random processes of five, and at the end of each round all of them, while times come every
/// second. On a server, every second process has a clock that is an hour ahead; on a file, all are
/// on one machine.
fn check_times(url: &str) {
    let (rounds, kills) = if is_full_tier() { (20, 5) } else { (1, 3) };
    let dir = prompt_dir();
    let settings = [
        ("JOBS_DATABASE", url),
        ("JOBS_LEASE", "2s"),
        ("JOBS_LOG", "warn"),
    ];
    let ahead = [&settings[..], &[("TEST_CLOCK_AHEAD", "3600")]].concat();
    let on_server = url.starts_with("postgres");
    let mut started = 0;
    let mut start = || {
        started += 1;
        if on_server && started % 2 == 0 {
            Server::start(SKEWED, dir.path(), &ahead)
        } else {
            Server::start(PROGRAM, dir.path(), &settings)
        }
    };
    let mut processes: Vec<Server> = (0..PROCESSES).map(|_| start()).collect();
    let schedule = json!({
        "id": "every-second", "jobId": "test.external", "cron": "* * * * * *",
        "catchUp": "all(1000)", "overlap": "allow", "payload": {"file_id": "a"},
    });
    let path = "/api/v1/workers/schedules";
    let created = http::post(processes[0].address, path, &schedule.to_string());
    assert_eq!(created.status, 201, "{created:?}");
    let mut random = fastrand::Rng::new();
    let seed = random.get_seed();
    for _ in 0..rounds {
        for _ in 0..kills {
            let wanted = times(&processes[0]).len() + 1;
            let found = || times(&processes[0]).len() >= wanted;
            wait_for("another time", found);
            let victim = random.usize(..processes.len());
            drop(processes.swap_remove(victim).kill_9());
            processes.push(start());
        }
        // While nothing runs, times are missed, and then caught up.
        processes
            .drain(..)
            .for_each(|process| drop(process.kill_9()));
        processes.extend((0..PROCESSES).map(|_| start()));
    }
    let wanted = times(&processes[0]).len() + 2;
    wait_for("the last times", || times(&processes[0]).len() >= wanted);

    let mut fired = times(&processes[0]);
    let count = fired.len();
    fired.sort_unstable();
    fired.dedup();
    assert_eq!(fired.len(), count, "a time ran twice: {fired:?}");
    let gaps: Vec<_> = fired
        .windows(2)
        .filter(|pair| pair[1] - pair[0] != 1)
        .collect();
    assert!(gaps.is_empty(), "times were missed between {gaps:?}");
    println!("{count} times, each once, seed {seed}");
}

/// The seconds for which an execution exists, in the order of the list.
fn times(process: &Server) -> Vec<u64> {
    let all = list_executions(process.address);
    let seconds = |execution: &Value| {
        let scheduled = &execution["scheduled"];
        assert_eq!(execution["triggeredBy"], "schedule", "{execution}");
        assert_eq!(scheduled["schedule"], "every-second", "{execution}");
        let time = scheduled["time"].as_str().expect("a time");
        let time: jobs_runtime::time::Timestamp = time.parse().expect("a time");
        u64::try_from(time.as_millis()).expect("after 1970") / 1_000
    };
    all.iter().map(seconds).collect()
}
