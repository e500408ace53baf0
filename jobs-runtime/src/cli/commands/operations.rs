//! Bulk operations: `--where` of `cancel`, `retry`, `edit` and `delete`, and the command
//! `operations`.

use std::io::{IsTerminal, stdin};

use jobs::runtime::Due;
use serde_json::json;

use super::{confirm_production, read_answer};
use crate::cli::args::{BulkArgs, EditArgs, OperationCommand};
use crate::cli::bulk_filter;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::source::{BulkCall, Source, edit_of};
use crate::cli::table::table;
use crate::service::BulkPreview;
use crate::store::{BulkAct, BulkOperation, OperationStatus};

/// Previews an operation; after a confirmation, starts it and waits for its end.
pub(in crate::cli) async fn start(
    settings: &Settings,
    output: Output,
    act: BulkAct,
    target: BulkArgs,
) -> Result<(), Failure> {
    start_with(settings, output, act, None, &target).await
}

/// Like [`start`], for an edit.
pub(in crate::cli) async fn start_edit(
    settings: &Settings,
    output: Output,
    args: EditArgs,
) -> Result<(), Failure> {
    let delay = args.delay.map(Due::After);
    let due = delay.or(args.run_at.map(|time| Due::At(time.into())));
    let act = BulkAct::Edit(edit_of(args.priority, args.queue));
    start_with(settings, output, act, due, &args.target).await
}

async fn start_with(
    settings: &Settings,
    output: Output,
    act: BulkAct,
    due: Option<Due>,
    target: &BulkArgs,
) -> Result<(), Failure> {
    let source = Source::open(settings).await?;
    let filter = target.filter.as_deref().unwrap_or_default();
    let filter = bulk_filter::parse(filter, source.now())?;
    let call = BulkCall::new(act, due, filter)?;
    let preview = source.preview_operation(&call).await?;
    if !settings.yes {
        output.result(&preview, preview_text)?;
        if preview.count == 0 {
            return Ok(());
        }
        if !confirmed(settings, output, call.act())? {
            return Err(Failure::failed("nothing was changed"));
        }
    } else if !output.json {
        output.note(preview_text(&preview).trim_end());
    }
    let watch = |operation: &BulkOperation| {
        if output.is_interactive() {
            let done = operation.changed + operation.skipped;
            output.status(&format!("{done} of {}", operation.expected));
        }
    };
    let operation = source.run_operation(call, watch).await;
    output.status("");
    output.result(&operation?, operation_text)
}

/// Asks for a confirmation on the terminal.
fn confirmed(settings: &Settings, output: Output, act: &BulkAct) -> Result<bool, Failure> {
    if output.json || !stdin().is_terminal() {
        return Err(Failure::usage("nothing was changed: add --yes to start"));
    }
    let server = settings.server.as_ref();
    if server.is_some_and(|server| server.production.is_some()) {
        confirm_production(settings, output, act.as_str())?;
        return Ok(true);
    }
    output.note(&format!("{} them? Type `yes`:", act.as_str()));
    Ok(read_answer()? == "yes")
}

/// Prints the operations, newest first.
pub(in crate::cli) async fn list(settings: &Settings, output: Output) -> Result<(), Failure> {
    let operations = Source::open(settings).await?.operations(50).await?;
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
    let source = Source::open(settings).await?;
    let (id, operation) = match command {
        OperationCommand::Show { id } => {
            let found = source.operation(&id).await?;
            (id, found)
        }
        OperationCommand::Cancel { id } => {
            let found = source.cancel_operation(&id).await?;
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
