//! A running program whose standard error the test holds.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::process::wait_for;

/// A program whose standard error the test holds. Killed when dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts a command of the program.
    pub fn start(
        program: &str,
        dir: &Path,
        args: &[&str],
        settings: &[(&str, &str)],
        stderr: impl Into<Stdio>,
    ) -> Self {
        // The tests may run under `nohup`, whose children ignore SIGHUP.
        let child = Command::new("env")
            .args(["--default-signal=HUP", program])
            .args(args)
            .envs(settings.iter().copied())
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn();
        Self(child.expect("the program starts"))
    }

    /// Starts `run`, and reads its standard error until it serves.
    pub fn serving(program: &str, dir: &Path) -> (Self, BufReader<ChildStderr>, SocketAddr) {
        let mut running = Self::start(
            program,
            dir,
            &["run", "--bind", "127.0.0.1:0"],
            &[],
            Stdio::piped(),
        );
        let stderr = running.0.stderr.take().expect("stderr is piped");
        let mut reader = BufReader::new(stderr);
        let mut log = String::new();
        let address = loop {
            let begin = log.len();
            let read = reader.read_line(&mut log).expect("the log is text");
            assert!(read > 0, "the program ended before it served:\n{log}");
            if let Some((_, rest)) = log[begin..].split_once("serving http") {
                let address = rest.split('/').nth(2).unwrap_or_default();
                break address.parse().expect("the program logs its address");
            }
        };
        (running, reader, address)
    }

    /// Sends a signal, as in `-TERM`.
    pub fn signal(&self, signal: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "{signal} was not sent"
        );
    }

    /// Waits for the end, and returns the exit code.
    pub fn end(&mut self) -> Option<i32> {
        let mut code = None;
        wait_for("the end of the program", || {
            code = self.0.try_wait().expect("a child can be waited for");
            code.is_some()
        });
        code.and_then(|status| status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
