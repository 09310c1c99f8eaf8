//! A branch of a schema: its tables and its rows, from one moment.

use super::{Database, DatabaseError, HIDDEN, describe::text, ledger, name, sample, table};
use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _};

/// A schema larger than this (bytes, as the server estimates them) is not copied whole: 256 MiB.
const LIMIT: u64 = 256 << 20;

/// One insert carries about this many bytes: far below every server's `max_allowed_packet`.
const BATCH: usize = 512 << 10;

/// Both sides speak the same: the reader sees one moment, the writer takes what the reader read as it is.
const READER: &str = "set session transaction isolation level repeatable read; set session time_zone = '+00:00', \
    sql_mode = 'NO_ENGINE_SUBSTITUTION', net_write_timeout = 600, lock_wait_timeout = 20";
const WRITER: &str = "set session transaction isolation level read committed; set session time_zone = '+00:00', \
    sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION', foreign_key_checks = 0, \
    unique_checks = 0, lock_wait_timeout = 20";

/// A table on its way into the branch.
pub(super) struct Copied {
    pub(super) name: String,
    pub(super) columns: Vec<table::Column>,
    /// Bytes, as the server estimates them.
    pub(super) bytes: u64,
    /// Rows, as the server estimates them.
    pub(super) rows: u64,
}

/// Whether the branch may already have rows of those that are copied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    None,
    Some,
}

/// The two ends of a copy.
pub(super) struct Copy {
    pub(super) reader: MySqlConnection,
    pub(super) writer: MySqlConnection,
    pub(super) from: String,
}

impl Database {
    /// Makes `to` a copy of `from` as it is at one moment, whatever is written there meanwhile; what `to` held before goes.
    /// Answers what the copy leaves out, in sentences: views and triggers, and rows where there are more than 256 MiB.
    ///
    /// # Errors
    /// [`DatabaseError::NoSchema`], or the server's.
    pub async fn clone_schema(&self, from: &str, to: &str) -> Result<Vec<String>, DatabaseError> {
        self.clone_schema_up_to(from, to, LIMIT).await
    }

    /// [`Self::clone_schema`] with another limit, in bytes as the server estimates them.
    ///
    /// # Errors
    /// As there.
    pub async fn clone_schema_up_to(&self, from: &str, to: &str, limit: u64) -> Result<Vec<String>, DatabaseError> {
        if !self.schema_exists(from).await? {
            return Err(DatabaseError::NoSchema(from.to_owned()));
        }
        self.run(format!("drop schema if exists {}", name(to))).await?;
        self.create_schema(to).await?;
        let mut copy = Copy {
            reader: self.dedicated(from, READER).await?,
            writer: self.dedicated(to, WRITER).await?,
            from: from.to_owned(),
        };
        sqlx::raw_sql("start transaction with consistent snapshot, read only").execute(&mut copy.reader).await?;
        let tables = copy.tables().await?;
        let mut caveats = copy.left_out().await?;
        let total: u64 = tables.iter().map(|table| table.bytes).sum();
        if total > limit {
            caveats.extend(sample::copy(&mut copy, &tables, total, limit).await?);
        } else {
            copy.everything(&tables).await?;
        }
        copy.reader.close().await?;
        copy.writer.close().await?;
        Ok(caveats)
    }
}

impl Copy {
    /// Makes every table, still empty, and tells what they are.
    async fn tables(&mut self) -> Result<Vec<Copied>, DatabaseError> {
        let mut tables = Vec::new();
        for (name, bytes, rows) in self.sizes().await? {
            if name.starts_with(HIDDEN) && name != ledger::TABLE {
                continue;
            }
            if let Some(definition) = table::definition(&mut self.reader, &name).await? {
                sqlx::raw_sql(AssertSqlSafe(definition)).execute(&mut self.writer).await?;
                let columns = table::columns(&mut self.reader, &self.from, &name).await?;
                tables.push(Copied { name, columns, bytes, rows });
            }
        }
        Ok(tables)
    }

    async fn sizes(&mut self) -> Result<Vec<(String, u64, u64)>, sqlx::Error> {
        let rows = sqlx::query(
            "select table_name, cast(coalesce(data_length, 0) as unsigned), cast(coalesce(table_rows, 0) as unsigned) \
             from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE' order by table_name",
        )
        .bind(&self.from)
        .fetch_all(&mut self.reader)
        .await?;
        rows.iter().map(|row| Ok((text(row, 0)?, row.try_get_unchecked(1)?, row.try_get_unchecked(2)?))).collect()
    }

    /// Views and triggers name their schema and their definer: a copy would act on the live rows. They are declared instead.
    async fn left_out(&mut self) -> Result<Vec<String>, sqlx::Error> {
        let rows = sqlx::query(
            "select concat('view ', table_name) from information_schema.views where table_schema = ? \
             union all select concat('trigger ', trigger_name) from information_schema.triggers where trigger_schema = ?",
        )
        .bind(&self.from)
        .bind(&self.from)
        .fetch_all(&mut self.reader)
        .await?;
        rows.iter().map(|row| Ok(format!("the preview lacks the {}", text(row, 0)?))).collect()
    }

    async fn everything(&mut self, tables: &[Copied]) -> Result<(), DatabaseError> {
        sqlx::raw_sql("start transaction").execute(&mut self.writer).await?;
        for table in tables {
            self.rows(table, "", Known::None).await?;
        }
        sqlx::raw_sql("commit").execute(&mut self.writer).await?;
        Ok(())
    }

    /// Copies the rows that `clause` (a `where`, `order by` or `limit`) leaves, and tells how many there were to add.
    pub(super) async fn rows(&mut self, table: &Copied, clause: &str, known: Known) -> Result<u64, DatabaseError> {
        let verb = if known == Known::Some { "insert ignore" } else { "insert" };
        let insert = format!("{verb} into {} ({}) values ", name(&table.name), table::names(&table.columns));
        let mut added = 0;
        let select = format!("select {} from {} {clause}", table::tuple(&table.columns), name(&table.name));
        let mut rows = sqlx::raw_sql(AssertSqlSafe(select)).fetch(&mut self.reader);
        let mut batch = insert.clone();
        while let Some(row) = rows.try_next().await? {
            let tuple: String = row.try_get_unchecked(0)?;
            if batch.len() > insert.len() {
                batch.push(',');
            }
            batch.push_str(&tuple);
            if batch.len() >= BATCH {
                let full = std::mem::replace(&mut batch, insert.clone());
                added += sqlx::raw_sql(AssertSqlSafe(full)).execute(&mut self.writer).await?.rows_affected();
            }
        }
        if batch.len() > insert.len() {
            added += sqlx::raw_sql(AssertSqlSafe(batch)).execute(&mut self.writer).await?.rows_affected();
        }
        Ok(added)
    }
}
