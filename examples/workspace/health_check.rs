//! A job without a payload.
//!
//! ```text
//! cargo run -- exec health-check
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

/// Checks that the workspace database answers.
#[job(id = "health-check", timeout = "10s", retries = 0, tags = ["sample"])]
pub async fn health_check(db: &WorkspaceDb) -> Result<HealthReport, JobError> {
    let workspaces = db.count_workspaces().await?;
    Ok(HealthReport {
        status: "ok".to_owned(),
        workspaces,
    })
}
