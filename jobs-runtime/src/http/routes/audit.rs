//! `GET /audit`: the audit log, newest first, in pages.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::list_executions::LIMIT;
use crate::http::ApiState;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::Problem;
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::store::{AuditPage, AuditQuery, Cursor, Role};
use crate::time::Timestamp;

const ACTOR: Input = Input::text("actor", "acts of this token or user");
const ACTION: Input = Input::text("action", "acts of this kind, such as `execution.cancel`");
const TARGET: Input = Input::text("target", "acts on this execution, schedule or queue");
const SINCE: Input = Input::value::<Timestamp>("since", "acts at this time or later");
const UNTIL: Input = Input::value::<Timestamp>("until", "acts before this time");
const CURSOR: Input = Input::value::<Cursor>("cursor", "the `nextCursor` of the page before");
const PARAMETERS: &[Input] = &[LIMIT, ACTOR, ACTION, TARGET, SINCE, UNTIL, CURSOR];

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listAudit",
    "the acts of operators, newest first",
    &[Answer::json::<AuditPage>(StatusCode::OK, "a page of acts")],
)
.query(PARAMETERS)
.role(Role::Admin);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    mut parameters: QueryParameters,
) -> Result<Json<AuditPage>, Problem> {
    let query = AuditQuery {
        limit: parameters.number(&LIMIT),
        actor: parameters.text(&ACTOR),
        action: parameters.text(&ACTION),
        target: parameters.text(&TARGET),
        since: parameters.parsed(&SINCE),
        until: parameters.parsed(&UNTIL),
        cursor: parameters.parsed(&CURSOR),
    };
    parameters.finish(PARAMETERS)?;
    Ok(Json(api.service.audit(query).await?))
}
