//! Requests by SQL: `SELECT jobs.enqueue(…)` in transactions of other programs.

use std::collections::BTreeSet;
use std::time::Duration;

use jobs::{ErrorKind, ExecutionId, ExecutionStatus, JobContext, JobError, job};
use jobs_runtime::store::{ExecutionQuery, ExecutionRecord, Store};
use jobs_runtime::{EngineConfig, Runtime};
use tests::jobs::Add;
use tests::limited::{Mirror, SyncAccount};
use tests::postgres::Postgres;
use tests::process::{Server, now, prompt_dir, wait_for};

use crate::support::{AT_MOST, ready, schema_of};

/// Returns its payload, so that a test sees the defaults.
#[job(id = "sql.greet", priority = 60, tags = ["greeting"], retries = 0)]
async fn greet(
    #[schemars(length(min = 1))] name: String,
    #[default("hello")] word: String,
) -> Result<String, JobError> {
    Ok(format!("{word} {name}"))
}

/// Waits until it is cancelled, two at a time.
#[job(id = "sql.pair", max_concurrent = 2, timeout = "none", retries = 0)]
async fn pair(ctx: &JobContext) -> Result<(), JobError> {
    ctx.cancelled().await;
    ctx.check()
}

/// A schema of the shared server, and its name.
struct Target {
    url: String,
    schema: String,
}

impl Target {
    fn new() -> Self {
        let url = Postgres::shared().fresh_url();
        let schema = schema_of(&url);
        Self { url, schema }
    }

    /// Executes statements in which `jobs.` stands for the schema.
    fn sql(&self, statements: &str) -> String {
        let schema = format!("{}.", self.schema);
        Postgres::shared().sql("postgres", &statements.replace("jobs.", &schema))
    }

    /// Calls the function with these arguments.
    fn enqueue(&self, arguments: &str) -> ExecutionId {
        let id = self.sql(&format!("SELECT jobs.enqueue({arguments})"));
        id.parse().expect("an id")
    }

    async fn start(&self) -> Runtime {
        let runtime = Runtime::builder().database(&*self.url).start().await;
        runtime.unwrap()
    }

    /// Starts a process that takes requests in and executes only the jobs of other tests.
    async fn start_idle(&self) -> Runtime {
        let builder = Runtime::builder().database(&*self.url);
        let runtime = builder.queues(["nothing"]).start().await;
        runtime.unwrap()
    }

    fn waiting(&self) -> String {
        self.sql("SELECT COUNT(*) FROM jobs.inbox")
    }
}

/// Waits until an execution satisfies a condition.
async fn until(
    store: &dyn Store,
    id: ExecutionId,
    is_met: impl Fn(&ExecutionRecord) -> bool,
) -> ExecutionRecord {
    let mut seen = None;
    let waiting = async {
        loop {
            seen = store.execution(id).await.unwrap();
            if seen.as_ref().is_some_and(&is_met) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let met = tokio::time::timeout(AT_MOST, waiting).await;
    assert!(met.is_ok(), "{id}: {seen:?}");
    seen.unwrap()
}

async fn ended(store: &dyn Store, id: ExecutionId) -> ExecutionRecord {
    until(store, id, |record| record.status.is_final()).await
}

fn error_of(record: &ExecutionRecord) -> (ErrorKind, &str) {
    let error = record.error.as_ref().expect("an error");
    (error.kind, &error.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_gets_the_defaults_of_its_job_and_its_own_options() {
    let target = Target::new();
    let runtime = target.start().await;
    let store = runtime.store();

    let plain = ended(
        &**store,
        target.enqueue(r#"'sql.greet', '{"name": "Ada"}'"#),
    )
    .await;
    assert_eq!(plain.status, ExecutionStatus::Succeeded, "{plain:?}");
    assert_eq!(plain.result.unwrap().get(), r#""hello Ada""#);
    assert_eq!(plain.payload.get(), r#"{"name": "Ada","word":"hello"}"#);
    assert_eq!(
        (plain.priority, plain.tags),
        (60, vec!["greeting".to_owned()])
    );
    assert_eq!(plain.triggered_by, "sql");

    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let options = target.enqueue(&format!(
        "'sql.greet', jsonb_build_object('name', 'Bea'), priority => 75, delay => '1 hour',
         expires => '1 day', idempotency_key => 'k', correlation_id => 'c', item_id => 'i',
         created_by => 'me', tags => ARRAY['a', 'greeting'], traceparent => '{trace}'"
    ));
    let record = until(&**store, options, |_| true).await;
    assert_eq!(record.status, ExecutionStatus::Pending);
    assert_eq!(record.priority, 75);
    assert_eq!(record.tags, ["greeting", "a"]);
    assert_eq!(record.correlation_id.as_deref(), Some("c"));
    assert_eq!(record.item_id.as_deref(), Some("i"));
    assert_eq!(record.created_by.as_deref(), Some("me"));
    assert_eq!(record.trace_id.as_deref(), Some(&trace[3..35]));
    let wait = record.run_at.as_millis() - record.created_at.as_millis();
    assert!((3_500_000..=3_600_000).contains(&wait), "due in {wait} ms");
    let life = record.expires_at.unwrap().as_millis() - record.run_at.as_millis();
    assert_eq!(life, 24 * 3_600_000);

    let at = target.enqueue(r#"'sql.greet', '{"name": "C"}'::json, run_at => '2100-01-01Z'"#);
    let record = until(&**store, at, |_| true).await;
    assert_eq!(record.run_at.as_millis(), 4_102_444_800_000);
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_enqueues_and_a_rollback_leaves_nothing() {
    let target = Target::new();
    let runtime = target.start().await;
    let members = format!("members_{}", target.schema);
    target.sql(&format!(
        r#"CREATE TABLE {members} (name text, execution uuid);
           CREATE FUNCTION {members}() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
               NEW.execution := jobs.enqueue('sql.greet', json_build_object('name', NEW.name));
               RETURN NEW;
           END $$;
           CREATE TRIGGER enqueue BEFORE INSERT ON {members}
               FOR EACH ROW EXECUTE FUNCTION {members}();"#
    ));
    let undone = target.sql(&format!(
        "BEGIN; INSERT INTO {members} VALUES ('Bob') RETURNING execution; ROLLBACK"
    ));
    let done = target.sql(&format!(
        "INSERT INTO {members} VALUES ('Ada') RETURNING execution"
    ));
    let record = ended(&**runtime.store(), done.parse().unwrap()).await;
    assert_eq!(record.result.unwrap().get(), r#""hello Ada""#);
    // The later request has ended, so the earlier one would have been seen.
    let undone = runtime.store().execution(undone.parse().unwrap()).await;
    assert!(undone.unwrap().is_none());
    assert_eq!(target.waiting(), "0");
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_request_fails_before_an_attempt_and_holds_up_no_other() {
    let target = Target::new();
    let runtime = target.start().await;
    let store = &**runtime.store();
    let cases = [
        (r#"'sql.greet', '{}'"#, ErrorKind::InvalidPayload, "/name"),
        (
            r#"'sql.greet', '{"name": 7}'"#,
            ErrorKind::InvalidPayload,
            "/name",
        ),
        (r#"'sql.greet', '[]'"#, ErrorKind::InvalidPayload, ""),
        (
            r#"'sql.greet', '{"name": "A"}', item_id => E'a\nb'"#,
            ErrorKind::Rejected,
            "item id",
        ),
        (
            r#"'sql.greet', '{"name": "A"}', expires => '-1 hour'"#,
            ErrorKind::Rejected,
            "expires",
        ),
        (
            r#"'sql.greet', '{"name": "A"}', delay => '9000 years'"#,
            ErrorKind::Rejected,
            "9999",
        ),
    ];
    let ids = cases.map(|(arguments, ..)| target.enqueue(arguments));
    let good = target.enqueue(r#"'sql.greet', '{"name": "Ada"}'"#);
    assert_eq!(ended(store, good).await.status, ExecutionStatus::Succeeded);
    for (id, (arguments, kind, part)) in ids.into_iter().zip(cases) {
        let record = ended(store, id).await;
        assert_eq!(record.status, ExecutionStatus::Failed, "{arguments}");
        assert_eq!(
            (record.attempt, record.attempts.len()),
            (0, 0),
            "{arguments}"
        );
        let (found, message) = error_of(&record);
        assert!(
            found == kind && message.contains(part),
            "{arguments}: {message}"
        );
    }
    // A mended payload is accepted.
    let mended = r#"{"name": "Eve"}"#.to_owned();
    runtime.service().retry(ids[0], Some(mended)).await.unwrap();
    let record = until(store, ids[0], |it| it.status == ExecutionStatus::Succeeded).await;
    assert_eq!(record.attempt, 1);
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_an_unknown_job_waits_a_minute_for_it() {
    let target = Target::new();
    let runtime = target.start().await;
    let id = target.enqueue("'sql.unpublished', '{}'");
    let looks = || target.sql("SELECT COALESCE(MAX(tries), 0) FROM jobs.inbox");
    wait_for("a look at the request", || looks() != "0");
    assert!(runtime.store().execution(id).await.unwrap().is_none());
    let reason = target.sql("SELECT last_error FROM jobs.inbox");
    assert!(reason.contains("sql.unpublished"), "{reason}");
    // A minute passes.
    target.sql("UPDATE jobs.inbox SET enqueued_at = enqueued_at - 61000, not_before = 0");
    let record = ended(&**runtime.store(), id).await;
    let (kind, message) = error_of(&record);
    assert_eq!(
        (record.status, kind),
        (ExecutionStatus::Failed, ErrorKind::Rejected)
    );
    assert!(message.contains("sql.unpublished"), "{message}");
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_the_backlog_decide_as_at_any_enqueue() {
    let target = Target::new();
    let runtime = target.start_idle().await;
    let (store, jobs) = (&**runtime.store(), runtime.client());

    // An idempotency key of the typed client.
    let first = jobs
        .enqueue(Add::new(1, 2))
        .idempotency_key("k")
        .await
        .unwrap();
    let same = target.enqueue(r#"'test.add', '{"b": 2, "a": 1}', idempotency_key => 'k'"#);
    let same = ended(store, same).await;
    assert_eq!(same.status, ExecutionStatus::Cancelled);
    assert!(error_of(&same).1.contains(&first.id().to_string()));
    let other = target.enqueue(r#"'test.add', '{"a": 1, "b": 3}', idempotency_key => 'k'"#);
    let other = ended(store, other).await;
    assert_eq!(other.status, ExecutionStatus::Failed);
    assert_eq!(error_of(&other).0, ErrorKind::Rejected);

    // A unique key, in one transaction.
    let both = target
        .sql(r#"SELECT jobs.enqueue('test.sync', '{"account": 7}') FROM generate_series(1, 3)"#);
    let mut left = 0;
    for id in both.lines() {
        let record = until(store, id.parse().unwrap(), |_| true).await;
        left += usize::from(!record.status.is_final());
    }
    assert_eq!(left, 1, "one live execution per account");
    let skipped = jobs.enqueue(SyncAccount::new(7)).await.unwrap();
    assert!(both.contains(&skipped.id().to_string()));

    // `on_conflict = "replace"` and `max_waiting`.
    let page = jobs.enqueue(Mirror::new(1, "old")).await.unwrap();
    let merged = target.enqueue(r#"'test.mirror', '{"page": 1, "text": "new"}'"#);
    assert_eq!(
        ended(store, merged).await.status,
        ExecutionStatus::Cancelled
    );
    let replaced = until(store, page.id(), |_| true).await;
    assert!(replaced.payload.get().contains("new"), "{replaced:?}");
    let full = target.sql(
        r#"SELECT jobs.enqueue('test.mirror', json_build_object('page', n, 'text', ''))
           FROM generate_series(2, 5) AS n"#,
    );
    let mut failed = 0;
    for id in full.lines() {
        let record = until(store, id.parse().unwrap(), |_| true).await;
        failed += usize::from(record.status == ExecutionStatus::Failed);
    }
    assert_eq!(failed, 3, "two wait at most, and one did");
    runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_for_requests() {
    let target = Target::new();
    let runtime = target.start().await;
    let store = &**runtime.store();
    let ids = target.sql("SELECT jobs.enqueue('sql.pair') FROM generate_series(1, 5)");
    let ids: Vec<ExecutionId> = ids.lines().map(|id| id.parse().unwrap()).collect();
    let query = || ExecutionQuery {
        status: Some(ExecutionStatus::Running),
        ..ExecutionQuery::newest(10)
    };
    let mut left: BTreeSet<_> = ids.iter().map(ToString::to_string).collect();
    while !left.is_empty() {
        let running = loop {
            let page = store.list_executions(query()).await.unwrap();
            if page.executions.len() == left.len().min(2) {
                break page.executions;
            }
            assert!(page.executions.len() < 3, "{:?}", page.executions);
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let one = running[0].id;
        runtime.service().cancel(one).await.unwrap();
        ended(store, one).await;
        left.remove(&one.to_string());
    }
    runtime.shutdown().await;
}

/// Three processes take in ten thousand requests of one statement; each becomes one execution.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_become_one_execution_each_in_several_processes() {
    const REQUESTS: usize = 10_000;
    let target = Target::new();
    drop(ready(&target.url).await);
    target.sql(&format!(
        "SELECT COUNT(jobs.enqueue('test.add', json_build_object('a', n, 'b', 1)))
         FROM generate_series(1, {REQUESTS}) AS n"
    ));
    let mut fleet = Vec::new();
    for _ in 0..3 {
        fleet.push(target.start_idle().await);
    }
    wait_for("the requests to be taken in", || target.waiting() == "0");
    let counted = target.sql("SELECT COUNT(*), COUNT(DISTINCT payload) FROM jobs.executions");
    assert_eq!(counted, format!("{REQUESTS}|{REQUESTS}"));
    assert_eq!(
        target.sql("SELECT COUNT(*) FROM jobs.ready"),
        REQUESTS.to_string()
    );
    for runtime in fleet {
        runtime.shutdown().await;
    }
}

/// Processes that take requests in are killed, one after the other.
#[test]
fn a_kill_in_the_middle_loses_nothing_and_creates_nothing_twice() {
    const REQUESTS: usize = 20_000;
    let target = Target::new();
    let dir = prompt_dir();
    let settings = [("JOBS_DATABASE", target.url.as_str())];
    let start = || Server::start_serving_only(env!("CARGO_BIN_EXE_worker"), dir.path(), &settings);
    let mut killed = start();
    target.sql(&format!(
        "SELECT COUNT(jobs.enqueue('test.add', json_build_object('a', n, 'b', 1)))
         FROM generate_series(1, {REQUESTS}) AS n"
    ));
    let taken_in = || -> usize {
        let counted = target.sql("SELECT COUNT(*) FROM jobs.executions");
        counted.parse().expect("a number")
    };
    for kills in 1..=4 {
        wait_for("some requests to be taken in", || {
            taken_in() >= kills * 2_000
        });
        killed.kill_9();
        killed = start();
    }
    wait_for("the inbox to be empty", || target.waiting() == "0");
    let counted = target.sql("SELECT COUNT(*), COUNT(DISTINCT payload) FROM jobs.executions");
    assert_eq!(counted, format!("{REQUESTS}|{REQUESTS}"));
}

/// A transaction holds a key; a trigger of the owner rejects a row. Neither holds up others.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_key_and_a_rejected_row_back_off_alone() {
    let target = Target::new();
    let runtime = target.start_idle().await;
    let store = &**runtime.store();
    target.sql(
        r#"CREATE FUNCTION jobs.no_poison() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
               IF NEW.item_id = 'poison' THEN RAISE EXCEPTION 'poison'; END IF;
               RETURN NEW;
           END $$;
           CREATE TRIGGER no_poison BEFORE INSERT ON jobs.executions
               FOR EACH ROW EXECUTE FUNCTION jobs.no_poison();
           INSERT INTO jobs.idempotency_keys VALUES
               ('test.add', 'held', gen_random_uuid(), 0, 1, 'digest')"#,
    );
    let hold = format!(
        "BEGIN; SELECT FROM {}.idempotency_keys FOR UPDATE; SELECT pg_sleep(600)",
        target.schema
    );
    let holder = Postgres::shared().sql_in_background("postgres", &hold);
    wait_for("the lock", || {
        let locked = "SELECT COUNT(*) FROM (
            SELECT FROM jobs.idempotency_keys FOR UPDATE SKIP LOCKED) AS free";
        target.sql(locked) == "0"
    });
    let add = r#"'test.add', '{"a": 1, "b": 2}'"#;
    let held = target.enqueue(&format!("{add}, idempotency_key => 'held'"));
    target.enqueue(&format!("{add}, item_id => 'poison'"));
    let free = target.enqueue(add);
    until(store, free, |_| true).await;
    let failed = "SELECT COUNT(*) FROM jobs.inbox WHERE tries > 0 AND last_error IS NOT NULL";
    wait_for("both to back off", || target.sql(failed) == "2");
    assert!(store.execution(held).await.unwrap().is_none());
    drop(holder);
    let schema = &target.schema;
    target.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE query LIKE '%{schema}.%pg_sleep(600)%' AND pid <> pg_backend_pid()"
    ));
    until(store, held, |_| true).await;
    wait_for("the poison row to be left alone", || {
        target.waiting() == "1"
    });
    runtime.shutdown().await;
}

/// An idle worker starts an execution within a moment, long before its poll.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_wakes_the_workers_and_no_transaction_waits_for_another() {
    let target = Target::new();
    let runtime = Runtime::builder()
        .database(&*target.url)
        .engine(EngineConfig {
            poll: Duration::from_secs(600),
            ..EngineConfig::default()
        })
        .start()
        .await
        .unwrap();
    // The poll alone would take half a second on average.
    let mut waits = Vec::new();
    for _ in 0..9 {
        // Longer than the time for which a process polls more often after a request.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let id = target.enqueue(r#"'test.add', '{"a": 1, "b": 2}'"#);
        let committed = now();
        until(&**runtime.store(), id, |_| true).await;
        waits.push(committed.elapsed());
    }
    waits.sort_unstable();
    assert!(waits[4] < Duration::from_millis(250), "{waits:?}");

    // The first of two open transactions notifies, if no request has come just before it. The
    // second one commits without waiting for it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let open = format!(
        "BEGIN; SELECT {}.enqueue('test.add', '{{\"a\": 1, \"b\": 2}}'); SELECT pg_sleep(600)",
        target.schema
    );
    let holder = Postgres::shared().sql_in_background("postgres", &open);
    let locks = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND classid = 'jobs.inbox'::regclass::oid";
    wait_for("the lock of the notification", || target.sql(locks) == "1");
    let id = target.enqueue(r#"'test.add', '{"a": 2, "b": 2}'"#);
    ended(&**runtime.store(), id).await;
    drop(holder);
    runtime.shutdown().await;
}

/// The function needs no right on a table; a reader of the schema may not call it.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_needs_usage_and_execute_and_nothing_else() {
    let target = Target::new();
    drop(ready(&target.url).await);
    let role = format!("{}_app", target.schema);
    target.sql(&format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {} TO {role}",
        target.schema
    ));
    let call = format!("SET ROLE {role}; SELECT jobs.enqueue('test.add', '{{}}')");
    let refused = target.sql(&format!(
        "DO $$ BEGIN SET LOCAL ROLE {role}; PERFORM jobs.enqueue('test.add', '{{}}');
         EXCEPTION WHEN insufficient_privilege THEN RESET ROLE;
             CREATE TEMP TABLE refused AS SELECT 1 AS n; END $$;
         SELECT COUNT(*) FROM refused"
    ));
    assert_eq!(refused, "1");
    target.sql(&format!(
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {} TO {role}",
        target.schema
    ));
    let id = target.sql(&call);
    assert!(id.parse::<ExecutionId>().is_ok(), "{id}");
    // Objects of the caller do not stand in for those of the server.
    let shadowed = target.sql(&format!(
        "SET ROLE {role}; CREATE TEMP TABLE inbox (id uuid);
         CREATE FUNCTION pg_temp.gen_random_uuid() RETURNS uuid LANGUAGE sql
             AS $$ SELECT '00000000-0000-0000-0000-000000000000'::uuid $$;
         SET search_path = pg_temp, pg_catalog;
         SELECT jobs.enqueue('test.add', '{{}}')"
    ));
    assert!(!shadowed.ends_with("000000000000"), "{shadowed}");
    assert_eq!(target.waiting(), "2");
}

/// Bad arguments are errors of the call, so that the caller's transaction learns of them.
#[tokio::test(flavor = "multi_thread")]
async fn bad_arguments_are_errors_of_the_call() {
    let target = Target::new();
    drop(ready(&target.url).await);
    for arguments in [
        "NULL",
        "'a', NULL::json",
        "'a', '{'",
        "'a', priority => 101",
        "'a', delay => '1 s', run_at => now()",
        "'a', tags => ARRAY[NULL]",
        "repeat('a', 256)",
        "'a', json_build_object('x', repeat('x', 1048577))",
        "'a', item_id => repeat('x', 65537)",
    ] {
        let raised = target.sql(&format!(
            "DO $$ BEGIN PERFORM jobs.enqueue({arguments});
             EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
                 CREATE TEMP TABLE raised AS SELECT SQLERRM AS message; END $$;
             SELECT COUNT(*) FROM raised"
        ));
        assert_eq!(raised, "1", "{arguments}");
    }
    assert_eq!(target.waiting(), "0");
}
