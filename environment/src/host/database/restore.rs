//! Bringing back what destructive migrations changed, from the pre-images they left.

use super::{
    Database, DatabaseError,
    ledger::{self, LedgerRow, LedgerState},
    migrator::Migrator,
    name, table,
};
use protocol::tools::Epoch;
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::BTreeMap;

impl Database {
    /// Puts every table that these migrations changed destructively back to what it was before the first of them, rows
    /// included; what was written into those tables since is lost. Other tables, and what was only added, stay. The
    /// migrations that this undoes leave the ledger, and so do those that were about to run and did not. May be repeated
    /// until it succeeds.
    ///
    /// # Errors
    /// [`DatabaseError::RestoreRefused`], before anything is changed: a pre-image is missing, a later migration builds on
    /// the table, or rows of another table would point nowhere.
    pub async fn restore(&self, schema: &str, ids: &[String], owner: Epoch) -> Result<(), DatabaseError> {
        let mut migrator = self.take_over(schema, owner).await?;
        migrator.find_out(ids).await?;
        let ledger = migrator.ledger().await?;
        let firsts = first_changes(&ledger, ids);
        for first in firsts.values() {
            migrator.check(first, &ledger, ids).await?;
        }
        for first in firsts.values() {
            migrator.restore(first, &ledger).await?;
        }
        migrator.finish(self).await
    }
}

/// The first destructive migration of each table.
fn first_changes<'a>(ledger: &'a [LedgerRow], ids: &[String]) -> BTreeMap<&'a str, &'a LedgerRow> {
    let mut firsts = BTreeMap::new();
    for row in ledger {
        if row.destructive && row.state == LedgerState::Done && ids.contains(&row.id) {
            firsts.entry(row.table.as_str()).or_insert(row);
        }
    }
    firsts
}

impl Migrator {
    async fn check(&mut self, first: &LedgerRow, ledger: &[LedgerRow], ids: &[String]) -> Result<(), DatabaseError> {
        let refuse = |why: String| Err(DatabaseError::RestoreRefused(why));
        if let Some(later) = ledger.iter().find(|row| undone_by(first, row) && !ids.contains(&row.id)) {
            return refuse(format!("{} builds on what {} did to {}", later.id, first.id, first.table));
        }
        let kept = match &first.pre_image {
            Some(pre_image) => table::definition(&mut self.connection, pre_image).await?.is_some(),
            None => false,
        };
        if !kept || first.definition_before.is_none() {
            return refuse(format!("{} left no pre-image of {}", first.id, first.table));
        }
        match self.orphans(first).await? {
            Some((table, rows)) => {
                refuse(format!("{rows} rows of {table} point to rows of {} that it did not have", first.table))
            }
            None => Ok(()),
        }
    }

    /// A table with rows that point to what the pre-image does not have, and how many there are.
    async fn orphans(&mut self, first: &LedgerRow) -> Result<Option<(String, i64)>, DatabaseError> {
        let pre_image = first.pre_image.as_deref().unwrap_or_default();
        let rows = sqlx::query(
            "select table_name, column_name, referenced_column_name from information_schema.key_column_usage \
             where table_schema = ? and referenced_table_schema = ? and referenced_table_name = ? and table_name <> ? \
             and not exists (select 1 from information_schema.key_column_usage k where k.constraint_schema = ? \
               and k.table_name = key_column_usage.table_name \
               and k.constraint_name = key_column_usage.constraint_name and k.ordinal_position > 1)",
        )
        .bind(&self.schema)
        .bind(&self.schema)
        .bind(&first.table)
        .bind(&first.table)
        .bind(&self.schema)
        .fetch_all(&mut self.connection)
        .await?;
        let before = table::columns(&mut self.connection, &self.schema.clone(), pre_image).await?;
        for row in &rows {
            let part = |index| super::describe::text(row, index);
            let (child, column, parent) = (part(0)?, part(1)?, part(2)?);
            if !before.iter().any(|known| known.name == parent) {
                return Ok(Some((child, 0)));
            }
            let sql = format!(
                "select count(*) from {child} c left join {pre_image} p on p.{parent} = c.{column} \
                 where c.{column} is not null and p.{parent} is null",
                child = name(&child),
                pre_image = name(pre_image),
                parent = name(&parent),
                column = name(&column),
            );
            let count: i64 =
                sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await?.try_get_unchecked(0)?;
            if count > 0 {
                return Ok(Some((child, count)));
            }
        }
        Ok(None)
    }

    /// The ledger and the pre-images change last: cut off anywhere, all of it can be done again.
    async fn restore(&mut self, first: &LedgerRow, ledger: &[LedgerRow]) -> Result<(), DatabaseError> {
        let definition = first.definition_before.as_deref().unwrap_or_default();
        let pre_image = first.pre_image.as_deref().unwrap_or_default();
        self.run("set session foreign_key_checks = 0").await?;
        self.run(format!("drop table if exists {}", name(&first.table))).await?;
        self.run(definition).await?;
        let schema = self.schema.clone();
        self.copy_rows(&schema, pre_image, &first.table, "").await?;
        self.run("set session foreign_key_checks = 1").await?;
        for row in ledger.iter().filter(|row| undone_by(first, row)) {
            ledger::forget(&mut self.connection, &row.id).await?;
        }
        for row in ledger.iter().filter(|row| undone_by(first, row)) {
            if let Some(pre_image) = &row.pre_image {
                self.run(format!("drop table if exists {}", name(pre_image))).await?;
            }
        }
        Ok(())
    }
}

/// Restoring the table to what it was before `first` undoes this one too.
fn undone_by(first: &LedgerRow, row: &LedgerRow) -> bool {
    row.table == first.table && row.position >= first.position
}
