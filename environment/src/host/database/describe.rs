use super::{Database, DatabaseError, HIDDEN};
use protocol::{
    artifact::{Column, Index, Reference},
    tools::coder::Table,
};
use sqlx::{Row as _, mysql::MySqlRow};

impl Database {
    /// The schema's tables by name, without those of the host.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn describe(&self, schema: &str) -> Result<Vec<Table>, DatabaseError> {
        let mut tables: Vec<Table> = self
            .rows(
                "select table_name, cast(coalesce(table_rows, 0) as unsigned) from information_schema.tables \
                 where table_schema = ? and table_type = 'BASE TABLE' order by table_name",
                schema,
            )
            .await?
            .iter()
            .map(|row| {
                let (name, rows) = (text(row, 0)?, row.try_get_unchecked(1)?);
                Ok(Table { name, columns: vec![], references: vec![], indexes: vec![], rows })
            })
            .collect::<Result<_, sqlx::Error>>()?;
        tables.retain(|table| !table.name.starts_with(HIDDEN));
        for row in self.rows(COLUMNS, schema).await? {
            let (nullable, unique) = (text(&row, 3)? == "YES", text(&row, 4)? == "UNI");
            let column = Column { name: text(&row, 1)?, kind: text(&row, 2)?, nullable, unique };
            if let Some(table) = find(&mut tables, &text(&row, 0)?) {
                table.columns.push(column);
            }
        }
        for row in self.rows(REFERENCES, schema).await? {
            let reference = Reference { column: text(&row, 1)?, table: text(&row, 2)? };
            if let Some(table) = find(&mut tables, &text(&row, 0)?) {
                table.references.push(reference);
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
        Ok(tables)
    }

    async fn rows(&self, sql: &'static str, schema: &str) -> Result<Vec<MySqlRow>, DatabaseError> {
        Ok(sqlx::query(sql).bind(schema).fetch_all(&self.pool).await?)
    }
}

const COLUMNS: &str = "select table_name, column_name, column_type, is_nullable, column_key from information_schema.columns \
    where table_schema = ? order by table_name, ordinal_position";

const REFERENCES: &str = "select table_name, column_name, referenced_table_name from information_schema.key_column_usage \
    where table_schema = ? and referenced_table_name is not null order by table_name, constraint_name, ordinal_position";

const INDEXES: &str = "select table_name, index_name, coalesce(column_name, '(expression)'), cast(non_unique as signed) \
    from information_schema.statistics where table_schema = ? order by table_name, index_name, seq_in_index";

fn find<'a>(tables: &'a mut [Table], name: &str) -> Option<&'a mut Table> {
    tables.iter_mut().find(|table| table.name == name)
}

/// MySQL 8 types some columns of its catalogue as binary: what they hold is text all the same.
pub(super) fn text(row: &MySqlRow, index: usize) -> Result<String, sqlx::Error> {
    row.try_get_unchecked(index)
}
