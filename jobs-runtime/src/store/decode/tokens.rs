//! Rows of tokens, in the form that both stores read.

use crate::store::{StoreError, TokenRecord};
use crate::time::Timestamp;

/// A token as its row.
#[derive(Clone)]
pub(in crate::store) struct TokenRow {
    pub(in crate::store) id: String,
    pub(in crate::store) name: String,
    pub(in crate::store) role: String,
    pub(in crate::store) hash: Vec<u8>,
    pub(in crate::store) parent: Option<String>,
    pub(in crate::store) created_at: i64,
    pub(in crate::store) expires_at: Option<i64>,
    pub(in crate::store) last_used_at: Option<i64>,
    pub(in crate::store) revoked_at: Option<i64>,
}

impl TokenRow {
    /// Reads the row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the role is unknown or the hash has another length.
    pub(in crate::store) fn read(self) -> Result<TokenRecord, StoreError> {
        let corrupt = |reason: String| StoreError::Corrupt {
            what: format!("the token `{}`", self.id),
            reason,
        };
        let hash = <[u8; 32]>::try_from(self.hash.as_slice())
            .map_err(|_| corrupt("its hash is no SHA-256".to_owned()))?;
        let role = self.role.parse();
        let role = role.map_err(|error| corrupt(format!("{error}")))?;
        Ok(TokenRecord {
            role,
            hash,
            id: self.id,
            name: self.name,
            parent: self.parent,
            created_at: Timestamp::from_millis(self.created_at),
            expires_at: self.expires_at.map(Timestamp::from_millis),
            last_used_at: self.last_used_at.map(Timestamp::from_millis),
            revoked_at: self.revoked_at.map(Timestamp::from_millis),
        })
    }

    /// Reads rows. Those that cannot be read are logged and left out.
    pub(in crate::store) fn read_all(rows: Vec<Self>) -> Vec<TokenRecord> {
        let records = rows.into_iter().map(Self::read);
        records
            .filter_map(|record| {
                record
                    .inspect_err(|error| tracing::warn!(%error, "left out a token"))
                    .ok()
            })
            .collect()
    }
}
