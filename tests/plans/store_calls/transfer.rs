//! Times of export and import, and of the cancellation of final executions.

use jobs::ExecutionId;
use jobs_runtime::store::{Cursor, Erasure, TransferredState};

use super::{BATCH, CallTimes, NOW, ROUNDS};
use tests::process::now;

impl CallTimes<'_> {
    /// Makes the calls of a transfer.
    pub(super) async fn transfer(&mut self) {
        let transfer = self.store.transfer();
        let transfer = transfer.expect("the store supports transfers");
        // The cursor of position 50,000, in the middle of the table: a scan from the table's start
        // is slow.
        let mut after: Option<Cursor> = Some("c183cac590b30e55edb5".parse().unwrap());
        for _ in 0..ROUNDS {
            let export = timed!(self, "export", transfer.export(after, BATCH * 5));
            assert_eq!(export.executions.len(), BATCH * 5);
            after = export.next;
            let mut batch = export.executions;
            batch.retain(|one| one.state != TransferredState::Running);
            timed!(self, "import again", transfer.import(batch.clone()));
            for transferred in &mut batch {
                self.made += 1;
                transferred.request.id =
                    ExecutionId::from_bytes((u128::MAX - self.made).to_be_bytes());
            }
            let last = batch[BATCH].request.id;
            batch[BATCH].erased = Some(Erasure { at: NOW, by: None });
            let written = timed!(self, "import", transfer.import(batch));
            let all_written = written.iter().all(|&written| written);
            assert!(all_written, "not all rows were imported: {written:?}");
            self.store.cancel(last, NOW).await.unwrap();
            timed!(self, "cancel final", self.store.cancel(last, NOW));
        }
    }
}
