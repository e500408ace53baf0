//! Stores that pass their calls to another store.

use async_trait::async_trait;
use jobs::{ExecutionId, TransactionRef};
use tokio::sync::broadcast;

use super::{
    AuditEntry, AuditPage, AuditQuery, AuditStore, BlockingLimit, BulkBatch, BulkOperation,
    CancelAnswer, CapScope, Claim, Claimed, DeleteAnswer, DispatchCursor, DispatchStore,
    DueSchedules, EditAnswer, EnqueueAnswer, EnqueuePreview, EnqueueRules, EnqueueStore, EntryKey,
    EraseAnswer, ExecutionEdit, ExecutionPage, ExecutionQuery, ExecutionRecord, ExecutionState,
    Expired, ExpiryPage, ExpiryScan, ExternalStore, ExternalWorker, Fence, FireAnswer, Firing,
    InboxStore, LeaseBeat, Limit, LimitRecord, LimitStore, LiveEvent, LiveEvents, LogBatch,
    LogPage, LogQuery, MatchPage, MigrationStatus, NewExecution, NewOperation, OperationStore,
    OperatorStore, ProcessRecord, ProgressReport, Promotion, PublishedJob, QueuePause, QueueRecord,
    ReadStore, RecentOutcome, Renewal, RepublishPage, Reservation, RetentionStore, RetryAnswer,
    ScheduleRecord, ScheduleRun, ScheduleStore, SeriesPoint, SeriesQuery, SessionBeat, SessionId,
    SessionInfo, SessionPublication, Settlement, SetupStore, Store, StoreDescription, StoreError,
    StoreEvent, StoreGauges, StoreSizes, Sweep, TelemetryStore, TokenRecord, TokenStore,
    Transferable, TransferredExecution, Turn, UnpublishedEntry, WaitingState, WorkerStore,
    WriteAnswer,
};
use crate::time::Timestamp;

/// A store that passes every call to another store, and acts around it.
///
/// A type with this trait is a [`Store`]: it counts calls, delays them or makes them fail.
pub trait DelegatingStore: Send + Sync + 'static {
    /// Returns the store that answers the calls.
    fn store(&self) -> &dyn Store;

    /// Acts around a call: awaits it and returns its answer, or another one.
    fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;

    /// Acts around the call of a method, whose name is known. By default [`around`](Self::around)
    /// does.
    fn around_method<T: Send>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        let _ = method;
        self.around(call)
    }

    /// Returns the live events that this store announces. The default announces none.
    fn live(&self) -> Option<&LiveEvents> {
        None
    }
}

/// Implements the asynchronous methods of a trait by a call of the other store.
macro_rules! delegate {
    (
        $store:ident {
            $(async fn $name:ident($($arg:ident: $ty:ty),*) -> $answer:ty;)*
        }
        $($other:tt)*
    ) => {
        #[async_trait]
        impl<D: DelegatingStore> $store for D {
            $(
                async fn $name(&self, $($arg: $ty),*) -> Result<$answer, StoreError> {
                    let call = self.store().$name($($arg),*);
                    self.around_method(stringify!($name), call).await
                }
            )*
            $($other)*
        }
    };
}

delegate! {
    SetupStore {
        async fn migrate() -> Vec<MigrationStatus>;
        async fn migrations() -> Vec<MigrationStatus>;
        async fn ping() -> ();
        async fn server_time() -> Option<Timestamp>;
    }

    fn describe(&self) -> StoreDescription {
        self.store().describe()
    }

    fn events(&self) -> broadcast::Receiver<StoreEvent> {
        self.store().events()
    }

    fn live_events(&self) -> Option<broadcast::Receiver<LiveEvent>> {
        match self.live() {
            Some(live) => Some(live.subscribe()),
            None => self.store().live_events(),
        }
    }

    fn transfer(&self) -> Option<&dyn Transferable> {
        self.store().transfer()
    }
}

delegate! {
    EnqueueStore {
        async fn publish(jobs: Vec<PublishedJob>) -> ();
        async fn preview_enqueue(batch: Vec<NewExecution>) -> Vec<EnqueuePreview>;
        async fn enqueue_in(tx: TransactionRef<'_>, batch: Vec<NewExecution>) -> Vec<EnqueueAnswer>;
    }

    async fn enqueue(&self, batch: Vec<NewExecution>) -> Result<Vec<EnqueueAnswer>, StoreError> {
        let described = self.live().map(|live| live.describe(&batch));
        let answers = self.around_method("enqueue", self.store().enqueue(batch)).await?;
        if let (Some(live), Some(described)) = (self.live(), described) {
            live.enqueued(described, &answers);
        }
        Ok(answers)
    }

    fn committed(&self) {
        self.store().committed();
    }

    fn inbox(&self) -> Option<&dyn InboxStore> {
        self.store().inbox()
    }
}

delegate! {
    WorkerStore {
        async fn open_session(info: SessionInfo) -> SessionId;
        async fn renew(session: SessionId, now: Timestamp) -> Renewal;
        async fn close_session(session: SessionId) -> ();
        async fn cancel_requests(session: SessionId) -> Vec<Fence>;
        async fn other_readers(fence: Fence, job_ids: Vec<String>) -> Vec<PublishedJob>;
        async fn release_permits(fences: Vec<Fence>) -> ();
        async fn promote(now: Timestamp, limit: usize) -> Promotion;
        async fn sessions() -> Vec<SessionBeat>;
        async fn waiting_since(queue: String, since: Timestamp, limit: usize) -> Vec<ExecutionId>;
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let claimed = self.around_method("claim", self.store().claim(claim)).await?;
        if let Some(live) = self.live() {
            live.claimed(&claimed);
        }
        Ok(claimed)
    }

    async fn take_over(&self, dead: SessionBeat, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        let claimed = self.around_method("take_over", self.store().take_over(dead, claim)).await?;
        if let Some(live) = self.live() {
            live.taken_over(&claimed);
        }
        Ok(claimed)
    }

    async fn settle(&self, batch: Vec<Settlement>) -> Result<Vec<WriteAnswer>, StoreError> {
        let ends = self.live().map(|live| live.ends(&batch));
        let answers = self.around_method("settle", self.store().settle(batch)).await?;
        if let (Some(live), Some(ends)) = (self.live(), ends) {
            live.settled(ends, &answers);
        }
        Ok(answers)
    }

    async fn settle_in(
        &self,
        tx: TransactionRef<'_>,
        settlement: Settlement,
    ) -> Result<WriteAnswer, StoreError> {
        // The caller's transaction may be rolled back. The attempt is settled again after it.
        self.around_method("settle_in", self.store().settle_in(tx, settlement)).await
    }

    async fn report(&self, batch: Vec<ProgressReport>) -> Result<Vec<WriteAnswer>, StoreError> {
        let reports = self.live().map(|live| live.reports(&batch));
        let answers = self.around_method("report", self.store().report(batch)).await?;
        if let (Some(live), Some(reports)) = (self.live(), reports) {
            live.announce(reports, &answers);
        }
        Ok(answers)
    }

    async fn append_logs(&self, batch: Vec<LogBatch>) -> Result<Vec<WriteAnswer>, StoreError> {
        let lines = self.live().map(|live| live.lines(&batch));
        let answers = self.around_method("append_logs", self.store().append_logs(batch)).await?;
        if let (Some(live), Some(lines)) = (self.live(), lines) {
            live.announce(lines, &answers);
        }
        Ok(answers)
    }
}

delegate! {
    ExternalStore {
        async fn open_external_session(info: SessionInfo, worker: ExternalWorker) -> SessionId;
        async fn external_worker(session: SessionId) -> Option<ExternalWorker>;
        async fn renew_external_sessions(
            sessions: Vec<SessionId>, now: Timestamp
        ) -> Vec<SessionId>;
        async fn beat_leases(fences: Vec<Fence>) -> Vec<WriteAnswer>;
        async fn external_lease(fence: Fence) -> Option<Claimed>;
        async fn external_leases(after: i64, limit: usize) -> Vec<LeaseBeat>;
        async fn external_cancel_requests(limit: usize) -> Vec<Fence>;
    }
}

delegate! {
    LimitStore {
        async fn reserve(limit: Limit, cost: u32, now: Timestamp, latest: Timestamp) -> Reservation;
        async fn pause_limit(keys: Vec<String>, until: Timestamp) -> ();
        async fn reset_limit(key: String) -> bool;
        async fn limits(job_id: Option<String>, limit: usize) -> Vec<LimitRecord>;
        async fn blocked_by(id: ExecutionId, now: Timestamp) -> Option<BlockingLimit>;
        async fn limit_waiters(key: String, limit: usize) -> Vec<ExecutionId>;
    }
}

delegate! {
    ScheduleStore {
        async fn schedules() -> Vec<ScheduleRecord>;
        async fn schedule(name: String) -> Option<ScheduleRecord>;
        async fn schedule_runs(name: String, limit: usize) -> Vec<ScheduleRun>;
        async fn due_schedules(now: Timestamp, limit: usize) -> DueSchedules;
        async fn add_schedule(schedule: ScheduleRecord, runs: Vec<ScheduleRun>) -> bool;
        async fn update_schedule(schedule: ScheduleRecord) -> bool;
        async fn delete_schedule(name: String, revision: u64) -> bool;
        async fn fire(firing: Firing) -> FireAnswer;
        async fn run_schedule(name: String, execution: NewExecution) -> Option<ScheduleRun>;
    }
}

delegate! {
    OperatorStore {
        async fn cancel(id: ExecutionId, now: Timestamp) -> CancelAnswer;
        async fn retry(
            id: ExecutionId, payload: Option<String>, rules: EnqueueRules, now: Timestamp
        ) -> RetryAnswer;
        async fn delete(id: ExecutionId) -> DeleteAnswer;
        async fn edit(id: ExecutionId, edit: ExecutionEdit, now: Timestamp) -> EditAnswer;
        async fn pause(queue: String, pause: QueuePause) -> bool;
        async fn resume(queue: String) -> bool;
    }
}

delegate! {
    OperationStore {
        async fn find_matches(query: ExecutionQuery) -> MatchPage;
        async fn start_operation(new: NewOperation) -> BulkOperation;
        async fn operation(id: String) -> Option<BulkOperation>;
        async fn operations(limit: usize) -> Vec<BulkOperation>;
        async fn next_operation() -> Option<BulkOperation>;
        async fn apply_batch(batch: BulkBatch) -> Option<BulkOperation>;
        async fn cancel_operation(id: String, now: Timestamp) -> Option<BulkOperation>;
    }
}

delegate! {
    RetentionStore {
        async fn take_turn(turn: Turn) -> bool;
        async fn end_turn(task: String, holder: String, until: Timestamp) -> ();
        async fn find_expired(scan: ExpiryScan) -> ExpiryPage;
        async fn read_expired(batch: Vec<Expired>) -> Vec<TransferredExecution>;
        async fn delete_expired(batch: Vec<Expired>) -> Vec<ExecutionId>;
        async fn sweep(sweep: Sweep) -> u64;
        async fn renew_publications(jobs: Vec<(String, String)>, now: Timestamp) -> ();
        async fn erase(id: ExecutionId, by: Option<String>, now: Timestamp) -> EraseAnswer;
    }
}

delegate! {
    TelemetryStore {
        async fn gauges() -> StoreGauges;
        async fn put_points(points: Vec<SeriesPoint>) -> ();
        async fn points(query: SeriesQuery) -> Vec<(Timestamp, String)>;
        async fn sizes() -> StoreSizes;
    }
}

delegate! {
    TokenStore {
        async fn add_token(token: TokenRecord) -> bool;
        async fn token(id: String) -> Option<TokenRecord>;
        async fn tokens() -> Vec<TokenRecord>;
        async fn has_tokens() -> bool;
        async fn touch_token(id: String, now: Timestamp, before: Timestamp) -> ();
        async fn revoke_token(id: String, now: Timestamp) -> bool;
    }
}

delegate! {
    AuditStore {
        async fn append_audit(entries: Vec<AuditEntry>) -> ();
        async fn audit(query: AuditQuery) -> AuditPage;
    }
}

delegate! {
    DispatchStore {
        async fn start_dispatch() -> ();
        async fn stop_dispatch() -> ();
        async fn is_dispatching() -> bool;
        async fn unpublished(
            except: Vec<String>, now: Timestamp, limit: usize
        ) -> Vec<UnpublishedEntry>;
        async fn confirm_published(entries: Vec<EntryKey>) -> ();
        async fn publish_again(ids: Vec<ExecutionId>, at: Timestamp) -> ();
        async fn republish(
            jobs: Vec<String>, after: Option<DispatchCursor>, limit: usize
        ) -> RepublishPage;
        async fn ready_counts(jobs: Vec<String>, most: usize) -> Vec<(String, usize)>;
        async fn waiting_states(ids: Vec<ExecutionId>) -> Vec<WaitingState>;
    }
}

delegate! {
    ReadStore {
        async fn execution(id: ExecutionId) -> Option<ExecutionRecord>;
        async fn execution_states(ids: Vec<ExecutionId>) -> Vec<ExecutionState>;
        async fn list_executions(query: ExecutionQuery) -> ExecutionPage;
        async fn logs(query: LogQuery) -> Option<LogPage>;
        async fn recent_outcomes(job_id: Option<String>, limit: usize) -> Vec<RecentOutcome>;
        async fn ahead(id: ExecutionId, limit: u64) -> Option<u64>;
        async fn queues() -> Vec<QueueRecord>;
        async fn processes() -> Vec<ProcessRecord>;
        async fn leases_of(scope: CapScope) -> Vec<(SessionId, u64)>;
        async fn session_publications(
            pairs: Vec<(SessionId, String)>
        ) -> Vec<SessionPublication>;
        async fn catalogue() -> Vec<PublishedJob>;
        async fn sensitive_fields(job_ids: Vec<String>) -> Vec<String>;
    }
}
