//! Poison rows under load: the database rejects the settlements of some attempts.

use serde_json::{Value, json};
use tests::database::Database;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, prompt_dir, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// The number of executions. The database rejects the success of every tenth one.
const EXECUTIONS: usize = 60;

#[test]
fn a_rejected_settlement_fails_its_own_execution_only_on_postgres() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    check_rejections(&server.url(&database), || {
        server.sql(
            &database,
            "CREATE FUNCTION jobs.reject() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE 'rejected by the test' USING ERRCODE = 'check_violation'; END $$;
             CREATE TRIGGER reject BEFORE INSERT ON jobs.outcomes FOR EACH ROW
             WHEN (NEW.seq % 10 = 0 AND NEW.status = 'succeeded') EXECUTE FUNCTION jobs.reject()",
        );
    });
}

#[test]
fn a_rejected_settlement_fails_its_own_execution_only_on_sqlite() {
    let dir = prompt_dir();
    let file = dir.path().join("jobs.db");
    check_rejections(&format!("sqlite:{}", file.display()), || {
        Database::open(&file).execute(
            "CREATE TRIGGER reject BEFORE INSERT ON jobs_outcomes
             WHEN NEW.seq % 10 = 0 AND NEW.status = 'succeeded'
             BEGIN SELECT RAISE(ABORT, 'rejected by the test'); END",
        );
    });
}

fn check_rejections(url: &str, arrange: impl FnOnce()) {
    let dir = prompt_dir();
    let settings = [
        ("JOBS_DATABASE", url),
        ("JOBS_CONCURRENCY", "16"),
        ("JOBS_LOG", "warn"),
    ];
    let worker = Server::start(PROGRAM, dir.path(), &settings);
    arrange();
    let payload = json!({"file": dir.path().join("effects"), "millis": 30});
    let executions = vec![json!({ "payload": payload }); EXECUTIONS];
    let body = json!({ "executions": executions }).to_string();
    let path = "/api/v1/workers/jobs/test.interval/trigger-batch";
    assert_eq!(http::post(worker.address, path, &body).status, 202);

    let mut all: Vec<Value> = Vec::new();
    wait_for("every execution to end", || {
        let page = http::get(worker.address, "/api/v1/workers/executions?limit=1000");
        all = page.body["executions"]
            .as_array()
            .expect("a list of executions")
            .clone();
        all.len() == EXECUTIONS && all.iter().all(|one| !one["finishedAt"].is_null())
    });
    let (failed, succeeded): (Vec<_>, Vec<_>) =
        all.iter().partition(|one| one["status"] == "failed");
    assert_eq!(failed.len(), EXECUTIONS / 10, "{failed:?}");
    for one in failed {
        assert_eq!(one["attempt"], 1, "{one}");
        let message = one["error"]["message"]
            .as_str()
            .expect("a failed execution has an error");
        assert!(message.contains("rejected by the test"), "{one}");
    }
    for one in succeeded {
        assert_eq!(
            (&one["status"], &one["attempt"]),
            (&json!("succeeded"), &json!(1)),
            "{one}"
        );
    }
    let warnings = worker.logged(&["the store rejects the end of this attempt"]);
    assert_eq!(warnings.len(), EXECUTIONS / 10, "{warnings:?}");
    assert_eq!(worker.terminate().0, Some(0));
}
