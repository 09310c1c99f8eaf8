//! What became of every migration, recorded in the schema that it changes.

use super::{Class, Database, DatabaseError, classify::Step, describe::text, error, name, table::NO_SUCH_TABLE};
use protocol::{Digest, Timestamp, artifact::Migration, tools::Epoch};
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _, mysql::MySqlRow};
use std::collections::BTreeSet;

/// The ledger's table.
pub(super) const TABLE: &str = "_yonin_migrations";

/// Makes the ledger, and the place where the owner of the schema is kept. `batch` tells the list of migrations that a row came with.
pub(super) const CREATE: [&str; 2] = [
    "create table if not exists _yonin_migrations ( \
       position bigint unsigned not null auto_increment primary key, \
       id varchar(100) character set ascii collate ascii_bin not null unique, \
       checksum varchar(80) character set ascii collate ascii_bin not null, \
       batch varchar(80) character set ascii collate ascii_bin not null, \
       statement mediumtext not null, \
       class varchar(16) character set ascii not null, \
       target varchar(64) not null, \
       turn bigint unsigned not null, fence bigint unsigned not null, \
       state varchar(16) character set ascii not null, \
       definition_before mediumtext null, \
       pre_image varchar(64) null, \
       intended_at datetime(6) not null, done_at datetime(6) null \
     ) engine = innodb default charset = utf8mb4",
    "create table if not exists _yonin_owner ( \
       one tinyint not null primary key, turn bigint unsigned not null, fence bigint unsigned not null \
     ) engine = innodb default charset = utf8mb4",
];

/// One migration as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its place in the order they ran.
    pub position: u64,
    /// Its id.
    pub id: String,
    /// The address of its statement.
    pub checksum: Digest,
    /// The address of the list that it came with.
    pub batch: Digest,
    /// The statement.
    pub sql: String,
    /// It can lose data or break the running code.
    pub destructive: bool,
    /// The table it changes.
    pub table: String,
    /// Who ran it.
    pub owner: Epoch,
    /// Whether it is known to have taken place.
    pub state: LedgerState,
    /// What made the table before; `None` where there was none.
    pub definition_before: Option<String>,
    /// The table that keeps the rows as they were.
    pub pre_image: Option<String>,
    /// When it was about to run.
    pub intended_at: Timestamp,
    /// When it was known to have run.
    pub done_at: Option<Timestamp>,
}

/// Whether a migration is known to have taken place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerState {
    /// About to run; the schema itself tells whether it did.
    Intended,
    /// It did.
    Done,
}

impl Database {
    /// The schema's ledger in the order of the migrations; empty where none ever ran.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn applied(&self, schema: &str) -> Result<Vec<LedgerRow>, DatabaseError> {
        let from = format!("{}.{}", name(schema), name(TABLE));
        match sqlx::raw_sql(AssertSqlSafe(format!("{SELECT} {from} order by position"))).fetch_all(&self.pool).await {
            Ok(rows) => Ok(rows.iter().map(LedgerRow::read).collect::<Result<_, _>>()?),
            Err(error) if error::number(&error) == Some(NO_SUCH_TABLE) => Ok(vec![]),
            Err(error) => Err(error.into()),
        }
    }

    /// Ids of the migrations that are known to have taken place.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn done(&self, schema: &str) -> Result<BTreeSet<String>, DatabaseError> {
        let rows = self.applied(schema).await?.into_iter();
        Ok(rows.filter(|row| row.state == LedgerState::Done).map(|row| row.id).collect())
    }

    /// Which of these migrations took place and can have lost data, or broken older code, in the order they ran.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn destructive_since(&self, schema: &str, ids: &[String]) -> Result<Vec<LedgerRow>, DatabaseError> {
        let mut rows = self.applied(schema).await?;
        rows.retain(|row| row.destructive && row.state == LedgerState::Done && ids.contains(&row.id));
        Ok(rows)
    }
}

const SELECT: &str = "select position, id, checksum, batch, statement, class, target, turn, fence, state, \
    definition_before, pre_image, date_format(intended_at, '%Y-%m-%dT%H:%i:%s.%fZ'), \
    date_format(done_at, '%Y-%m-%dT%H:%i:%s.%fZ') from";

impl LedgerRow {
    fn read(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        let digest = |index| {
            let text = text(row, index)?;
            text.parse::<Digest>().map_err(|error| sqlx::Error::Decode(Box::new(error)))
        };
        let moment = |index| {
            let text: Option<String> = row.try_get_unchecked(index)?;
            text.map(|text| text.parse::<Timestamp>()).transpose().map_err(|error| sqlx::Error::Decode(Box::new(error)))
        };
        Ok(Self {
            position: row.try_get_unchecked(0)?,
            id: text(row, 1)?,
            checksum: digest(2)?,
            batch: digest(3)?,
            sql: text(row, 4)?,
            destructive: text(row, 5)? == "destructive",
            table: text(row, 6)?,
            owner: Epoch { turn: row.try_get_unchecked(7)?, fence: row.try_get_unchecked(8)? },
            state: if text(row, 9)? == "done" { LedgerState::Done } else { LedgerState::Intended },
            definition_before: row.try_get_unchecked(10)?,
            pre_image: row.try_get_unchecked(11)?,
            intended_at: moment(12)?.ok_or(sqlx::Error::RowNotFound)?,
            done_at: moment(13)?,
        })
    }
}

/// The ledger through the migrating connection, so that ending that connection ends every write to it.
pub(super) async fn read(connection: &mut MySqlConnection) -> Result<Vec<LedgerRow>, sqlx::Error> {
    let sql = AssertSqlSafe(format!("{SELECT} {TABLE} order by position"));
    let rows = sqlx::raw_sql(sql).fetch_all(connection).await?;
    rows.iter().map(LedgerRow::read).collect()
}

/// What is recorded before a migration runs.
pub(super) struct Intent<'a> {
    pub(super) migration: &'a Migration,
    pub(super) batch: Digest,
    pub(super) step: &'a Step,
    pub(super) owner: Epoch,
    pub(super) definition_before: Option<&'a str>,
    pub(super) pre_image: Option<&'a str>,
}

/// Records that a migration is about to run. One that was intended before is recorded anew.
pub(super) async fn intend(connection: &mut MySqlConnection, intent: &Intent<'_>) -> Result<(), sqlx::Error> {
    let class = if matches!(intent.step.class, Class::Additive) { "additive" } else { "destructive" };
    sqlx::query(
        "insert into _yonin_migrations (id, checksum, batch, statement, class, target, turn, fence, state, \
           definition_before, pre_image, intended_at) \
         values (?, ?, ?, ?, ?, ?, ?, ?, 'intended', ?, ?, utc_timestamp(6)) \
         on duplicate key update checksum = values(checksum), batch = values(batch), statement = values(statement), \
           class = values(class), target = values(target), turn = values(turn), fence = values(fence), \
           definition_before = values(definition_before), pre_image = values(pre_image), intended_at = values(intended_at)",
    )
    .bind(&intent.migration.id)
    .bind(intent.migration.checksum().to_string())
    .bind(intent.batch.to_string())
    .bind(&intent.migration.sql)
    .bind(class)
    .bind(&intent.step.table)
    .bind(intent.owner.turn)
    .bind(intent.owner.fence)
    .bind(intent.definition_before)
    .bind(intent.pre_image)
    .execute(connection)
    .await?;
    Ok(())
}

/// Records that a migration took place.
pub(super) async fn done(connection: &mut MySqlConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update _yonin_migrations set state = 'done', done_at = utc_timestamp(6) where id = ?")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes back the intent of a migration that the server refused: it will be another statement when it comes again.
pub(super) async fn forget(connection: &mut MySqlConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from _yonin_migrations where id = ?").bind(id).execute(connection).await?;
    Ok(())
}
