//! Access tokens: their records, and the part of a store that keeps them.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::StoreError;
use crate::time::Timestamp;

/// The role of a caller: the requests that it may send.
///
/// `viewer` < `operator` < `admin`: each may do what the one before it may. A `worker` stands
/// beside them: it leases executions and reports their ends, and may do nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads everything except the values of sensitive fields.
    Viewer,
    /// Triggers, cancels, retries, edits, pauses and deletes as well.
    Operator,
    /// Reads the audit log as well, and may do what the other roles may.
    Admin,
    /// Leases executions, and settles what it has leased.
    Worker,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Admin, Self::Worker];

    /// Returns the role's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Worker => "worker",
        }
    }

    /// Returns whether a caller with this role may do what needs the role `needed`.
    pub const fn allows(self, needed: Self) -> bool {
        matches!(
            (self, needed),
            (Self::Admin, _)
                | (Self::Operator, Self::Viewer | Self::Operator)
                | (Self::Viewer, Self::Viewer)
                | (Self::Worker, Self::Worker)
        )
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The error of a word that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role: write viewer, operator, admin or worker")]
pub struct ParseRoleError(String);

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(word: &str) -> Result<Self, ParseRoleError> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.as_str() == word)
            .ok_or_else(|| ParseRoleError(word.to_owned()))
    }
}

/// A stored token, or the sign-in of a browser with one. The store never has the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// The public part of the token.
    pub id: String,
    /// The name that people gave it. The audit log names callers by it.
    pub name: String,
    /// The role of its bearer.
    pub role: Role,
    /// The SHA-256 of the secret.
    pub hash: [u8; 32],
    /// For a sign-in, the id of the token that was used.
    pub parent: Option<String>,
    /// The time of the creation.
    pub created_at: Timestamp,
    /// The time from which it is refused.
    pub expires_at: Option<Timestamp>,
    /// The time of a recent use, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// The time from which it is revoked; for a sign-in, also by the revocation of its token.
    pub revoked_at: Option<Timestamp>,
}

impl TokenRecord {
    /// Returns whether the token is accepted at a time.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

// Without the hash, which says nothing to people.
impl fmt::Debug for TokenRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .field("parent", &self.parent)
            .field("expires_at", &self.expires_at)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

/// The part of a store that keeps access tokens. Errors: see [`Store`](crate::store::Store).
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Adds a token, unless its id exists. Returns whether it was added.
    async fn add_token(&self, token: TokenRecord) -> Result<bool, StoreError>;

    /// Returns the token or sign-in with this id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a newer program gave it a role that this one does not know.
    async fn token(&self, id: String) -> Result<Option<TokenRecord>, StoreError>;

    /// Returns all tokens without the sign-ins, oldest first.
    async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError>;

    /// Returns whether the store has a token, also an expired or a revoked one.
    async fn has_tokens(&self) -> Result<bool, StoreError>;

    /// Records that a token, or a sign-in and its token, was used now, unless that was recorded
    /// after `before`. Repeatable.
    async fn touch_token(
        &self,
        id: String,
        now: Timestamp,
        before: Timestamp,
    ) -> Result<(), StoreError>;

    /// Revokes a token or a sign-in. Returns `false` if it was revoked before, or is unknown.
    /// Repeatable.
    async fn revoke_token(&self, id: String, now: Timestamp) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_allow_what_the_roles_below_them_allow() {
        use Role::{Admin, Operator, Viewer, Worker};
        let allowed = |role: Role| Role::ALL.map(|needed| role.allows(needed));
        // Needed: viewer, operator, admin, worker.
        assert_eq!(allowed(Viewer), [true, false, false, false]);
        assert_eq!(allowed(Operator), [true, true, false, false]);
        assert_eq!(allowed(Admin), [true, true, true, true]);
        assert_eq!(allowed(Worker), [false, false, false, true]);
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
