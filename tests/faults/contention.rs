//! Contention with other sessions of the same server: locks, transient failures, deadlocks, old
//! snapshots, and a lack of connections.

use tests::http;
use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::fleet::Fleet;
use super::fleet::invariants::check_single_attempts;

/// A lease that is longer than every fault of these tests, so that no fault ends one.
const LEASE: &str = "60s";

/// A sleep that is longer than the lock timeout of the store.
const LONG_SLEEP: &str = "SELECT pg_sleep(7)";

fn times() -> usize {
    if is_full_tier() { 5 } else { 1 }
}

/// Settlements of locked leases wait for the locking transaction. No other settlement waits.
#[test]
fn locked_leases_delay_no_other_execution() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 2, LEASE);
    fleet.start_load(300 * times());
    for round in 1..=times() {
        fleet.wait_for_part(round, times() + 1);
        (0..fleet.workers.len()).for_each(|worker| fleet.wait_until_busy(worker));
        let lock = format!("SELECT * FROM jobs.leases LIMIT 4 FOR UPDATE; {LONG_SLEEP}");
        let mut locker = server.sql_in_background(&database, &lock);
        let begun = fleet.effects.begun();
        // Many times the fleet's 16 slots: other executions must end for so many to begin.
        fleet.wait("other executions to begin meanwhile", || {
            assert!(locker.is_running(), "too few other executions began");
            fleet.effects.begun() >= begun + 100
        });
        assert!(locker.wait(), "the locking transaction failed");
    }
    let totals = fleet.finish_load();
    let warning = "waits for a transaction that locks its rows";
    let warnings = fleet.workers.iter().map(|one| one.logged(&[warning]).len());
    assert!(warnings.sum::<usize>() > 0, "no settlement waited");
    println!("{} times leases were locked: {totals:?}", times());
    check_single_attempts(totals);
    fleet.shut_down();
}

/// Each table is locked exclusively once, as a migration does.
#[test]
fn locked_tables_cost_no_attempt() {
    const TABLES: [&str; 7] = [
        "leases",
        "ready",
        "executions",
        "outcomes",
        "beats",
        "sessions",
        "idempotency_keys",
    ];
    let server = Postgres::shared();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 3, LEASE);
    let rounds = if is_full_tier() { TABLES.len() } else { 2 };
    fleet.start_load(200 * rounds);
    for (round, table) in TABLES[..rounds].iter().enumerate() {
        fleet.wait_for_part(round + 1, rounds + 1);
        let lock = format!("LOCK TABLE jobs.{table} IN ACCESS EXCLUSIVE MODE; {LONG_SLEEP}");
        let locker = server.sql_in_background(&database, &lock);
        assert!(locker.wait(), "{table} could not be locked");
        fleet.wait_until_ready(true);
    }
    let totals = fleet.finish_load();
    println!("{rounds} tables were locked: {totals:?}");
    check_single_attempts(totals);
    fleet.shut_down();
}

/// One write of ten fails with an error that concurrent transactions cause.
#[test]
fn transient_write_failures_cost_no_attempt() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 3, LEASE);
    let mut script = "CREATE SEQUENCE jobs.injected;
        CREATE FUNCTION jobs.inject() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF random() < 0.1 THEN
                PERFORM nextval('jobs.injected');
                CASE floor(random() * 3)
                    WHEN 0 THEN RAISE 'injected' USING ERRCODE = 'serialization_failure';
                    WHEN 1 THEN RAISE 'injected' USING ERRCODE = 'deadlock_detected';
                    ELSE RAISE 'injected' USING ERRCODE = 'lock_not_available';
                END CASE;
            END IF;
            RETURN NULL;
        END $$;"
        .to_owned();
    for table in [
        "executions",
        "ready",
        "leases",
        "outcomes",
        "beats",
        "sessions",
    ] {
        script += &format!(
            "CREATE TRIGGER inject AFTER INSERT OR UPDATE OR DELETE ON jobs.{table}
             FOR EACH STATEMENT EXECUTE FUNCTION jobs.inject();"
        );
    }
    server.sql(&database, &script);
    fleet.start_load(400 * times());
    let totals = fleet.finish_load();
    // A sequence is not rolled back.
    let injected = server.sql(&database, "SELECT last_value FROM jobs.injected");
    println!("{injected} writes failed: {totals:?}");
    assert!(injected.parse::<usize>().unwrap() >= 20, "{injected}");
    check_single_attempts(totals);
    server.sql(&database, "DROP FUNCTION jobs.inject() CASCADE");
    fleet.shut_down();
}

/// A competing session locks the leases in the reverse order.
#[test]
fn deadlocks_cost_no_attempt() {
    let server = Postgres::start_with(&["deadlock_timeout=20ms"]);
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 2, LEASE);
    // Handlers of equal length, so that several settlements form a batch.
    fleet.start_load_of(150 * times(), 60..61);
    let deadlocks = || {
        let count = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        server.sql(&database, count).parse::<usize>().unwrap()
    };
    fleet.wait_for_part(1, 10);
    fleet.wait("deadlocks", || {
        let competitor = "DO $$ DECLARE r record; BEGIN
            FOR r IN SELECT seq FROM jobs.leases ORDER BY seq DESC LOOP
                PERFORM 1 FROM jobs.leases WHERE seq = r.seq FOR UPDATE;
                PERFORM pg_sleep(0.01);
            END LOOP;
        END $$";
        // PostgreSQL may abort either side.
        server.sql_in_background(&database, competitor).wait();
        deadlocks() >= 3 * times()
    });
    let totals = fleet.finish_load();
    println!("{} deadlocks: {totals:?}", deadlocks());
    check_single_attempts(totals);
    fleet.shut_down();
}

/// An open snapshot keeps vacuum from removing dead rows.
#[test]
fn a_transaction_that_stays_open_costs_no_attempt() {
    let server = Postgres::start();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 3, LEASE);
    let pin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
        SELECT COUNT(*) FROM jobs.executions; SELECT pg_sleep(600)";
    let mut pinning = server.sql_in_background(&database, pin);
    fleet.wait("the open snapshot", || {
        let pinned = "SELECT COUNT(*) FROM pg_stat_activity
            WHERE backend_xmin IS NOT NULL AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
        server.sql(&database, pinned) == "1"
    });
    fleet.start_load(400 * times());
    let totals = fleet.finish_load();
    assert!(pinning.is_running(), "the snapshot was released");
    server.sql(&database, "VACUUM jobs.ready");
    let left = "SELECT n_dead_tup FROM pg_stat_all_tables
        WHERE schemaname = 'jobs' AND relname = 'ready'";
    fleet.wait("dead rows that vacuum cannot remove", || {
        let left: usize = server.sql(&database, left).parse().unwrap();
        left >= totals.executions
    });
    println!("with an open transaction: {totals:?}");
    check_single_attempts(totals);
    fleet.shut_down();
}

/// A process without connections reports it, and continues once it can connect.
#[test]
fn running_out_of_connections_costs_no_attempt() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let role = format!("role_{database}");
    server.sql(
        "postgres",
        &format!("CREATE ROLE {role} LOGIN; ALTER DATABASE {database} OWNER TO {role}"),
    );
    let url = server
        .url(&database)
        .replacen("jobs@", &format!("{role}@"), 1);
    let mut fleet = Fleet::start(&url, 2, LEASE);
    fleet.wait_until_ready(true);
    fleet.start_load(300 * times());
    for round in 1..=times() {
        fleet.wait_for_part(round, times() + 1);
        server.sql(
            "postgres",
            &format!(
                "ALTER ROLE {role} CONNECTION LIMIT 0;
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = '{database}'"
            ),
        );
        fleet.wait_until_ready(false);
        for process in fleet.workers.iter().chain([&fleet.serving]) {
            let health = http::get(process.address, "/health").text;
            assert!(health.contains("too many connections"), "{health}");
        }
        server.sql(
            "postgres",
            &format!("ALTER ROLE {role} CONNECTION LIMIT -1"),
        );
        fleet.wait_until_ready(true);
    }
    let totals = fleet.finish_load();
    println!("{} times without connections: {totals:?}", times());
    check_single_attempts(totals);
    fleet.shut_down();
}
