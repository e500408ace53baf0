//! The commands `executions` and `execution`: list executions, and show one.

use super::{execution_id, unknown_queue};
use crate::cli::args::ExecutionsArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::pretty_json;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::cli::table::{millis, paragraph, short, table};
use crate::service::similar_names;
use crate::store::{ExecutionQuery, ExecutionRecord};

/// Prints a page of executions.
pub(in crate::cli) async fn list(
    settings: &Settings,
    output: Output,
    filters: ExecutionsArgs,
) -> Result<(), Failure> {
    let source = Source::open(settings).await?;
    let (job, queue) = (filters.job.clone(), filters.queue.clone());
    let query = ExecutionQuery {
        limit: filters.limit.into(),
        job_id: filters.job,
        status: filters.status,
        queue: filters.queue,
        item_id: filters.item,
        correlation_id: filters.correlation_id,
        created_by: filters.created_by,
        parent_id: filters.parent,
        tag: filters.tag,
        since: filters.since,
        until: filters.until,
        longer_than: filters.longer_than,
        error_fingerprint: filters.error_fingerprint,
        text: filters.text,
        ids: Vec::new(),
        sort: filters.sort.unwrap_or_default(),
        cursor: filters.cursor,
    };
    let page = source.executions(query, filters.reveal).await?;
    if page.executions.is_empty() && page.next_cursor.is_none() {
        check_names(&source, job.as_deref(), queue.as_deref()).await?;
    }
    output.result(&page, |page| {
        let rows = page.executions.iter().map(row);
        table(
            [
                "EXECUTION",
                "JOB",
                "STATUS",
                "ATTEMPT",
                "CREATED",
                "DURATION",
                "RESULT",
            ],
            rows,
        )
    })?;
    if let (false, Some(cursor)) = (output.json, page.next_cursor) {
        output.note(&match page.looked_back_to {
            Some(at) if page.executions.is_empty() => format!(
                "nothing matches so far, back to {at}; there is more to look at: --cursor {cursor}"
            ),
            _ => format!("next page: --cursor {cursor}"),
        });
    }
    Ok(())
}

/// Fails if a filter names a job or a queue that does not exist: it may be misspelt.
async fn check_names(
    source: &Source,
    job: Option<&str>,
    queue: Option<&str>,
) -> Result<(), Failure> {
    if let Some(job) = job {
        source.job(job).await?;
    }
    let queues = source.queues().await?;
    let names = || queues.iter().map(|known| known.queue.as_str());
    match queue {
        Some(queue) if !names().any(|known| known == queue) => {
            Err(unknown_queue(queue, &similar_names(queue, names())))
        }
        _ => Ok(()),
    }
}

fn row(record: &ExecutionRecord) -> [String; 7] {
    let outcome = match (&record.error, &record.result) {
        (Some(error), _) => error.to_string(),
        (None, Some(result)) => result.get().to_owned(),
        (None, None) => record.progress_message.clone().unwrap_or_default(),
    };
    [
        record.id.to_string(),
        record.job_id.clone(),
        record.status.to_string(),
        format!("{}/{}", record.attempt, record.max_attempts),
        record.created_at.to_string(),
        record.duration_ms.map(millis).unwrap_or_default(),
        short(&outcome, 60),
    ]
}

/// Prints an execution with its attempts.
pub(in crate::cli) async fn show(
    settings: &Settings,
    output: Output,
    id: &str,
    reveal: bool,
) -> Result<(), Failure> {
    let id = execution_id(id)?;
    let source = Source::open(settings).await?;
    match source.execution(id, reveal).await? {
        Some(record) => output.result(&record, text),
        None => Err(Failure::failed(format!("no execution has the id {id}"))),
    }
}

fn text(record: &ExecutionRecord) -> String {
    let mut text = format!(
        "{}  {}  {} ({} %)\n",
        record.id, record.job_id, record.status, record.progress
    );
    if let Some(message) = &record.progress_message {
        text.push_str(&paragraph(message));
    }
    if let Some(error) = &record.error {
        text.push_str(&paragraph(&error.to_string()));
    }
    text.push_str(&format!(
        "\npayload\n{}\n",
        pretty_json(record.payload.get())
    ));
    if let Some(result) = &record.result {
        text.push_str(&format!("\nresult\n{}\n", pretty_json(result.get())));
    }
    let rows = record.attempts.iter().map(|attempt| {
        let took = attempt.finished_at.map(|end| end.since(attempt.started_at));
        let took = took.and_then(|took| u64::try_from(took.as_millis()).ok());
        [
            attempt.number.to_string(),
            attempt
                .outcome
                .map_or("running".to_owned(), |o| o.to_string()),
            attempt.started_at.to_string(),
            took.map(millis).unwrap_or_default(),
            attempt
                .retry_at
                .map(|at| at.to_string())
                .unwrap_or_default(),
            attempt.worker.clone(),
            attempt
                .error
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ]
    });
    text.push('\n');
    text.push_str(&table(
        [
            "ATTEMPT", "OUTCOME", "STARTED", "DURATION", "NEXT", "WORKER", "ERROR",
        ],
        rows,
    ));
    text
}
