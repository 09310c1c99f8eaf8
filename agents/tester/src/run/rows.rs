use super::{Shown, World};
use crate::{
    matcher::{self, Shortfall},
    variables::Variables,
};
use protocol::{
    Code, Problem,
    artifact::{SqlCheck, SqlExpect},
};
use serde_json::{Map, Value};
use sqlparser::{
    ast::{SetExpr, Statement},
    dialect::MySqlDialect,
    parser::Parser,
};
use std::collections::BTreeMap;

/// Reads rows, compares them, and keeps of the first what later checks want.
pub(super) async fn check(world: &World, check: &SqlCheck, variables: &mut Variables) -> Result<Shown, Problem> {
    for name in check.capture.keys() {
        variables.unset(name);
    }
    if let Err(why) = reads_only(&check.query) {
        return Ok(Shown::errored(&check.query, why));
    }
    let params = match check.params.iter().map(|param| variables.value(param)).collect::<Result<Vec<_>, _>>() {
        Ok(params) => params,
        Err(unknown) => return Ok(Shown::errored(&check.query, unknown.to_string())),
    };
    let sent = format!("{}\n{}", check.query, Value::Array(params.clone()));
    match world.rows(&check.query, &params).await {
        Ok(rows) => {
            let mut shortfalls = compare(&rows, &check.expect, variables);
            shortfalls.extend(capture(&rows, &check.capture, variables));
            Ok(Shown { sent, received: lines(&rows), shortfalls })
        }
        // The query is at fault, so this check is; anything else ends the run.
        Err(problem) if problem.code == Code::BadRequest => Ok(Shown::errored(sent, problem.detail)),
        Err(problem) => Err(problem),
    }
}

/// Keeps columns of the first row, and says what there was not to keep.
fn capture(
    rows: &[Map<String, Value>],
    wanted: &BTreeMap<String, String>,
    variables: &mut Variables,
) -> Vec<Shortfall> {
    let mut shortfalls = Vec::new();
    for (name, column) in wanted {
        match rows.first().and_then(|row| row.get(column)) {
            Some(value) => variables.set(name, value.clone()),
            None => shortfalls.push(Shortfall::Failed(format!("row 1, {column}: nothing to keep"))),
        }
    }
    shortfalls
}

fn compare(rows: &[Map<String, Value>], expect: &SqlExpect, variables: &Variables) -> Vec<Shortfall> {
    let count = match expect {
        SqlExpect::Count(count) => *count,
        SqlExpect::Rows(expected) => expected.len(),
    };
    if rows.len() != count {
        return vec![Shortfall::Failed(format!("expected {count} rows, got {}", rows.len()))];
    }
    let SqlExpect::Rows(expected) = expect else { return Vec::new() };
    let mut shortfalls = Vec::new();
    for (number, (row, columns)) in rows.iter().zip(expected).enumerate() {
        for (column, matcher) in columns {
            let place = format!("row {}, {column}", number + 1);
            shortfalls.extend(matcher::value(&place, row.get(column), matcher, variables).err());
        }
    }
    shortfalls
}

/// One SELECT that locks nothing and writes nothing, and takes its values as parameters.
fn reads_only(query: &str) -> Result<(), &'static str> {
    if query.contains("${") {
        return Err("a query takes its values as parameters");
    }
    if query.contains("/*") {
        // What looks like a comment to us may be code to the server: `/*! ... */`.
        return Err("a query has no comments");
    }
    let statements = Parser::parse_sql(&MySqlDialect {}, query).map_err(|_| "not a query that can be understood")?;
    let [Statement::Query(query)] = statements.as_slice() else { return Err("only one SELECT is allowed") };
    if !query.locks.is_empty() || !selects(&query.body) {
        return Err("only a SELECT that locks and writes nothing is allowed");
    }
    Ok(())
}

fn selects(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_none(),
        SetExpr::Query(query) => query.locks.is_empty() && selects(&query.body),
        SetExpr::SetOperation { left, right, .. } => selects(left) && selects(right),
        _ => false,
    }
}

fn lines(rows: &[Map<String, Value>]) -> String {
    let shown = rows.iter().take(50).map(|row| Value::Object(row.clone()).to_string());
    format!("{} rows\n{}", rows.len(), shown.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::artifact::Matcher;
    use serde_json::json;

    #[test]
    fn only_one_reading_statement_passes() {
        for good in [
            "select title from `posts` where id = ?",
            "SELECT count(*) AS n FROM posts",
            "select a.id from a join b on b.a = a.id where a.title like ? order by a.id limit 3",
            "select id from a union all select id from b",
            "select column_name from information_schema.columns where table_name = 'into'",
        ] {
            assert_eq!(reads_only(good), Ok(()), "{good}");
        }
        for bad in [
            "delete from posts",
            "select 1; select 2",
            "select 1; drop table posts",
            "select * from posts for update",
            "select * from posts into outfile '/tmp/x'",
            "update posts set title = 'a'",
            "select title from posts where id = ${id}",
            "select 1 /*! into outfile '/tmp/x' */",
            "select 1 /*M! for update */",
            "set @a = 1",
            "call p()",
            "",
        ] {
            assert!(reads_only(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn columns_of_the_first_row_are_kept() {
        let rows = [json!({"id": 7, "name": "a"}), json!({"id": 8})];
        let rows: Vec<_> = rows.iter().map(|row| row.as_object().cloned().expect("an object")).collect();
        let wanted = BTreeMap::from([("member".to_owned(), "id".to_owned())]);
        let mut variables = Variables::default();
        assert_eq!(capture(&rows, &wanted, &mut variables), []);
        assert_eq!(variables.value(&json!("${member}")), Ok(json!(7)));
        assert_eq!(capture(&[], &wanted, &mut variables).len(), 1);
        let no_such = BTreeMap::from([("member".to_owned(), "email".to_owned())]);
        assert_eq!(capture(&rows, &no_such, &mut variables).len(), 1);
    }

    #[test]
    fn rows_are_compared_in_order_by_the_columns_named() {
        let row = |value: Value| value.as_object().cloned().expect("an object");
        let rows = [row(json!({"id": 1, "title": "a"})), row(json!({"id": 2, "title": null}))];
        let expect = |first: Value, second: Value| {
            SqlExpect::Rows(vec![
                [("title".to_owned(), Matcher::Equals(first))].into(),
                [("title".to_owned(), Matcher::Equals(second))].into(),
            ])
        };
        let variables = Variables::default();
        assert_eq!(compare(&rows, &expect(json!("a"), json!(null)), &variables), []);
        assert_eq!(compare(&rows, &expect(json!(null), json!("a")), &variables).len(), 2);
        assert_eq!(compare(&rows, &SqlExpect::Count(2), &variables), []);
        assert_eq!(compare(&rows, &SqlExpect::Count(3), &variables).len(), 1);
        assert_eq!(compare(&rows, &SqlExpect::Rows(vec![]), &variables).len(), 1);
    }
}
