//! One table as the server describes it.

use super::{describe::text, name};
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _};

/// The column, and how its values are written as SQL.
pub(super) struct Column {
    pub(super) name: String,
    kind: String,
}

/// The columns whose values are stored, in order; generated ones compute theirs again wherever the row goes.
pub(super) async fn columns(
    connection: &mut MySqlConnection,
    schema: &str,
    table: &str,
) -> Result<Vec<Column>, sqlx::Error> {
    let rows = sqlx::query(
        "select column_name, lower(data_type) from information_schema.columns \
         where table_schema = ? and table_name = ? and coalesce(generation_expression, '') = '' order by ordinal_position",
    )
    .bind(schema)
    .bind(table)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(Column { name: text(row, 0)?, kind: text(row, 1)? })).collect()
}

/// The names of these columns, quoted, with commas.
pub(super) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| name(&column.name)).collect::<Vec<_>>().join(", ")
}

/// An expression that the server makes a row of values of: `(1,'a',x'00',NULL)`, ready to be inserted elsewhere.
pub(super) fn tuple(columns: &[Column]) -> String {
    let values: Vec<String> = columns.iter().map(|column| column.value("")).collect();
    format!("concat('(', {}, ')')", values.join(", ',', "))
}

impl Column {
    /// An expression that the server writes the value with; `of` qualifies the column: `c.`.
    pub(super) fn value(&self, of: &str) -> String {
        let column = format!("{of}{}", name(&self.name));
        match self.kind.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" => format!("ifnull({column}, 'NULL')"),
            // Six digits would be written of a float; as a double it comes back the same.
            "float" | "double" => format!("ifnull(cast({column} as double), 'NULL')"),
            "date" | "datetime" | "timestamp" | "time" | "year" => format!("quote({column})"),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" | "json"
            | "inet4" | "inet6" | "uuid" => format!("quote(convert({column} using utf8mb4))"),
            _ => format!("if({column} is null, 'NULL', concat('x''', hex({column}), ''''))"),
        }
    }
}

/// What the server says would make this table; nothing if there is none.
pub(super) async fn definition(connection: &mut MySqlConnection, table: &str) -> Result<Option<String>, sqlx::Error> {
    let sql = AssertSqlSafe(format!("show create table {}", name(table)));
    match sqlx::raw_sql(sql).fetch_one(connection).await {
        Ok(row) => row.try_get_unchecked(1).map(Some),
        Err(error) if super::error::number(&error) == Some(NO_SUCH_TABLE) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) const NO_SUCH_TABLE: u16 = 1146;

/// A definition without the counter, which moves with every row.
pub(super) fn shape(definition: &str) -> String {
    let Some(start) = definition.rfind(" AUTO_INCREMENT=") else { return definition.to_owned() };
    let digits = &definition[start + " AUTO_INCREMENT=".len()..];
    let rest = digits.trim_start_matches(|digit: char| digit.is_ascii_digit());
    if digits.len() == rest.len() { definition.to_owned() } else { format!("{}{rest}", &definition[..start]) }
}

/// The names of the base tables of a schema.
pub(super) async fn list(connection: &mut MySqlConnection, schema: &str) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(
        "select table_name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE' \
         order by table_name",
    )
    .bind(schema)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| text(row, 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn the_counter_is_no_part_of_a_tables_shape() {
        let plain =
            "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
        assert_eq!(shape(&plain.replace(" DEFAULT", " AUTO_INCREMENT=42 DEFAULT")), plain);
        assert_eq!(shape(plain), plain);
    }
}
