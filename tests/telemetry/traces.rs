//! One trace from a request to its result, across processes, as a collector sees it.

use std::collections::{BTreeMap, BTreeSet};

use jobs_runtime::telemetry::reference::{EVENTS, SPANS};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use tests::http;
use tests::process::{Server, prompt_dir, wait_for};

use super::PROGRAM;
use super::collector::{Behaviour, Collector, Protocol, attribute};

/// The trace and the span of the caller.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const CALLER: &str = "00f067aa0ba902b7";

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn settings(variables: &[(String, String)]) -> Vec<(&str, &str)> {
    let variables = variables.iter();
    variables.map(|(name, value)| (&**name, &**value)).collect()
}

/// The spans of a trace with this name, first to last.
pub(crate) fn named<'s>(spans: &'s [(String, Span)], name: &str) -> Vec<&'s (String, Span)> {
    let mut found: Vec<_> = spans.iter().filter(|(_, span)| span.name == name).collect();
    found.sort_by_key(|(_, span)| span.start_time_unix_nano);
    found
}

/// Triggers the job `test.traced` with a caller's trace, and returns its execution once it ended.
fn run_traced(collector: &Collector, protocol: Protocol) -> serde_json::Value {
    let dir = prompt_dir();
    let variables = collector.variables(protocol, "edge");
    let edge = Server::start_serving_only(PROGRAM, dir.path(), &settings(&variables));
    let variables = collector.variables(protocol, "worker");
    let worker = Server::start(PROGRAM, dir.path(), &settings(&variables));
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let answer = http::post_with(
        edge.address,
        "/api/v1/workers/jobs/test.traced/trigger",
        &json!({"correlationId": "c-1"}).to_string(),
        &[("traceparent", &parent), ("tracestate", "vendor=1")],
    );
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.body["executionId"].as_str().unwrap().to_owned();
    let mut execution = json!({});
    wait_for("the execution to end", || {
        execution = http::execution(worker.address, &id);
        execution["status"] == "succeeded"
    });
    let batch =
        json!({"executions": [{"payload": {"a": 1, "b": 2}}, {"payload": {"a": 1, "b": 3}}]});
    let path = "/api/v1/workers/jobs/test.add/trigger-batch";
    assert_eq!(
        http::post(edge.address, path, &batch.to_string()).status,
        202
    );
    let path = "/api/v1/workers/jobs/test.add/trigger";
    assert_eq!(http::post(edge.address, path, "{}").status, 422);
    wait_for("the metrics of the attempts", || {
        let taken = collector.taken();
        taken.metrics.contains_key("jobs_attempt_duration_seconds")
            && taken.metrics.contains_key("jobs_attempts_finished_total")
    });
    // Both send what is left at their end.
    assert_eq!(worker.terminate().0, Some(0));
    assert_eq!(edge.terminate().0, Some(0));
    execution
}

fn check_trace(protocol: Protocol) {
    let collector = Collector::start(Behaviour::Takes);
    let execution = run_traced(&collector, protocol);
    assert_eq!(execution["traceId"], TRACE);
    let id = execution["id"].as_str().unwrap();

    let taken = collector.taken();
    let of_trace = taken
        .spans
        .iter()
        .filter(|(_, span)| hex(&span.trace_id) == TRACE);
    let spans: Vec<_> = of_trace.cloned().collect();
    let names: Vec<_> = spans.iter().map(|(_, span)| &*span.name).collect();
    let one = |name: &str| match named(&spans, name).as_slice() {
        [one] => (*one).clone(),
        found => panic!("{} spans `{name}` in {names:?}", found.len()),
    };
    let parent = |span: &Span| hex(&span.parent_span_id);
    let (service, request) = one("POST /api/v1/workers/jobs/{id}/trigger");
    assert_eq!(
        (service.as_str(), parent(&request)),
        ("edge", CALLER.to_owned())
    );
    let (service, send) = one("send test.traced");
    assert_eq!(service, "edge");
    assert_eq!(send.parent_span_id, request.span_id);
    assert_eq!(
        attribute(&send.attributes, "messaging.message.id").as_deref(),
        Some(id)
    );

    let attempts = named(&spans, "process test.traced");
    let [(service, first), (_, second)] = attempts.as_slice() else {
        panic!("{names:?}");
    };
    assert_eq!(service, "worker");
    assert!(
        [first, second]
            .iter()
            .all(|span| span.parent_span_id == send.span_id)
    );
    assert!(first.links.is_empty());
    assert_eq!(second.links.len(), 1);
    assert_eq!(second.links[0].span_id, first.span_id);
    assert_eq!(hex(&second.links[0].trace_id), TRACE);
    assert_eq!(
        attribute(&second.attributes, "jobs.attempt").as_deref(),
        Some("2")
    );
    let conversation = attribute(&first.attributes, "messaging.message.conversation_id");
    assert_eq!(conversation.as_deref(), Some("c-1"));
    assert_eq!(first.trace_state, "vendor=1");
    let error = attribute(&first.attributes, "error.type");
    assert_eq!(
        (error.as_deref(), first.status.as_ref().unwrap().code),
        (Some("failed"), 2)
    );
    assert!(attribute(&second.attributes, "error.type").is_none());

    let inner = named(&spans, "inner-work");
    assert_eq!(inner.len(), 2, "{names:?}");
    assert_eq!(inner[0].1.parent_span_id, first.span_id);
    let (_, child_send) = one("send test.add");
    assert_eq!(child_send.parent_span_id, second.span_id);
    assert_eq!(one("process test.add").1.parent_span_id, child_send.span_id);

    let in_trace = taken
        .records
        .iter()
        .filter(|one| hex(&one.trace_id) == TRACE);
    let records: Vec<_> = in_trace.collect();
    let exception = records
        .iter()
        .find(|one| one.event_name == "exception")
        .unwrap();
    assert_eq!(exception.span_id, first.span_id);
    let message = attribute(&exception.attributes, "exception.message");
    assert_eq!(message.as_deref(), Some("the first attempt fails"));
    let of_inner = records
        .iter()
        .filter(|one| one.span_id == inner[0].1.span_id);
    assert_eq!(of_inner.count(), 1, "the event in the span is a record");
    assert!(spans.iter().all(|(_, span)| span.events.is_empty()));

    match &taken.metrics["jobs_attempts_finished_total"].data {
        Some(Data::Sum(sum)) => assert!(sum.is_monotonic && !sum.data_points.is_empty()),
        other => panic!("{other:?}"),
    }
    match &taken.metrics["jobs_attempt_duration_seconds"].data {
        Some(Data::Histogram(found)) => {
            let count: u64 = found.data_points.iter().map(|point| point.count).sum();
            assert!(count >= 3, "{count}");
        }
        other => panic!("{other:?}"),
    }
    check_names(&taken.spans);
    let attributes = exception.attributes.iter().map(|one| &*one.key);
    assert_eq!(
        attributes.collect::<BTreeSet<_>>(),
        EVENTS[0].attributes.iter().copied().collect()
    );
}

/// Compares the spans of the runtime with the reference, in both directions.
fn check_names(spans: &[(String, Span)]) {
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, span) in spans {
        let doc = match span.kind {
            2 => &SPANS[0],
            4 => &SPANS[1],
            5 => &SPANS[2],
            _ => continue,
        };
        let attributes = span.attributes.iter().map(|one| &*one.key);
        seen.entry(doc.name).or_default().extend(attributes);
    }
    for doc in SPANS {
        // A request has an error only if the program fails.
        let is_rare = |name: &&str| doc.kind == "server" && *name == "error.type";
        let attributes = doc.attributes.iter().copied().filter(|name| !is_rare(name));
        assert_eq!(seen[doc.name], attributes.collect(), "{}", doc.name);
    }
}

#[test]
fn one_trace_from_request_to_result_over_http() {
    check_trace(Protocol::Http);
}

#[test]
fn one_trace_from_request_to_result_over_grpc() {
    check_trace(Protocol::Grpc);
}

/// Executes `count` jobs, after which the process has executed `total`.
fn execute(server: &Server, count: usize, total: usize) {
    let adds = vec![json!({"a": 1, "b": 1}); count];
    for batch in adds.chunks(1_000) {
        http::trigger_batch(server.address, "test.add", batch);
    }
    let labels = r#"{job_id="test.add",outcome="succeeded"}"#;
    let line = format!("jobs_attempts_finished_total{labels} {total}");
    wait_for("every execution to end", || {
        let page = http::get(server.address, "/metrics").text;
        page.lines().any(|found| found == line)
    });
}

/// Executes many jobs while the collector does not take their telemetry.
fn check_trouble(behaviour: Behaviour, protocol: Protocol) {
    let collector = Collector::start(behaviour);
    let dir = tempfile::tempdir().unwrap();
    let mut variables = collector.variables(protocol, "worker");
    // An attempt that waited for an export would take this long.
    variables.push(("OTEL_EXPORTER_OTLP_TIMEOUT".to_owned(), "600000".to_owned()));
    let server = Server::start(PROGRAM, dir.path(), &settings(&variables));
    execute(&server, 3_000, 3_000);
    if behaviour == Behaviour::Hangs {
        // The queues of what waits for the collector are full. Spans and records of 12,000 more
        // executions would take more than 40 MB.
        let before = server.resident_megabytes();
        execute(&server, 12_000, 15_000);
        let after = server.resident_megabytes();
        assert!(after < before + 20, "{before} MB, then {after} MB");
    }
    if behaviour == Behaviour::Refuses {
        wait_for("the trouble in the health report", || {
            let report = http::get(server.address, "/health");
            assert_eq!(report.status, 200, "{report:?}");
            let checks = report.body["checks"].as_array().unwrap().clone();
            let check = checks
                .iter()
                .find(|check| check["name"] == "telemetry")
                .unwrap();
            check["status"] == "degraded" && check["detail"].as_str().unwrap().contains("traces")
        });
    }
    // The flush at the end is bounded; the test would otherwise take ten minutes.
    let begun = tests::process::now();
    let (code, _) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}

#[test]
fn a_collector_that_hangs_delays_no_attempt() {
    check_trouble(Behaviour::Hangs, Protocol::Http);
}

#[test]
fn a_collector_that_hangs_over_grpc_delays_no_attempt() {
    check_trouble(Behaviour::Hangs, Protocol::Grpc);
}

#[test]
fn a_collector_that_refuses_is_told_in_the_health_report() {
    check_trouble(Behaviour::Refuses, Protocol::Http);
}

#[test]
fn a_slow_collector_delays_no_attempt() {
    check_trouble(Behaviour::IsSlow, Protocol::Grpc);
}

#[test]
fn a_trace_is_carried_on_by_processes_that_export_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(PROGRAM, dir.path(), &[]);
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let path = "/api/v1/workers/jobs/test.parent/trigger";
    let body = json!({"payload": {"a": 1}}).to_string();
    http::post_with(server.address, path, &body, &[("traceparent", &parent)]);
    let mut all = json!([]);
    wait_for("both executions to succeed", || {
        let page = http::get(
            server.address,
            "/api/v1/workers/executions?status=succeeded",
        );
        all = page.body["executions"].clone();
        all.as_array().is_some_and(|all| all.len() == 2)
    });
    for execution in all.as_array().unwrap() {
        assert_eq!(execution["traceId"], TRACE, "{execution}");
    }
    let report = http::get(server.address, "/health").text;
    assert!(!report.contains("telemetry"), "{report}");
}
