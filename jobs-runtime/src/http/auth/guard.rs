//! The middleware that finds the caller of a request, and the one that compares roles.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::checker::Refusal;
use super::credentials::Credentials;
use super::{Auth, Caller, Exposure, origin};
use crate::http::response::problem::{Code, Problem};
use crate::http::route_doc::Access;
use crate::http::routes::is_open;
use crate::service::Actor;
use crate::store::{Role, TokenRecord};

/// The name of callers on this machine, where no token is asked for.
const LOCAL: &str = "local";

/// The name of callers on a trusted network, where no token is asked for.
const TRUSTED: &str = "trusted-network";

/// The token or sign-in of a request, for the routes of sign-ins.
#[derive(Clone, Debug)]
pub(in crate::http) struct UsedToken(pub(in crate::http) TokenRecord);

/// Finds the caller and adds it to the request. A request without a caller passes to the routes
/// that are open to every caller, and to no other.
pub(in crate::http) async fn authenticate(
    State(auth): State<Arc<Auth>>,
    request: Request,
    next: Next,
) -> Response {
    let address = peer(request.extensions());
    if auth.exposure == Exposure::Mounted
        && let Some(caller) = request.extensions().get::<Caller>()
    {
        // The application has authenticated the caller.
        let actor = actor(caller);
        return actor.scope(next.run(request)).await;
    }
    let (mut parts, body) = request.into_parts();
    match auth.find_caller(&parts, address).await {
        Ok(found) => {
            let Some(Found { caller, token }) = found else {
                return next.run(Request::from_parts(parts, body)).await;
            };
            let actor = actor(&caller);
            parts.extensions.insert(caller);
            if let Some(token) = token {
                parts.extensions.insert(UsedToken(token));
            }
            actor
                .scope(next.run(Request::from_parts(parts, body)))
                .await
        }
        Err(problem) => auth.refuse(problem, address).await,
    }
}

/// The name under which the audit log keeps the acts of a caller.
fn actor(caller: &Caller) -> Actor {
    Actor::caller(caller.name(), caller.role(), caller.address())
}

/// Rejects callers without the role of the route.
pub(in crate::http) async fn require(
    access: Access,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let role = request.extensions().get::<Caller>().map(Caller::role);
    match (access, role) {
        (Access::Open, _) | (Access::AnyRole, Some(_)) => {}
        (_, None) => return Err(token_required("this route")),
        (Access::Role(needed), Some(role)) if role.allows(needed) => {}
        (Access::Role(needed), Some(role)) => {
            let detail = format!("this route needs the role {needed}, and the token has {role}");
            return Err(Problem::new(Code::Forbidden, detail)
                .with("role", role.as_str())
                .with("needed", needed.as_str()));
        }
    }
    Ok(next.run(request).await)
}

/// A caller, with the token that it used.
struct Found {
    caller: Caller,
    token: Option<TokenRecord>,
}

impl Auth {
    async fn find_caller(
        &self,
        request: &Parts,
        address: IpAddr,
    ) -> Result<Option<Found>, Problem> {
        let (headers, config) = (&request.headers, &self.config);
        let is_open_route = is_open(&request.method, request.uri.path());
        let open = match self.without_token().await {
            // The open routes, such as the health checks, answer although the store does not.
            Err(_) if is_open_route => Some(LOCAL),
            open => open?,
        };
        origin::check_host(config, self.exposure, open.is_some(), &request.uri, headers)?;
        if self.exposure != Exposure::Mounted {
            origin::check_origin(config, open.is_some(), headers)?;
        }
        let credentials = Credentials::of(headers);
        let anonymous = open.map(|name| Found {
            caller: Caller::new(name, Role::Admin).with_address(address),
            token: None,
        });
        let text = match credentials {
            Credentials::Bearer(text) => text,
            Credentials::Cookie(text) => {
                if !matches!(request.method, Method::GET | Method::HEAD) {
                    origin::check_own_origin(config, headers)?;
                }
                text
            }
            // A proxy may add credentials of its own to the probes of a supervisor.
            Credentials::Malformed if is_open_route => return Ok(None),
            Credentials::Malformed => return Err(malformed()),
            Credentials::Absent => {
                return match anonymous {
                    None if !is_open_route => Err(token_required(self.what())),
                    anonymous => Ok(anonymous),
                };
            }
        };
        let checked = match self.checker.check(text).await {
            Err(_) if is_open_route => return Ok(None),
            checked => checked?,
        };
        match checked {
            Ok(token) => {
                self.failures.forget(address);
                Ok(Some(Found {
                    caller: Caller::new(&token.name, token.role).with_address(address),
                    token: Some(token),
                }))
            }
            // A browser whose sign-in is over can sign in again. It also sends the cookies of other
            // interfaces of this machine.
            Err(_) if is_open_route => Ok(anonymous),
            Err(_) if matches!(credentials, Credentials::Cookie(_)) && anonymous.is_some() => {
                Ok(anonymous)
            }
            Err(Refusal::Malformed) => Err(malformed()),
            Err(Refusal::Expired) => Err(invalid("the token has expired")),
            Err(Refusal::Unknown) => Err(invalid("the store has no such token, or it was revoked")),
        }
    }

    /// Returns the name of callers without a token, if none is asked for.
    async fn without_token(&self) -> Result<Option<&'static str>, Problem> {
        Ok(match self.exposure {
            Exposure::Mounted => None,
            _ if self.config.trusted_network => Some(TRUSTED),
            Exposure::Network => None,
            Exposure::Loopback if self.checker.has_tokens().await? => None,
            Exposure::Loopback => Some(LOCAL),
        })
    }

    fn what(&self) -> &'static str {
        match self.exposure {
            Exposure::Mounted => "without a `Caller` of the application, the interface",
            _ => "the interface",
        }
    }

    /// Answers a request that is refused. An answer to a wrong token waits: the delay grows with
    /// the number of wrong tokens from its address.
    pub(in crate::http) async fn refuse(&self, problem: Problem, address: IpAddr) -> Response {
        if problem.code() == Code::InvalidToken {
            let clock = self.service.clock();
            let delay = self.failures.record(address, clock.elapsed());
            if !delay.is_zero() {
                let Some(_place) = self.failures.waiting_place() else {
                    let detail = "too many wrong tokens at the moment; try again later";
                    return Problem::new(Code::TooManyAttempts, detail).into_response();
                };
                clock.sleep(delay).await;
            }
        }
        let mut response = problem.into_response();
        if response.status() == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer realm=\"jobs\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }

    /// Checks the token of a sign-in.
    pub(in crate::http) async fn token_of(&self, text: &str) -> Result<TokenRecord, Problem> {
        let checked = self.checker.check(text).await?;
        let token =
            checked.map_err(|_| invalid("the store has no such token, or it was revoked"))?;
        match token.parent {
            None => Ok(token),
            Some(_) => Err(invalid("sign in with a token")),
        }
    }

    /// Returns whether the token of a response that goes on is accepted still. While the store does
    /// not answer, its last answer holds.
    pub(in crate::http) async fn still_accepts(&self, token: &TokenRecord) -> bool {
        self.checker.is_still_valid(token).await.unwrap_or(true)
    }

    /// Refuses a token from now on in this process.
    pub(in crate::http) fn forget(&self, id: &str) {
        self.checker.forget(id);
    }
}

/// The address of the other end of the connection; the unspecified one if the server of an
/// application does not tell it.
pub(in crate::http) fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| {
        peer.ip().to_canonical()
    })
}

fn token_required(what: &str) -> Problem {
    Problem::new(
        Code::TokenRequired,
        format!(
            "{what} needs a token: send `Authorization: Bearer TOKEN`; `token create` makes a token"
        ),
    )
}

fn malformed() -> Problem {
    invalid("the text is no token: it is truncated, mistyped or of another kind")
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Code::InvalidToken, detail)
}
