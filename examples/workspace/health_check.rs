//! A job without a payload.

use jobs::{JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WorkspaceDb;

/// What a health check found.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct HealthReport {
    /// `ok`, or the check has failed.
    pub status: String,
    /// How many workspaces the database holds.
    pub workspaces: i64,
}

/// Checks that the workspace database answers.
#[job(id = "health-check", timeout = "10s", retries = 0, tags = ["sample"])]
pub async fn health_check(db: &WorkspaceDb) -> Result<HealthReport, JobError> {
    let workspaces = db.workspaces().await?;
    Ok(HealthReport {
        status: "ok".to_owned(),
        workspaces,
    })
}
