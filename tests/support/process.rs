//! A worker process: started, watched, killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

/// A running server; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it serves HTTP.
    pub address: SocketAddr,
    // Reads what the process says, so that a full pipe never blocks it.
    log: Option<JoinHandle<Vec<String>>>,
}

impl Server {
    /// Starts `program run` in `dir` on a free port and waits until it serves.
    pub fn start(program: &str, dir: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(program)
            .args(["run", "--bind", "127.0.0.1:0"])
            .current_dir(dir)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("stderr is piped");
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
        let log = std::thread::spawn(move || {
            said.extend(lines);
            said
        });
        Self {
            child,
            address,
            log: Some(log),
        }
    }

    /// Ends the process as a crash would: nothing of it runs any more when this returns.
    pub fn kill_9(mut self) -> Vec<String> {
        self.child.kill().expect("the process can be killed");
        self.end()
    }

    /// Asks the process to end, and waits until it has.
    pub fn terminate(mut self) -> (Option<i32>, Vec<String>) {
        let asked = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(asked.is_ok_and(|status| status.success()));
        let status = self.child.wait().expect("the process ends");
        (status.code(), self.end())
    }

    fn end(&mut self) -> Vec<String> {
        let _ = self.child.wait();
        let log = self.log.take().map(JoinHandle::join);
        log.and_then(Result::ok).unwrap_or_default()
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
