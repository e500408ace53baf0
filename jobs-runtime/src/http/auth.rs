//! Authentication: the caller of a request, and what its role allows.
//!
//! ```text
//! request ─▶ Host, Origin ─▶ token or cookie ─▶ Caller ─▶ role of the route ─▶ handler
//!              421, 403           401                          403
//! ```
//!
//! | module | contents |
//! |---|---|
//! | `guard` | the middleware of every request, and the one that compares roles |
//! | [`caller`] | [`Caller`]: the result, also set by applications that authenticate themselves |
//! | `credentials` | the token of a request: its header, or the cookie of a sign-in |
//! | `checker` | tokens against the store, with a memory of five seconds |
//! | `origin` | the rules for `Host` and `Origin` |
//! | `failures` | delays the answers to wrong tokens |
//!
//! | the interface is | a request without a token |
//! |---|---|
//! | on a loopback address, and the store has no token | may do everything, as `local` |
//! | on a loopback address, and the store has tokens | gets 401 |
//! | on another address | gets 401 |
//! | on a `trusted_network` | may do everything, as `trusted-network` |
//! | mounted in an application | may do what the application's [`Caller`] may; 401 without one |
//!
//! The folder may import the service, the store contract, the clock, and the settings, problems and
//! declarations of routes of `http`. It must never import a handler or the engine.

mod caller;
mod checker;
mod credentials;
mod failures;
mod guard;
mod origin;

use std::sync::Arc;

use crate::JobService;
use crate::http::config::HttpConfig;
use checker::TokenChecker;
use failures::Failures;

pub use caller::Caller;
pub(in crate::http) use credentials::COOKIE;
pub(in crate::http) use guard::{UsedToken, authenticate, peer, require};

/// The reach of the interface: the callers that can connect to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// On a loopback address: only programs of this machine reach it.
    Loopback,
    /// On another address.
    Network,
    /// In the router of an application.
    Mounted,
}

/// The state of the authentication.
#[derive(Debug)]
pub(in crate::http) struct Auth {
    pub(in crate::http) exposure: Exposure,
    pub(in crate::http) config: Arc<HttpConfig>,
    pub(in crate::http) service: JobService,
    checker: TokenChecker,
    failures: Failures,
}

impl Auth {
    pub(in crate::http) fn new(
        service: JobService,
        config: Arc<HttpConfig>,
        exposure: Exposure,
    ) -> Self {
        Self {
            exposure,
            config,
            checker: TokenChecker::new(service.clone()),
            failures: Failures::new(),
            service,
        }
    }
}
