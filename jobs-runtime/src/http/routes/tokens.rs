//! `GET /tokens`, `POST /tokens`, `DELETE /tokens/{id}`: list, create and revoke access tokens.
//!
//! Only admins may use these routes. The text of a new token is in the answer and nowhere else.

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

/// The tokens, oldest first.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Tokens {
    tokens: Vec<TokenView>,
}

const ROLE: Input = Input::value::<Role>("role", "what the bearer may do").required();
const NAME: Input = Input::name(
    "name",
    "a name for people; the audit log names the bearer by it. Default: the id of the token",
);
const EXPIRES_IN_MS: Input = Input::value::<u64>(
    "expiresInMs",
    "the time for which it is accepted, in milliseconds, at least 1000; absent: for good",
);
const FIELDS: &[Input] = &[ROLE, NAME, EXPIRES_IN_MS];

pub(in crate::http) const LIST: RouteDoc = RouteDoc::new(
    "listTokens",
    "the access tokens without their secrets, oldest first",
    &[Answer::json::<Tokens>(StatusCode::OK, "the tokens")],
)
.role(Role::Admin);

pub(in crate::http) const CREATE: RouteDoc = RouteDoc::new(
    "createToken",
    "creates an access token",
    &[Answer::json::<CreatedToken>(
        StatusCode::CREATED,
        "the token with its text, which cannot be read again",
    )],
)
.body(FIELDS)
.role(Role::Admin);

pub(in crate::http) const REVOKE: RouteDoc = RouteDoc::new(
    "revokeToken",
    "revokes an access token and the sign-ins with it",
    &[Answer::empty(
        StatusCode::NO_CONTENT,
        "every process refuses it within five seconds",
    )],
)
.problems(&[Code::UnknownToken])
.role(Role::Admin);

pub(in crate::http) async fn list(
    State(api): State<ApiState>,
    parameters: QueryParameters,
) -> Result<Json<Tokens>, Problem> {
    parameters.finish(&[])?;
    let tokens = api.service.tokens().await?;
    Ok(Json(Tokens { tokens }))
}

pub(in crate::http) async fn create(
    State(api): State<ApiState>,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let role: Option<Role> = fields.value(&ROLE, "viewer, operator, admin or worker");
    if role.is_none() && !fields.has_violation(ROLE.name) {
        fields.add_violation(ROLE.name, "is required");
    }
    let name = fields.stored_text(&NAME);
    let lasts: Option<u64> = fields.value(&EXPIRES_IN_MS, "a whole number of milliseconds");
    if lasts.is_some_and(|lasts| lasts < 1_000) {
        fields.add_violation(EXPIRES_IN_MS.name, "must be at least 1000");
    }
    reject_violations(&fields.finish())?;
    let new = NewToken {
        role: role.unwrap_or(Role::Viewer),
        name,
        lasts: lasts.map(Duration::from_millis),
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

pub(in crate::http) async fn revoke(
    State(api): State<ApiState>,
    TokenPath(id): TokenPath,
) -> Result<StatusCode, Problem> {
    if api.service.revoke_token(&id).await? {
        api.auth.forget(&id);
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = "no token with this id is valid";
    Err(Problem::new(Code::UnknownToken, detail))
}
