//! Others on the same server: who lock what we need, hold what we would have cleaned up, come in between,
//! and take the last connection.

use tests::http;
use tests::postgres::Postgres;
use tests::process::is_full_tier;

use super::audit::check_once;
use super::fleet::Fleet;

/// Far beyond whatever others do here: no lease ends because of it.
const LEASE: &str = "60s";

/// Longer than anybody of ours waits for a lock.
const LONG: &str = "SELECT pg_sleep(7)";

fn times() -> usize {
    if is_full_tier() { 5 } else { 1 }
}

/// Their ends wait for whoever holds them, and no other end does.
#[test]
fn locked_leases_hold_up_no_other() {
    let server = Postgres::shared();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 2, LEASE);
    fleet.load(300 * times());
    for round in 1..=times() {
        fleet.until(round, times() + 1);
        (0..fleet.workers.len()).for_each(|worker| fleet.until_busy(worker));
        let lock = format!("SELECT * FROM jobs.leases LIMIT 4 FOR UPDATE; {LONG}");
        let mut rival = server.rival(&database, &lock);
        let begun = fleet.effects.begun();
        // More than the slots that there are, and again: they end, or no other could begin.
        fleet.wait("others to be executed meanwhile", || {
            assert!(rival.is_at_work(), "too few others were executed");
            fleet.effects.begun() >= begun + 100
        });
        assert!(rival.wait());
    }
    let account = fleet.settle();
    let held_up = "waits for a transaction that locks its rows";
    let noticed = fleet.workers.iter().map(|one| one.logged(&[held_up]).len());
    assert!(noticed.sum::<usize>() > 0, "nothing was held up");
    println!("{} times leases were locked: {account:?}", times());
    check_once(account);
    fleet.end();
}

/// As by a change of a layout, or by a backup that takes its time.
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
    let some = if is_full_tier() { TABLES.len() } else { 2 };
    fleet.load(200 * some);
    for (round, table) in TABLES[..some].iter().enumerate() {
        fleet.until(round + 1, some + 1);
        let lock = format!("LOCK TABLE jobs.{table} IN ACCESS EXCLUSIVE MODE; {LONG}");
        assert!(server.rival(&database, &lock).wait(), "{table}");
        fleet.until_ready(true);
    }
    let account = fleet.settle();
    println!("{some} tables were locked: {account:?}");
    check_once(account);
    fleet.end();
}

/// One write of ten fails for what others do at the same time.
#[test]
fn failures_for_the_sake_of_others_cost_no_attempt() {
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
    fleet.load(400 * times());
    let account = fleet.settle();
    // A sequence does not go back with the transaction.
    let injected = server.sql(&database, "SELECT last_value FROM jobs.injected");
    println!("{injected} writes failed: {account:?}");
    assert!(injected.parse::<usize>().unwrap() >= 20, "{injected}");
    check_once(account);
    server.sql(&database, "DROP FUNCTION jobs.inject() CASCADE");
    fleet.end();
}

/// They reach for the same leases from the other end.
#[test]
fn deadlocks_cost_no_attempt() {
    let server = Postgres::start_with(&["deadlock_timeout=20ms"]);
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 2, LEASE);
    // All at once, so that several end at once.
    fleet.load_of(150 * times(), 60..61);
    let deadlocks = || {
        let count = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        server.sql(&database, count).parse::<usize>().unwrap()
    };
    fleet.until(1, 10);
    fleet.wait("deadlocks", || {
        let rival = "DO $$ DECLARE r record; BEGIN
            FOR r IN SELECT seq FROM jobs.leases ORDER BY seq DESC LOOP
                PERFORM 1 FROM jobs.leases WHERE seq = r.seq FOR UPDATE;
                PERFORM pg_sleep(0.01);
            END LOOP;
        END $$";
        // It may be the one that is picked.
        server.rival(&database, rival).wait();
        deadlocks() >= 3 * times()
    });
    let account = fleet.settle();
    println!("{} deadlocks: {account:?}", deadlocks());
    check_once(account);
    fleet.end();
}

/// Nothing that has ended can be cleaned up as long as somebody may still look at it.
#[test]
fn a_transaction_that_is_never_ended_costs_no_attempt() {
    let server = Postgres::start();
    let database = server.fresh_database();
    let mut fleet = Fleet::start(&server.url(&database), 3, LEASE);
    let pin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
        SELECT COUNT(*) FROM jobs.executions; SELECT pg_sleep(600)";
    let mut rival = server.rival(&database, pin);
    fleet.wait("the rival's snapshot", || {
        let pinned = "SELECT COUNT(*) FROM pg_stat_activity
            WHERE backend_xmin IS NOT NULL AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
        server.sql(&database, pinned) == "1"
    });
    fleet.load(400 * times());
    let account = fleet.settle();
    assert!(rival.is_at_work());
    server.sql(&database, "VACUUM jobs.ready");
    let left = "SELECT n_dead_tup FROM pg_stat_all_tables
        WHERE schemaname = 'jobs' AND relname = 'ready'";
    fleet.wait("dead rows that cannot go", || {
        let left: usize = server.sql(&database, left).parse().unwrap();
        left >= account.executions
    });
    println!("beside a transaction that stays open: {account:?}");
    check_once(account);
    fleet.end();
}

/// Who has none says so, and comes back once there are some.
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
    fleet.until_ready(true);
    fleet.load(300 * times());
    for round in 1..=times() {
        fleet.until(round, times() + 1);
        server.sql(
            "postgres",
            &format!(
                "ALTER ROLE {role} CONNECTION LIMIT 0;
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = '{database}'"
            ),
        );
        fleet.until_ready(false);
        for process in fleet.workers.iter().chain([&fleet.front]) {
            let health = http::get(process.address, "/health").text;
            assert!(health.contains("too many connections"), "{health}");
        }
        server.sql(
            "postgres",
            &format!("ALTER ROLE {role} CONNECTION LIMIT -1"),
        );
        fleet.until_ready(true);
    }
    let account = fleet.settle();
    println!("{} times without connections: {account:?}", times());
    check_once(account);
    fleet.end();
}
