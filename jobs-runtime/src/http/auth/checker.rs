//! The check of tokens against the store, with a short memory.
//!
//! A token that was found valid is accepted for [`MEMORY`] without a look at the store, so a
//! request costs no query. A revocation therefore takes effect within that time in every process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::JobService;
use crate::clock::{real, timestamp};
use crate::service::secret::{Secret, is_equal};
use crate::store::{StoreError, TokenRecord};

/// The time for which an answer of the store holds.
const MEMORY: Duration = Duration::from_secs(5);

/// The longest wait for the store, if its last answer can hold instead.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// The tokens that are remembered.
const MAX_REMEMBERED: usize = 10_000;

/// The time after which the use of a token is recorded again.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// Checks tokens.
#[derive(Debug)]
pub(super) struct TokenChecker {
    service: JobService,
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// By id, with the time of the look at the store.
    tokens: HashMap<String, (TokenRecord, Duration)>,
    /// True if the store has tokens, with the time of the look.
    has_tokens: Option<(bool, Duration)>,
}

/// The reason why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The text is no token: mistyped or truncated.
    Malformed,
    /// The token is unknown, its secret is wrong, or it was revoked.
    Unknown,
    /// The token was right; its time is over.
    Expired,
}

impl TokenChecker {
    pub(super) fn new(service: JobService) -> Self {
        Self {
            service,
            remembered: Mutex::default(),
        }
    }

    /// Returns whether the store has tokens. It may have got the first one five seconds ago. While
    /// the store does not answer, its last answer holds.
    ///
    /// # Errors
    /// The store's, before its first answer.
    pub(super) async fn has_tokens(&self) -> Result<bool, StoreError> {
        let now = self.service.clock().elapsed();
        let last = self.remembered().has_tokens;
        match last {
            // A store never loses its last token.
            Some((has, at)) if has || now.saturating_sub(at) < MEMORY => return Ok(has),
            _ => {}
        }
        let look = self.service.store().has_tokens();
        let has = match last {
            None => look.await?,
            // Health reports must not wait for a store that does not answer.
            Some((last, _)) => match real::timeout(LONGEST_LOOK, look).await {
                Ok(Ok(has)) => has,
                Ok(Err(_)) | Err(_) => last,
            },
        };
        self.remembered().has_tokens = Some((has, now));
        Ok(has)
    }

    /// Checks the text of a token, and records its use.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn check(
        &self,
        text: &str,
    ) -> Result<Result<TokenRecord, Refusal>, StoreError> {
        let Some(secret) = Secret::parse(text) else {
            return Ok(Err(Refusal::Malformed));
        };
        let token = self.token(&secret.id()).await?;
        // An unknown id costs the same comparison as a wrong secret.
        let hash = token.as_ref().map_or([0; 32], |token| token.hash);
        let is_right = is_equal(&secret.hash(), &hash);
        let now = timestamp(&**self.service.clock());
        Ok(match token {
            Some(token) if is_right && token.is_valid(now) => {
                self.touch(&token);
                Ok(token)
            }
            Some(token) if is_right && token.revoked_at.is_none() => Err(Refusal::Expired),
            _ => Err(Refusal::Unknown),
        })
    }

    /// Returns whether a token that was accepted is valid still.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn is_still_valid(&self, accepted: &TokenRecord) -> Result<bool, StoreError> {
        let now = timestamp(&**self.service.clock());
        if !accepted.is_valid(now) {
            return Ok(false);
        }
        let token = self.token(&accepted.id).await?;
        Ok(token.is_some_and(|token| token.hash == accepted.hash && token.is_valid(now)))
    }

    /// Forgets a token, after its revocation in this process.
    pub(super) fn forget(&self, id: &str) {
        self.remembered().tokens.remove(id);
    }

    /// Reads a token from the memory or the store.
    async fn token(&self, id: &str) -> Result<Option<TokenRecord>, StoreError> {
        let now = self.service.clock().elapsed();
        if let Some((token, at)) = self.remembered().tokens.get(id)
            && now.saturating_sub(*at) < MEMORY
        {
            return Ok(Some(token.clone()));
        }
        let token = match self.service.store().token(id.to_owned()).await {
            // A newer program gave it a role that this one does not know: it may do nothing here.
            Err(StoreError::Corrupt { .. }) => None,
            token => token?,
        };
        let mut remembered = self.remembered();
        if remembered.tokens.len() >= MAX_REMEMBERED {
            remembered.tokens.clear();
        }
        match &token {
            Some(token) => {
                let token = (token.clone(), now);
                remembered.tokens.insert(id.to_owned(), token);
            }
            // Unknown ids are not remembered: their number has no bound.
            None => {
                remembered.tokens.remove(id);
            }
        }
        Ok(token)
    }

    /// Records the use of a token beside the request, at most once a minute.
    fn touch(&self, token: &TokenRecord) {
        let now = timestamp(&**self.service.clock());
        let before = now.before(TOUCH_INTERVAL);
        if token.last_used_at.is_some_and(|at| at > before) {
            return;
        }
        if let Some((token, _)) = self.remembered().tokens.get_mut(&token.id) {
            token.last_used_at = Some(now);
        }
        let store = Arc::clone(self.service.store());
        let id = token.id.clone();
        tokio::spawn(async move {
            if let Err(error) = store.touch_token(id, now, before).await {
                tracing::debug!(%error, "the use of a token was not recorded");
            }
        });
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
