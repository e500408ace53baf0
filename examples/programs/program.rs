//! One run of an external program: its channels, its exit code, and its end with all its children.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use jobs::{JobContext, JobError};
use serde_json::Value;

/// The guardian: runs the program with the first line of its input, and kills the group when its
/// input ends. `$@` is the program.
const GUARDIAN: &str = r#"
IFS= read -r input
printf '%s\n' "$input" | "$@" &
program=$!
{ cat >/dev/null; kill -KILL 0; } <&3 >/dev/null 2>&1 &
guard=$!
wait "$program"
code=$?
kill "$guard" 2>/dev/null
exit "$code"
"#;

/// The largest output that is read, in bytes.
const MOST_OUTPUT: u64 = 2 * 1024 * 1024;

/// The interval at which a cancellation is noticed.
const LOOK: Duration = Duration::from_millis(50);

/// The pause that exit code 75 asks for.
const LATER: Duration = Duration::from_secs(60);

/// Runs a program until it ends or the attempt is interrupted, and returns its result.
pub(super) fn run(ctx: &JobContext, command: &[PathBuf], input: &Value) -> Result<Value, JobError> {
    let mut group = Group::start(command, input)?;
    let lines = group.lines();
    let output = group.output();
    let status = loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => report(ctx, &line),
            Err(RecvTimeoutError::Disconnected) => break group.child.wait()?,
            Err(RecvTimeoutError::Timeout) => {
                // The error ends this function, which kills the group.
                ctx.check()?;
                // Children that the program has left may keep standard error open.
                if let Some(status) = group.child.try_wait()? {
                    break status;
                }
            }
        }
    };
    group.kill();
    result(status, &output.recv().unwrap_or_default())
}

/// A program, its guardian and their children: one process group. Dropping it kills all of them.
struct Group {
    child: Child,
    /// The guardian reads from it until this process ends.
    _life: Option<ChildStdin>,
}

impl Group {
    fn start(command: &[PathBuf], input: &Value) -> Result<Self, JobError> {
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec 3<&0\n{GUARDIAN}"), "guardian"])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let life = child.stdin.take();
        let mut group = Self { child, _life: life };
        if let Some(stdin) = &mut group._life {
            // JSON without line breaks: one line.
            writeln!(stdin, "{input}")?;
        }
        Ok(group)
    }

    /// Kills every process of the group. Its id is that of its first process.
    fn kill(&self) {
        let group = format!("-{}", self.child.id());
        let mut kill = Command::new("kill");
        let _ = kill
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
    }

    /// The lines of standard error, as they come.
    fn lines(&mut self) -> Receiver<String> {
        let (send, lines) = channel();
        let stderr: Option<ChildStderr> = self.child.stderr.take();
        thread::spawn(move || {
            for line in stderr
                .into_iter()
                .flat_map(|it| BufReader::new(it).split(b'\n'))
            {
                let Ok(line) = line else { return };
                if send
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_err()
                {
                    return;
                }
            }
        });
        lines
    }

    /// The standard output, at its end.
    fn output(&mut self) -> Receiver<String> {
        let (send, output) = channel();
        let stdout = self.child.stdout.take();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(stdout) = stdout {
                let _ = stdout.take(MOST_OUTPUT).read_to_end(&mut bytes);
            }
            let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        output
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

/// Reports a line of standard error: progress, or a log line.
fn report(ctx: &JobContext, line: &str) {
    let progress = || {
        let (percent, message) = line.strip_prefix("progress ")?.split_once(' ')?;
        Some((percent.parse::<u8>().ok()?, message))
    };
    match progress() {
        Some((percent, message)) => ctx.progress(percent, message),
        None => tracing::info!("{line}"),
    }
}

/// The outcome of a program that has ended.
fn result(status: ExitStatus, output: &str) -> Result<Value, JobError> {
    match status.code() {
        Some(0) => {
            let last = output.lines().rev().find(|line| !line.trim().is_empty());
            let last = last.ok_or_else(|| JobError::permanent("the program printed no result"))?;
            serde_json::from_str(last)
                .map_err(|error| JobError::permanent(format!("the last line is no JSON: {error}")))
        }
        Some(65) => Err(JobError::permanent("the program cannot use the input")),
        Some(75) => Err(JobError::snooze(LATER)),
        Some(code) => Err(format!("the program ended with exit code {code}").into()),
        None => Err("the program was killed by a signal".into()),
    }
}
