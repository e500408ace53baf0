//! Worker processes on one store, under load.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tests::http;
use tests::process::{Server, prompt_dir, wait_for};

use super::audit::{Account, Finals, audit, feed, is_final};
use super::effects::Effects;
use super::load::{Load, Pace};

/// The bundled runtime with the jobs of `tests` linked.
const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// Several workers and a process that only serves, which nothing happens to.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) workers: Vec<Server>,
    pub(crate) front: Server,
    pub(crate) effects: Arc<Effects>,
    /// What is random about a test follows from it, except for what processes do at once.
    pub(crate) seed: u64,
    random: fastrand::Rng,
    url: String,
    lease: String,
    load: Option<Load>,
    /// Where in the effects the load under way began, and its size.
    under_way: (usize, usize),
    acknowledged: Vec<String>,
    finals: Finals,
    dir: TempDir,
}

impl Fleet {
    /// Starts so many workers with this lease on a store.
    pub(crate) fn start(url: &str, workers: usize, lease: &str) -> Self {
        let dir = prompt_dir();
        // The first brings the layout up.
        let front = Server::start_serving_only(PROGRAM, dir.path(), &settings(url, lease));
        let random = fastrand::Rng::new();
        let mut fleet = Self {
            workers: Vec::new(),
            effects: Arc::new(Effects::new(dir.path())),
            front,
            seed: random.get_seed(),
            random,
            url: url.to_owned(),
            lease: lease.to_owned(),
            load: None,
            under_way: (0, 0),
            acknowledged: Vec::new(),
            finals: Finals::default(),
            dir,
        };
        let settings = settings(url, lease);
        fleet.workers = Server::start_many(PROGRAM, workers, fleet.dir.path(), &settings);
        fleet
    }

    /// Adds a worker that reaches the store by another way.
    pub(crate) fn add(&mut self, url: &str) {
        let settings = settings(url, &self.lease);
        let worker = Server::start(PROGRAM, self.dir.path(), &settings);
        self.workers.push(worker);
    }

    /// Begins to enqueue short executions as fast as they are executed, so many at least.
    pub(crate) fn load(&mut self, executions: usize) {
        self.load_of(executions, 20..200);
    }

    /// The same with executions that take so many milliseconds.
    pub(crate) fn load_of(&mut self, executions: usize, millis: Range<u64>) {
        assert!(self.load.is_none(), "one load at a time");
        self.under_way = (self.effects.begun(), executions);
        let load = Load::start(self.front.address, &self.effects, millis, Pace::AsExecuted);
        self.load = Some(load);
    }

    /// Begins to enqueue so many short executions a second, whatever becomes of them, until it is
    /// [settled](Self::settle).
    pub(crate) fn load_at(&mut self, a_second: f64) {
        assert!(self.load.is_none(), "one load at a time");
        self.under_way = (self.effects.begun(), 0);
        let pace = Pace::ASecond(a_second);
        let load = Load::start(self.front.address, &self.effects, 20..200, pace);
        self.load = Some(load);
    }

    /// Waits until `part` of `parts` of the load have begun, and looks at what has ended by then: ten times
    /// in all, because each look reads everything.
    pub(crate) fn until(&mut self, part: usize, parts: usize) {
        let (before, executions) = self.under_way;
        let wanted = before + executions * part / parts;
        self.wait(&format!("{wanted} attempts to begin"), || {
            self.effects.begun() >= wanted
        });
        if part.is_multiple_of(parts.div_ceil(10)) {
            self.look();
        }
    }

    /// Looks at what has ended by now: it has to stay as it is.
    pub(crate) fn look(&mut self) {
        self.finals.observe(&feed(self.front.address));
    }

    /// Waits until a worker executes something.
    pub(crate) fn until_busy(&self, worker: usize) {
        self.wait("work", || self.is_busy(worker));
    }

    /// Whether a worker executes something.
    fn is_busy(&self, worker: usize) -> bool {
        let health = http::get(self.workers[worker].address, "/health").text;
        health.contains("running") && !health.contains(", 0 attempts running")
    }

    /// One of the workers, by chance.
    pub(crate) fn any(&mut self) -> usize {
        self.random.usize(..self.workers.len())
    }

    /// A number from 1 to the last, by chance.
    pub(crate) fn any_of(&mut self, last: u64) -> u64 {
        self.random.u64(1..=last)
    }

    /// Kills a worker in the middle of its work, and starts another in its place.
    pub(crate) fn kill(&mut self, worker: usize) {
        self.kill_amid(worker, || ());
    }

    /// The same where work may come to an end before it is seen: `more` is asked for it at each look.
    pub(crate) fn kill_amid(&mut self, worker: usize, mut more: impl FnMut()) {
        self.wait("work", || {
            more();
            self.is_busy(worker)
        });
        self.workers.swap_remove(worker).kill_9();
        self.add(&self.url.clone());
    }

    /// Waits until every process says of itself whether it is ready.
    pub(crate) fn until_ready(&self, ready: bool) {
        let status = if ready { 200 } else { 503 };
        for process in self.workers.iter().chain([&self.front]) {
            self.wait(&format!("readiness {status}"), || {
                http::get(process.address, "/readyz").status == status
            });
        }
    }

    /// Ends the load when it was as large as was asked for, waits for the end of every execution,
    /// and checks everything there is.
    pub(crate) fn settle(&mut self) -> Account {
        self.until(1, 1);
        let load = self.load.take().expect("a load is under way");
        self.acknowledged.extend(load.end(self.under_way.1));
        let front = self.front.address;
        let (mut all, mut finals) = (Vec::new(), std::mem::take(&mut self.finals));
        self.wait("the last to end", || {
            ["pending", "queued", "running"].iter().all(|status| {
                let path = format!("/api/v1/workers/executions?limit=1&status={status}");
                let page = http::get(front, &path).body;
                page["executions"][0].is_null() && page["nextCursor"].is_null()
            })
        });
        self.wait("every end", || {
            all = feed(front);
            finals.observe(&all);
            all.iter().all(is_final)
        });
        self.finals = finals;
        let account = audit(front, &all, &self.acknowledged, &self.effects);
        self.finals.observe(&feed(front));
        account
    }

    /// Waits until it is so, or tells how the fleet is.
    pub(crate) fn wait(&self, what: &str, is_so: impl FnMut() -> bool) {
        let waited = catch_unwind(AssertUnwindSafe(|| wait_for(what, is_so)));
        assert!(
            waited.is_ok(),
            "{what}, seed {}: {}",
            self.seed,
            self.report()
        );
    }

    /// What stands still, and what every process has to say about it.
    fn report(&self) -> String {
        let mut report = String::new();
        let unfinished = feed(self.front.address);
        for one in unfinished.iter().filter(|one| !is_final(one)).take(3) {
            let id = one["id"].as_str().unwrap_or_default();
            let path = format!("/api/v1/workers/executions/{id}");
            report += &http::get(self.front.address, &path).text;
            report += &http::get(self.front.address, &format!("{path}/explain")).text;
        }
        for process in self.workers.iter().chain([&self.front]) {
            let (pid, log) = (process.pid(), process.logged(&[]).join("\n"));
            let health = http::get(process.address, "/health").text;
            report += &format!("\n\nprocess {pid}: {health}\n{log}");
        }
        report
    }

    /// The directory that every process works in.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Ends every process, which none of them refuses.
    pub(crate) fn end(self) {
        for process in self.workers.into_iter().chain([self.front]) {
            let (code, log) = process.terminate();
            assert_eq!(code, Some(0), "{log:?}");
        }
    }
}

fn settings<'a>(url: &'a str, lease: &'a str) -> [(&'static str, &'a str); 5] {
    [
        ("JOBS_LIMITS", "test-api:15/s"),
        ("JOBS_DATABASE", url),
        ("JOBS_LEASE", lease),
        ("JOBS_CONCURRENCY", "8"),
        ("JOBS_LOG", "warn"),
    ]
}
