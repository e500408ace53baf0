//! The time that the dashboard's requests take at a program among a million executions.

use std::path::Path;
use std::time::Duration;

use tests::http::get;
use tests::process::{Server, is_full_tier, now};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// The repetitions of a request; the quickest one counts, so that a busy machine does not look like
/// a slow answer.
const ROUNDS: usize = 15;

/// What the dashboard asks, and the longest time of an answer.
const REQUESTS: [(&str, Duration); 6] = [
    ("executions?limit=50", Duration::from_millis(50)),
    (
        "executions?status=failed&limit=50",
        Duration::from_millis(50),
    ),
    ("executions?jobId=job-3&limit=50", Duration::from_millis(50)),
    ("queues", Duration::from_millis(50)),
    ("series", Duration::from_millis(50)),
    ("overview", Duration::from_millis(100)),
];

/// Code without optimization takes a multiple of the time.
const FACTOR: u32 = if cfg!(debug_assertions) { 8 } else { 1 };

/// Asks a program on a store, in the long tier. Prints the times, and fails with the slow answers.
#[expect(clippy::print_stdout, reason = "the figures are for people")]
pub(crate) fn check(directory: &Path, database: &str) {
    if !is_full_tier() {
        return;
    }
    let server = Server::start_serving_only(PROGRAM, directory, &[("JOBS_DATABASE", database)]);
    let mut slow = Vec::new();
    for (path, most) in REQUESTS {
        let times = (0..ROUNDS).map(|_| {
            let begun = now();
            let answer = get(server.address, &format!("/api/v1/workers/{path}"));
            let took = begun.elapsed();
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            took
        });
        let best = times.min().unwrap();
        println!("{path:36} {best:>10.1?}");
        if best > most * FACTOR {
            slow.push(format!("{path}: {best:?}, {:?} are allowed", most * FACTOR));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
