//! Access tokens and sign-ins.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteStore;
use super::conn::error::DbError;
use super::conn::operation::operation;
use crate::store::decode::tokens::TokenRow;
use crate::store::{StoreError, TokenRecord, TokenStore};
use crate::time::Timestamp;

#[async_trait]
impl TokenStore for SqliteStore {
    async fn add_token(&self, token: TokenRecord) -> Result<bool, StoreError> {
        self.write(operation!(|conn| insert_in_txn(conn, &token)))
            .await
    }

    async fn token(&self, id: String) -> Result<Option<TokenRecord>, StoreError> {
        let row = self
            .read(operation!(|conn| read_on_conn(conn, &id)))
            .await?;
        row.map(TokenRow::read).transpose()
    }

    async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        let rows = self.read(operation!(|conn| list_on_conn(conn))).await?;
        Ok(TokenRow::read_all(rows))
    }

    async fn has_tokens(&self) -> Result<bool, StoreError> {
        self.read(operation!(|conn| exists_on_conn(conn))).await
    }

    async fn touch_token(
        &self,
        id: String,
        now: Timestamp,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(operation!(|conn| touch_in_txn(conn, &id, now, before)))
            .await
    }

    async fn revoke_token(&self, id: String, now: Timestamp) -> Result<bool, StoreError> {
        self.write(operation!(|conn| revoke_in_txn(conn, &id, now)))
            .await
    }
}

async fn insert_in_txn(conn: &mut SqliteConnection, token: &TokenRecord) -> Result<bool, DbError> {
    let done = sqlx::query(include_str!("sql/tokens/insert.sql"))
        .bind(&token.id)
        .bind(&token.name)
        .bind(token.role.as_str())
        .bind(token.hash.as_slice())
        .bind(&token.parent)
        .bind(token.created_at.as_millis())
        .bind(token.expires_at.map(Timestamp::as_millis))
        .bind(token.last_used_at.map(Timestamp::as_millis))
        .bind(token.revoked_at.map(Timestamp::as_millis))
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

async fn read_on_conn(conn: &mut SqliteConnection, id: &str) -> Result<Option<TokenRow>, DbError> {
    let row = sqlx::query(include_str!("sql/tokens/read.sql"))
        .bind(id)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(token).transpose()
}

async fn list_on_conn(conn: &mut SqliteConnection) -> Result<Vec<TokenRow>, DbError> {
    let rows = sqlx::query(include_str!("sql/tokens/list.sql"))
        .fetch_all(conn)
        .await?;
    rows.iter().map(token).collect()
}

fn token(row: &SqliteRow) -> Result<TokenRow, DbError> {
    Ok(TokenRow {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        role: row.try_get("role")?,
        hash: row.try_get("hash")?,
        parent: row.try_get("parent")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}

async fn exists_on_conn(conn: &mut SqliteConnection) -> Result<bool, DbError> {
    let exists = sqlx::query_scalar(include_str!("sql/tokens/exists.sql"));
    Ok(exists.fetch_one(conn).await?)
}

async fn touch_in_txn(
    conn: &mut SqliteConnection,
    id: &str,
    now: Timestamp,
    before: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(include_str!("sql/tokens/touch.sql"))
        .bind(id)
        .bind(now.as_millis())
        .bind(before.as_millis())
        .execute(conn)
        .await?;
    Ok(())
}

async fn revoke_in_txn(
    conn: &mut SqliteConnection,
    id: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(include_str!("sql/tokens/revoke.sql"))
        .bind(id)
        .bind(now.as_millis())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}
