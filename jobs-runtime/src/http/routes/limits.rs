//! `POST /limits/{limit}/reset`: resets a rate limit.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::ApiState;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::LimitPath;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, RouteDoc};

/// The response to a reset.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct LimitReset {
    limit: String,
}

pub(in crate::http) const RESET: RouteDoc = RouteDoc::new(
    "resetLimit",
    "forgets the starts and the pause of a rate limit",
    &[Answer::json::<LimitReset>(
        StatusCode::OK,
        "one burst may start at once",
    )],
)
.body(&[])
.problems(&[Code::UnknownLimit]);

pub(in crate::http) async fn reset(
    State(api): State<ApiState>,
    LimitPath(limit): LimitPath,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Json<LimitReset>, Problem> {
    reject_violations(&BodyFields::read(&body, String::new(), &[])?.finish())?;
    if api.service.reset_limit(&limit).await? {
        return Ok(Json(LimitReset { limit }));
    }
    let detail = format!("there is no rate limit `{limit}`");
    Err(Problem::new(Code::UnknownLimit, detail))
}
