//! A job without a payload, which runs every five minutes.
//!
//! ```text
//! cargo run -- exec health-check
//! cargo run -- schedules show health-check:1
//! ```

use jobs::{JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WorkspaceDb;

/// The result of a health check.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct HealthReport {
    /// Always `ok`: a check that fails has no result.
    pub status: String,
    /// The number of workspaces in the database.
    pub workspaces: i64,
}

/// Checks that the workspace database answers. A check that was missed is not caught up.
#[job(
    id = "health-check",
    timeout = "10s",
    retries = 0,
    schedule = ("*/5 * * * *", catch_up = "none"),
    tags = ["sample"]
)]
pub async fn health_check(db: &WorkspaceDb) -> Result<HealthReport, JobError> {
    let workspaces = db.count_workspaces().await?;
    Ok(HealthReport {
        status: "ok".to_owned(),
        workspaces,
    })
}
