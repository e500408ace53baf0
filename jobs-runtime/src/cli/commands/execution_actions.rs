//! The commands `cancel`, `retry`, `edit`, `delete` and `erase`: an operator's actions on an
//! execution.

use serde_json::json;

use jobs::runtime::Due;

use super::{execution_id, read_payload};
use crate::cli::args;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::{EditRequest, Source};
use crate::store::{CancelAnswer, DeleteAnswer, EditAnswer, EraseAnswer, RetryAnswer};

/// Cancels a waiting execution, or requests the cancellation of a running one.
pub(in crate::cli) async fn cancel(
    settings: &Settings,
    output: Output,
    id: &str,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let source = Source::open(settings).await?;
    let (status, text) = match source.cancel(id).await? {
        CancelAnswer::Cancelled => ("cancelled", "cancelled"),
        CancelAnswer::Requested => (
            "running",
            "cancellation requested; `logs ID --follow` shows how the attempt ends",
        ),
        CancelAnswer::Final(status) => {
            return Err(Failure::failed(format!(
                "execution {id} is already {status}"
            )));
        }
        CancelAnswer::Unknown => return Err(unknown(id)),
    };
    let answer = json!({
        "executionId": id,
        "status": status,
        "cancelRequested": status == "running",
    });
    output.result(&answer, |_| format!("{id}  {text}"))
}

/// Enqueues a failed or cancelled execution again, with a new payload if one is given.
pub(in crate::cli) async fn retry(
    settings: &Settings,
    output: Output,
    id: &str,
    payload: Option<String>,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let payload = read_payload(payload)?;
    let source = Source::open(settings).await?;
    match source.retry(id, payload).await? {
        RetryAnswer::Queued => {
            let answer = json!({ "executionId": id, "status": "queued" });
            output.result(&answer, |_| format!("{id}  queued again"))
        }
        RetryAnswer::NotRetryable(status) => Err(Failure::failed(format!(
            "execution {id} is {status}: only failed and cancelled executions can be retried"
        ))),
        RetryAnswer::Erased => Err(Failure::failed(format!(
            "the payload of execution {id} was erased: enqueue a new execution"
        ))),
        RetryAnswer::Unknown => Err(unknown(id)),
    }
}

/// Changes a waiting execution.
pub(in crate::cli) async fn edit(
    settings: &Settings,
    output: Output,
    args: args::EditArgs,
) -> Result<(), Failure> {
    let id = execution_id(args.target.id.as_deref().unwrap_or_default())?;
    let delay = args.delay.map(Due::After);
    let edit = EditRequest {
        priority: args.priority,
        due: delay.or(args.run_at.map(|time| Due::At(time.into()))),
        payload: read_payload(args.payload)?,
    };
    if edit.is_empty() {
        return Err(Failure::usage(
            "no change given: add --priority, --delay, --run-at or --payload",
        ));
    }
    let source = Source::open(settings).await?;
    match source.edit(id, edit).await? {
        EditAnswer::Changed => {
            let answer = json!({ "executionId": id, "changed": true });
            output.result(&answer, |_| format!("{id}  changed"))
        }
        EditAnswer::NotWaiting(status) => Err(Failure::failed(format!(
            "execution {id} is {status}: only waiting executions can be edited"
        ))),
        EditAnswer::Unknown => Err(unknown(id)),
    }
}

/// Deletes a final execution with its attempts and log lines.
pub(in crate::cli) async fn delete(
    settings: &Settings,
    output: Output,
    id: &str,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let source = Source::open(settings).await?;
    match source.delete(id).await? {
        DeleteAnswer::Deleted => {
            let answer = json!({ "executionId": id, "deleted": true });
            output.result(&answer, |_| format!("{id}  deleted"))
        }
        DeleteAnswer::NotFinal(status) => Err(Failure::failed(format!(
            "execution {id} is {status}: only final executions can be deleted, `cancel` it first"
        ))),
        DeleteAnswer::Unknown => Err(unknown(id)),
    }
}

/// Erases the payload, the results and the log of a final execution.
pub(in crate::cli) async fn erase(
    settings: &Settings,
    output: Output,
    id: &str,
    by: Option<String>,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let source = Source::open(settings).await?;
    match source.erase(id, by).await? {
        EraseAnswer::Erased(erasure) => {
            let answer = json!({ "executionId": id, "erased": erasure });
            output.result(&answer, |_| match &erasure.by {
                Some(by) => format!("{id}  erased at {} by {by}", erasure.at),
                None => format!("{id}  erased at {}", erasure.at),
            })
        }
        EraseAnswer::NotFinal(status) => Err(Failure::failed(format!(
            "execution {id} is {status}: only final executions can be erased, `cancel` it first"
        ))),
        EraseAnswer::Unknown => Err(unknown(id)),
    }
}

fn unknown(id: jobs::ExecutionId) -> Failure {
    Failure::failed(format!("no execution has the id {id}"))
}
