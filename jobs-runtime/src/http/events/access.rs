//! The token of an event stream, which is checked while the stream is open.

use std::sync::Arc;
use std::time::Duration;

use crate::http::auth::{Auth, UsedToken};

/// The shortest time between two checks. An idle stream checks its token at each heartbeat.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// The access of one client.
pub(super) struct StreamAccess {
    auth: Arc<Auth>,
    /// `None` if the request needed no token.
    token: Option<UsedToken>,
    checked_at: Duration,
}

impl StreamAccess {
    /// The access of a request whose token has been checked.
    pub(super) fn new(auth: &Arc<Auth>, token: Option<UsedToken>) -> Self {
        Self {
            auth: Arc::clone(auth),
            token,
            checked_at: auth.service.clock().elapsed(),
        }
    }

    /// Returns whether the client may receive what follows.
    pub(super) async fn continues(&mut self) -> bool {
        let Some(UsedToken(token)) = &self.token else {
            return true;
        };
        let now = self.auth.service.clock().elapsed();
        if now.saturating_sub(self.checked_at) < CHECK_INTERVAL {
            return true;
        }
        self.checked_at = now;
        self.auth.still_accepts(token).await
    }
}
