//! A part of a schema that is too large to copy: the newest rows of each table, and every row they point to.

use super::{
    DatabaseError,
    branch::{Copied, Copy, Known},
    describe::text,
    name,
};
use sqlx::{AssertSqlSafe, Row as _};
use std::collections::BTreeMap;

/// A table up to this size (bytes) is copied whole.
const SMALL: u64 = 1 << 20;

/// So many missing parents are fetched at once.
const KEYS: usize = 500;

/// A foreign key of a table within the schema.
struct ForeignKey {
    table: String,
    columns: Vec<String>,
    parent: String,
    parent_columns: Vec<String>,
}

/// Fills the branch with a sample that breaks no foreign key, and says what it leaves out.
pub(super) async fn copy(
    copy: &mut Copy,
    tables: &[Copied],
    total: u64,
    limit: u64,
) -> Result<Vec<String>, DatabaseError> {
    let mut caveats = Vec::new();
    for table in tables {
        let rows = share(table, total, limit);
        let clause = match rows {
            None => String::new(),
            Some(rows) => format!("{} limit {rows}", newest_first(copy, &table.name).await?),
        };
        copy.rows(table, &clause, Known::None).await?;
        if let Some(rows) = rows {
            caveats.push(format!("{} is a sample: its newest {rows} of about {} rows", table.name, table.rows));
        }
    }
    add_parents(copy, tables).await?;
    Ok(caveats)
}

/// How many rows of a table are taken; all of them where it is small.
fn share(table: &Copied, total: u64, limit: u64) -> Option<u64> {
    let small = SMALL.min(limit / 16);
    (table.bytes > small).then(|| {
        let part = u128::from(table.rows) * u128::from(limit) / u128::from(total.max(1));
        u64::try_from(part).unwrap_or(u64::MAX).max(100)
    })
}

async fn newest_first(copy: &mut Copy, table: &str) -> Result<String, DatabaseError> {
    let rows = sqlx::query(
        "select column_name from information_schema.key_column_usage where table_schema = ? and table_name = ? \
         and constraint_name = 'PRIMARY' order by ordinal_position",
    )
    .bind(&copy.from)
    .bind(table)
    .fetch_all(&mut copy.reader)
    .await?;
    let keys: Vec<String> =
        rows.iter().map(|row| Ok(format!("{} desc", name(&text(row, 0)?)))).collect::<Result<_, sqlx::Error>>()?;
    Ok(if keys.is_empty() { String::new() } else { format!("order by {}", keys.join(", ")) })
}

/// Fetches parents until no row points to a missing one. Parents are read from the same moment as their children, so
/// they are all there, and every round takes rows that the branch did not have.
async fn add_parents(copy: &mut Copy, tables: &[Copied]) -> Result<(), DatabaseError> {
    let keys = foreign_keys(copy).await?;
    loop {
        let mut added = false;
        for key in &keys {
            let named = |name: &str| tables.iter().find(|table| table.name == name);
            let (Some(child), Some(parent)) = (named(&key.table), named(&key.parent)) else { continue };
            let missing = missing_parents(copy, key, child).await?;
            for some in missing.chunks(KEYS) {
                let columns = list(&key.parent_columns, name);
                let clause = format!("where ({columns}) in ({})", some.join(","));
                // A row without a parent in the original (foreign keys were off once) finds none: that ends too.
                added |= copy.rows(parent, &clause, Known::Some).await? > 0;
            }
        }
        if !added {
            return Ok(());
        }
    }
}

async fn foreign_keys(copy: &mut Copy) -> Result<Vec<ForeignKey>, DatabaseError> {
    let rows = sqlx::query(
        "select table_name, constraint_name, column_name, referenced_table_name, referenced_column_name \
         from information_schema.key_column_usage where table_schema = ? and referenced_table_schema = ? \
         order by table_name, constraint_name, ordinal_position",
    )
    .bind(&copy.from)
    .bind(&copy.from)
    .fetch_all(&mut copy.reader)
    .await?;
    let mut keys: BTreeMap<(String, String), ForeignKey> = BTreeMap::new();
    for row in &rows {
        let (table, constraint) = (text(row, 0)?, text(row, 1)?);
        let parent = text(row, 3)?;
        let key = keys.entry((table.clone(), constraint)).or_insert_with(|| ForeignKey {
            table,
            columns: vec![],
            parent,
            parent_columns: vec![],
        });
        key.columns.push(text(row, 2)?);
        key.parent_columns.push(text(row, 4)?);
    }
    Ok(keys.into_values().collect())
}

/// The keys that rows of the branch point to and that the branch lacks, as `(1,'a')`.
async fn missing_parents(copy: &mut Copy, key: &ForeignKey, child: &Copied) -> Result<Vec<String>, DatabaseError> {
    let stored = |name: &String| child.columns.iter().find(|column| column.name == *name);
    // A generated column that is a foreign key is no stored one; its text will do.
    let value =
        |column| stored(column).map_or_else(|| format!("quote(c.{})", name(column)), |stored| stored.value("c."));
    let tuple = key.columns.iter().map(value).collect::<Vec<_>>().join(", ',', ");
    let pairs = key.columns.iter().zip(&key.parent_columns);
    let join = pairs.map(|(column, parent)| format!("p.{} = c.{}", name(parent), name(column))).collect::<Vec<_>>();
    let sql = format!(
        "select distinct concat('(', {tuple}, ')') from {child} c left join {parent} p on {join} \
         where p.{first} is null and {given}",
        child = name(&child.name),
        parent = name(&key.parent),
        join = join.join(" and "),
        first = name(&key.parent_columns[0]),
        given = key
            .columns
            .iter()
            .map(|column| format!("c.{} is not null", name(column)))
            .collect::<Vec<_>>()
            .join(" and "),
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut copy.writer).await?;
    Ok(rows.iter().map(|row| row.try_get_unchecked(0)).collect::<Result<_, sqlx::Error>>()?)
}

fn list(items: &[String], each: impl Fn(&str) -> String) -> String {
    items.iter().map(|item| each(item)).collect::<Vec<_>>().join(", ")
}
