//! A job that runs an external program: a shell script, a Python script or a binary.
//!
//! ```text
//! cargo build --examples
//! cargo run -- exec run-program --program statistics --input '{"numbers": [3, 4, 8]}'
//! ```
//!
//! # The agreement with the programs
//!
//! | channel | content |
//! |---|---|
//! | standard input | the payload's `input`, one line of JSON |
//! | standard error | log lines; a line `progress 40 reading` is a progress report |
//! | standard output | the last line is the result, JSON |
//! | exit code 0 | success |
//! | exit code 65 | a permanent failure: the input cannot be used |
//! | exit code 75 | come back later: the attempt is snoozed for a minute |
//! | another code, a signal | a failure; the retry list decides |
//!
//! The program runs in a process group of its own, which is killed with all its children when the
//! attempt is cancelled or times out. A guardian in the group reads from a pipe that only the
//! worker holds. When the worker dies, the pipe closes, and the guardian kills the group.

mod program;

use std::path::{Path, PathBuf};

use jobs::{JobContext, JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The programs that the job runs. A payload names a program, never a path.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// A shell script: counts the words of `text`.
    WordCount,
    /// A Python script: the mean of `numbers`.
    Statistics,
    /// A binary: the primes below `limit`.
    Primes,
}

impl Program {
    /// The command of the program.
    fn command(self) -> Vec<PathBuf> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
        match self {
            Self::WordCount => vec!["sh".into(), scripts.join("word_count.sh")],
            Self::Statistics => vec!["python3".into(), scripts.join("statistics.py")],
            // Cargo puts examples beside the program that runs this job.
            Self::Primes => {
                let this = std::env::current_exe().unwrap_or_default();
                vec![this.with_file_name("examples").join("primes")]
            }
        }
    }
}

/// Runs an external program.
#[job(id = "run-program", timeout = "1m", retries = ["1s", "5s"])]
pub fn run_program(
    ctx: &JobContext,
    program: Program,
    #[default(Map::new())] input: Map<String, Value>,
) -> Result<Value, JobError> {
    program::run(ctx, &program.command(), &Value::Object(input))
}
