//! Times of the calls of bulk operations, previews and statistics.

use jobs::OnConflict;
use jobs_runtime::store::{
    BulkAct, BulkBatch, BulkFilter, BulkItem, BulkRequest, ExecutionQuery, ItemAct, Leftover,
    NewOperation, SeriesPoint, SeriesQuery, SessionId, Sweep, UniqueKey,
};
use tests::process::now;

use super::{BATCH, CallTimes, NOW, ROUNDS, list_queries};

/// The final executions that statistics examine here.
const EXAMINED: usize = 2_000;

impl CallTimes<'_> {
    pub(super) async fn statistics(&mut self) {
        let newest = ExecutionQuery::newest(BATCH);
        let page = self.store.list_executions(newest.clone()).await.unwrap();
        let ids: Vec<_> = page.executions.iter().map(|one| one.id).collect();
        for _ in 0..ROUNDS {
            let all = self.store.recent_outcomes(None, EXAMINED);
            timed!(self, "outcomes", all);
            timed!(self, "limits list", self.store.limits(None, BATCH));
            timed!(self, "gauges", self.store.gauges());
            let point = SeriesPoint {
                series: "fleet".to_owned(),
                width_s: 60,
                at: NOW,
                source: "me".to_owned(),
                expires_at: NOW,
                value: "{}".to_owned(),
            };
            timed!(self, "put points", self.store.put_points(vec![point]));
            let query = SeriesQuery {
                series: "fleet".to_owned(),
                width_s: 60,
                since: NOW,
                limit: BATCH,
            };
            timed!(self, "points", self.store.points(query));
            let job = Some("job-1".to_owned());
            let of_job = self.store.recent_outcomes(job, EXAMINED);
            timed!(self, "outcomes of a job", of_job);
            for (_, query) in list_queries() {
                timed!(self, "matches", self.store.find_matches(query));
            }
            let named = ExecutionQuery {
                ids: ids.clone(),
                ..newest.clone()
            };
            timed!(
                self,
                "matches by id",
                self.store.find_matches(named.clone())
            );
            timed!(self, "list by id", self.store.list_executions(named));
            let failed = ExecutionQuery {
                error_fingerprint: Some("0123456789abcdef".to_owned()),
                ..newest.clone()
            };
            timed!(self, "matches by error", self.store.find_matches(failed));
            let pairs = (1..=20).map(|session| (SessionId(session), "job-1".to_owned()));
            let publications = self.store.session_publications(pairs.collect());
            timed!(self, "publications of sessions", publications);
            let mut batch = self.keyed();
            for new in &mut batch {
                new.rules.max_waiting = Some(1);
                new.rules.unique = Some(UniqueKey {
                    key: "previewed".to_owned(),
                    within_ms: None,
                    on_conflict: OnConflict::Skip,
                    live: Vec::new(),
                });
            }
            timed!(self, "preview", self.store.preview_enqueue(batch));
        }
    }

    pub(super) async fn bulk(&mut self) {
        let filter = BulkFilter {
            job_id: Some("job-1".to_owned()),
            ..BulkFilter::default()
        };
        for round in 0..ROUNDS {
            self.made += 1;
            let new = NewOperation {
                id: format!("{round}-{}", self.made),
                request: BulkRequest {
                    act: BulkAct::Cancel,
                    filter: filter.clone(),
                },
                expected: 0,
                exact: true,
                created_by: None,
                created_at: NOW,
            };
            let started = timed!(self, "start", self.store.start_operation(new));
            timed!(self, "operations", self.store.operations(BATCH));
            timed!(self, "next operation", self.store.next_operation());
            let query = ExecutionQuery {
                job_id: filter.job_id.clone(),
                ..ExecutionQuery::newest(BATCH)
            };
            let page = self.store.find_matches(query).await.unwrap();
            let items = page.matches.iter().map(|found| BulkItem {
                id: found.id,
                job_id: found.job_id.clone(),
                expected: Some(found.status),
                act: ItemAct::Cancel,
            });
            let batch = BulkBatch {
                operation: started.id.clone(),
                position: started.position,
                next: page.next,
                items: items.collect(),
                now: NOW,
            };
            timed!(self, "apply batch", self.store.apply_batch(batch));
            let cancel = self.store.cancel_operation(started.id, NOW);
            timed!(self, "cancel operation", cancel);
        }
        let sweep = Sweep {
            rows: Leftover::Operations,
            before: NOW,
            limit: BATCH,
        };
        timed!(self, "sweep operations", self.store.sweep(sweep));
    }
}
