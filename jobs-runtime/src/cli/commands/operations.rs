//! Bulk operations: `--where` of `cancel`, `retry`, `edit` and `delete`, and the command
//! `operations`.

use std::io::{BufRead, IsTerminal, stdin};

use jobs::Priority;
use jobs::runtime::Due;
use serde_json::json;

use super::open_existing;
use crate::cli::args::{BulkArgs, EditArgs, OperationCommand};
use crate::cli::bulk_filter;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::table::table;
use crate::clock::timestamp;
use crate::operations::execute_in_turn;
use crate::service::{BulkPreview, check_operation};
use crate::store::{BulkAct, BulkEdit, BulkFilter, BulkOperation, OperationStatus};
use crate::{Entropy, Runtime};

/// The interval between two looks at an operation that another process executes.
const POLL: std::time::Duration = std::time::Duration::from_millis(500);

/// Previews an operation; after a confirmation, starts it and executes it to its end.
pub(in crate::cli) async fn start(
    settings: &Settings,
    output: Output,
    act: BulkAct,
    target: BulkArgs,
) -> Result<(), Failure> {
    let runtime = open_existing(settings).await?;
    start_on(&runtime, output, act, &target).await
}

/// Like [`start`], for an edit.
pub(in crate::cli) async fn start_edit(
    settings: &Settings,
    output: Output,
    args: EditArgs,
) -> Result<(), Failure> {
    let runtime = open_existing(settings).await?;
    let delay = args.delay.map(Due::After);
    let due = delay.or(args.run_at.map(|time| Due::At(time.into())));
    let edit = BulkEdit {
        priority: args.priority.map(Priority::value),
        run_at: due.map(|due| runtime.service().due_time(due)).transpose()?,
        queue: args.queue,
    };
    start_on(&runtime, output, BulkAct::Edit(edit), &args.target).await
}

async fn start_on(
    runtime: &Runtime,
    output: Output,
    act: BulkAct,
    target: &BulkArgs,
) -> Result<(), Failure> {
    let service = runtime.service();
    let now = timestamp(&**service.clock());
    let filter = target.filter.as_deref().unwrap_or_default();
    let filter = bulk_filter::parse(filter, now)?;
    check_operation(&act, &filter).map_err(|error| Failure::usage(error.to_string()))?;
    let preview = service.preview_operation(&act, &filter).await?;
    if !target.yes {
        output.result(&preview, preview_text)?;
        if preview.count == 0 {
            return Ok(());
        }
        if !confirmed(output, &act)? {
            return Err(Failure::failed("nothing was changed"));
        }
    } else if !output.json {
        output.note(preview_text(&preview).trim_end());
    }
    let operation = run_to_end(runtime, output, act, filter).await?;
    output.result(&operation, operation_text)
}

/// Asks for a confirmation on the terminal.
fn confirmed(output: Output, act: &BulkAct) -> Result<bool, Failure> {
    if output.json || !stdin().is_terminal() {
        return Err(Failure::usage("nothing was changed: add --yes to start"));
    }
    output.note(&format!("{} them? Type `yes`:", act.as_str()));
    let mut answer = String::new();
    let read = stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::failed(format!("cannot read the answer: {error}")))?;
    Ok(answer.trim() == "yes")
}

/// Starts an operation and executes its batches, unless another process does.
async fn run_to_end(
    runtime: &Runtime,
    output: Output,
    act: BulkAct,
    filter: BulkFilter,
) -> Result<BulkOperation, Failure> {
    let service = runtime.service();
    let started = service.start_operation(act, filter, None).await?;
    let holder = Entropy::new().execution_id(&**service.clock()).to_string();
    let status = |operation: &BulkOperation| {
        if output.is_interactive() {
            let done = operation.changed + operation.skipped;
            output.status(&format!("{done} of {}", operation.expected));
        }
    };
    let ended = loop {
        execute_in_turn(service, &holder, status).await?;
        let operation = service.store().operation(started.id.clone()).await?;
        match operation {
            Some(operation) if operation.finished_at.is_some() => break operation,
            Some(operation) => status(&operation),
            None => return Err(Failure::failed("the operation was deleted")),
        }
        service.clock().sleep(POLL).await;
    };
    output.status("");
    Ok(ended)
}

/// Prints the operations, newest first.
pub(in crate::cli) async fn list(settings: &Settings, output: Output) -> Result<(), Failure> {
    let runtime = open_existing(settings).await?;
    let operations = runtime.store().operations(50).await?;
    output.result(&json!({ "operations": operations }), |_| {
        let headings = [
            "OPERATION",
            "ACT",
            "STATUS",
            "CHANGED",
            "SKIPPED",
            "EXPECTED",
            "CREATED",
        ];
        table(headings, operations.iter().map(row))
    })
}

/// Shows or cancels an operation.
pub(in crate::cli) async fn run(
    settings: &Settings,
    output: Output,
    command: OperationCommand,
) -> Result<(), Failure> {
    let runtime = open_existing(settings).await?;
    let (id, operation) = match command {
        OperationCommand::Show { id } => {
            let found = runtime.store().operation(id.clone()).await?;
            (id, found)
        }
        OperationCommand::Cancel { id } => {
            let found = runtime.service().cancel_operation(id.clone()).await?;
            (id, found)
        }
    };
    let operation = operation.ok_or_else(|| {
        Failure::failed(format!(
            "no operation has the id {id}: `operations` lists them"
        ))
    })?;
    output.result(&operation, operation_text)
}

fn row(operation: &BulkOperation) -> [String; 7] {
    [
        operation.id.clone(),
        operation.act.as_str().to_owned(),
        status_text(operation.status).to_owned(),
        operation.changed.to_string(),
        operation.skipped.to_string(),
        expected_text(operation.expected, operation.exact),
        operation.created_at.to_string(),
    ]
}

fn status_text(status: OperationStatus) -> &'static str {
    match status {
        OperationStatus::Running => "running",
        OperationStatus::Done => "done",
        OperationStatus::Cancelled => "cancelled",
    }
}

fn expected_text(count: u64, exact: bool) -> String {
    if exact {
        count.to_string()
    } else {
        format!("at least {count}")
    }
}

fn preview_text(preview: &BulkPreview) -> String {
    let count = expected_text(preview.count, preview.exact);
    let mut text = format!("{count} executions match\n");
    for one in &preview.consequences {
        let effect = one.effect.as_str();
        text.push_str(&format!("  {} {}: {effect}\n", one.count, one.status));
    }
    for one in &preview.sample {
        text.push_str(&format!("  {}  {}  {}\n", one.id, one.job_id, one.status));
    }
    if preview.count > preview.sample.len() as u64 {
        text.push_str("  …\n");
    }
    text
}

fn operation_text(operation: &BulkOperation) -> String {
    let status = status_text(operation.status);
    let mut text = format!(
        "{}  {} {status}: {} changed, {} skipped",
        operation.id,
        operation.act.as_str(),
        operation.changed,
        operation.skipped,
    );
    for (reason, count) in &operation.skipped_by {
        text.push_str(&format!("\n  {count} {reason}"));
    }
    text
}
