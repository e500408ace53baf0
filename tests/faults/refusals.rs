//! A database that will not have how some attempts ended.

use serde_json::{Value, json};
use tests::database::Database;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, prompt_dir, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// Of which each tenth is not to succeed.
const EXECUTIONS: usize = 60;

#[test]
fn an_end_that_is_refused_is_a_failure_and_spoils_no_other_on_postgres() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    refuses(&server.url(&database), || {
        server.sql(
            &database,
            "CREATE FUNCTION jobs.refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE 'this one is not to succeed' USING ERRCODE = 'check_violation'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON jobs.outcomes FOR EACH ROW
             WHEN (NEW.seq % 10 = 0 AND NEW.status = 'succeeded') EXECUTE FUNCTION jobs.refuse()",
        );
    });
}

#[test]
fn an_end_that_is_refused_is_a_failure_and_spoils_no_other_on_sqlite() {
    let dir = prompt_dir();
    let file = dir.path().join("jobs.db");
    refuses(&format!("sqlite:{}", file.display()), || {
        Database::open(&file).execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON jobs_outcomes
             WHEN NEW.seq % 10 = 0 AND NEW.status = 'succeeded'
             BEGIN SELECT RAISE(ABORT, 'this one is not to succeed'); END",
        );
    });
}

fn refuses(url: &str, arrange: impl FnOnce()) {
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
    wait_for("every end", || {
        let page = http::get(worker.address, "/api/v1/workers/executions?limit=1000");
        all = page.body["executions"].as_array().expect("a list").clone();
        all.len() == EXECUTIONS && all.iter().all(|one| !one["finishedAt"].is_null())
    });
    let (failed, others): (Vec<_>, Vec<_>) = all.iter().partition(|one| one["status"] == "failed");
    assert_eq!(failed.len(), EXECUTIONS / 10, "{failed:?}");
    for one in failed {
        assert_eq!(one["attempt"], 1, "{one}");
        let message = one["error"]["message"].as_str().expect("it says why");
        assert!(message.contains("this one is not to succeed"), "{one}");
    }
    for one in others {
        assert_eq!(
            (&one["status"], &one["attempt"]),
            (&json!("succeeded"), &json!(1))
        );
    }
    let said = worker.logged(&["the store rejects the end of this attempt"]);
    assert_eq!(said.len(), EXECUTIONS / 10, "{said:?}");
    assert_eq!(worker.terminate().0, Some(0));
}
