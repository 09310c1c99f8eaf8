use futures::TryStreamExt as _;
use protocol::{Code, Problem, tools::host::Access};
use serde_json::{Map, Value};
use sqlparser::{
    ast::Statement,
    dialect::MySqlDialect,
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, MySql, MySqlConnection, MySqlPool, Row as _,
    TypeInfo as _, ValueRef as _,
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlPoolOptions, MySqlRow},
};
use std::{fmt, time::Duration};

/// The app's schema, read with the accounts of an [`Access`]. Cheap to keep for a whole run.
pub struct Sql {
    pool: MySqlPool,
}

/// A query takes at most this long.
const LIMIT: Duration = Duration::from_secs(10);

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sql(..)")
    }
}

impl Sql {
    /// A query answers at most this many rows.
    pub const MAX_ROWS: usize = 1_000;
    /// And at most this many bytes: 16 MiB.
    pub const MAX_BYTES: usize = 16 << 20;

    /// Connects.
    ///
    /// # Errors
    /// [`Code::MysqlUnavailable`].
    pub async fn connect(access: &Access) -> Result<Self, Problem> {
        let options: MySqlConnectOptions = access.mysql.parse().map_err(|error| problem(&error))?;
        let pool = MySqlPoolOptions::new()
            .max_connections(2)
            .min_connections(0)
            .acquire_timeout(Duration::from_secs(5))
            .after_connect(|connection, _| Box::pin(prepare(connection)))
            .connect_lazy_with(options.pipes_as_concat(false).disable_statement_logging());
        let mut connection = pool.acquire().await.map_err(|error| problem(&error))?;
        connection.ping().await.map_err(|error| problem(&error))?;
        drop(connection);
        Ok(Self { pool })
    }

    /// Rows by column name, in the order they came. Integers and floats arrive as numbers, decimals, dates, times and text as
    /// strings, NULL as null; bytes that are no text as `0x` and hex digits. Only one SELECT, SHOW or EXPLAIN; it runs in a
    /// transaction that cannot write.
    ///
    /// # Errors
    /// [`Code::MysqlUnavailable`]; [`Code::BadRequest`] when the query is none that only reads, gives more than
    /// [`Self::MAX_ROWS`] rows or [`Self::MAX_BYTES`] bytes, takes more than 10 s, or is refused by the server.
    pub async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Map<String, Value>>, Problem> {
        check(sql)?;
        let query = bound(sql, params)?;
        match tokio::time::timeout(LIMIT, self.read(query)).await {
            Ok(Ok(rows)) => rows,
            Ok(Err(error)) => Err(problem(&error)),
            Err(_) => Err(Code::BadRequest.problem(format!("the query took longer than {} s", LIMIT.as_secs()))),
        }
    }

    async fn read(&self, query: Bound<'_>) -> Result<Result<Vec<Map<String, Value>>, Problem>, sqlx::Error> {
        // Dropped on every way out, cut off by a time limit included: the pool then ends what it left open.
        let mut transaction = self.pool.begin_with("start transaction read only").await?;
        let mut found = Vec::new();
        let mut bytes = 0;
        let mut rows = query.fetch(&mut *transaction);
        while let Some(row) = rows.try_next().await? {
            if found.len() == Self::MAX_ROWS {
                let detail = format!("the query gives more than {} rows", Self::MAX_ROWS);
                return Ok(Err(Code::BadRequest.problem(detail)));
            }
            let row = object(&row)?;
            bytes += size(&row);
            if bytes > Self::MAX_BYTES {
                let detail = format!("the query gives more than {} bytes", Self::MAX_BYTES);
                return Ok(Err(Code::BadRequest.problem(detail)));
            }
            found.push(row);
        }
        drop(rows);
        transaction.rollback().await?;
        Ok(Ok(found))
    }
}

/// A statement that can be carried out.
pub(crate) type Bound<'q> = sqlx::query::Query<'q, MySql, MySqlArguments>;

/// A statement with its parameters: JSON's plain values as they are, arrays and objects as text.
///
/// # Errors
/// [`Code::BadRequest`]: another number of them than it has places for.
pub(crate) fn bound<'q>(sql: &str, params: &[Value]) -> Result<Bound<'q>, Problem> {
    let places = places(sql);
    if places != params.len() {
        let detail = format!("it has {places} places for parameters, and {} are given", params.len());
        return Err(Code::BadRequest.problem(detail));
    }
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
    Ok(params.iter().fold(query, |query, param| match param {
        Value::Null => query.bind(None::<String>),
        Value::Bool(truth) => query.bind(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => query.bind(number),
            (None, Some(number), _) => query.bind(number),
            (None, None, number) => query.bind(number),
        },
        Value::String(text) => query.bind(text.clone()),
        other => query.bind(other.to_string()),
    }))
}

fn places(sql: &str) -> usize {
    let tokens = Tokenizer::new(&MySqlDialect {}, sql).tokenize().unwrap_or_default();
    tokens.iter().filter(|token| matches!(token, Token::Placeholder(mark) if mark == "?")).count()
}

/// The server, too, ends what takes too long; each kind of server has its own word for it.
pub(crate) async fn prepare(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    const UNKNOWN_VARIABLE: u16 = 1193;
    sqlx::raw_sql("set session transaction isolation level read committed").execute(&mut *connection).await?;
    for limit in ["set session max_statement_time = 10", "set session max_execution_time = 10000"] {
        match sqlx::raw_sql(limit).execute(&mut *connection).await {
            Err(error) if number(&error) != Some(UNKNOWN_VARIABLE) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn check(sql: &str) -> Result<(), Problem> {
    let refused = |why: String| Err(Code::BadRequest.problem(why));
    let mut statements = match Parser::parse_sql(&MySqlDialect {}, sql) {
        Ok(statements) => statements,
        Err(error) => return refused(format!("the query cannot be parsed: {error}")),
    };
    match (statements.pop(), statements.is_empty()) {
        (
            Some(
                Statement::Query(_)
                | Statement::Explain { analyze: false, .. }
                | Statement::ExplainTable { .. }
                | Statement::ShowTables { .. }
                | Statement::ShowColumns { .. }
                | Statement::ShowCreate { .. },
            ),
            true,
        ) => Ok(()),
        _ => refused("only one SELECT, SHOW or EXPLAIN can be asked".into()),
    }
}

/// The bytes of a row's texts: nothing else in it can be long.
fn size(row: &Map<String, Value>) -> usize {
    row.values().filter_map(Value::as_str).map(str::len).sum()
}

fn object(row: &MySqlRow) -> Result<Map<String, Value>, sqlx::Error> {
    row.columns()
        .iter()
        .enumerate()
        .map(|(index, column)| Ok((column.name().to_owned(), value(row, index, column.type_info().name())?)))
        .collect()
}

fn value(row: &MySqlRow, index: usize, kind: &str) -> Result<Value, sqlx::Error> {
    if row.try_get_raw(index)?.is_null() {
        return Ok(Value::Null);
    }
    let text = || row.try_get_unchecked::<Vec<u8>, _>(index);
    Ok(match kind {
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => {
            row.try_get_unchecked::<i64, _>(index)?.into()
        }
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED"
        | "YEAR" | "BIT" => row.try_get_unchecked::<u64, _>(index)?.into(),
        "FLOAT" => row.try_get_unchecked::<f32, _>(index)?.into(),
        "DOUBLE" => row.try_get_unchecked::<f64, _>(index)?.into(),
        "DATE" => moment(&text()?, Form::Date).into(),
        "DATETIME" | "TIMESTAMP" => moment(&text()?, Form::DateTime).into(),
        "TIME" => duration(&text()?).into(),
        _ => readable(text()?).into(),
    })
}

/// The driver takes text with a binary collation (`utf8mb4_bin`) for bytes: what reads as text is text.
fn readable(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')) => text,
        Ok(text) => format!("0x{}", hex::encode(text)),
        Err(error) => format!("0x{}", hex::encode(error.as_bytes())),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Date,
    DateTime,
}

/// The protocol's binary moment (length, year, month, day, time, microseconds; zeros at the end left out) as MySQL writes it.
fn moment(bytes: &[u8], form: Form) -> String {
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let date = format!("{:04}-{:02}-{:02}", u16::from_le_bytes([at(1), at(2)]), at(3), at(4));
    if form == Form::Date {
        return date;
    }
    format!("{date} {:02}:{:02}:{:02}{}", at(5), at(6), at(7), fraction([at(8), at(9), at(10), at(11)]))
}

/// The protocol's binary time (length, sign, days, hours, minutes, seconds, microseconds) as MySQL writes it.
fn duration(bytes: &[u8]) -> String {
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let sign = if at(1) == 1 { "-" } else { "" };
    let hours = u64::from(u32::from_le_bytes([at(2), at(3), at(4), at(5)])) * 24 + u64::from(at(6));
    format!("{sign}{hours:02}:{:02}:{:02}{}", at(7), at(8), fraction([at(9), at(10), at(11), at(12)]))
}

fn fraction(micros: [u8; 4]) -> String {
    match u32::from_le_bytes(micros) {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    }
}

fn number(error: &sqlx::Error) -> Option<u16> {
    crate::host::database::number(error)
}

/// What the server refuses is the query's fault; anything else is the server's.
pub(crate) fn problem(error: &sqlx::Error) -> Problem {
    const ENDED_BY_LIMIT: [u16; 2] = [1969, 3024];
    const GONE: [u16; 9] = [1040, 1045, 1053, 1077, 1184, 1203, 1317, 1927, 2013];
    match (error, number(error)) {
        (sqlx::Error::Database(refusal), Some(number)) if !GONE.contains(&number) => {
            let why = if ENDED_BY_LIMIT.contains(&number) { "the query took too long" } else { refusal.message() };
            Code::BadRequest.problem(why)
        }
        (sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Encode(_), _) => {
            Code::BadRequest.problem("a parameter or a value cannot be converted")
        }
        _ => {
            tracing::debug!(error.cause = %error, "The environment's MySQL did not answer");
            Code::MysqlUnavailable.problem("its connection failed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reading_is_asked() {
        for good in [
            "select 1",
            "select * from posts where id = ?",
            "show tables",
            "explain select 1",
            "with a as (select 1) select * from a",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "delete from posts",
            "select 1; select 2",
            "set @a = 1",
            "explain analyze delete from posts",
            "call p()",
            "",
            "commit",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_place_gets_its_parameter() {
        let statement = "update a set b = ?, c = 'why?', `d?` = ? where e = ?";
        assert_eq!(places(statement), 3);
        assert!(bound(statement, &[Value::Null, 1.into(), "x".into()]).is_ok());
        assert_eq!(bound(statement, &[]).err().map(|problem| problem.code), Some(Code::BadRequest));
    }

    #[test]
    fn moments_read_as_mysql_writes_them() {
        assert_eq!(moment(&[4, 0xEA, 0x07, 2, 28], Form::Date), "2026-02-28");
        assert_eq!(moment(&[7, 0xEA, 0x07, 2, 28, 1, 2, 3], Form::DateTime), "2026-02-28 01:02:03");
        assert_eq!(moment(&[11, 0xEA, 0x07, 2, 28, 1, 2, 3, 1, 0, 0, 0], Form::DateTime), "2026-02-28 01:02:03.000001");
        assert_eq!(moment(&[0], Form::DateTime), "0000-00-00 00:00:00");
        assert_eq!(duration(&[8, 1, 1, 0, 0, 0, 2, 3, 4]), "-26:03:04");
    }

    #[test]
    fn bytes_that_are_no_text_are_hex() {
        assert_eq!(readable("日本".into()), "日本");
        assert_eq!(readable(vec![0, 1]), "0x0001");
        assert_eq!(readable(vec![0xFF]), "0xff");
    }
}
