//! [`Store`](crate::store::Store) for [`PostgresStore`]: each call is given to a pool as one
//! operation.

use std::borrow::Cow;

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};
use tokio::sync::broadcast;

use super::{
    PostgresStore, claim, conn, enqueue, limits, migrate, operator, promote, read, session, settle,
};
use crate::store::rules::poison_rows::write_rows;
use crate::store::{
    BlockingLimit, CancelAnswer, CapScope, Claim, Claimed, DeleteAnswer, EditAnswer, EnqueueAnswer,
    EnqueuePreview, EnqueueRules, EnqueueStore, ExecutionEdit, ExecutionPage, ExecutionQuery,
    ExecutionRecord, ExecutionState, Fence, InboxStore, Limit, LimitRecord, LimitStore, LogBatch,
    LogPage, LogQuery, MigrationStatus, NewExecution, OperatorStore, ProcessRecord, ProgressReport,
    Promotion, PublishedJob, QueuePause, QueueRecord, ReadStore, RecentOutcome, Renewal,
    Reservation, RetryAnswer, SessionBeat, SessionId, SessionInfo, SessionPublication, Settlement,
    SetupStore, StoreDescription, StoreError, StoreEvent, Transferable, WorkerStore, WriteAnswer,
    session_nonce,
};
use crate::time::Timestamp;

#[async_trait]
impl SetupStore for PostgresStore {
    fn transfer(&self) -> Option<&dyn Transferable> {
        Some(self)
    }

    async fn migrate(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        migrate::migrate(self).await
    }

    async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        self.operate(migrate::ReadMigrations::of_schema(&self.schema))
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Not on the operator's pool, where a call may wait for a lock.
        self.read(conn::server::Ping).await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.sessions.run(conn::server::ServerTime).await.map(Some)
    }

    fn describe(&self) -> StoreDescription {
        StoreDescription {
            kind: "postgres",
            location: self.shared.location.to_string(),
            durability: self.durability.clone(),
        }
    }

    fn events(&self) -> broadcast::Receiver<StoreEvent> {
        self.shared.notifier.subscribe()
    }
}

#[async_trait]
impl EnqueueStore for PostgresStore {
    async fn publish(&self, jobs: Vec<PublishedJob>) -> Result<(), StoreError> {
        self.operate(read::catalogue::PublishJobs(jobs)).await
    }

    async fn enqueue(&self, batch: Vec<NewExecution>) -> Result<Vec<EnqueueAnswer>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.batcher.enqueue(conn::text::encode_batch(batch)).await
    }

    async fn preview_enqueue(
        &self,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueuePreview>, StoreError> {
        let preview = enqueue::PreviewEnqueue(conn::text::encode_batch(batch));
        self.read(preview).await?
    }

    async fn enqueue_in(
        &self,
        tx: TransactionRef<'_>,
        batch: Vec<NewExecution>,
    ) -> Result<Vec<EnqueueAnswer>, StoreError> {
        self.enqueue_in_caller_tx(tx, batch).await
    }

    fn committed(&self) {
        self.shared.notifier.publish(vec![StoreEvent::Elsewhere]);
    }

    fn inbox(&self) -> Option<&dyn InboxStore> {
        Some(self)
    }
}

#[async_trait]
impl WorkerStore for PostgresStore {
    async fn open_session(&self, info: SessionInfo) -> Result<SessionId, StoreError> {
        let nonce = session_nonce(&self.shared.location)?;
        self.sessions
            .run(session::OpenSession { info, nonce })
            .await
    }

    async fn renew(&self, session: SessionId, now: Timestamp) -> Result<Renewal, StoreError> {
        self.sessions.run(session::RenewSession(session, now)).await
    }

    async fn close_session(&self, session: SessionId) -> Result<(), StoreError> {
        // Not beside the renewals: it may wait for a claim.
        self.claim.run(session::CloseSession(session)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        claim::claim(self, claim).await
    }

    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<WriteAnswer>, StoreError> {
        settle::settle(&self.settle, batch).await
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
            self.progress.run(settle::fence::ReportProgress(batch))
        })
        .await
    }

    async fn append_logs(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError> {
        write_rows(batch, |batch| {
            self.progress.run(read::logs::AppendLogs(batch))
        })
        .await
    }

    async fn other_readers(
        &self,
        fence: Fence,
        job_ids: Vec<String>,
    ) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(session::OtherReaders(fence, job_ids)).await
    }

    async fn cancel_requests(&self, session: SessionId) -> Result<Vec<Fence>, StoreError> {
        self.monitor.run(session::CancelRequests(session)).await
    }

    async fn release_permits(&self, fences: Vec<Fence>) -> Result<(), StoreError> {
        self.permits.run(limits::ReleasePermits(fences)).await
    }

    async fn promote(&self, now: Timestamp, limit: usize) -> Result<Promotion, StoreError> {
        promote::promote(self, now, limit).await
    }

    async fn sessions(&self) -> Result<Vec<SessionBeat>, StoreError> {
        self.monitor.run(session::ListSessions).await
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
        self.read(operator::queues::WaitingSince(queue, since, limit))
            .await
    }
}

#[async_trait]
impl LimitStore for PostgresStore {
    async fn reserve(
        &self,
        limit: Limit,
        cost: u32,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Reservation, StoreError> {
        let limit = conn::text::encode_limit(limit);
        let reserve = limits::Reserve {
            limit,
            cost,
            now,
            latest,
        };
        self.permits.run(reserve).await
    }

    async fn pause_limit(&self, keys: Vec<String>, until: Timestamp) -> Result<(), StoreError> {
        let keys = conn::text::encode_all(&keys);
        let keys = keys.into_iter().map(Cow::into_owned).collect();
        self.permits.run(limits::PauseLimits { keys, until }).await
    }

    async fn reset_limit(&self, key: String) -> Result<bool, StoreError> {
        let key = conn::text::encode(&key).into_owned();
        self.permits.run(limits::ResetLimit(key)).await
    }

    async fn limits(
        &self,
        job_id: Option<String>,
        limit: usize,
    ) -> Result<Vec<LimitRecord>, StoreError> {
        self.read(operator::queues::ListLimits(job_id, limit)).await
    }

    async fn limit_waiters(
        &self,
        key: String,
        limit: usize,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        self.read(operator::queues::LimitWaiters(key, limit)).await
    }

    async fn blocked_by(
        &self,
        id: ExecutionId,
        now: Timestamp,
    ) -> Result<Option<BlockingLimit>, StoreError> {
        self.read(operator::queues::BlockedBy(id, now)).await
    }
}

#[async_trait]
impl OperatorStore for PostgresStore {
    async fn cancel(&self, id: ExecutionId, now: Timestamp) -> Result<CancelAnswer, StoreError> {
        let cancel = operator::Cancel {
            id,
            now,
            waiting_only: false,
        };
        self.operate(cancel).await
    }

    async fn retry(
        &self,
        id: ExecutionId,
        payload: Option<String>,
        rules: EnqueueRules,
        now: Timestamp,
    ) -> Result<RetryAnswer, StoreError> {
        let retry = operator::Retry {
            id,
            payload,
            rules,
            now,
        };
        self.operate(retry).await
    }

    async fn delete(&self, id: ExecutionId) -> Result<DeleteAnswer, StoreError> {
        self.operate(operator::Delete(id)).await
    }

    async fn edit(
        &self,
        id: ExecutionId,
        edit: ExecutionEdit,
        now: Timestamp,
    ) -> Result<EditAnswer, StoreError> {
        self.operate(operator::edit::EditExecution { id, edit, now })
            .await
    }

    async fn pause(&self, queue: String, pause: QueuePause) -> Result<bool, StoreError> {
        self.operate(operator::queues::PauseQueue(queue, pause))
            .await
    }

    async fn resume(&self, queue: String) -> Result<bool, StoreError> {
        self.operate(operator::queues::ResumeQueue(queue)).await
    }
}

#[async_trait]
impl ReadStore for PostgresStore {
    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRecord>, StoreError> {
        self.read(read::execution::ReadExecution(id)).await
    }

    async fn execution_states(
        &self,
        ids: Vec<ExecutionId>,
    ) -> Result<Vec<ExecutionState>, StoreError> {
        self.read(read::execution::ExecutionStates(ids)).await
    }

    async fn list_executions(&self, query: ExecutionQuery) -> Result<ExecutionPage, StoreError> {
        self.read(read::list::ListExecutions(query)).await
    }

    async fn logs(&self, query: LogQuery) -> Result<Option<LogPage>, StoreError> {
        self.read(read::logs::ReadLogs(query)).await
    }

    async fn recent_outcomes(
        &self,
        job_id: Option<String>,
        limit: usize,
    ) -> Result<Vec<RecentOutcome>, StoreError> {
        self.read(read::execution::RecentOutcomes { job_id, limit })
            .await
    }

    async fn ahead(&self, id: ExecutionId, limit: u64) -> Result<Option<u64>, StoreError> {
        self.read(operator::CountAhead { id, limit }).await
    }

    async fn queues(&self) -> Result<Vec<QueueRecord>, StoreError> {
        self.read(operator::queues::ListQueues).await
    }

    async fn processes(&self) -> Result<Vec<ProcessRecord>, StoreError> {
        self.read(session::ListProcesses).await
    }

    async fn leases_of(&self, of: CapScope) -> Result<Vec<(SessionId, u64)>, StoreError> {
        self.read(session::CountLeases(of)).await
    }

    async fn session_publications(
        &self,
        pairs: Vec<(SessionId, String)>,
    ) -> Result<Vec<SessionPublication>, StoreError> {
        self.read(read::catalogue::SessionPublications(pairs)).await
    }

    async fn catalogue(&self) -> Result<Vec<PublishedJob>, StoreError> {
        self.read(read::catalogue::ListJobs).await
    }

    async fn sensitive_fields(&self, job_ids: Vec<String>) -> Result<Vec<String>, StoreError> {
        self.read(read::catalogue::SensitiveFields(job_ids)).await
    }
}
