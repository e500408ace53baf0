//! Executions, their logs and explanations.

use jobs::{ExecutionId, ExecutionStatus};
use serde_json::value::RawValue;

use super::Source;
use crate::Explanation;
use crate::cli::failure::Failure;
use crate::cli::remote::RemoteError;
use crate::service::{Redactor, Secrets};
use crate::store::{
    ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionSort, LogPage, LogQuery,
};

impl Source {
    /// A page of executions; sensitive values are masked unless `reveal`.
    pub(in crate::cli) async fn executions(
        &self,
        query: ExecutionQuery,
        reveal: bool,
    ) -> Result<ExecutionPage, Failure> {
        match self {
            Self::Local(runtime) => {
                let mut page = runtime.store().list_executions(query).await?;
                if !reveal {
                    let mut redactor = Redactor::new(runtime.service());
                    for execution in &mut page.executions {
                        redactor.redact(execution).await;
                    }
                }
                Ok(page)
            }
            Self::Remote(_) if reveal => Err(Failure::usage(
                "a server shows sensitive values of one execution at a time: use \
                 `execution ID --reveal`",
            )),
            Self::Remote(client) => {
                let sort = Some(query.sort).filter(|sort| *sort != ExecutionSort::default());
                let request = client
                    .request("listExecutions")
                    .query("limit", Some(query.limit))
                    .query("jobId", query.job_id)
                    .query("status", query.status)
                    .query("queue", query.queue)
                    .query("itemId", query.item_id)
                    .query("correlationId", query.correlation_id)
                    .query("createdBy", query.created_by)
                    .query("parentId", query.parent_id)
                    .query("tag", query.tag)
                    .query("since", query.since)
                    .query("until", query.until)
                    .query("longerThanMs", query.longer_than.map(|it| it.as_millis()))
                    .query("errorFingerprint", query.error_fingerprint)
                    .query("text", query.text)
                    .query("sort", sort)
                    .query("cursor", query.cursor);
                let mut page: ExecutionPage = request.json().await?;
                page.executions.iter_mut().for_each(restore_result);
                Ok(page)
            }
        }
    }

    /// An execution; sensitive values are masked unless `reveal`. `None` if there is none.
    pub(in crate::cli) async fn execution(
        &self,
        id: ExecutionId,
        reveal: bool,
    ) -> Result<Option<ExecutionRecord>, Failure> {
        match self {
            Self::Local(runtime) => {
                let mut found = runtime.store().execution(id).await?;
                if let (false, Some(record)) = (reveal, &mut found) {
                    Redactor::new(runtime.service()).redact(record).await;
                }
                Ok(found)
            }
            Self::Remote(client) => {
                let request = client.request("getExecution").path(id);
                let request = request.query("reveal", reveal.then_some(true));
                let mut found = known(request.json().await, "unknown_execution")?;
                found.iter_mut().for_each(restore_result);
                Ok(found)
            }
        }
    }

    /// Completes when the execution is final. For a server it never does: the caller reads.
    pub(in crate::cli) async fn finished(&self, id: ExecutionId) -> Result<(), Failure> {
        match self {
            Self::Local(runtime) => match runtime.service().finished(id).await {
                Ok(_) => Ok(()),
                Err(error) => Err(Failure::because(&error)),
            },
            Self::Remote(_) => std::future::pending().await,
        }
    }

    /// The reason for the status of an execution. `None` if there is none.
    pub(in crate::cli) async fn explain(
        &self,
        id: ExecutionId,
    ) -> Result<Option<Explanation>, Failure> {
        match self {
            Self::Local(runtime) => Ok(runtime.service().explain(id).await?),
            Self::Remote(client) => {
                let request = client.request("explainExecution").path(id);
                known(request.json().await, "unknown_execution")
            }
        }
    }

    /// Begins to read the log of an execution; sensitive values are masked unless `reveal`.
    pub(in crate::cli) async fn log_reader(
        &self,
        query: LogQuery,
        reveal: bool,
    ) -> Result<LogReader<'_>, Failure> {
        let secrets = match self {
            Self::Local(runtime) if !reveal => {
                let execution = runtime.store().execution(query.execution_id).await?;
                match execution {
                    Some(execution) => Redactor::new(runtime.service()).secrets(&execution).await,
                    None => Secrets::default(),
                }
            }
            _ => Secrets::default(),
        };
        Ok(LogReader {
            source: self,
            query,
            secrets,
            reveal,
        })
    }
}

/// Reads the pages of a log.
pub(in crate::cli) struct LogReader<'a> {
    source: &'a Source,
    query: LogQuery,
    secrets: Secrets,
    reveal: bool,
}

impl LogReader<'_> {
    /// Reads the page after the last one. `None` if the execution does not exist.
    pub(in crate::cli) async fn next_page(&mut self) -> Result<Option<LogPage>, Failure> {
        let page = match self.source {
            Source::Local(runtime) => {
                let mut page = runtime.store().logs(self.query.clone()).await?;
                for line in page.iter_mut().flat_map(|page| &mut page.lines) {
                    self.secrets.hide_in_line(line);
                }
                page
            }
            Source::Remote(client) => {
                let LogQuery {
                    execution_id,
                    attempt,
                    level,
                    after,
                    limit,
                } = &self.query;
                let request = client
                    .request("listLogLines")
                    .path(execution_id)
                    .query("attempt", *attempt)
                    .query("level", *level)
                    .query("after", *after)
                    .query("limit", Some(*limit))
                    .query("reveal", self.reveal.then_some(true));
                known(request.json().await, "unknown_execution")?
            }
        };
        if let Some(page) = &page {
            self.query.after = page.after;
        }
        Ok(page)
    }
}

/// Restores the result `null`, which JSON does not tell from no result.
fn restore_result(execution: &mut ExecutionRecord) {
    let has_result = execution.status == ExecutionStatus::Succeeded && execution.erased.is_none();
    if has_result && execution.result.is_none() {
        execution.result = Some(RawValue::NULL.to_owned());
    }
}

/// The value, or `None` for a problem that says that it does not exist.
pub(super) fn known<T>(
    answer: Result<T, RemoteError>,
    unknown: &str,
) -> Result<Option<T>, Failure> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.problem(unknown).is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
