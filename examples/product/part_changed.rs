//! A job that fans out: it enqueues a child execution for each work instruction of a part.
//!
//! ```text
//! cargo run -- trigger workinstruction.part.changed --part-id shaft --change "longer by 2 mm"
//! ```

use jobs::{JobContext, JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NotifyTransition, ProductDb};

/// The result: the alerts of a changed part.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartAlerts {
    /// The work instructions that use the part.
    pub instructions: Vec<String>,
    /// The executions that notify their owners.
    pub notifications: Vec<String>,
}

/// Alert on part change.
///
/// A later attempt finds the children of an earlier one.
#[job(
    id = "workinstruction.part.changed",
    routing_key = "jobs.workinstruction.part",
    timeout = "5m",
    retries = [30, 60, 120],
    max_attempts = 3,
    rename_all = "camelCase",
    tags = ["sample", "product"]
)]
pub async fn alert_part_changed(
    ctx: &JobContext,
    db: &ProductDb,
    /// The part that has changed.
    part_id: String,
    /// The change, in words.
    change: String,
) -> Result<PartAlerts, JobError> {
    let instructions = db.instructions_of(&part_id).await?;
    tracing::info!(
        part_id,
        change,
        instructions = instructions.len(),
        "a part has changed"
    );
    let mut notifications = Vec::with_capacity(instructions.len());
    for instruction in &instructions {
        ctx.check()?;
        let item = format!("{} ({})", instruction.id, instruction.title);
        let owner = vec![instruction.owner.clone()];
        let to = format!("to review: {part_id} {change}");
        let child = NotifyTransition::new(item, "released", to, owner);
        let child = ctx.enqueue(child).await?;
        notifications.push(child.id().to_string());
    }
    Ok(PartAlerts {
        instructions: instructions.into_iter().map(|one| one.id).collect(),
        notifications,
    })
}
