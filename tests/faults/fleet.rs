//! A fleet: worker processes on one store, under load.

mod effects;
pub(crate) mod invariants;
mod load;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tests::http;
use tests::process::{Server, prompt_dir, wait_for};

use self::effects::Effects;
use self::invariants::{FirstEnds, Totals, is_final, list_executions};
use self::load::{Load, Pace};

/// The bundled runtime with the jobs of `tests` linked.
const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// Several workers that tests harm, and a process that only serves HTTP and stays unharmed.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) workers: Vec<Server>,
    pub(crate) serving: Server,
    pub(crate) effects: Arc<Effects>,
    /// The seed of the test's random choices. The interleaving of processes does not depend on it.
    pub(crate) seed: u64,
    random: fastrand::Rng,
    url: String,
    lease: String,
    load: Option<Load>,
    /// The number of attempts begun before the current load, and the size of that load.
    load_extent: (usize, usize),
    acknowledged: Vec<String>,
    first_ends: FirstEnds,
    dir: TempDir,
}

impl Fleet {
    /// Starts a number of workers with the given lease on a store.
    pub(crate) fn start(url: &str, workers: usize, lease: &str) -> Self {
        let dir = prompt_dir();
        // The serving process comes first, and migrates the layout.
        let serving = Server::start_serving_only(PROGRAM, dir.path(), &settings(url, lease));
        let random = fastrand::Rng::new();
        let mut fleet = Self {
            workers: Vec::new(),
            effects: Arc::new(Effects::new(dir.path())),
            serving,
            seed: random.get_seed(),
            random,
            url: url.to_owned(),
            lease: lease.to_owned(),
            load: None,
            load_extent: (0, 0),
            acknowledged: Vec::new(),
            first_ends: FirstEnds::default(),
            dir,
        };
        let settings = settings(url, lease);
        fleet.workers = Server::start_many(PROGRAM, workers, fleet.dir.path(), &settings);
        fleet
    }

    /// Adds a worker that connects to the store by another URL.
    pub(crate) fn add_worker(&mut self, url: &str) {
        let settings = settings(url, &self.lease);
        let worker = Server::start(PROGRAM, self.dir.path(), &settings);
        self.workers.push(worker);
    }

    /// Adds a worker of another program, with further settings.
    pub(crate) fn add_worker_with(&mut self, program: &str, further: &[(&str, &str)]) {
        let url = self.url.clone();
        let mut all = settings(&url, "2s").to_vec();
        all.extend_from_slice(further);
        self.workers
            .push(Server::start(program, self.dir.path(), &all));
    }

    /// Starts a load of at least `executions` executions of 20 to 200 ms, at the workers' pace.
    pub(crate) fn start_load(&mut self, executions: usize) {
        self.start_load_of(executions, 20..200);
    }

    /// Starts a load with executions of a random length in `millis`.
    pub(crate) fn start_load_of(&mut self, executions: usize, millis: Range<u64>) {
        assert!(self.load.is_none(), "a load is already running");
        self.load_extent = (self.effects.begun(), executions);
        let load = Load::start(
            self.serving.address,
            &self.effects,
            millis,
            Pace::AsExecuted,
        );
        self.load = Some(load);
    }

    /// Starts a load of a fixed number of short executions a second, until
    /// [`finish_load`](Self::finish_load).
    pub(crate) fn start_load_at(&mut self, per_second: f64) {
        assert!(self.load.is_none(), "a load is already running");
        self.load_extent = (self.effects.begun(), 0);
        let pace = Pace::PerSecond(per_second);
        let load = Load::start(self.serving.address, &self.effects, 20..200, pace);
        self.load = Some(load);
    }

    /// Waits until `part` of `parts` of the load have begun. About ten times per load it also calls
    /// [`check_ends`](Self::check_ends), which reads every execution.
    pub(crate) fn wait_for_part(&mut self, part: usize, parts: usize) {
        let (before, executions) = self.load_extent;
        let wanted = before + executions * part / parts;
        self.wait(&format!("{wanted} attempts to begin"), || {
            self.effects.begun() >= wanted
        });
        if part.is_multiple_of(parts.div_ceil(10)) {
            self.check_ends();
        }
    }

    /// Records which executions have ended, and checks that no earlier end has changed.
    pub(crate) fn check_ends(&mut self) {
        let all = list_executions(self.serving.address);
        self.first_ends.observe(&all);
    }

    /// Waits until a worker runs an attempt.
    pub(crate) fn wait_until_busy(&self, worker: usize) {
        self.wait("a worker to run an attempt", || self.is_busy(worker));
    }

    /// True if a worker runs an attempt.
    fn is_busy(&self, worker: usize) -> bool {
        let health = http::get(self.workers[worker].address, "/health").text;
        health.contains("running") && !health.contains(", 0 attempts running")
    }

    /// A random worker.
    pub(crate) fn random_worker(&mut self) -> usize {
        self.random.usize(..self.workers.len())
    }

    /// A random number from 1 to `last`.
    pub(crate) fn random_up_to(&mut self, last: u64) -> u64 {
        self.random.u64(1..=last)
    }

    /// Waits until a worker runs an attempt, kills the worker, and starts another in its place.
    pub(crate) fn kill(&mut self, worker: usize) {
        self.kill_under_load(worker, || ());
    }

    /// Like [`kill`](Self::kill), for short work: `add_work` is called at each poll, so that the
    /// worker gets work again if it has ended.
    pub(crate) fn kill_under_load(&mut self, worker: usize, mut add_work: impl FnMut()) {
        self.wait("a worker to run an attempt", || {
            add_work();
            self.is_busy(worker)
        });
        self.workers.swap_remove(worker).kill_9();
        self.add_worker(&self.url.clone());
    }

    /// Waits until every process reports that it is ready, or that it is not.
    pub(crate) fn wait_until_ready(&self, ready: bool) {
        let status = if ready { 200 } else { 503 };
        for process in self.workers.iter().chain([&self.serving]) {
            self.wait(&format!("status {status} of /readyz"), || {
                http::get(process.address, "/readyz").status == status
            });
        }
    }

    /// Stops the load at its full size, waits until every execution has ended, and checks the
    /// invariants.
    pub(crate) fn finish_load(&mut self) -> Totals {
        self.wait_for_part(1, 1);
        let load = self.load.take().expect("a load is running");
        self.acknowledged.extend(load.end(self.load_extent.1));
        let serving = self.serving.address;
        let (mut all, mut first_ends) = (Vec::new(), std::mem::take(&mut self.first_ends));
        self.wait("the last execution to end", || {
            ["pending", "queued", "running"].iter().all(|status| {
                let path = format!("/api/v1/workers/executions?limit=1&status={status}");
                let page = http::get(serving, &path).body;
                page["executions"][0].is_null() && page["nextCursor"].is_null()
            })
        });
        self.wait("every execution to be listed as ended", || {
            all = list_executions(serving);
            first_ends.observe(&all);
            all.iter().all(is_final)
        });
        self.first_ends = first_ends;
        let totals = invariants::check(serving, &all, &self.acknowledged, &self.effects);
        self.check_ends();
        totals
    }

    /// Waits until the condition holds. On a timeout it panics with a report of the fleet.
    pub(crate) fn wait(&self, what: &str, condition: impl FnMut() -> bool) {
        let waited = catch_unwind(AssertUnwindSafe(|| wait_for(what, condition)));
        assert!(
            waited.is_ok(),
            "{what}, seed {}: {}",
            self.seed,
            self.report()
        );
    }

    /// Up to three unfinished executions, and the health and log of every process.
    fn report(&self) -> String {
        let mut report = String::new();
        let all = list_executions(self.serving.address);
        for one in all.iter().filter(|one| !is_final(one)).take(3) {
            let id = one["id"].as_str().unwrap_or_default();
            let path = format!("/api/v1/workers/executions/{id}");
            report += &http::get(self.serving.address, &path).text;
            report += &http::get(self.serving.address, &format!("{path}/explain")).text;
        }
        for process in self.workers.iter().chain([&self.serving]) {
            let (pid, log) = (process.pid(), process.logged(&[]).join("\n"));
            let health = http::get(process.address, "/health").text;
            report += &format!("\n\nprocess {pid}: {health}\n{log}");
        }
        report
    }

    /// The working directory of every process.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Terminates every process, and checks that each exits with code 0.
    pub(crate) fn shut_down(self) {
        for process in self.workers.into_iter().chain([self.serving]) {
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
