//! Times of the calls of retention.

use jobs_runtime::store::{Cutoffs, ExpiryScan, Leftover, Sweep, Turn};
use jobs_runtime::time::Timestamp;
use tests::process::now;

use super::{BATCH, CallTimes, NOW, ROUNDS};

/// The executions that one search examines.
const EXAMINED: usize = 200;

impl CallTimes<'_> {
    pub(super) async fn retention(&mut self) {
        for round in 0..ROUNDS {
            self.expire().await;
            for rows in [
                Leftover::IdempotencyKeys,
                Leftover::Sessions,
                Leftover::Publications,
                Leftover::Series,
            ] {
                let sweep = Sweep {
                    rows,
                    before: Timestamp::from_millis(1),
                    limit: BATCH,
                };
                timed!(self, "sweep", self.store.sweep(sweep));
            }
            let turn = Turn {
                task: "plans".to_owned(),
                holder: "w".to_owned(),
                now: NOW,
                until: NOW,
                latest: NOW,
                urgent: false,
            };
            timed!(self, "take turn", self.store.take_turn(turn));
            let end = self.store.end_turn("plans".into(), "w".into(), NOW);
            timed!(self, "end turn", end);
            let jobs = vec![("job-1".to_owned(), round.to_string())];
            timed!(
                self,
                "renew publications",
                self.store.renew_publications(jobs, NOW)
            );
        }
    }

    /// Finds expired executions, erases one, and deletes some.
    async fn expire(&mut self) {
        let cutoffs = |at| Cutoffs {
            succeeded: at,
            failed: at,
            cancelled: at,
        };
        let scan = |job_id: Option<&str>, at: Timestamp| ExpiryScan {
            job_id: job_id.map(str::to_owned),
            except: vec!["job-1".to_owned()],
            cutoffs: cutoffs(at),
            now: NOW,
            after: None,
            limit: EXAMINED,
        };
        let never = Timestamp::from_millis(0);
        timed!(
            self,
            "find no expired",
            self.store.find_expired(scan(None, never))
        );
        let of_job = scan(Some("job-3"), never);
        timed!(
            self,
            "find no expired of a job",
            self.store.find_expired(of_job)
        );
        let of_job = scan(Some("job-3"), NOW);
        timed!(
            self,
            "find expired of a job",
            self.store.find_expired(of_job)
        );
        let page = timed!(
            self,
            "find expired",
            self.store.find_expired(scan(None, NOW))
        );
        let batch: Vec<_> = page.expired.into_iter().take(BATCH).collect();
        assert_eq!(batch.len(), BATCH, "too few executions have expired");
        let first = batch[0].execution_id;
        timed!(self, "erase", self.store.erase(first, None, NOW));
        let read = self.store.read_expired(batch.clone());
        let read = timed!(self, "read expired", read);
        assert_eq!(read.len(), BATCH, "the executions are long");
        timed!(self, "delete expired", self.store.delete_expired(batch));
    }
}
