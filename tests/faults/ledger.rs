//! A ledger of events about executions, written by database triggers that a test installs. The
//! programs under test do not know of it.
//!
//! The order of entries respects dependencies: a transaction that takes a released permit has seen
//! the release, so its entries come later.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use tests::database::Database;
use tests::postgres::Postgres;

/// The recorded events: event, table, statement, and the column of its time.
const EVENTS: [(&str, &str, &str, &str); 8] = [
    ("created", "executions", "INSERT", "created_at"),
    ("leased", "leases", "INSERT", "claimed_at"),
    ("unleased", "leases", "DELETE", "claimed_at"),
    ("ended", "outcomes", "INSERT", "finished_at"),
    ("scheduled", "scheduled", "INSERT", "run_at"),
    ("due", "scheduled", "DELETE", "run_at"),
    ("entered_backlog", "backlog_entries", "INSERT", ""),
    ("left_backlog", "backlog_entries", "DELETE", ""),
];

/// Access to the database of the fleet.
enum Backend {
    Sqlite(RefCell<Database>),
    Postgres { schema: String },
}

/// The ledger of a store.
pub(crate) struct Ledger(Backend);

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// An event of [`EVENTS`], or a mark of the test.
    pub(crate) event: String,
    pub(crate) seq: i64,
    /// Milliseconds of Unix time; 0 for events without a time.
    pub(crate) at: i64,
}

/// The execution of an entry.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) job: String,
    pub(crate) payload: Value,
}

impl Subject {
    /// The number in the payload's field `key`.
    pub(crate) fn key(&self) -> u64 {
        self.payload["key"].as_u64().unwrap_or(0)
    }
}

/// All entries, in their order, with their executions.
pub(crate) struct History {
    pub(crate) entries: Vec<Entry>,
    executions: HashMap<i64, Subject>,
}

impl History {
    /// The execution of an entry.
    pub(crate) fn subject(&self, entry: &Entry) -> &Subject {
        &self.executions[&entry.seq]
    }

    /// The entries about executions of one job.
    pub(crate) fn of_job<'s>(&'s self, job: &'s str) -> impl Iterator<Item = &'s Entry> {
        let of_job = move |entry: &&Entry| {
            self.executions
                .get(&entry.seq)
                .is_some_and(|it| it.job == job)
        };
        self.entries.iter().filter(of_job)
    }
}

impl Ledger {
    /// Installs the ledger in a migrated store.
    pub(crate) fn install(url: &str, dir: &Path) -> Self {
        let backend = match url.split_once("schema=") {
            Some((_, schema)) => Backend::Postgres {
                schema: schema.to_owned(),
            },
            None => Backend::Sqlite(RefCell::new(Database::open(&dir.join("jobs.db")))),
        };
        let ledger = Self(backend);
        ledger.run(&ledger.layout());
        ledger
    }

    fn layout(&self) -> String {
        let mut sql = String::new();
        match &self.0 {
            Backend::Sqlite(_) => {
                sql += "CREATE TABLE ledger (
                        n INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT, seq INTEGER, at INTEGER
                    );";
                for (event, table, statement, column) in EVENTS {
                    let row = if statement == "INSERT" { "NEW" } else { "OLD" };
                    let at = if column.is_empty() {
                        "0".to_owned()
                    } else {
                        format!("{row}.{column}")
                    };
                    sql += &format!(
                        "CREATE TRIGGER ledger_{event} AFTER {statement} ON jobs_{table} BEGIN
                            INSERT INTO ledger (event, seq, at) VALUES ('{event}', {row}.seq, {at});
                        END;"
                    );
                }
            }
            Backend::Postgres { schema } => {
                sql += &format!(
                    "CREATE TABLE {schema}.ledger (
                        n bigserial PRIMARY KEY, event text, seq bigint, at bigint
                    );
                    CREATE FUNCTION {schema}.record_event() RETURNS trigger LANGUAGE plpgsql AS $$
                    DECLARE r jsonb := to_jsonb(COALESCE(NEW, OLD));
                    BEGIN
                        INSERT INTO {schema}.ledger (event, seq, at)
                        VALUES (TG_ARGV[0], (r ->> 'seq')::bigint, COALESCE((r ->> TG_ARGV[1])::bigint, 0));
                        RETURN NULL;
                    END $$;"
                );
                for (event, table, statement, column) in EVENTS {
                    sql += &format!(
                        "CREATE TRIGGER ledger_{event} AFTER {statement} ON {schema}.{table}
                        FOR EACH ROW EXECUTE FUNCTION {schema}.record_event('{event}', '{column}');"
                    );
                }
            }
        }
        sql
    }

    /// Counts the ended executions.
    pub(crate) fn count_ended(&self) -> usize {
        let count = self.texts("SELECT CAST(COUNT(*) AS text) FROM %ledger WHERE event = 'ended'");
        count[0].parse().expect("a number")
    }

    /// Reads the results of a job's executions.
    pub(crate) fn results(&self, job: &str) -> Vec<Value> {
        let texts = self.texts(&format!(
            "SELECT o.result FROM %outcomes AS o JOIN %executions AS x ON x.seq = o.seq
             WHERE x.job_id = '{job}' AND o.result IS NOT NULL"
        ));
        let read = |text: &String| serde_json::from_str(text).expect("JSON");
        texts.iter().map(read).collect()
    }

    /// Adds an entry of the test, with the current time.
    pub(crate) fn mark(&self, event: &str) {
        let now = match &self.0 {
            Backend::Sqlite(_) => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Backend::Postgres { .. } => "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint",
        };
        let sql = format!("INSERT INTO %ledger (event, seq, at) VALUES ('{event}', 0, {now})");
        self.run(&self.qualified(&sql));
    }

    /// Reads all entries so far.
    pub(crate) fn read(&self) -> History {
        let entries = self.texts("SELECT event || ' ' || seq || ' ' || at FROM %ledger ORDER BY n");
        let entries = entries.iter().map(|line| {
            let mut words = line.split(' ');
            let mut next = || words.next().expect("three words");
            Entry {
                event: next().to_owned(),
                seq: next().parse().expect("a number"),
                at: next().parse().expect("a number"),
            }
        });
        let entries = entries.collect();
        let executions =
            self.texts("SELECT seq || ' ' || job_id || ' ' || payload FROM %executions");
        let executions = executions.iter().map(|line| {
            let (seq, rest) = line.split_once(' ').expect("three words");
            let (job, payload) = rest.split_once(' ').expect("three words");
            let subject = Subject {
                job: job.to_owned(),
                payload: serde_json::from_str(payload).expect("JSON"),
            };
            (seq.parse().expect("a number"), subject)
        });
        History {
            entries,
            executions: executions.collect(),
        }
    }

    /// Replaces `%` before table names by the prefix or schema of the store.
    fn qualified(&self, sql: &str) -> String {
        match &self.0 {
            Backend::Sqlite(_) => sql.replace("%ledger", "ledger").replace('%', "jobs_"),
            Backend::Postgres { schema } => sql.replace('%', &format!("{schema}.")),
        }
    }

    fn run(&self, sql: &str) {
        match &self.0 {
            Backend::Sqlite(database) => database.borrow_mut().script(sql),
            Backend::Postgres { .. } => drop(Postgres::shared().sql("postgres", sql)),
        }
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let sql = self.qualified(sql);
        match &self.0 {
            Backend::Sqlite(database) => database.borrow_mut().texts(sql),
            Backend::Postgres { .. } => {
                let out = Postgres::shared().sql("postgres", &sql);
                out.lines().map(str::to_owned).collect()
            }
        }
    }
}
