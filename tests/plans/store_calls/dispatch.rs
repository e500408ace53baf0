//! Times of the calls of a relay and a consumer.

use jobs_runtime::time::Timestamp;
use tests::process::now;

use super::{BATCH, CallTimes, NOW, ROUNDS};

impl CallTimes<'_> {
    /// Dispatches new executions beside the ready ones, which have no entry.
    pub(super) async fn dispatch(&mut self) {
        // The schedules have used the last number.
        self.made += 1;
        self.store.start_dispatch().await.unwrap();
        let session = self.session("a consumer").await;
        for _ in 0..ROUNDS {
            let mut batch = self.batch(None);
            batch.iter_mut().for_each(|new| new.run_at = None);
            let ids: Vec<_> = batch.iter().map(|new| new.id).collect();
            timed!(self, "enqueue for dispatch", self.store.enqueue(batch));
            let unpublished = self.store.unpublished(Vec::new(), NOW, BATCH);
            let entries = timed!(self, "unpublished", unpublished);
            assert_eq!(entries.len(), BATCH);
            let keys = entries.into_iter().map(|entry| entry.key).collect();
            let confirm = self.store.confirm_published(keys);
            timed!(self, "confirm published", confirm);
            let states = self.store.waiting_states(ids.clone());
            assert_eq!(timed!(self, "waiting states", states).len(), BATCH);
            let again = self.store.publish_again(ids.clone(), Timestamp::default());
            timed!(self, "publish again", again);
            let jobs = vec!["job-1".to_owned()];
            let page = self.store.republish(jobs, None, BATCH);
            timed!(self, "republish", page);
            let jobs = vec!["job-1".to_owned()];
            // Examines a fixed number of rows, which the small store does not have.
            self.store.ready_counts(jobs, 1_000).await.unwrap();
            // The claim deletes the entries that are written again above.
            let claim = self.claim(session, &[], ids);
            let claimed = timed!(self, "claim with entries", self.store.claim(claim));
            self.work(claimed).await;
            let rest = self.store.unpublished(Vec::new(), NOW, 10 * BATCH).await;
            let keys = rest.unwrap().into_iter().map(|entry| entry.key);
            self.store.confirm_published(keys.collect()).await.unwrap();
        }
        self.store.stop_dispatch().await.unwrap();
    }
}
