//! Attempts that the sampler leaves out: nothing of them is exported but their log records.

use serde_json::Value;
use tests::http;
use tests::process::{Server, prompt_dir, wait_for};

use super::PROGRAM;
use super::collector::{Behaviour, Collector, Protocol};
use super::traces::{CALLER, TRACE, hex, named, settings};

/// Triggers `test.traced`, which fails once and enqueues a child, and waits for the end of both.
/// Returns the execution.
fn run(server: &Server, headers: &[(&str, &str)], ended: usize) -> Value {
    let path = "/api/v1/workers/jobs/test.traced/trigger";
    let answer = http::post_with(server.address, path, "{}", headers);
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.body["executionId"].as_str().unwrap().to_owned();
    wait_for("both executions to succeed", || {
        let path = "/api/v1/workers/executions?status=succeeded";
        let page = http::get(server.address, path);
        let all = page.body["executions"].as_array().unwrap();
        all.len() == ended && all.iter().any(|one| one["id"] == *id)
    });
    http::execution(server.address, &id)
}

#[test]
fn attempts_that_are_left_out_keep_their_trace() {
    let collector = Collector::start(Behaviour::Takes);
    let dir = prompt_dir();
    let mut variables = collector.variables(Protocol::Http, "worker");
    let sampler = ("OTEL_TRACES_SAMPLER", "parentbased_always_off");
    variables.push((sampler.0.to_owned(), sampler.1.to_owned()));
    let server = Server::start(PROGRAM, dir.path(), &settings(&variables));

    let left_out = run(&server, &[], 2);
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let sampled = run(&server, &[("traceparent", &parent)], 4);
    assert_eq!(sampled["traceId"], TRACE);
    let page = http::get(server.address, "/api/v1/workers/executions").body;
    let trace = left_out["traceId"].as_str().unwrap();
    let in_trace = page["executions"].as_array().unwrap().iter();
    let in_trace = in_trace.filter(|one| one["traceId"] == trace).count();
    assert_eq!(
        in_trace, 2,
        "the child is in the trace of its parent: {page:#}"
    );
    assert_eq!(server.terminate().0, Some(0));

    let taken = collector.taken();
    let names: Vec<_> = taken.spans.iter().map(|(_, span)| &*span.name).collect();
    let is_sampled = |span: &[u8]| hex(span) == TRACE;
    assert!(
        taken
            .spans
            .iter()
            .all(|(_, span)| is_sampled(&span.trace_id)),
        "{names:?}"
    );
    // The caller had sampled the second trace.
    for (name, count) in [
        ("process test.traced", 2),
        ("inner-work", 2),
        ("process test.add", 1),
    ] {
        assert_eq!(
            named(&taken.spans, name).len(),
            count,
            "{name} in {names:?}"
        );
    }
    // The exception of the first attempt, and the events of both.
    let records = taken
        .records
        .iter()
        .filter(|one| hex(&one.trace_id) == trace);
    let records: Vec<_> = records.collect();
    let exceptions = records.iter().filter(|one| one.event_name == "exception");
    assert_eq!(exceptions.count(), 1, "{records:#?}");
    assert!(records.len() > 1, "no event of a handler: {records:#?}");
    assert!(records.iter().all(|one| one.flags & 1 == 0), "{records:#?}");
}
