//! `POST`, `GET` and `DELETE /api/v1/session`: sign in with a token, show the caller, sign out.
//!
//! A browser sends its token once. It gets a cookie that its scripts cannot read, that no other
//! site can send, and that ends by itself. The cookie is a token of its own in the store, so that a
//! sign-out and a revocation end it in every process.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Serialize;

use crate::TokenError;
use crate::http::ApiState;
use crate::http::auth::{COOKIE, Caller, UsedToken, peer};
use crate::http::request::body::{BodyFields, BodyText, MAX_BODY, reject_violations};
use crate::http::request::query::QueryParameters;
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::{Access, Answer, Input, RouteDoc};
use crate::http::tls::Encrypted;
use crate::service::Actor;
use crate::store::Role;
use crate::time::Timestamp;

/// The caller of a request.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct SignedIn {
    /// The name of the token.
    name: String,
    role: Role,
    /// The time from which the token or the cookie is refused.
    expires_at: Option<Timestamp>,
}

const TOKEN: Input = Input::text("token", "a token of `token create`").required();
const FIELDS: &[Input] = &[TOKEN];

pub(in crate::http) const SIGN_IN: RouteDoc = RouteDoc::new(
    "signIn",
    "exchanges a token for a cookie",
    &[Answer::json::<SignedIn>(
        StatusCode::OK,
        "the browser is signed in",
    )],
)
.body(FIELDS)
.access(Access::Open);

pub(in crate::http) const SHOW: RouteDoc = RouteDoc::new(
    "getCaller",
    "the name and the role of the caller",
    &[Answer::json::<SignedIn>(StatusCode::OK, "the caller")],
)
.access(Access::AnyRole);

pub(in crate::http) const SIGN_OUT: RouteDoc = RouteDoc::new(
    "signOut",
    "ends the sign-in of the cookie",
    &[Answer::empty(
        StatusCode::NO_CONTENT,
        "the browser is not signed in",
    )],
)
.access(Access::Open);

/// The address of the caller.
pub(in crate::http) struct Peer(IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(peer(&parts.extensions)))
    }
}

pub(in crate::http) async fn sign_in(
    State(api): State<ApiState>,
    Peer(address): Peer,
    IsEncrypted(is_encrypted): IsEncrypted,
    BodyText(body): BodyText<MAX_BODY>,
) -> Result<Response, Problem> {
    let mut fields = BodyFields::read(&body, String::new(), FIELDS)?;
    let token = fields.value::<String>(&TOKEN, "a text");
    if token.is_none() && !fields.has_violation(TOKEN.name) {
        fields.add_violation(TOKEN.name, "is required");
    }
    reject_violations(&fields.finish())?;

    let token = match api.auth.token_of(token.unwrap_or_default().trim()).await {
        Ok(token) => token,
        Err(problem) => return Ok(api.auth.refuse(problem, address).await),
    };
    let lasts = api.auth.config.sign_in_for;
    let created = Actor::caller(&token.name, token.role, Some(address))
        .scope(api.service.create_sign_in(&token, lasts))
        .await;
    let created = created.map_err(|error| match error {
        TokenError::Store(error) => error.into(),
        error => Problem::failure(Code::Internal, "the log holds the cause", &error),
    })?;
    let cookie = set_cookie(&created.token, lasts.as_secs(), is_encrypted)?;
    let signed_in = SignedIn {
        name: created.view.name,
        role: created.view.role,
        expires_at: created.view.expires_at,
    };
    Ok(([(header::SET_COOKIE, cookie)], Json(signed_in)).into_response())
}

pub(in crate::http) async fn show(
    caller: Option<Extension<Caller>>,
    token: Option<Extension<UsedToken>>,
    parameters: QueryParameters,
) -> Result<Json<SignedIn>, Problem> {
    parameters.finish(&[])?;
    // The role check has found a caller.
    let Some(Extension(caller)) = caller else {
        return Err(Problem::new(
            Code::TokenRequired,
            "the request has no token",
        ));
    };
    Ok(Json(SignedIn {
        name: caller.name().to_owned(),
        role: caller.role(),
        expires_at: token.and_then(|Extension(UsedToken(token))| token.expires_at),
    }))
}

/// Ends the sign-in. A request without one succeeds, so that a browser can always drop its cookie.
/// A token of a program stays valid: `token revoke` ends it.
pub(in crate::http) async fn sign_out(
    State(api): State<ApiState>,
    token: Option<Extension<UsedToken>>,
    IsEncrypted(is_encrypted): IsEncrypted,
    parameters: QueryParameters,
) -> Result<Response, Problem> {
    parameters.finish(&[])?;
    if let Some(Extension(UsedToken(token))) = token
        && token.parent.is_some()
    {
        api.service.revoke_token(&token.id).await?;
        api.auth.forget(&token.id);
    }
    let cookie = set_cookie("", 0, is_encrypted)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Whether the browser reaches the interface by TLS, which a proxy may end.
pub(in crate::http) struct IsEncrypted(bool);

impl<S: Send + Sync> FromRequestParts<S> for IsEncrypted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let forwarded = parts.headers.get("x-forwarded-proto");
        Ok(Self(
            parts.extensions.get::<Encrypted>().is_some()
                || forwarded.is_some_and(|scheme| scheme == "https"),
        ))
    }
}

fn set_cookie(value: &str, seconds: u64, encrypted: bool) -> Result<HeaderValue, Problem> {
    let secure = if encrypted { "; Secure" } else { "" };
    let line =
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&line)
        .map_err(|error| Problem::failure(Code::Internal, "the log holds the cause", &error))
}
