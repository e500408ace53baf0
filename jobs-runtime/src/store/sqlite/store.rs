//! [`Store`](crate::store::Store) for [`SqliteStore`]: each call is given to the writer or to the
//! readers as one operation.

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};
use tokio::sync::broadcast;

use super::conn::commit_group::WriteCall;
use super::conn::operation::operation;
use super::{
    SqliteStore, claim, conn, enqueue, limits, migrate, operator, promote, read, session, settle,
};
use crate::store::rules::poison_rows::write_rows;
use crate::store::{
    BlockingLimit, CancelAnswer, CapScope, Claim, Claimed, DeleteAnswer, EditAnswer, EnqueueAnswer,
    EnqueuePreview, EnqueueRules, EnqueueStore, ExecutionEdit, ExecutionPage, ExecutionQuery,
    ExecutionRecord, ExecutionState, Fence, Limit, LimitRecord, LimitStore, LogBatch, LogPage,
    LogQuery, MigrationStatus, NewExecution, OperatorStore, ProcessRecord, ProgressReport,
    Promotion, PublishedJob, QueuePause, QueueRecord, ReadStore, RecentOutcome, Renewal,
    Reservation, RetryAnswer, SessionBeat, SessionId, SessionInfo, SessionPublication, Settlement,
    SetupStore, StoreDescription, StoreError, StoreEvent, Transferable, WorkerStore, WriteAnswer,
};
use crate::time::Timestamp;

#[async_trait]
impl SetupStore for SqliteStore {
    fn transfer(&self) -> Option<&dyn Transferable> {
        Some(self)
    }

    async fn migrate(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        while !self
            .write(operation!(|conn| migrate::migrate_next_in_txn(
                conn,
                migrate::MIGRATIONS
            )))
            .await?
        {}
        self.migrations().await
    }

    async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        self.read(operation!(|conn| migrate::status_on_conn(
            conn,
            migrate::MIGRATIONS
        )))
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.write(operation!(|conn| conn::ping_in_txn(conn))).await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    fn describe(&self) -> StoreDescription {
        StoreDescription {
            kind: "sqlite",
            location: self.location.to_string(),
            durability: self.durability.clone(),
        }
    }

    fn events(&self) -> broadcast::Receiver<StoreEvent> {
        self.events.subscribe()
    }
}

#[async_trait]
impl EnqueueStore for SqliteStore {
    async fn publish(&self, jobs: Vec<PublishedJob>) -> Result<(), StoreError> {
        self.transition(operation!(|conn| read::catalogue::publish_in_txn(
            conn, &jobs
        )))
        .await
    }

    async fn enqueue(&self, batch: Vec<NewExecution>) -> Result<Vec<EnqueueAnswer>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.writer
            .call(|reply| WriteCall::Enqueue(batch, reply))
            .await
    }

    async fn preview_enqueue(
        &self,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueuePreview>, StoreError> {
        self.read(operation!(|conn| enqueue::preview_on_conn(conn, &batch)))
            .await
    }

    async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        self.enqueue_in_caller_tx(tx, batch).await
    }

    fn committed(&self) {
        // Fails if there is no receiver.
        let _ = self.events.send(StoreEvent::Elsewhere);
    }
}

#[async_trait]
impl WorkerStore for SqliteStore {
    async fn open_session(&self, info: SessionInfo) -> Result<SessionId, StoreError> {
        session::open(self, info).await
    }

    async fn renew(&self, session: SessionId, now: Timestamp) -> Result<Renewal, StoreError> {
        session::renew(self, session, now).await
    }

    async fn close_session(&self, session: SessionId) -> Result<(), StoreError> {
        session::close(self, session).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        claim::claim(self, claim).await
    }

    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<WriteAnswer>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.writer
            .call(|reply| WriteCall::Settle(batch, reply))
            .await
    }

    async fn settle_in(
        &self,
        tx: TransactionRef<'_>,
        settlement: Settlement,
    ) -> Result<WriteAnswer, StoreError> {
        self.settle_in_caller_tx(tx, settlement).await
    }

    async fn report(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError> {
        write_rows(batch, |batch| {
            self.write(operation!(|conn| settle::report_in_txn(conn, &batch)))
        })
        .await
    }

    async fn append_logs(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError> {
        write_rows(batch, |batch| {
            self.write(operation!(|conn| read::logs::append_in_txn(conn, &batch)))
        })
        .await
    }

    async fn other_readers(
        &self,
        fence: Fence,
        job_ids: Vec<String>,
    ) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(operation!(|conn| session::other_readers_on_conn(
            conn, fence, &job_ids
        )))
        .await
    }

    async fn cancel_requests(&self, session: SessionId) -> Result<Vec<Fence>, StoreError> {
        self.read(operation!(|conn| session::cancel_requests_on_conn(
            conn, session
        )))
        .await
    }

    async fn release_permits(&self, fences: Vec<Fence>) -> Result<(), StoreError> {
        if fences.is_empty() {
            return Ok(());
        }
        self.transition(operation!(|conn| limits::release_permits_in_txn(
            conn, &fences
        )))
        .await
    }

    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promotion, StoreError> {
        promote::promote(self, now, limit).await
    }

    async fn sessions(&self) -> Result<Vec<SessionBeat>, StoreError> {
        session::list(self).await
    }

    async fn take_over(&self, dead: SessionBeat, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        session::take_over(self, dead, claim).await
    }

    async fn waiting_since(
        &self,
        queue: String,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        self.read(operation!(|conn| operator::queues::waiting_since_on_conn(
            conn, &queue, since, limit
        )))
        .await
    }
}

#[async_trait]
impl LimitStore for SqliteStore {
    async fn reserve(
        &self,
        limit: Limit,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Reservation, StoreError> {
        self.write(operation!(|conn| limits::reserve_in_txn(
            conn, &limit, cost, now, latest
        )))
        .await
    }

    async fn pause_limit(&self, keys: Vec<String>, until: Timestamp) -> Result<(), StoreError> {
        self.write(operation!(|conn| limits::pause_limit_in_txn(
            conn, &keys, until
        )))
        .await
    }

    async fn reset_limit(&self, key: String) -> Result<bool, StoreError> {
        self.transition(operation!(|conn| limits::reset_limit_in_txn(conn, &key)))
            .await
    }

    async fn limits(
        &self,
        job_id: Option<String>,
        limit: usize,
    ) -> Result<Vec<LimitRecord>, StoreError> {
        self.read(operation!(|conn| operator::queues::limits_on_conn(
            conn, job_id, limit
        )))
        .await
    }

    async fn limit_waiters(
        &self,
        key: String,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        self.read(operation!(|conn| operator::queues::limit_waiters_on_conn(
            conn, &key, limit
        )))
        .await
    }

    async fn blocked_by(
        &self,
        id: ExecutionId,
        now: Timestamp,
    ) -> Result<Option<BlockingLimit>, StoreError> {
        self.read(operation!(|conn| operator::queues::blocked_by_on_conn(
            conn, id, now
        )))
        .await
    }
}

#[async_trait]
impl OperatorStore for SqliteStore {
    async fn cancel(&self, id: ExecutionId, now: Timestamp) -> Result<CancelAnswer, StoreError> {
        self.transition(operation!(|conn| operator::cancel_in_txn(conn, id, now)))
            .await
    }

    async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
        rules: EnqueueRules,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError> {
        self.transition(operation!(|conn| operator::retry_in_txn(
            conn,
            id,
            payload.as_deref(),
            &rules,
            now
        )))
        .await
    }

    async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, StoreError> {
        self.write(operation!(|conn| operator::delete_in_txn(conn, id)))
            .await
    }

    async fn edit(
        &self,
        id: ExecutionId,
        edit: ExecutionEdit,
        now: Timestamp,
    ) -> Result<EditAnswer, StoreError> {
        self.transition(operation!(|conn| operator::edit::edit_in_txn(
            conn, id, &edit, now
        )))
        .await
    }

    async fn pause(&self, queue: String, pause: QueuePause) -> Result<bool, StoreError> {
        self.write(operation!(|conn| operator::queues::pause_in_txn(
            conn, &queue, &pause
        )))
        .await
    }

    async fn resume(&self, queue: String) -> Result<bool, StoreError> {
        self.transition(operation!(|conn| operator::queues::resume_in_txn(
            conn, &queue
        )))
        .await
    }
}

#[async_trait]
impl ReadStore for SqliteStore {
    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError> {
        self.read(operation!(|conn| read::execution::execution_on_conn(
            conn, id
        )))
        .await
    }

    async fn execution_states(
        &self,
        ids: Vec<ExecutionId>,
    ) -> Result<Vec<ExecutionState>, StoreError> {
        self.read(operation!(|conn| read::execution::states_on_conn(
            conn, &ids
        )))
        .await
    }

    async fn list_executions(&self, query: ExecutionQuery) -> Result<ExecutionPage, StoreError> {
        self.read(operation!(|conn| read::list::page_on_conn(conn, &query)))
            .await
    }

    async fn logs(&self, query: LogQuery) -> Result<Option<LogPage>, StoreError> {
        self.read(operation!(|conn| read::logs::page_on_conn(conn, &query)))
            .await
    }

    async fn recent_outcomes(
        &self,
        job_id: Option<String>,
        limit: usize,
    ) -> Result<Vec<RecentOutcome>, StoreError> {
        self.read(operation!(|conn| read::execution::recent_outcomes_on_conn(
            conn,
            job_id.as_deref(),
            limit
        )))
        .await
    }

    async fn ahead(&self, id: ExecutionId, limit: u64) -> Result<Option<u64>, StoreError> {
        self.read(operation!(|conn| operator::ahead_on_conn(conn, id, limit)))
            .await
    }

    async fn queues(&self) -> Result<Vec<QueueRecord>, StoreError> {
        self.read(operation!(|conn| operator::queues::queues_on_conn(conn)))
            .await
    }

    async fn processes(&self) -> Result<Vec<ProcessRecord>, StoreError> {
        self.read(operation!(|conn| session::processes_on_conn(conn)))
            .await
    }

    async fn leases_of(&self, scope: CapScope) -> Result<Vec<(SessionId, u64)>, StoreError> {
        self.read(operation!(|conn| session::count_leases_on_conn(
            conn, &scope
        )))
        .await
    }

    async fn session_publications(
        &self,
        pairs: Vec<(SessionId, String)>,
    ) -> Result<Vec<SessionPublication>, StoreError> {
        self.read(operation!(|conn| {
            read::catalogue::session_publications_on_conn(conn, &pairs)
        }))
        .await
    }

    async fn catalogue(&self) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(operation!(|conn| read::catalogue::list_on_conn(conn)))
            .await
    }

    async fn sensitive_fields(&self, job_ids: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.read(operation!(|conn| {
            read::catalogue::sensitive_fields_on_conn(conn, &job_ids)
        }))
        .await
    }
}
