use super::{Database, DatabaseError, HIDDEN, error, name as quoted, table::NO_SUCH_TABLE};
use protocol::{
    artifact::{Column, Index, Reference},
    tools::coder::Table,
};
use sqlx::{AssertSqlSafe, Row as _, mysql::MySqlRow};
use std::time::{Duration, Instant};

impl Database {
    /// The schema's tables by name, without those of the host.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn describe(&self, schema: &str) -> Result<Vec<Table>, DatabaseError> {
        let table =
            |row: &MySqlRow| Ok(Table { name: text(row, 0)?, rows: row.try_get_unchecked(1)?, ..Table::default() });
        let mut tables: Vec<Table> =
            self.rows(TABLES, schema).await?.iter().map(table).collect::<Result<_, sqlx::Error>>()?;
        tables.retain(|table| !table.name.starts_with(HIDDEN));
        for row in self.rows(COLUMNS, schema).await? {
            if let Some(table) = find(&mut tables, &text(&row, 0)?) {
                table.columns.push(column(&row)?);
            }
        }
        for row in self.rows(REFERENCES, schema).await? {
            if let Some(table) = find(&mut tables, &text(&row, 0)?) {
                table.references.push(reference(&row)?);
            }
        }
        for row in self.rows(INDEXES, schema).await? {
            let (name, column, unique) = (text(&row, 1)?, text(&row, 2)?, row.try_get_unchecked::<i64, _>(3)? == 0);
            let Some(table) = find(&mut tables, &text(&row, 0)?) else { continue };
            match table.indexes.last_mut().filter(|index| index.name == name) {
                Some(index) => index.columns.push(column),
                None => table.indexes.push(Index { name, columns: vec![column], unique }),
            }
        }
        self.count(schema, &mut tables).await?;
        Ok(tables)
    }

    /// Counts rows, as far as that is quickly done: the server's estimates are minutes old, and often wrong by half.
    async fn count(&self, schema: &str, tables: &mut [Table]) -> Result<(), DatabaseError> {
        let began = Instant::now();
        for table in tables.iter_mut().take_while(|_| began.elapsed() < COUNTING) {
            let sql = format!(
                "select cast(count(*) as unsigned) from (select 1 from {}.{} limit {}) as counted",
                quoted(schema),
                quoted(&table.name),
                MOST_COUNTED + 1
            );
            let row = match sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_one(&self.pool).await {
                // Dropped since it was listed.
                Err(gone) if error::number(&gone) == Some(NO_SUCH_TABLE) => continue,
                row => row?,
            };
            let rows: u64 = row.try_get_unchecked(0)?;
            table.counted = rows <= MOST_COUNTED;
            table.rows = if table.counted { rows } else { table.rows.max(rows) };
        }
        Ok(())
    }

    async fn rows(&self, sql: &'static str, schema: &str) -> Result<Vec<MySqlRow>, DatabaseError> {
        Ok(sqlx::query(sql).bind(schema).fetch_all(&self.pool).await?)
    }
}

/// So many rows are counted of a table, and for so long of all.
const MOST_COUNTED: u64 = 10_000;
const COUNTING: Duration = Duration::from_secs(1);

const TABLES: &str = "select table_name, cast(coalesce(table_rows, 0) as unsigned) from information_schema.tables \
    where table_schema = ? and table_type = 'BASE TABLE' order by table_name";

/// MariaDB writes a default as SQL does; MySQL says what it is, and apart from that whether it is an expression.
const COLUMNS: &str = "select table_name, column_name, column_type, is_nullable, column_key, column_default, extra, \
    coalesce(generation_expression, ''), \
    version() like '%MariaDB%' or extra like '%DEFAULT_GENERATED%' or data_type regexp 'int|decimal|float|double|bit|year' \
    from information_schema.columns where table_schema = ? order by table_name, ordinal_position";

const REFERENCES: &str = "select k.table_name, k.column_name, k.referenced_table_name, k.referenced_column_name, \
    r.delete_rule, r.update_rule from information_schema.key_column_usage k \
    join information_schema.referential_constraints r on r.constraint_schema = k.constraint_schema \
    and r.constraint_name = k.constraint_name and r.table_name = k.table_name \
    where k.table_schema = ? and k.referenced_table_name is not null \
    order by k.table_name, k.constraint_name, k.ordinal_position";

const INDEXES: &str = "select table_name, index_name, coalesce(column_name, '(expression)'), cast(non_unique as signed) \
    from information_schema.statistics where table_schema = ? order by table_name, index_name, seq_in_index";

fn column(row: &MySqlRow) -> Result<Column, sqlx::Error> {
    let default = row.try_get_unchecked::<Option<String>, _>(5)?.filter(|default| default != "NULL");
    let is_sql = row.try_get_unchecked::<i64, _>(8)? != 0;
    let default = default.map(|default| if is_sql { default } else { format!("'{}'", default.replace('\'', "''")) });
    let (extra, computed) = (text(row, 6)?.to_lowercase().replace("default_generated", ""), text(row, 7)?);
    let extra = match extra.trim() {
        kind if computed.is_empty() => kind.to_owned(),
        kind => format!("as ({computed}) {}", kind.replace(" generated", "")),
    };
    Ok(Column {
        name: text(row, 1)?,
        kind: text(row, 2)?,
        nullable: text(row, 3)? == "YES",
        unique: text(row, 4)? == "UNI",
        default,
        extra,
    })
}

fn reference(row: &MySqlRow) -> Result<Reference, sqlx::Error> {
    let rule = |index| {
        let rule = text(row, index)?.to_lowercase();
        // Both keep the row that is pointed to.
        Ok::<_, sqlx::Error>((!matches!(rule.as_str(), "restrict" | "no action")).then_some(rule))
    };
    Ok(Reference {
        column: text(row, 1)?,
        table: text(row, 2)?,
        target: text(row, 3)?,
        on_delete: rule(4)?,
        on_update: rule(5)?,
    })
}

fn find<'a>(tables: &'a mut [Table], name: &str) -> Option<&'a mut Table> {
    tables.iter_mut().find(|table| table.name == name)
}

/// MySQL 8 types some columns of its catalogue as binary: what they hold is text all the same.
pub(super) fn text(row: &MySqlRow, index: usize) -> Result<String, sqlx::Error> {
    row.try_get_unchecked(index)
}
