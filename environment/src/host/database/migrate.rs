//! Running migrations so that any of them may be cut off at any moment, and none runs twice.

use super::{
    Class, Database, DatabaseError,
    classify::{Kind, Step, survey},
    ledger::{self, Intent, LedgerRow, LedgerState},
    migrator::Migrator,
    name, table,
};
use crate::host::names::kind;
use protocol::{Digest, artifact::Migration, tools::Epoch};
use runtime::fail;
use sqlx::AssertSqlSafe;
use std::collections::HashSet;

/// Rows are counted up to here: whoever approves a change need not know how many millions there are.
const MOST_COUNTED: i64 = 1_000_000;

/// How to migrate.
#[derive(Debug, Clone, Copy)]
pub struct MigrateOptions {
    /// The caller's place in the order of writers; an older one is refused, and what it left running is ended.
    pub owner: Epoch,
    /// Keep a copy of the table that a destructive migration is about to change.
    pub pre_images: bool,
}

/// What became of one migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its id.
    pub id: String,
    /// The address of its statement.
    pub checksum: Digest,
    /// What it can do.
    pub class: Class,
    /// How it came to be applied.
    pub how: How,
}

/// How a migration came to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// This call ran it.
    Ran,
    /// An earlier call ran it and was cut off before it could say so.
    Found,
    /// An earlier call ran it.
    Before,
}

impl Database {
    /// What each migration can do to this schema, for a person who is to approve it, with how many rows its table has now; nothing
    /// for those that are additive. As [`super::classify`] has it, but that what was applied before this list came makes no new
    /// tables.
    ///
    /// # Errors
    /// [`DatabaseError::NotAllowed`], or the server's.
    pub async fn dangers(&self, schema: &str, migrations: &[Migration]) -> Result<Vec<Option<String>>, DatabaseError> {
        let mut dangers = Vec::with_capacity(migrations.len());
        for step in steps(migrations, &self.applied(schema).await?)? {
            dangers.push(match step.class {
                Class::Additive => None,
                Class::Destructive { danger } => Some(danger + &self.rows_now(schema, &step.table).await?),
            });
        }
        Ok(dangers)
    }

    /// How many rows a table has, in a sentence; nothing where there is no such table yet.
    async fn rows_now(&self, schema: &str, table: &str) -> Result<String, DatabaseError> {
        let there =
            "select cast(count(*) as signed) from information_schema.tables where table_schema = ? and table_name = ?";
        let there: i64 = sqlx::query_scalar(there).bind(schema).bind(table).fetch_one(&self.pool).await?;
        if there == 0 {
            return Ok(String::new());
        }
        let from = format!("{}.{}", name(schema), name(table));
        let count = format!(
            "select cast(count(*) as signed) from (select 1 from {from} limit {}) as counted",
            MOST_COUNTED + 1
        );
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&self.pool).await?;
        Ok(match rows {
            1 => " The table has 1 row now.".to_owned(),
            rows if rows > MOST_COUNTED => format!(" The table has more than {MOST_COUNTED} rows now."),
            rows => format!(" The table has {rows} rows now."),
        })
    }

    /// Runs what of these migrations has not run yet, in their order, under an account that sees this schema alone.
    /// May be cut off and repeated at will: what is done is compared and skipped, and of what was only intended the
    /// schema itself tells whether it took place.
    ///
    /// # Errors
    /// [`DatabaseError::NotAllowed`] before anything runs; [`DatabaseError::Changed`] when the ledger has another statement
    /// under an id; [`DatabaseError::Refused`] with the server's words, the earlier ones staying applied;
    /// [`DatabaseError::Superseded`] when a later owner has come.
    pub async fn migrate(
        &self,
        schema: &str,
        migrations: &[Migration],
        options: MigrateOptions,
    ) -> Result<Vec<Applied>, DatabaseError> {
        survey(migrations, &HashSet::new()).map_err(DatabaseError::NotAllowed)?;
        if migrations.is_empty() {
            return Ok(vec![]);
        }
        let mut migrator = self.take_over(schema, options.owner).await?;
        let applied = migrator.apply_all(migrations, options).await;
        // A statement that was refused leaves no account behind either; one whose owner was replaced has none any more.
        if !matches!(applied, Err(DatabaseError::Superseded(_) | DatabaseError::Unavailable(_))) {
            migrator.finish(self).await?;
        }
        applied
    }
}

fn steps(migrations: &[Migration], ledger: &[LedgerRow]) -> Result<Vec<Step>, DatabaseError> {
    let batch = Digest::of(migrations);
    let before = |row: &&LedgerRow| row.state == LedgerState::Done && row.batch != batch;
    let applied = ledger.iter().filter(before).map(|row| row.id.clone()).collect();
    survey(migrations, &applied).map_err(DatabaseError::NotAllowed)
}

impl Migrator {
    async fn apply_all(
        &mut self,
        migrations: &[Migration],
        options: MigrateOptions,
    ) -> Result<Vec<Applied>, DatabaseError> {
        let ledger = self.ledger().await?;
        let steps = steps(migrations, &ledger)?;
        let batch = Digest::of(migrations);
        let mut applied = Vec::with_capacity(migrations.len());
        for (migration, step) in migrations.iter().zip(steps) {
            let known = ledger.iter().find(|row| row.id == migration.id);
            let how = self.apply(migration, batch, &step, known, options).await?;
            applied.push(Applied { id: migration.id.clone(), checksum: migration.checksum(), class: step.class, how });
        }
        Ok(applied)
    }

    async fn apply(
        &mut self,
        migration: &Migration,
        batch: Digest,
        step: &Step,
        known: Option<&LedgerRow>,
        options: MigrateOptions,
    ) -> Result<How, DatabaseError> {
        if let Some(row) = known {
            if row.checksum != migration.checksum() {
                return Err(DatabaseError::Changed(migration.id.clone()));
            }
            if row.state == LedgerState::Done {
                return Ok(How::Before);
            }
            if self.took_place(row, step).await? {
                ledger::done(&mut self.connection, &migration.id).await?;
                return Ok(How::Found);
            }
        }
        let definition = table::definition(&mut self.connection, &step.table).await?;
        let keep = options.pre_images && step.class.is_destructive() && definition.is_some();
        let pre_image = keep.then(|| pre_image_of(&migration.id));
        let intent = Intent {
            migration,
            batch,
            step,
            owner: self.owner,
            definition_before: definition.as_deref(),
            pre_image: pre_image.as_deref(),
        };
        ledger::intend(&mut self.connection, &intent).await?;
        fail::point("statement.before", kind(&self.schema));
        let outcome = match step.kind {
            Kind::Schema => self.change_schema(migration, step, pre_image.as_deref()).await,
            Kind::Rows => self.change_rows(migration, step, pre_image.as_deref()).await,
        };
        if let Err(error) = outcome {
            return Err(self.give_up(migration, pre_image.as_deref(), error).await);
        }
        fail::point("ledger.after", kind(&self.schema));
        Ok(How::Ran)
    }

    /// Finds out what became of those of these migrations that were cut off. One that did not take place leaves nothing.
    pub(super) async fn find_out(&mut self, ids: &[String]) -> Result<(), DatabaseError> {
        let ledger = self.ledger().await?;
        for row in ledger.iter().filter(|row| row.state == LedgerState::Intended && ids.contains(&row.id)) {
            let migration = Migration { id: row.id.clone(), sql: row.sql.clone() };
            let steps = survey(&[migration], &HashSet::new()).map_err(DatabaseError::NotAllowed)?;
            let [step] = steps.as_slice() else { continue };
            if self.took_place(row, step).await? {
                ledger::done(&mut self.connection, &row.id).await?;
                continue;
            }
            if let Some(pre_image) = &row.pre_image {
                self.run(format!("drop table if exists {}", name(pre_image))).await?;
            }
            ledger::forget(&mut self.connection, &row.id).await?;
        }
        Ok(())
    }

    /// Whether an intended migration took place. Nobody else changes the schema, so a table that no longer looks as it
    /// did before was changed by it. Rows change in one transaction with the ledger: intended means that they did not.
    async fn took_place(&mut self, row: &LedgerRow, step: &Step) -> Result<bool, DatabaseError> {
        if step.kind == Kind::Rows {
            return Ok(false);
        }
        let now = table::definition(&mut self.connection, &row.table).await?;
        let before = row.definition_before.as_deref().map(table::shape);
        Ok(now.as_deref().map(table::shape) != before)
    }

    async fn change_schema(
        &mut self,
        migration: &Migration,
        step: &Step,
        pre_image: Option<&str>,
    ) -> Result<(), sqlx::Error> {
        if let Some(pre_image) = pre_image {
            self.make_pre_image(&step.table, pre_image).await?;
            // Nothing may be written between the copy and the change: it would be lost to both.
            self.lock_everything().await?;
            self.fill_pre_image(&step.table, pre_image, "").await?;
        }
        self.run(migration.sql.as_str()).await?;
        fail::point("statement.after", kind(&self.schema));
        if pre_image.is_some() {
            self.run("unlock tables").await?;
        }
        ledger::done(&mut self.connection, &migration.id).await
    }

    async fn change_rows(
        &mut self,
        migration: &Migration,
        step: &Step,
        pre_image: Option<&str>,
    ) -> Result<(), sqlx::Error> {
        if let Some(pre_image) = pre_image {
            self.make_pre_image(&step.table, pre_image).await?;
        }
        // Repeatable read locks the gaps too, so that no row slips in between the copy and the change.
        self.run("set transaction isolation level repeatable read").await?;
        self.run("start transaction").await?;
        if let Some(pre_image) = pre_image {
            self.fill_pre_image(&step.table, pre_image, "for update").await?;
        }
        self.run(migration.sql.as_str()).await?;
        fail::point("statement.after", kind(&self.schema));
        ledger::done(&mut self.connection, &migration.id).await?;
        self.run("commit").await
    }

    async fn make_pre_image(&mut self, table: &str, pre_image: &str) -> Result<(), sqlx::Error> {
        self.run(format!("drop table if exists {}", name(pre_image))).await?;
        self.run(format!("create table {} like {}", name(pre_image), name(table))).await
    }

    async fn fill_pre_image(&mut self, table: &str, pre_image: &str, lock: &str) -> Result<(), sqlx::Error> {
        let schema = self.schema.clone();
        self.copy_rows(&schema, table, pre_image, lock).await
    }

    pub(super) async fn copy_rows(
        &mut self,
        schema: &str,
        from: &str,
        to: &str,
        lock: &str,
    ) -> Result<(), sqlx::Error> {
        let columns = table::names(&table::columns(&mut self.connection, schema, from).await?);
        self.run(format!("insert into {} ({columns}) select {columns} from {} {lock}", name(to), name(from))).await
    }

    /// After a refusal nothing of the migration is left; after a lost connection the intent stays, to be probed.
    async fn give_up(&mut self, migration: &Migration, pre_image: Option<&str>, error: sqlx::Error) -> DatabaseError {
        let error = DatabaseError::of_migration(&migration.id, error);
        if !matches!(error, DatabaseError::Refused { .. }) {
            return error;
        }
        let tidy = async {
            self.run("rollback").await?;
            self.run("unlock tables").await?;
            ledger::forget(&mut self.connection, &migration.id).await?;
            if let Some(pre_image) = pre_image {
                self.run(format!("drop table if exists {}", name(pre_image))).await?;
            }
            Ok::<_, sqlx::Error>(())
        };
        match tidy.await {
            Ok(()) => error,
            Err(failed) => failed.into(),
        }
    }
}

/// The table that keeps the rows as they were before a migration.
fn pre_image_of(id: &str) -> String {
    format!("_yonin_pre_{}", &Digest::of_bytes(id.as_bytes()).hex()[..16])
}
