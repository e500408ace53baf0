//! Lists of large executions, and the memory that they take.

use std::path::Path;

use serde_json::json;
use tests::http;
use tests::process::{Server, prompt_dir};

use super::PROGRAM;

/// The bytes of a payload.
const PAYLOAD: usize = 900_000;

/// The most bytes of an answer: 8 MiB of payloads, and the rest of the executions.
const MAX_ANSWER: usize = 9 * 1024 * 1024;

/// The most memory, in MB, that four answers at the same time may take. Up to 50 rows are read
/// before their sizes are known. A row is held as the database's bytes and as an execution.
const MAX_GROWTH: u64 = 700;

/// The largest anonymous memory of a process since its start, in MB.
fn peak_megabytes(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.pid());
    let status = std::fs::read_to_string(Path::new(&path)).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = kilobytes.expect("a number").parse().expect("a number");
    kilobytes / 1_024
}

#[test]
fn four_lists_of_large_executions_take_little_memory() {
    let dir = prompt_dir();
    let server = Server::start_serving_only(PROGRAM, dir.path(), &[("JOBS_LOG", "warn")]);
    let address = server.address;
    let payload = json!({"text": "x".repeat(PAYLOAD)});
    for _ in 0..60 {
        http::trigger(address, "test.echo", &payload);
    }
    let before = peak_megabytes(&server);
    let list = || http::get(address, "/api/v1/workers/executions?limit=1000");
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(list)).collect();
        asked.into_iter().map(|answer| answer.join()).collect()
    });
    for answer in answers {
        let answer = answer.expect("the thread ends");
        assert_eq!(answer.status, 200);
        let length = answer.text.len();
        assert!(length < MAX_ANSWER, "{length} bytes");
        let listed = answer.body["executions"].as_array().map(Vec::len);
        assert_eq!(
            listed,
            Some(9),
            "the page ends, and a cursor says that there are more"
        );
        assert!(answer.body["nextCursor"].is_string());
    }
    let growth = peak_megabytes(&server) - before;
    assert!(growth < MAX_GROWTH, "{growth} MB more than {before} MB");

    // Without payloads, one page has all of them.
    let short = http::get(
        address,
        "/api/v1/workers/executions?limit=1000&fields=id,status",
    );
    assert_eq!(short.body["executions"].as_array().map(Vec::len), Some(60));
}
