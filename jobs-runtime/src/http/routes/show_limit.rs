//! `GET /limits/{limit}`: the executions that a limit blocks, and the holders of its permits.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::ExecutionId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::timestamp;
use crate::http::ApiState;
use crate::http::request::path::LimitPath;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::route_doc::{Answer, RouteDoc};
use crate::store::BlockingLimit;

/// The executions that are listed.
const LISTED: usize = 20;

/// The executions that wait for a limit.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct LimitQueue {
    /// The limit.
    limit: String,
    /// The first executions that wait for a permit, in the order in which they get it; at most 20.
    waiting: Vec<ExecutionId>,
    /// The limit as it blocks the first of them, with some holders of its permits.
    blocking: Option<BlockingLimit>,
}

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getLimitQueue",
    "the first executions that wait for a permit of a limit, and the holders of its permits",
    &[Answer::json::<LimitQueue>(
        StatusCode::OK,
        "what waits; nothing for an unknown limit",
    )],
);

pub(in crate::http) async fn show(
    State(api): State<ApiState>,
    LimitPath(limit): LimitPath,
    parameters: QueryParameters,
) -> Result<Json<LimitQueue>, Problem> {
    parameters.finish(&[])?;
    let store = api.service.store();
    let waiting = store.limit_waiters(limit.clone(), LISTED).await?;
    let blocking = match waiting.first() {
        Some(first) => {
            store
                .blocked_by(*first, timestamp(&**api.service.clock()))
                .await?
        }
        None => None,
    };
    Ok(Json(LimitQueue {
        blocking: blocking.filter(|blocking| blocking.key == limit),
        limit,
        waiting,
    }))
}
