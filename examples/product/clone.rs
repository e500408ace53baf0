//! A long job in batches: it reports progress, goes on after a crash, and undoes a cancelled copy.
//!
//! ```text
//! cargo run -- exec design.clone --design-id gearbox --name "Gearbox, second edition"
//! ```

use std::time::Duration;

use jobs::{JobContext, JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ProductDb;

/// The number of items that are copied at a time.
const BATCH: u32 = 50;

/// The result: the new design.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClonedDesign {
    /// The id of the new design.
    pub design_id: String,
    /// The number of its items.
    pub items: u64,
}

/// Clone a design with all items.
///
/// The new design has the id of the execution. An attempt after a crash finds the items that are
/// copied, and copies the rest.
#[job(
    id = "design.clone",
    routing_key = "jobs.design.clone",
    timeout = "5m",
    retries = [30, 60, 120],
    max_attempts = 3,
    rename_all = "camelCase",
    tags = ["sample", "product"]
)]
pub async fn clone_design(
    ctx: &JobContext,
    db: &ProductDb,
    /// The design to copy.
    design_id: String,
    /// The name of the new design.
    name: String,
    /// A pause after each batch, in milliseconds, to watch the progress.
    #[default(0)]
    pause_ms: u32,
) -> Result<ClonedDesign, JobError> {
    let Some(total) = db.count_items(&design_id).await? else {
        return Err(JobError::permanent(format!("no design `{design_id}`")));
    };
    let clone = ctx.execution_id().to_string();
    let mut done = db.begin_clone(&clone, &name).await?;
    loop {
        ctx.progress_of(done, total, "items");
        if ctx.is_cancelled() {
            db.drop_clone(&clone).await?;
            tracing::info!(clone, "the clone is removed");
        }
        ctx.check()?;
        match db.copy_items(&design_id, &clone, BATCH).await? {
            0 => break,
            copied => done += copied,
        }
        if pause_ms > 0 {
            // The loop removes the copy if this sleep ends early.
            let _ = ctx.sleep(Duration::from_millis(pause_ms.into())).await;
        }
    }
    db.complete_clone(&clone).await?;
    Ok(ClonedDesign {
        design_id: clone,
        items: done,
    })
}
