//! The next batch of an operation: find matches, plan the acts, write.

use std::collections::VecDeque;

use crate::service::JobService;
use crate::service::edit::stored_rules;
use crate::store::{
    BulkAct, BulkBatch, BulkItem, BulkOperation, Cursor, EnqueueRules, ExecutionEdit, ItemAct,
    Match, SkipReason, Store, StoreError,
};

/// The number of matches that one read asks for. A read examines 2,500 executions, however few it
/// returns, so a batch of its own for each read would cost more than its writes.
const READ: usize = 1_000;

/// Matches of an operation that are read and not done.
#[derive(Debug, Default)]
pub(crate) struct FoundMatches {
    operation: String,
    /// The position of the operation before the first match.
    position: Cursor,
    matches: VecDeque<Match>,
    /// The position behind the last match; `None` at the end of the list.
    next: Option<Cursor>,
}

impl FoundMatches {
    async fn read(store: &dyn Store, operation: &BulkOperation) -> Result<Self, StoreError> {
        let query = operation.filter.query(READ, Some(operation.position));
        let page = store.find_matches(query).await?;
        Ok(Self {
            operation: operation.id.clone(),
            position: operation.position,
            matches: page.matches.into(),
            next: page.next,
        })
    }

    /// Returns true if the operation goes on with these matches: no other process has executed a
    /// batch of it meanwhile.
    fn continue_with(&self, operation: &BulkOperation) -> bool {
        !self.matches.is_empty()
            && self.operation == operation.id
            && self.position == operation.position
    }

    /// The position behind the first `count` matches.
    fn behind(&self, count: usize) -> Option<Cursor> {
        match count.checked_sub(1) {
            Some(last) if count < self.matches.len() => Some(self.matches[last].place),
            _ => self.next,
        }
    }

    /// Removes the first `count` matches, with which the operation has reached `position`.
    fn done(&mut self, count: usize, position: Cursor) {
        self.matches.drain(..count);
        self.position = position;
    }
}

impl JobService {
    /// Executes the next batch of the oldest operation that runs: at most `limit` executions.
    /// Returns the operation; `None` if no operation runs. `found` has the matches that the batches
    /// before have left.
    ///
    /// If the database rejects the batch, half of it is tried, down to a single execution. That one
    /// is skipped.
    pub(crate) async fn run_operation_batch(
        &self,
        found: &mut FoundMatches,
        limit: usize,
    ) -> Result<Option<BulkOperation>, StoreError> {
        let store = &self.inner.store;
        let Some(operation) = store.next_operation().await? else {
            return Ok(None);
        };
        if !found.continue_with(&operation) {
            *found = FoundMatches::read(&**store, &operation).await?;
        }
        let count = limit.min(found.matches.len());
        let mut items = Vec::with_capacity(count);
        for found in found.matches.iter().take(count) {
            items.push(self.plan_item(&operation, found).await?);
        }
        loop {
            let batch = BulkBatch {
                operation: operation.id.clone(),
                position: operation.position,
                next: found.behind(items.len()),
                items: items.clone(),
                now: self.now(),
            };
            match store.apply_batch(batch).await {
                Ok(Some(after)) => {
                    found.done(items.len(), after.position);
                    return Ok(Some(after));
                }
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
                        _ => items.truncate(items.len() / 2),
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
        let Some(job) = self.inner.registry.find(&found.job_id).await? else {
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
        Ok(stored_rules(&job, execution.payload.get()))
    }
}
