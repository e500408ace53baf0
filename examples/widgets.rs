//! A batch job that reports its progress and stops between two items when it is cancelled.
//!
//! ```text
//! cargo run -- exec widget.process.batch --widget-ids w-1 --widget-ids w-2 --user-id alice
//! ```

use std::time::Duration;

use jobs::{JobContext, JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of a batch.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct WidgetOptions {
    /// Process widgets again that are already processed.
    pub force: bool,
    /// The time that one widget takes, in milliseconds.
    pub pause_ms: u16,
}

/// The result of a batch.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WidgetReport {
    /// The number of processed widgets.
    pub processed_count: usize,
    /// The rejected widgets, each with the reason.
    pub errors: Vec<String>,
}

/// Processes a batch of widgets.
#[job(
    id = "widget.process.batch",
    routing_key = "jobs.widget.process",
    label = "Widget batch processing",
    timeout = "5m",
    retries = [30, 60, 120],
    rename_all = "camelCase",
    tags = ["sample", "widgets"],
)]
pub async fn process_widgets(
    ctx: &JobContext,
    /// The ids of the widgets, in processing order.
    widget_ids: Vec<String>,
    /// The user that asked for the batch.
    user_id: String,
    #[default(WidgetOptions::default())] options: WidgetOptions,
) -> Result<WidgetReport, JobError> {
    tracing::info!(user_id, widgets = widget_ids.len(), "processing");
    let total = widget_ids.len() as u64;
    let mut report = WidgetReport {
        processed_count: 0,
        errors: Vec::new(),
    };
    for (done, widget_id) in (0..).zip(&widget_ids) {
        ctx.check()?;
        ctx.progress_of(done, total, "widgets");
        match validate(widget_id, &options) {
            Ok(()) => {
                // The sleep replaces the real work. `?` leaves when the attempt should end early.
                let work = Duration::from_millis(options.pause_ms.into());
                ctx.sleep(work).await?;
                report.processed_count += 1;
            }
            Err(reason) => report.errors.push(format!("{widget_id}: {reason}")),
        }
    }
    Ok(report)
}

/// Decides whether a widget can be processed.
fn validate(widget_id: &str, options: &WidgetOptions) -> Result<(), &'static str> {
    if widget_id.is_empty() {
        return Err("a widget needs an id");
    }
    if !options.force && widget_id.ends_with("-done") {
        return Err("already processed; set `force` to process it again");
    }
    Ok(())
}
