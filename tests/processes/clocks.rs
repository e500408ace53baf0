//! Workers with wrong wall clocks that share a store.

use std::collections::HashSet;

use serde_json::json;
use tests::database::Database;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, prompt_dir, wait_for};

use super::{PROGRAM, SKEWED};

/// Workers detect a lost session by an unchanged beat, not by its time. So a worker whose clock is
/// five hours off is neither declared lost nor declares others lost.
#[test]
fn a_wrong_wall_clock_loses_no_lease_and_runs_nothing_twice() {
    let dir = prompt_dir();
    let file = dir.path().join("begun.txt");
    let settings = |ahead| {
        [
            ("JOBS_LEASE", "2s"),
            ("JOBS_CONCURRENCY", "4"),
            ("JOBS_LOG", "warn"),
            ("TEST_CLOCK_AHEAD", ahead),
        ]
    };
    let workers = [
        Server::start(PROGRAM, dir.path(), &settings("0")),
        Server::start(SKEWED, dir.path(), &settings("-18000")),
        Server::start(SKEWED, dir.path(), &settings("18000")),
    ];
    // Each worker enqueues twelve executions. Together they take about three leases.
    for worker in &workers {
        let payloads = vec![json!({"file": file, "millis": 2_000}); 12];
        http::trigger_batch(worker.address, "test.record", &payloads);
    }
    let mut database = Database::open(&dir.path().join("jobs.db"));
    wait_for("every execution to end", || {
        database.number("SELECT COUNT(*) FROM jobs_outcomes") == 36
    });
    let first = "SELECT COUNT(*) FROM jobs_outcomes
        WHERE status = 'succeeded' AND attempt = 1 AND executed_by IS NULL";
    assert_eq!(database.number(first), 36);
    let sessions = "SELECT COUNT(DISTINCT session) FROM jobs_outcomes";
    assert_eq!(
        database.number(sessions),
        3,
        "each worker has executed some"
    );
    let begun = std::fs::read_to_string(&file).expect("handlers wrote it");
    let distinct: HashSet<_> = begun.lines().collect();
    assert_eq!((begun.lines().count(), distinct.len()), (36, 36));
    for worker in workers {
        let (code, log) = worker.terminate();
        let warnings: Vec<_> = log.iter().filter(|line| line.contains("WARN")).collect();
        assert_eq!((code, warnings), (Some(0), Vec::new()));
    }
}

/// On PostgreSQL, a trigger sets the time of each beat to yesterday. No session is declared lost.
#[test]
fn time_stamps_of_yesterday_cost_no_attempt() {
    let dir = prompt_dir();
    let server = Postgres::shared();
    let url = server.fresh_url();
    let settings = [
        ("JOBS_DATABASE", url.as_str()),
        ("JOBS_LEASE", "2s"),
        ("JOBS_CONCURRENCY", "4"),
        ("JOBS_LOG", "warn"),
    ];
    let first = Server::start(PROGRAM, dir.path(), &settings);
    let schema = url.rsplit('=').next().expect("the URL names a schema");
    let yesterday = format!(
        "CREATE FUNCTION {schema}.yesterday() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                NEW.renewed_at = (extract(epoch FROM now()) * 1000)::bigint - 86400000;
                RETURN NEW;
            END $$;
        CREATE TRIGGER yesterday BEFORE INSERT OR UPDATE ON {schema}.beats
            FOR EACH ROW EXECUTE FUNCTION {schema}.yesterday();
        UPDATE {schema}.beats SET renewed_at = 0"
    );
    server.sql("postgres", &yesterday);
    let second = Server::start(PROGRAM, dir.path(), &settings);
    let file = dir.path().join("begun.txt");
    let payloads = vec![json!({"file": file, "millis": 3_000}); 8];
    http::trigger_batch(first.address, "test.record", &payloads);
    let number = |what: &str| {
        let count = format!("SELECT COUNT(*) FROM {schema}.{what}");
        server.sql("postgres", &count).trim().to_owned()
    };
    wait_for("every execution to end", || number("outcomes") == "8");
    let at_once = "outcomes WHERE status = 'succeeded' AND attempt = 1 AND executed_by IS NULL";
    assert_eq!(number(at_once), "8");
    let old = "beats WHERE renewed_at < extract(epoch FROM now()) * 1000 - 80000000";
    assert_eq!(number(old), "2", "the beats have yesterday's time");
    for worker in [first, second] {
        let (code, log) = worker.terminate();
        let warnings: Vec<_> = log.iter().filter(|line| line.contains("WARN")).collect();
        assert_eq!((code, warnings), (Some(0), Vec::new()));
    }
}

/// On PostgreSQL, due times and recorded times come from the server's clock.
#[test]
fn a_fleet_on_a_server_goes_by_its_clock() {
    let dir = prompt_dir();
    let url = Postgres::shared().fresh_url();
    let settings = |ahead| [("JOBS_DATABASE", url.as_str()), ("TEST_CLOCK_AHEAD", ahead)];
    let ahead = Server::start_serving_only(SKEWED, dir.path(), &settings("18000"));
    let _worker = Server::start(PROGRAM, dir.path(), &settings("0"));
    let path = "/api/v1/workers/jobs/test.add/trigger";
    let body = json!({"payload": {"a": 1, "b": 2}, "delayMs": 300}).to_string();
    let answer = http::post(ahead.address, path, &body);
    assert_eq!(answer.status, 202, "{}", answer.text);
    let id = answer.body["executionId"].as_str().expect("an id");
    // By the clock of the accepting process, the delay would end in five hours.
    wait_for("the delay to end", || {
        let path = format!("/api/v1/workers/executions/{id}");
        http::get(ahead.address, &path).body["status"] == "succeeded"
    });
    let schema = url.rsplit('=').next().expect("the URL names a schema");
    let age = format!(
        "SELECT ABS(extract(epoch FROM now()) * 1000 - created_at)::bigint FROM {schema}.executions"
    );
    let age: i64 = Postgres::shared()
        .sql("postgres", &age)
        .parse()
        .expect("a number");
    assert!(age < 600_000, "created_at is {age} ms off");
}
