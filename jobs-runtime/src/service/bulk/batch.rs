//! The next batch of an operation: find matches, plan the acts, write.

use serde_json::Value;

use crate::fingerprint::ExactJson;
use crate::service::{JobService, limits};
use crate::store::{
    BulkAct, BulkBatch, BulkItem, BulkOperation, EnqueueRules, ExecutionEdit, ItemAct, Match,
    SkipReason, StoreError,
};

impl JobService {
    /// Executes the next batch of the oldest operation that runs: at most `limit` executions.
    /// Returns the operation; `None` if no operation runs.
    ///
    /// If the database rejects the batch, half of it is tried, down to a single execution. That one
    /// is skipped.
    pub(crate) async fn run_operation_batch(
        &self,
        limit: usize,
    ) -> Result<Option<BulkOperation>, StoreError> {
        let store = &self.inner.store;
        let Some(operation) = store.next_operation().await? else {
            return Ok(None);
        };
        let query = operation.filter.query(limit, Some(operation.position));
        let page = store.find_matches(query).await?;
        let mut planned = Vec::with_capacity(page.matches.len());
        for found in &page.matches {
            planned.push(self.plan_item(&operation, found).await?);
        }
        let (mut items, mut next) = (planned, page.next);
        loop {
            let batch = BulkBatch {
                operation: operation.id.clone(),
                position: operation.position,
                next,
                items: items.clone(),
                now: self.now(),
            };
            match store.apply_batch(batch).await {
                Ok(Some(after)) => return Ok(Some(after)),
                // Another process has executed a batch, or an operator has ended the operation.
                Ok(None) => return store.operation(operation.id).await,
                Err(error @ (StoreError::Database(_) | StoreError::Corrupt { .. })) => {
                    match items.as_mut_slice() {
                        [] => return Err(error),
                        [item] if matches!(item.act, ItemAct::Skip(_)) => return Err(error),
                        [item] => {
                            let reason = crate::error::chain(&error);
                            tracing::error!(
                                execution = %item.id, operation = %operation.id, error = %reason,
                                "the database rejects the change of an execution; it is skipped"
                            );
                            item.act = ItemAct::Skip(SkipReason::Rejected);
                        }
                        _ => {
                            items.truncate(items.len() / 2);
                            next = page.matches.get(items.len() - 1).map(|last| last.place);
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn plan_item(
        &self,
        operation: &BulkOperation,
        found: &Match,
    ) -> Result<BulkItem, StoreError> {
        let act = match &operation.act {
            BulkAct::Cancel => ItemAct::Cancel,
            BulkAct::Delete => ItemAct::Delete,
            BulkAct::Edit(edit) => ItemAct::Edit(ExecutionEdit {
                priority: edit.priority,
                run_at: edit.run_at,
                queue: edit.queue.clone(),
                payload: None,
            }),
            BulkAct::Retry => ItemAct::Retry(self.retry_rules(found).await?),
        };
        let filter = &operation.filter;
        let failed = filter.error_fingerprint.as_ref();
        Ok(BulkItem {
            id: found.id,
            job_id: found.job_id.clone(),
            expected: filter.status.or(failed.map(|_| found.status)),
            act,
        })
    }

    /// Returns the rules of a retry. The payload is read only if the job has a unique key.
    async fn retry_rules(&self, found: &Match) -> Result<EnqueueRules, StoreError> {
        // A job that no program has published any more has no rules.
        let Ok(job) = self.job(&found.job_id).await else {
            return Ok(EnqueueRules::default());
        };
        let descriptor = job.descriptor();
        if descriptor.limits.unique.is_none() {
            return Ok(EnqueueRules {
                max_waiting: descriptor.limits.max_waiting,
                ..EnqueueRules::default()
            });
        }
        let Some(execution) = self.inner.store.execution(found.id).await? else {
            return Ok(EnqueueRules::default());
        };
        let text = execution.payload.get();
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        Ok(limits::rules(descriptor, &ExactJson::new(&value, text)))
    }
}
