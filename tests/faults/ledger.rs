//! What the database itself notes about executions, in the order in which it happens: triggers that
//! a test installs, and that no program under test knows of.
//!
//! The order is that of transactions which depend on each other: who takes a permit that another has
//! given back stands behind it, because it had to see that first.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use tests::database::Database;
use tests::postgres::Postgres;

/// What is noted: the word, the table, what happens there, and the column that tells a time.
const NOTED: [(&str, &str, &str, &str); 8] = [
    ("created", "executions", "INSERT", "created_at"),
    ("leased", "leases", "INSERT", "claimed_at"),
    ("left", "leases", "DELETE", "claimed_at"),
    ("ended", "outcomes", "INSERT", "finished_at"),
    ("delayed", "scheduled", "INSERT", "run_at"),
    ("due", "scheduled", "DELETE", "run_at"),
    ("waits", "waiting", "INSERT", ""),
    ("went", "waiting", "DELETE", ""),
];

/// A way to the database that the fleet works on.
enum Way {
    Sqlite(RefCell<Database>),
    Postgres { schema: String },
}

/// The ledger in a store.
pub(crate) struct Ledger(Way);

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) what: String,
    pub(crate) seq: i64,
    /// Milliseconds; 0 where none was noted.
    pub(crate) at: i64,
}

/// An execution that entries speak of.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) job: String,
    pub(crate) payload: Value,
}

impl Told {
    /// The number in the payload's field `key`.
    pub(crate) fn key(&self) -> u64 {
        self.payload["key"].as_u64().unwrap_or(0)
    }
}

/// All that was noted, and about what.
pub(crate) struct Story {
    pub(crate) entries: Vec<Entry>,
    executions: HashMap<i64, Told>,
}

impl Story {
    /// The execution of an entry.
    pub(crate) fn of(&self, entry: &Entry) -> &Told {
        &self.executions[&entry.seq]
    }

    /// The entries about one job.
    pub(crate) fn about<'s>(&'s self, job: &'s str) -> impl Iterator<Item = &'s Entry> {
        let of_job = move |entry: &&Entry| {
            self.executions
                .get(&entry.seq)
                .is_some_and(|it| it.job == job)
        };
        self.entries.iter().filter(of_job)
    }
}

impl Ledger {
    /// Installs it in a store that has its layout.
    pub(crate) fn install(url: &str, dir: &Path) -> Self {
        let way = match url.split_once("schema=") {
            Some((_, schema)) => Way::Postgres {
                schema: schema.to_owned(),
            },
            None => Way::Sqlite(RefCell::new(Database::open(&dir.join("jobs.db")))),
        };
        let ledger = Self(way);
        ledger.run(&ledger.layout());
        ledger
    }

    fn layout(&self) -> String {
        let mut sql = String::new();
        match &self.0 {
            Way::Sqlite(_) => {
                sql += "CREATE TABLE ledger (n INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, seq INTEGER, at INTEGER);";
                for (word, table, event, column) in NOTED {
                    let row = if event == "INSERT" { "NEW" } else { "OLD" };
                    let at = if column.is_empty() {
                        "0".to_owned()
                    } else {
                        format!("{row}.{column}")
                    };
                    sql += &format!(
                        "CREATE TRIGGER ledger_{word} AFTER {event} ON jobs_{table} BEGIN
                            INSERT INTO ledger (what, seq, at) VALUES ('{word}', {row}.seq, {at});
                        END;"
                    );
                }
            }
            Way::Postgres { schema } => {
                sql += &format!(
                    "CREATE TABLE {schema}.ledger (n bigserial PRIMARY KEY, what text, seq bigint, at bigint);
                    CREATE FUNCTION {schema}.note() RETURNS trigger LANGUAGE plpgsql AS $$
                    DECLARE r jsonb := to_jsonb(COALESCE(NEW, OLD));
                    BEGIN
                        INSERT INTO {schema}.ledger (what, seq, at)
                        VALUES (TG_ARGV[0], (r ->> 'seq')::bigint, COALESCE((r ->> TG_ARGV[1])::bigint, 0));
                        RETURN NULL;
                    END $$;"
                );
                for (word, table, event, column) in NOTED {
                    sql += &format!(
                        "CREATE TRIGGER ledger_{word} AFTER {event} ON {schema}.{table}
                        FOR EACH ROW EXECUTE FUNCTION {schema}.note('{word}', '{column}');"
                    );
                }
            }
        }
        sql
    }

    /// How many executions of these tests' jobs have ended.
    pub(crate) fn ended(&self) -> usize {
        let count = self.texts("SELECT CAST(COUNT(*) AS text) FROM %ledger WHERE what = 'ended'");
        count[0].parse().expect("a number")
    }

    /// The results of a job's executions.
    pub(crate) fn results(&self, job: &str) -> Vec<Value> {
        let texts = self.texts(&format!(
            "SELECT o.result FROM %outcomes AS o JOIN %executions AS x ON x.seq = o.seq
             WHERE x.job_id = '{job}' AND o.result IS NOT NULL"
        ));
        let read = |text: &String| serde_json::from_str(text).expect("JSON");
        texts.iter().map(read).collect()
    }

    /// Notes a word of the test's own, now.
    pub(crate) fn mark(&self, word: &str) {
        let now = match &self.0 {
            Way::Sqlite(_) => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Way::Postgres { .. } => "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint",
        };
        let sql = format!("INSERT INTO %ledger (what, seq, at) VALUES ('{word}', 0, {now})");
        self.run(&self.named(&sql));
    }

    /// Everything so far.
    pub(crate) fn read(&self) -> Story {
        let entries = self.texts("SELECT what || ' ' || seq || ' ' || at FROM %ledger ORDER BY n");
        let entries = entries.iter().map(|line| {
            let mut words = line.split(' ');
            let mut next = || words.next().expect("three words");
            Entry {
                what: next().to_owned(),
                seq: next().parse().expect("a number"),
                at: next().parse().expect("a number"),
            }
        });
        let entries = entries.collect();
        let executions =
            self.texts("SELECT seq || ' ' || job_id || ' ' || payload FROM %executions");
        let executions = executions.iter().map(|line| {
            let (seq, told) = line.split_once(' ').expect("three words");
            let (job, payload) = told.split_once(' ').expect("three words");
            let told = Told {
                job: job.to_owned(),
                payload: serde_json::from_str(payload).expect("JSON"),
            };
            (seq.parse().expect("a number"), told)
        });
        Story {
            entries,
            executions: executions.collect(),
        }
    }

    /// With the names of tables as they are here.
    fn named(&self, sql: &str) -> String {
        match &self.0 {
            Way::Sqlite(_) => sql.replace("%ledger", "ledger").replace('%', "jobs_"),
            Way::Postgres { schema } => sql.replace('%', &format!("{schema}.")),
        }
    }

    fn run(&self, sql: &str) {
        match &self.0 {
            Way::Sqlite(database) => database.borrow_mut().script(sql),
            Way::Postgres { .. } => drop(Postgres::shared().sql("postgres", sql)),
        }
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let sql = self.named(sql);
        match &self.0 {
            Way::Sqlite(database) => database.borrow_mut().texts(sql),
            Way::Postgres { .. } => {
                let out = Postgres::shared().sql("postgres", &sql);
                out.lines().map(str::to_owned).collect()
            }
        }
    }
}
