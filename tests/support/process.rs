//! A worker process: started, watched, killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running server; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it serves HTTP.
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    // Reads what the process says, so that a full pipe never blocks it.
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts `program run` in `dir` on a free port and waits until it serves.
    pub fn start(program: &str, dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::starting(program, "run", dir, settings).serving()
    }

    /// Starts `program serve`: it executes nothing.
    pub fn start_serving_only(program: &str, dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::starting(program, "serve", dir, settings).serving()
    }

    /// Starts several at the same moment.
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

    fn starting(program: &str, command: &str, dir: &Path, settings: &[(&str, &str)]) -> Starting {
        let child = Command::new(program)
            .args([command, "--bind", "127.0.0.1:0"])
            .current_dir(dir)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Starting(child)
    }

    /// Its number among the processes.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it where it is (`SIGSTOP`), until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// The lines of its log, so far, that contain all of these.
    pub fn logged(&self, parts: &[&str]) -> Vec<String> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter()
            .filter(|line| parts.iter().all(|part| line.contains(part)))
            .cloned()
            .collect()
    }

    /// Ends the process as a crash would: nothing of it runs any more when this returns.
    pub fn kill_9(mut self) -> Vec<String> {
        self.child.kill().expect("the process can be killed");
        self.end()
    }

    /// Asks the process to end, and waits until it has.
    pub fn terminate(mut self) -> (Option<i32>, Vec<String>) {
        self.signal("-TERM");
        let status = self.child.wait().expect("the process ends");
        (status.code(), self.end())
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.pid().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    fn end(&mut self) -> Vec<String> {
        let _ = self.child.wait();
        let _ = self.reader.take().map(JoinHandle::join);
        self.logged(&[])
    }
}

/// A process that does not serve yet.
struct Starting(Child);

impl Starting {
    fn serving(mut self) -> Server {
        let stderr = self.0.stderr.take().expect("stderr is piped");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let address = loop {
            let Some(line) = lines.next() else {
                panic!("the program ended before it served:\n{}", said.join("\n"));
            };
            if let Some((_, rest)) = line.split_once("serving http://") {
                let address = rest.split('/').next().unwrap_or_default();
                break address.parse().expect("an address is printed");
            }
            said.push(line);
        };
        let log = Arc::new(Mutex::new(said));
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in lines {
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
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command of the program printed.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a command of the program to its end.
pub fn run(program: &str, dir: &Path, args: &[&str]) -> Ran {
    let output = Command::new(program)
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Whether the long tier runs.
pub fn is_full_tier() -> bool {
    std::env::var("JOBS_TEST_TIER").is_ok_and(|tier| tier == "full")
}

/// A directory where a write takes no time: in memory, where there is such a place. For tests about
/// leases, which a disk that is busy with other things would lose.
pub fn prompt_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    dir.expect("a directory")
}

/// Looks until it is so; a minute is far beyond what any of it takes.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "waited in vain for {what}"
        );
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Real time, which tests over real processes are about.
#[expect(
    clippy::disallowed_methods,
    reason = "what a test's clock cannot carry: other processes"
)]
pub fn now() -> Instant {
    Instant::now()
}
