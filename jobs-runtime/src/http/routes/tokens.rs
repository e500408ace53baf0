//! `GET /tokens`, `POST /tokens`, `DELETE /tokens/{id}`: list, create and revoke access tokens.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobs::Violation;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::ApiState;
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::path::TokenPath;
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Answer, Input, RouteDoc};
use crate::store::Role;
use crate::{CreatedToken, NewToken, TokenError, TokenView};

/// The longest time for which a token is accepted, unless it is for good: 100 years.
const MAX_EXPIRES_MS: u64 = 100 * 366 * 86_400_000;

const ROLE: Input = Input::value::<Role>("role", "what its bearer may do").required();
const NAME: Input = Input::name(
    "name",
    "its name in lists and in the audit log; its id if it is absent",
);
const EXPIRES_MS: Input = Input::value::<u64>(
    "expiresMs",
    "the time after which it is refused, in milliseconds; never if it is absent",
);
const FIELDS: &[Input] = &[ROLE, NAME, EXPIRES_MS];

/// The tokens without the sign-ins, oldest first.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Tokens {
    tokens: Vec<TokenView>,
}

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listTokens",
    "the access tokens, oldest first",
    &[Answer::json::<Tokens>(StatusCode::OK, "the tokens")],
)
.role(Role::Admin);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    parameters: QueryParameters,
) -> Result<Json<Tokens>, Problem> {
    parameters.finish(&[])?;
    let tokens = api.service.tokens().await?;
    Ok(Json(Tokens { tokens }))
}

pub(in crate::http) const CREATE: RouteDoc = RouteDoc::new(
    "createToken",
    "creates an access token; its text is in this answer and nowhere else",
    &[Answer::json::<CreatedToken>(
        StatusCode::CREATED,
        "the token with its text",
    )],
)
.body(FIELDS)
.role(Role::Admin);

pub(in crate::http) async fn create(
    State(api): State<ApiState>,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let role = fields.value::<Role>(&ROLE, "`viewer`, `operator`, `admin` or `worker`");
    if role.is_none() && !fields.has_violation(ROLE.name) {
        fields.add_violation(ROLE.name, "is required");
    }
    let name = fields.value(&NAME, "a text");
    let expires = fields.value::<u64>(&EXPIRES_MS, "a whole number of milliseconds");
    if expires.is_some_and(|millis| millis > MAX_EXPIRES_MS) {
        fields.add_violation(EXPIRES_MS.name, "must be 100 years at most");
    }
    reject_violations(&fields.finish())?;
    let new = NewToken {
        role: role.unwrap_or(Role::Viewer),
        name,
        lasts: expires.map(Duration::from_millis),
    };
    let created = api.service.create_token(new).await;
    let created = created.map_err(|error| match error {
        TokenError::Store(error) => error.into(),
        TokenError::Invalid(message) => Problem::violations(
            Code::InvalidRequest,
            &[Violation {
                pointer: "/name".to_owned(),
                message,
            }],
        ),
        error => Problem::failure(Code::Internal, "the log holds the cause", &error),
    })?;
    Ok((StatusCode::CREATED, Json(created)))
}

pub(in crate::http) const REVOKE: RouteDoc = RouteDoc::new(
    "revokeToken",
    "revokes an access token, and the sign-ins with it",
    &[Answer::empty(
        StatusCode::NO_CONTENT,
        "the token is refused from now on, by every process within five seconds",
    )],
)
.problems(&[Code::UnknownToken])
.role(Role::Admin);

pub(in crate::http) async fn revoke(
    State(api): State<ApiState>,
    TokenPath(id): TokenPath,
    parameters: QueryParameters,
) -> Result<StatusCode, Problem> {
    parameters.finish(&[])?;
    let is_id = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id && api.service.revoke_token(&id).await? {
        api.auth.forget(&id);
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = format!("there is no valid token `{id}`");
    Err(Problem::new(Code::UnknownToken, detail))
}
