//! The caller of a request: name, role and address.

use std::net::IpAddr;

use crate::store::Role;

/// The caller of a request, as an extension of the request.
///
/// The interface puts it there for a token. An application that mounts
/// [`Runtime::router`](crate::Runtime::router) and authenticates by itself adds one to each
/// request; the router then asks for no token:
///
/// ```no_run
/// use axum::extract::Request;
/// use axum::middleware::{Next, from_fn};
/// use jobs_runtime::http::Caller;
/// use jobs_runtime::store::Role;
///
/// # async fn demo(runtime: jobs_runtime::Runtime) -> axum::Router {
/// async fn with_caller(mut request: Request, next: Next) -> axum::response::Response {
///     // The application has authenticated the request before.
///     request.extensions_mut().insert(Caller::new("alice", Role::Operator));
///     next.run(request).await
/// }
/// axum::Router::new().nest("/jobs", runtime.router().layer(from_fn(with_caller)))
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    name: String,
    role: Role,
    address: Option<IpAddr>,
}

impl Caller {
    /// Creates a caller with a name, which the audit log keeps, and a role.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self {
            name: name.into(),
            role,
            address: None,
        }
    }

    /// Adds the address from which the request came.
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns the address, if it is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}
