//! Access tokens: creation, list, revocation, and the tokens of files.
//!
//! [`secret`] makes and digests the secrets. The folder may import the bounds in `options`, the
//! store contract and `time`. It must not import `http`, which checks the tokens of requests.

pub(crate) mod secret;

use std::time::Duration;

use jobs::EnqueueError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{JobService, options};
use crate::store::{Role, StoreError, TokenRecord};
use crate::time::Timestamp;
use secret::Secret;

/// A token that shall be created.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The role of its bearer.
    pub role: Role,
    /// Its name, for people; `None` for its id.
    pub name: Option<String>,
    /// The time for which it is accepted; `None` for good.
    pub lasts: Option<Duration>,
}

/// A new token with its text, which cannot be read again.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedToken {
    /// The token as lists show it.
    #[serde(flatten)]
    pub view: TokenView,
    /// The text that its bearer sends.
    pub token: String,
}

/// A token as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// The public part.
    pub id: String,
    /// The name.
    pub name: String,
    /// The role of its bearer.
    pub role: Role,
    /// `valid`, `expired` or `revoked`.
    pub state: TokenState,
    /// The time of the creation.
    pub created_at: Timestamp,
    /// The time from which it is refused.
    pub expires_at: Option<Timestamp>,
    /// The time of a recent use, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// The time of the revocation.
    pub revoked_at: Option<Timestamp>,
}

/// The state of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenState {
    /// It is accepted.
    Valid,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// An error about tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The name or the time is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The text of a file is no token.
    #[error(
        "the text is no token: a token has the form `jobs_ID.SECRET`, and `token create` makes one"
    )]
    NoToken,
    /// The text has the id of another token.
    #[error("the store has another token with the id `{0}`: create a new one with `token create`")]
    IdTaken(String),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    Random(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl JobService {
    /// Creates a token. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// The name is invalid, or the store's.
    pub async fn create_token(&self, new: NewToken) -> Result<CreatedToken, TokenError> {
        let name = options::text("name", new.name).map_err(invalid)?;
        let expires_at = new.lasts.map(|lasts| self.now().after(lasts));
        let created = self
            .add_token(|id| TokenRecord {
                name: name.clone().unwrap_or_else(|| id.clone()),
                role: new.role,
                expires_at,
                ..self.blank_token(id)
            })
            .await?;
        let view = &created.view;
        let after = json!({"name": view.name, "role": view.role, "expiresAt": view.expires_at});
        self.record_act("token.create", &view.id, None, Some(after))
            .await;
        Ok(created)
    }

    /// Creates the sign-in of a browser with a token. It has the role of the token, and its end.
    #[cfg(feature = "http")]
    pub(crate) async fn create_sign_in(
        &self,
        token: &TokenRecord,
        lasts: Duration,
    ) -> Result<CreatedToken, TokenError> {
        let end = self.now().after(lasts);
        let created = self
            .add_token(|id| TokenRecord {
                name: token.name.clone(),
                role: token.role,
                parent: Some(token.id.clone()),
                expires_at: Some(token.expires_at.map_or(end, |expiry| expiry.min(end))),
                ..self.blank_token(id)
            })
            .await?;
        let after = json!({"expiresAt": created.view.expires_at});
        self.record_act("token.sign-in", &token.id, None, Some(after))
            .await;
        Ok(created)
    }

    /// Adds a token whose text a file has, unless the store has it already.
    ///
    /// # Errors
    /// The text is no token, or the store has another secret under its id, or the store's.
    #[cfg(feature = "http")]
    pub(crate) async fn install_token(
        &self,
        text: &str,
        name: &str,
        role: Role,
    ) -> Result<TokenView, TokenError> {
        let secret = Secret::parse(text).ok_or(TokenError::NoToken)?;
        let store = self.store();
        let record = TokenRecord {
            name: name.to_owned(),
            role,
            hash: secret.hash(),
            ..self.blank_token(secret.id())
        };
        store.add_token(record.clone()).await?;
        match store.token(secret.id()).await? {
            Some(stored) if secret::is_equal(&stored.hash, &record.hash) => Ok(self.view(stored)),
            _ => Err(TokenError::IdTaken(secret.id())),
        }
    }

    /// Lists the tokens without the sign-ins, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn tokens(&self) -> Result<Vec<TokenView>, StoreError> {
        let tokens = self.store().tokens().await?;
        Ok(tokens.into_iter().map(|token| self.view(token)).collect())
    }

    /// Revokes a token, and the sign-ins with it. Returns `false` if it is unknown or was revoked
    /// before. Every process refuses it within five seconds.
    ///
    /// # Errors
    /// The store's.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, StoreError> {
        let revoked = self.store().revoke_token(id.to_owned(), self.now()).await?;
        if revoked {
            self.record_act("token.revoke", id, None, None).await;
        }
        Ok(revoked)
    }

    /// Draws tokens until the store has none with the same id.
    async fn add_token(
        &self,
        record: impl Fn(String) -> TokenRecord,
    ) -> Result<CreatedToken, TokenError> {
        loop {
            let secret =
                Secret::generate().map_err(|error| TokenError::Random(error.to_string()))?;
            let record = TokenRecord {
                hash: secret.hash(),
                ..record(secret.id())
            };
            if self.store().add_token(record.clone()).await? {
                return Ok(CreatedToken {
                    view: self.view(record),
                    token: secret.text(),
                });
            }
        }
    }

    fn blank_token(&self, id: String) -> TokenRecord {
        TokenRecord {
            id,
            name: String::new(),
            role: Role::Viewer,
            hash: [0; 32],
            parent: None,
            created_at: self.now(),
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        }
    }

    fn view(&self, token: TokenRecord) -> TokenView {
        let state = match token.revoked_at {
            Some(_) => TokenState::Revoked,
            None if token.is_valid(self.now()) => TokenState::Valid,
            None => TokenState::Expired,
        };
        TokenView {
            state,
            id: token.id,
            name: token.name,
            role: token.role,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}

fn invalid(error: EnqueueError) -> TokenError {
    TokenError::Invalid(error.to_string())
}
