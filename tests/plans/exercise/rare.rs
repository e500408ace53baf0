//! Calls of those who move a store, and of operators who come too late.

use jobs::ExecutionId;
use jobs_runtime::store::{Cursor, TransferredState};

use super::{BATCH, Exercise, NOW, ROUNDS};
use tests::process::now;

impl Exercise<'_> {
    /// Makes every call.
    pub(super) async fn rare(&mut self) {
        let archive = self.store.transfer().expect("the store can be moved");
        // Far from the beginning, so that whoever begins there is found out.
        let mut after: Option<Cursor> = Some("cc350".parse().unwrap());
        for _ in 0..ROUNDS {
            let export = timed!(self, "export", archive.export(after, BATCH * 5));
            assert_eq!(export.executions.len(), BATCH * 5);
            after = export.next;
            let mut batch = export.executions;
            batch.retain(|one| one.state != TransferredState::Running);
            timed!(self, "import again", archive.import(batch.clone()));
            for archived in &mut batch {
                self.made += 1;
                archived.request.id =
                    ExecutionId::from_bytes((u128::MAX - self.made).to_be_bytes());
            }
            let last = batch[BATCH].request.id;
            let written = timed!(self, "import", archive.import(batch));
            assert!(written.iter().all(|&written| written));
            self.store.cancel(last, NOW).await.unwrap();
            timed!(self, "cancel final", self.store.cancel(last, NOW));
        }
    }
}
