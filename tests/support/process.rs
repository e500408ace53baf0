//! Worker processes: start, signals, logs, and the end.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running process of a program under test; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The address of its HTTP interface.
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    /// Reads standard error, so that a full pipe never blocks the process.
    reader: Option<JoinHandle<()>>,
    /// While `false`, standard error is not read, and the pipe fills.
    is_reading: Arc<AtomicBool>,
}

impl Server {
    /// Starts `program run` in `dir` on a free port and waits until it serves.
    pub fn start(program: &str, dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::starting(program, "run", dir, settings).serving()
    }

    /// Starts `program serve`, which executes nothing.
    pub fn start_serving_only(program: &str, dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::starting(program, "serve", dir, settings).serving()
    }

    /// Starts several processes at once.
    pub fn start_many(
        program: &str,
        count: usize,
        dir: &Path,
        settings: &[(&str, &str)],
    ) -> Vec<Self> {
        let starting: Vec<_> = (0..count)
            .map(|_| Self::starting(program, "run", dir, settings))
            .collect();
        starting.into_iter().map(Starting::serving).collect()
    }

    /// Starts `program serve` at an address, as after a restart.
    pub fn start_serving_at(
        program: &str,
        address: SocketAddr,
        dir: &Path,
        settings: &[(&str, &str)],
    ) -> Self {
        let address = address.to_string();
        Self::starting_at(program, &["serve", "--bind", &address], dir, settings).serving()
    }

    fn starting(program: &str, command: &str, dir: &Path, settings: &[(&str, &str)]) -> Starting {
        Self::starting_at(program, &[command, "--bind", "127.0.0.1:0"], dir, settings)
    }

    fn starting_at(
        program: &str,
        args: &[&str],
        dir: &Path,
        settings: &[(&str, &str)],
    ) -> Starting {
        let child = Command::new(program)
            .args(args)
            .current_dir(dir)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Starting(child)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The resident memory in MB, without pages of files: their number depends on the size of the
    /// program, which is larger in a debug build.
    pub fn resident_megabytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        let kilobytes: u64 = kilobytes.expect("a number").parse().expect("a number");
        kilobytes / 1_024
    }

    /// Suspends the process (`SIGSTOP`) until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Resumes a suspended process (`SIGCONT`).
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Reads standard error no further, or again.
    pub fn read_log(&self, reads: bool) {
        self.is_reading.store(reads, Ordering::SeqCst);
    }

    /// The log lines so far that contain all of `parts`.
    pub fn logged(&self, parts: &[&str]) -> Vec<String> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter()
            .filter(|line| parts.iter().all(|part| line.contains(part)))
            .cloned()
            .collect()
    }

    /// Kills the process (`SIGKILL`), waits for its end, and returns its log.
    pub fn kill_9(mut self) -> Vec<String> {
        self.child.kill().expect("the process can be killed");
        self.end()
    }

    /// Sends `SIGTERM`, waits for the end, and returns the exit code and the log.
    pub fn terminate(mut self) -> (Option<i32>, Vec<String>) {
        self.signal("-TERM");
        let status = self.child.wait().expect("the process ends");
        (status.code(), self.end())
    }

    /// Waits for the process to end by itself, and returns the exit code and the log.
    pub fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let mut code = None;
        wait_for("the process to end by itself", || {
            let status = self.child.try_wait().expect("the process can be observed");
            code = status.map(|status| status.code());
            code.is_some()
        });
        (code.flatten(), self.end())
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.pid().to_string()])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "the signal {signal} was not sent"
        );
    }

    fn end(&mut self) -> Vec<String> {
        let _ = self.child.wait();
        self.read_log(true);
        let _ = self.reader.take().map(JoinHandle::join);
        self.logged(&[])
    }
}

/// A started process that does not serve HTTP yet.
struct Starting(Child);

impl Starting {
    /// Waits until the process logs its address.
    fn serving(mut self) -> Server {
        let stderr = self.0.stderr.take().expect("stderr is piped");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let mut log = Vec::new();
        let address = loop {
            let Some(line) = lines.next() else {
                panic!("the program ended before it served:\n{}", log.join("\n"));
            };
            if let Some((_, rest)) = line.split_once("serving http") {
                let address = rest.split('/').nth(2).unwrap_or_default();
                break address.parse().expect("the program logs its address");
            }
            log.push(line);
        };
        let log = Arc::new(Mutex::new(log));
        let kept = Arc::clone(&log);
        let is_reading = Arc::new(AtomicBool::new(true));
        let reads = Arc::clone(&is_reading);
        let reader = std::thread::spawn(move || {
            for line in lines {
                while !reads.load(Ordering::SeqCst) {
                    std::thread::park_timeout(Duration::from_millis(20));
                }
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Server {
            child: self.0,
            address,
            log,
            reader: Some(reader),
            is_reading,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The output of a finished command.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a command of the program, and waits for its end.
pub fn run(program: &str, dir: &Path, args: &[&str]) -> Ran {
    let output = Command::new(program)
        .args(args)
        .current_dir(dir)
        // The program says that this variable is no setting of it.
        .env_remove("JOBS_TEST_TIER")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// True in the long tier (`./test --full`).
pub fn is_full_tier() -> bool {
    std::env::var("JOBS_TEST_TIER").is_ok_and(|tier| tier == "full")
}

/// A temporary directory in memory if the machine has `/dev/shm`, else on a disk. For tests about
/// leases: on a busy disk a write may take longer than a lease.
pub fn prompt_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    dir.expect("a temporary directory can be created")
}

/// Polls the condition every 5 ms until it holds. Panics after one minute.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = now();
    while !condition() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "waited a minute for {what}"
        );
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The real time, for tests of real processes.
#[expect(
    clippy::disallowed_methods,
    reason = "other processes do not follow a test's clock"
)]
pub fn now() -> Instant {
    Instant::now()
}
