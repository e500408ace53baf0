//! The dry run of a trigger: its field, its answers and its response.

use axum::Json;
use axum::response::{IntoResponse, Response};
use jobs::runtime::EnqueueRequest;
use schemars::JsonSchema;
use serde::Serialize;

use super::trigger::{Triggered, TriggeredBatch};
use crate::http::ApiState;
use crate::http::request::body::BodyFields;
use crate::http::response::errors::RequestKind;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::Input;
use crate::service::{EnqueueOutcome, TriggerPreview};

pub(in crate::http) const DRY_RUN: Input = Input::value::<bool>(
    "dryRun",
    "true: check the request and tell what would happen, and write nothing",
);

/// Reads the field `dryRun`.
pub(in crate::http) fn is_dry_run(fields: &mut BodyFields<'_>) -> bool {
    fields
        .value(&DRY_RUN, "`true` or `false`")
        .unwrap_or_default()
}

/// The 200 answer to a trigger: of an existing execution, or of a dry run.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) enum TriggerAnswer {
    Existing(Triggered),
    Preview(DryRun),
}

/// The 200 answer to a batch: of existing executions, or of a dry run.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) enum BatchAnswer {
    Existing(TriggeredBatch),
    Preview(DryRunBatch),
}

/// The response to a dry run of a trigger.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct DryRun {
    /// Always true.
    dry_run: bool,
    #[serde(flatten)]
    preview: TriggerPreview,
}

/// The response to a dry run of a batch, in the order of its entries.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct DryRunBatch {
    /// Always true.
    dry_run: bool,
    /// False if an entry would be rejected, and the whole batch with it.
    accepted: bool,
    executions: Vec<TriggerPreview>,
}

/// Answers the dry run of a trigger.
pub(in crate::http) async fn one(
    api: &ApiState,
    request: EnqueueRequest,
) -> Result<Response, Problem> {
    let mut previews = preview(api, vec![request], RequestKind::Single).await?;
    let Some(preview) = previews.pop() else {
        return Err(Problem::new(Code::Internal, "no request was previewed"));
    };
    let answer = DryRun {
        dry_run: true,
        preview,
    };
    Ok(Json(answer).into_response())
}

/// Answers the dry run of a batch.
pub(in crate::http) async fn batch(
    api: &ApiState,
    requests: Vec<EnqueueRequest>,
) -> Result<Response, Problem> {
    let executions = preview(api, requests, RequestKind::Batch).await?;
    let is_rejected = |one: &TriggerPreview| {
        matches!(
            one.outcome,
            EnqueueOutcome::Rejected | EnqueueOutcome::QueueFull
        )
    };
    let answer = DryRunBatch {
        dry_run: true,
        accepted: !executions.iter().any(is_rejected),
        executions,
    };
    Ok(Json(answer).into_response())
}

async fn preview(
    api: &ApiState,
    requests: Vec<EnqueueRequest>,
    kind: RequestKind,
) -> Result<Vec<TriggerPreview>, Problem> {
    let previews = api.service.preview_batch(requests).await;
    previews.map_err(|error| Problem::of_service(error, kind))
}
