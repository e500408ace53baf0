//! `GET /schedule-times`: the next times of a rule that no schedule has yet, for forms.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::schedules::{CRON, TIMEZONE};
use crate::ScheduleEdit;
use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::time::Timestamp;

const RULE_CRON: Input = CRON.required();
const PARAMETERS: &[Input] = &[RULE_CRON, TIMEZONE];

/// The next times of a rule.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ScheduleTimes {
    /// The next five times. Fewer, or none, if the rule has no more.
    next_times: Vec<Timestamp>,
}

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listScheduleTimes",
    "the next five times of a cron expression",
    &[Answer::json::<ScheduleTimes>(StatusCode::OK, "the times")],
)
.query(PARAMETERS)
.problems(&[Code::InvalidRequest]);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<ScheduleTimes>, Problem> {
    let edit = ScheduleEdit {
        cron: Some(parameters.text(&RULE_CRON).unwrap_or_default()),
        timezone: parameters.text(&TIMEZONE),
        ..ScheduleEdit::default()
    };
    parameters.finish(PARAMETERS)?;
    let next_times = api.service.rule_times(&edit)?;
    Ok(Json(ScheduleTimes { next_times }))
}
