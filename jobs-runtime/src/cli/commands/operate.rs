//! `cancel`, `retry`, `edit`, `delete`: what operators do to an execution.

use std::io::Read;

use serde_json::json;

use jobs::runtime::Due;

use super::{execution_id, existing};
use crate::Edit;
use crate::cli::args;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::store::{CancelAnswer, DeleteAnswer, EditAnswer, RetryAnswer};

/// Cancels an execution, or asks its worker to.
pub(in crate::cli) async fn cancel(
    settings: &Settings,
    output: Output,
    id: &str,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let runtime = existing(settings).await?;
    let (status, text) = match runtime.service().cancel(id).await? {
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
    let payload = given(payload)?;
    let runtime = existing(settings).await?;
    match runtime.service().retry(id, payload).await? {
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

/// Changes a waiting execution.
pub(in crate::cli) async fn edit(
    settings: &Settings,
    output: Output,
    args: args::Edit,
) -> Result<(), Failure> {
    let id = execution_id(&args.id)?;
    let delay = args.delay.map(|delay| Due::After(delay.unsigned_abs()));
    let edit = Edit {
        priority: args.priority,
        due: delay.or(args.run_at.map(|time| Due::At(time.into()))),
        payload: given(args.payload)?,
    };
    if edit.is_empty() {
        return Err(Failure::usage(
            "nothing to change: give --priority, --delay, --run-at or --payload",
        ));
    }
    let runtime = existing(settings).await?;
    match runtime.service().edit(id, edit).await? {
        EditAnswer::Changed => {
            let answer = json!({ "executionId": id, "changed": true });
            output.result(&answer, |_| format!("{id}  changed"));
            Ok(())
        }
        EditAnswer::NotWaiting(status) => Err(Failure::failed(format!(
            "execution {id} is {status}; only waiting ones are changed"
        ))),
        EditAnswer::Unknown => Err(unknown(id)),
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

/// A payload as it is given: `-` stands for standard input.
fn given(payload: Option<String>) -> Result<Option<String>, Failure> {
    if payload.as_deref() != Some("-") {
        return Ok(payload);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("cannot read the payload: {error}")))?;
    Ok(Some(text))
}

fn unknown(id: jobs::ExecutionId) -> Failure {
    Failure::failed(format!("there is no execution {id}"))
}
