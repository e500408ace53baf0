//! `cancel`, `retry`, `delete`: what operators do to an execution.

use std::io::Read;

use serde_json::json;

use super::{execution_id, existing};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::store::{CancelAnswer, DeleteAnswer, RetryAnswer};

/// Cancels an execution, or asks its worker to.
pub(in crate::cli) async fn cancel(
    settings: &Settings,
    output: Output,
    id: &str,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let runtime = existing(settings).await?;
    let (status, text) = match runtime.edge().cancel(id).await? {
        CancelAnswer::Cancelled => ("cancelled", "cancelled"),
        CancelAnswer::Requested => ("running", "asked to end; `logs --follow` shows how it does"),
        CancelAnswer::Final(status) => {
            return Err(Failure::failed(format!(
                "execution {id} is {status} already"
            )));
        }
        CancelAnswer::Unknown => return Err(unknown(id)),
    };
    let answer = json!({
        "executionId": id,
        "status": status,
        "cancelRequested": status == "running",
    });
    output.result(&answer, |_| format!("{id}  {text}"));
    Ok(())
}

/// Runs a failed or cancelled execution again, with another payload if one is given.
pub(in crate::cli) async fn retry(
    settings: &Settings,
    output: Output,
    id: &str,
    payload: Option<String>,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let payload = match payload.as_deref() {
        Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| Failure::usage(format!("cannot read the payload: {error}")))?;
            Some(text)
        }
        _ => payload,
    };
    let runtime = existing(settings).await?;
    match runtime.edge().retry(id, payload).await? {
        RetryAnswer::Queued => {
            let answer = json!({ "executionId": id, "status": "queued" });
            output.result(&answer, |_| format!("{id}  queued again"));
            Ok(())
        }
        RetryAnswer::NotRetryable(status) => Err(Failure::failed(format!(
            "execution {id} is {status}; only failed and cancelled ones are retried"
        ))),
        RetryAnswer::Unknown => Err(unknown(id)),
    }
}

/// Deletes a final execution with everything that was kept of it.
pub(in crate::cli) async fn delete(
    settings: &Settings,
    output: Output,
    id: &str,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let runtime = existing(settings).await?;
    match runtime.store().delete(id).await? {
        DeleteAnswer::Deleted => {
            let answer = json!({ "executionId": id, "deleted": true });
            output.result(&answer, |_| format!("{id}  deleted"));
            Ok(())
        }
        DeleteAnswer::NotFinal(status) => Err(Failure::failed(format!(
            "execution {id} is {status}; only final ones are deleted: `cancel` it first"
        ))),
        DeleteAnswer::Unknown => Err(unknown(id)),
    }
}

fn unknown(id: jobs::ExecutionId) -> Failure {
    Failure::failed(format!("there is no execution {id}"))
}
