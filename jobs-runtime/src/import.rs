//! Import of waiting work: reads the tables of another queue, and enqueues what waits there.
//!
//! | module | contents |
//! |---|---|
//! | `source` | the tables of apalis and graphile_worker, read as rows of one shape |
//! | `report` | what became of the rows, per name |
//!
//! The import writes nothing to the other system. The id of each row there becomes the idempotency
//! key here, so a second import finds the executions of the first one. Ids of graphile_worker count
//! the rows of one table, so its keys also name the tables.
//!
//! The folder imports the service, the URLs of stores, fingerprints and `sqlx`. It must not import
//! a store, the engine or `cli`.

mod report;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use jobs::runtime::{Due, EnqueueRequest, TriggeredBy};
use jobs::{EnqueueError, Priority};

pub(crate) use report::ImportReport;
pub(crate) use source::{ImportError, Source, SourceKind};

use crate::service::{EnqueueOutcome, JobService, KnownJob, ServiceError};
use source::SourceRow;

/// The number of rows that are read and enqueued together.
const PAGE: usize = 500;

/// The reason for which a row with the key of another payload is refused.
const ANOTHER_PAYLOAD: &str = "an earlier import enqueued it with another payload";

/// The settings of an import.
pub(crate) struct Import<'a> {
    pub(crate) kind: SourceKind,
    /// Names of the other system, and the job ids that they become. Other names are job ids.
    pub(crate) names: &'a BTreeMap<String, String>,
    /// Tells what an import would do, and writes nothing.
    pub(crate) dry_run: bool,
}

/// The name and the id of a row in the other system.
struct RowName {
    name: String,
    id: String,
}

/// What became of one row.
#[derive(Debug, PartialEq)]
enum RowEnd {
    New,
    /// An earlier import, or the job's own rules, have an execution for it already.
    Existing,
    Refused(String),
}

impl Import<'_> {
    /// Reads every row and enqueues it. `progress` hears of the number of rows so far.
    pub(crate) async fn run(
        &self,
        source: &mut Source,
        service: &JobService,
        progress: impl Fn(usize),
    ) -> Result<ImportReport, ImportError> {
        let mut report = ImportReport::new(self.dry_run);
        let mut jobs: BTreeMap<String, Result<Arc<KnownJob>, String>> = BTreeMap::new();
        let mut after = String::new();
        let mut rows_read = 0;
        loop {
            let rows = source.rows(&after, PAGE).await?;
            let Some(last) = rows.last() else {
                return Ok(report);
            };
            after.clone_from(&last.id);
            rows_read += rows.len();
            let mut requests = Vec::new();
            for row in rows {
                if row.is_running {
                    report.name(&row.name).running += 1;
                    continue;
                }
                if !jobs.contains_key(&row.name) {
                    jobs.insert(row.name.clone(), self.find_job(&row.name, service).await?);
                }
                let request = match &jobs[&row.name] {
                    Ok(job) => self.request(&row, job, source.key_prefix()),
                    Err(reason) => Err(reason.clone()),
                };
                let name = report.name(&row.name);
                name.ordered += usize::from(row.is_ordered);
                match request {
                    Ok(request) => {
                        name.job_id = Some(request.job_id.to_string());
                        let SourceRow { name, id, .. } = row;
                        requests.push((RowName { name, id }, request));
                    }
                    Err(reason) => name.refuse(&row.id, reason),
                }
            }
            for (row, end) in self.enqueue(requests, service).await? {
                let name = report.name(&row.name);
                match end {
                    RowEnd::New => name.imported += 1,
                    RowEnd::Existing => name.existing += 1,
                    RowEnd::Refused(reason) => name.refuse(&row.id, reason),
                }
            }
            progress(rows_read);
        }
    }

    /// Finds the job of a name. The inner error says what is missing.
    async fn find_job(
        &self,
        name: &str,
        service: &JobService,
    ) -> Result<Result<Arc<KnownJob>, String>, ImportError> {
        let id = self.names.get(name).map_or(name, String::as_str);
        match service.job(id).await {
            Ok(job) => Ok(Ok(job)),
            Err(error @ EnqueueError::Store(_)) => Err(ImportError::Enqueue(Box::new(error))),
            Err(error) => Ok(Err(format!("{error}: name the job by `--map {name}=JOB`"))),
        }
    }

    /// Builds the request for a row. `key_prefix` names the tables that it comes from.
    fn request(
        &self,
        row: &SourceRow,
        job: &KnownJob,
        key_prefix: &str,
    ) -> Result<EnqueueRequest, String> {
        let payload = std::str::from_utf8(&row.payload)
            .map_err(|_| "its payload is no text: only payloads in JSON are read".to_owned())?;
        let mut request = EnqueueRequest::new(job.id().to_owned(), payload.to_owned());
        if row.run_at > 0 {
            let run_at = Duration::from_millis(row.run_at.unsigned_abs());
            request.due = Due::At(UNIX_EPOCH + run_at);
        }
        if row.priority != 0 {
            // Both systems count from a normal priority of 0, without bounds.
            let normal = i64::from(Priority::Normal.value());
            let value = normal.saturating_add(row.priority).clamp(0, 100);
            request.priority = u8::try_from(value).ok().and_then(Priority::new);
        }
        request.idempotency_key = Some(format!("{key_prefix}{}", row.id));
        request.created_by = Some(format!("import from {}", self.kind.name()));
        request.triggered_by = TriggeredBy::Cli;
        Ok(request)
    }

    /// Enqueues requests together; one by one if the service refuses one of them.
    async fn enqueue(
        &self,
        requests: Vec<(RowName, EnqueueRequest)>,
        service: &JobService,
    ) -> Result<Vec<(RowName, RowEnd)>, ImportError> {
        let (rows, requests): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
        let ends = match self.store(requests.clone(), service).await {
            Ok(ends) => ends,
            Err(_) => {
                let mut ends = Vec::with_capacity(requests.len());
                for request in requests {
                    ends.push(self.store_one(request, service).await?);
                }
                ends
            }
        };
        Ok(rows.into_iter().zip(ends).collect())
    }

    async fn store_one(
        &self,
        request: EnqueueRequest,
        service: &JobService,
    ) -> Result<RowEnd, ImportError> {
        let stored = self.store(vec![request], service).await;
        match stored.map_err(|error| error.into_enqueue_error(false)) {
            Ok(mut ends) => Ok(ends.pop().unwrap_or(RowEnd::Existing)),
            Err(error) => end_of_error(error),
        }
    }

    /// Enqueues a batch, or tells what an enqueue would do.
    async fn store(
        &self,
        requests: Vec<EnqueueRequest>,
        service: &JobService,
    ) -> Result<Vec<RowEnd>, ServiceError> {
        if self.dry_run {
            let previews = service.preview_batch(requests).await?;
            let ends = previews
                .into_iter()
                .map(|preview| end_of_preview(preview.outcome, preview.code.as_deref()));
            return Ok(ends.collect());
        }
        let enqueued = service.enqueue_batch(requests).await?;
        let ends = enqueued.into_iter().map(|one| {
            if one.enqueued.triggered {
                RowEnd::New
            } else {
                RowEnd::Existing
            }
        });
        Ok(ends.collect())
    }
}

/// What becomes of the row of a previewed request. `code` is that of the problem, if there is one.
fn end_of_preview(outcome: EnqueueOutcome, code: Option<&str>) -> RowEnd {
    match outcome {
        EnqueueOutcome::New => RowEnd::New,
        EnqueueOutcome::Replayed
        | EnqueueOutcome::Skipped
        | EnqueueOutcome::Replaced
        | EnqueueOutcome::Merged => RowEnd::Existing,
        EnqueueOutcome::Rejected if code == Some("idempotency_conflict") => {
            RowEnd::Refused(ANOTHER_PAYLOAD.into())
        }
        EnqueueOutcome::Rejected => RowEnd::Refused("another execution has its key".into()),
        EnqueueOutcome::QueueFull => RowEnd::Refused("too many executions wait".into()),
    }
}

/// What became of the row of a request that failed. An error of the store ends the import.
fn end_of_error(error: EnqueueError) -> Result<RowEnd, ImportError> {
    match error {
        EnqueueError::IdempotencyConflict { .. } => Ok(RowEnd::Refused(ANOTHER_PAYLOAD.into())),
        EnqueueError::Store(_) => Err(ImportError::Enqueue(Box::new(error))),
        error => Ok(RowEnd::Refused(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_with_another_payload_is_refused_by_an_import_and_by_its_dry_run() {
        let error = EnqueueError::IdempotencyConflict {
            job_id: "test.add".to_owned(),
            key: "apalis:01A".to_owned(),
            execution_id: jobs::ExecutionId::from_bytes([1; 16]),
        };
        let imported = end_of_error(error).expect("no error of the store");
        assert_eq!(imported, RowEnd::Refused(ANOTHER_PAYLOAD.to_owned()));
        let conflict = Some("idempotency_conflict");
        let previewed = end_of_preview(EnqueueOutcome::Rejected, conflict);
        assert_eq!(previewed, imported);
    }
}
