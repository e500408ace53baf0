//! Errors of calls to a server, as the failures of a command.

use std::time::Duration;

use jobs::{EnqueueError, Violation, Violations};
use serde::Deserialize;

use crate::cli::failure::Failure;

/// An error of a call to a server.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum RemoteError {
    #[error("the token has characters that no token has: copy it again")]
    Token,
    #[error("{0}")]
    Tls(String),
    #[error(
        "cannot reach the server {server}: {reason}. Is it running, and is the address right? \
         `--server URL` or a context names it"
    )]
    Unreachable { server: String, reason: String },
    #[error(
        "the server {server} has not answered within {after:?}: the request may have taken effect"
    )]
    TooLate { server: String, after: Duration },
    #[error(
        "the connection to {server} ended before the answer ({reason}): the request may have taken \
         effect"
    )]
    Ended { server: String, reason: String },
    #[error("{}", problem.detail)]
    Problem {
        server: String,
        problem: Box<RemoteProblem>,
    },
    #[error(
        "{server} answered {status} without a problem document: is it a server of jobs, or a proxy \
         before one?"
    )]
    Foreign { server: String, status: u16 },
    #[error("the answer of the server has another form than this program expects: {0}")]
    Json(String),
    #[error("the route table has no operation `{0}`")]
    Route(&'static str),
}

/// A problem document.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct RemoteProblem {
    pub(in crate::cli) code: String,
    pub(in crate::cli) detail: String,
    #[serde(default)]
    pub(in crate::cli) violations: Vec<Violation>,
    /// Similar names.
    #[serde(default)]
    pub(in crate::cli) near: Vec<String>,
    /// The status of the execution, if it forbids the act.
    pub(in crate::cli) execution_status: Option<jobs::ExecutionStatus>,
    /// The role that the route needs.
    needed: Option<String>,
}

impl RemoteError {
    /// Returns the problem of the answer, if its code is this one.
    pub(in crate::cli) fn problem(&self, code: &str) -> Option<&RemoteProblem> {
        match self {
            Self::Problem { problem, .. } if problem.code == code => Some(problem),
            _ => None,
        }
    }

    /// The failure of a call that carries a payload of a job.
    pub(in crate::cli) fn of_payload(self, job_id: &str) -> Failure {
        match self {
            Self::Problem { problem, .. } if problem.code == "invalid_payload" => {
                EnqueueError::InvalidPayload {
                    job_id: job_id.to_owned(),
                    violations: Violations(problem.violations),
                }
                .into()
            }
            error => error.into(),
        }
    }
}

/// Errors have the exit codes that the same errors have on a local store.
impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        let text = error.to_string();
        let (server, problem) = match error {
            RemoteError::Problem { server, problem } => (server, problem),
            RemoteError::Token => return Self::usage(text),
            _ => return Self::failed(text),
        };
        match &*problem.code {
            "token_required" => Self::failed(format!(
                "the server {server} asks for a token: give one with `--token TOKEN`, JOBS_TOKEN or \
                 `--token-file FILE`; `token create --role operator` on its store makes one"
            )),
            "invalid_token" => Self::failed(format!(
                "the server {server} refuses the token: {text}. `token list` on its store lists \
                 the tokens, `token create` makes one"
            )),
            "forbidden" => {
                let role = problem.needed.as_deref().unwrap_or("operator");
                Self::failed(format!(
                    "the server {server} refuses: {text}. Use a token with that role; an admin \
                     makes one with `token create --role {role}`"
                ))
            }
            "not_found" | "method_not_allowed" => Self::failed(format!(
                "the server {server} does not know the request: it is older than this program, or \
                 no server of jobs"
            )),
            "malformed_json" | "invalid_request" | "invalid_query" | "invalid_payload"
            | "payload_too_large" | "unknown_job" | "unknown_queue" | "unknown_schedule"
            | "unknown_limit" => Self::usage(text),
            _ => Self::failed(text),
        }
    }
}
