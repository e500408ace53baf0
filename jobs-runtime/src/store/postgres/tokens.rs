//! Access tokens and sign-ins.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::conn::error::DbError;
use super::conn::operation::{Operation, Outcome, without_events};
use super::conn::text::{decode, encode};
use super::conn::tx::Tx;
use crate::store::decode::tokens::TokenRow;
use crate::store::{StoreError, TokenRecord, TokenStore};
use crate::time::Timestamp;

#[async_trait]
impl TokenStore for PostgresStore {
    async fn add_token(&self, token: TokenRecord) -> Result<bool, StoreError> {
        self.operate(AddToken(token)).await
    }

    async fn token(&self, id: String) -> Result<Option<TokenRecord>, StoreError> {
        let row = self.read(ReadToken(id)).await?;
        row.map(TokenRow::read).transpose()
    }

    async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        Ok(TokenRow::read_all(self.read(ListTokens).await?))
    }

    async fn has_tokens(&self) -> Result<bool, StoreError> {
        self.read(HasTokens).await
    }

    async fn touch_token(
        &self,
        id: String,
        now: Timestamp,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        self.operate(TouchToken { id, now, before }).await
    }

    async fn revoke_token(&self, id: String, now: Timestamp) -> Result<bool, StoreError> {
        self.operate(RevokeToken { id, now }).await
    }
}

/// Adds a token. Returns false if its id exists.
struct AddToken(TokenRecord);

#[async_trait]
impl Operation for AddToken {
    type Output = bool;
    /// A second run would find the token of the first.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let token = &self.0;
        let query = tx
            .query(&tx.sql.tokens_insert)
            .bind(encode(&token.id))
            .bind(encode(&token.name))
            .bind(token.role.as_str())
            .bind(token.hash.as_slice())
            .bind(token.parent.as_deref().map(encode))
            .bind(token.created_at.as_millis())
            .bind(token.expires_at.map(Timestamp::as_millis))
            .bind(token.last_used_at.map(Timestamp::as_millis))
            .bind(token.revoked_at.map(Timestamp::as_millis));
        Ok(without_events(tx.execute(query).await? > 0))
    }
}

/// Reads a token or a sign-in.
struct ReadToken(String);

#[async_trait]
impl Operation for ReadToken {
    type Output = Option<TokenRow>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let query = tx.query(&tx.sql.tokens_read).bind(encode(&self.0));
        let rows = tx.fetch(query).await?;
        Ok(without_events(rows.first().map(token).transpose()?))
    }
}

/// Lists the tokens without the sign-ins.
struct ListTokens;

#[async_trait]
impl Operation for ListTokens {
    type Output = Vec<TokenRow>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<Self::Output>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.tokens_list)).await?;
        let rows = rows.iter().map(token).collect::<Result<_, _>>()?;
        Ok(without_events(rows))
    }
}

fn token(row: &PgRow) -> Result<TokenRow, DbError> {
    Ok(TokenRow {
        id: decode(row.try_get("id")?),
        name: decode(row.try_get("name")?),
        role: row.try_get("role")?,
        hash: row.try_get("hash")?,
        parent: row.try_get::<Option<String>, _>("parent")?.map(decode),
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}

/// Finds out whether there is a token.
struct HasTokens;

#[async_trait]
impl Operation for HasTokens {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let rows = tx.fetch(tx.query(&tx.sql.tokens_exists)).await?;
        let exists = rows.first().ok_or(DbError::Raced)?.try_get(0)?;
        Ok(without_events(exists))
    }
}

/// Records the use of a token.
struct TouchToken {
    id: String,
    now: Timestamp,
    before: Timestamp,
}

#[async_trait]
impl Operation for TouchToken {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<()>, DbError> {
        let query = tx
            .query(&tx.sql.tokens_touch)
            .bind(encode(&self.id))
            .bind(self.now.as_millis())
            .bind(self.before.as_millis());
        tx.execute(query).await?;
        Ok(without_events(()))
    }
}

/// Revokes a token. Returns false if it is unknown, or was revoked before.
struct RevokeToken {
    id: String,
    now: Timestamp,
}

#[async_trait]
impl Operation for RevokeToken {
    type Output = bool;
    /// A second run would find the token revoked by the first.
    const REPEATABLE: bool = false;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Outcome<bool>, DbError> {
        let query = tx
            .query(&tx.sql.tokens_revoke)
            .bind(encode(&self.id))
            .bind(self.now.as_millis());
        Ok(without_events(tx.execute(query).await? > 0))
    }
}
