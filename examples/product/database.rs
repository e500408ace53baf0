//! A resource: the database of designs, parts and work instructions.

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};

/// A pool of connections to the database of designs.
#[derive(Debug, Clone)]
pub struct ProductDb {
    pool: SqlitePool,
}

/// A work instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The id.
    pub id: String,
    /// The title.
    pub title: String,
    /// The address of the owner.
    pub owner: String,
}

/// Opens the database named by `PRODUCT_DATABASE_URL` (`sqlite:product.db` unless set).
#[jobs::resource]
pub async fn product_db() -> Result<ProductDb, sqlx::Error> {
    let url = std::env::var("PRODUCT_DATABASE_URL");
    ProductDb::open(url.as_deref().unwrap_or("sqlite:product.db")).await
}

impl ProductDb {
    /// Opens the database, creates its tables, and seeds a design and two instructions.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        let options = url
            .parse::<SqliteConnectOptions>()?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await?;
        sqlx::raw_sql(include_str!("schema.sql"))
            .execute(&pool)
            .await?;
        Ok(Self { pool })
    }

    /// Counts the items of a complete design; `None` if there is no such design.
    pub async fn count_items(&self, design_id: &str) -> Result<Option<u64>, sqlx::Error> {
        let count: Option<i64> = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM items WHERE design_id = d.id) \
             FROM designs AS d WHERE d.id = ? AND d.complete",
        )
        .bind(design_id)
        .fetch_optional(&self.pool)
        .await?;
        Ok(count.map(|count| u64::try_from(count).unwrap_or(0)))
    }

    /// Begins a clone, or goes on with one. Returns the number of items that it has.
    pub async fn begin_clone(&self, id: &str, name: &str) -> Result<u64, sqlx::Error> {
        sqlx::query(
            "INSERT INTO designs (id, name, complete) VALUES (?, ?, FALSE) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(id)
        .bind(name)
        .execute(&self.pool)
        .await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM items WHERE design_id = ?")
            .bind(id)
            .fetch_one(&self.pool)
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Copies the next items of a design, up to `limit`. Returns how many.
    pub async fn copy_items(&self, from: &str, to: &str, limit: u32) -> Result<u64, sqlx::Error> {
        let copied = sqlx::query(
            "INSERT INTO items (design_id, position, part_id, quantity) \
             SELECT ?2, position, part_id, quantity FROM items \
             WHERE design_id = ?1 AND position > \
                 (SELECT coalesce(max(position), 0) FROM items WHERE design_id = ?2) \
             ORDER BY position LIMIT ?3",
        )
        .bind(from)
        .bind(to)
        .bind(limit)
        .execute(&self.pool)
        .await?;
        Ok(copied.rows_affected())
    }

    /// Marks a clone as complete.
    pub async fn complete_clone(&self, id: &str) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE designs SET complete = TRUE WHERE id = ?")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Removes a clone that is not complete.
    pub async fn drop_clone(&self, id: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        for statement in [
            "DELETE FROM items WHERE design_id IN \
             (SELECT id FROM designs WHERE id = ? AND NOT complete)",
            "DELETE FROM designs WHERE id = ? AND NOT complete",
        ] {
            sqlx::query(statement).bind(id).execute(&mut *tx).await?;
        }
        tx.commit().await
    }

    /// Returns the work instructions that use a part.
    pub async fn instructions_of(&self, part_id: &str) -> Result<Vec<Instruction>, sqlx::Error> {
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT i.id, i.title, i.owner FROM instruction_parts AS p \
             JOIN instructions AS i ON i.id = p.instruction_id WHERE p.part_id = ? ORDER BY i.id",
        )
        .bind(part_id)
        .fetch_all(&self.pool)
        .await?;
        let instruction = |(id, title, owner)| Instruction { id, title, owner };
        Ok(rows.into_iter().map(instruction).collect())
    }
}
