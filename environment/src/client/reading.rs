use crate::host::database::check_reading;
use sqlparser::{ast::Statement, dialect::MySqlDialect, parser::Parser};

/// Whether this is one SELECT, or an EXPLAIN of one, over the tables of the account's own schema, and nothing else: it writes
/// nowhere, locks nothing, waits for nothing, and reads no file. The account itself could do little more; this says so before it
/// is asked, and says why.
///
/// ```
/// use environment::client::only_reads;
/// assert_eq!(only_reads("select p.title, u.name from posts p join users u on u.id = p.author"), Ok(()));
/// assert!(only_reads("select * from mysql.user").is_err());
/// assert!(only_reads("delete from posts").is_err());
/// ```
///
/// # Errors
/// Why not, in words for who wrote it.
pub fn only_reads(sql: &str) -> Result<(), String> {
    check_reading(sql)?;
    let mut statements =
        Parser::parse_sql(&MySqlDialect {}, sql).map_err(|error| format!("it cannot be parsed: {error}"))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(_) | Statement::ExplainTable { .. }), true) => Ok(()),
        (Some(Statement::Explain { analyze: false, statement, .. }), true)
            if matches!(*statement, Statement::Query(_)) =>
        {
            Ok(())
        }
        _ => Err("only one SELECT, or EXPLAIN of a SELECT, can be asked".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_the_own_tables_is_asked() {
        for good in [
            "select 1",
            "select count(*) from posts where title like '%;%'",
            "select p.id, u.name from posts as p, users u where u.id = p.author order by p.id desc limit 5",
            "explain select * from posts where author = 3",
            "describe posts",
            "with a as (select id from posts) select a.id from a",
            "select t.n from (select count(*) as n from posts) t",
            "select `into`, `update` from odd",
        ] {
            assert_eq!(only_reads(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "delete from posts",
            "update posts set title = ''",
            "insert into posts (title) values ('x')",
            "drop table posts",
            "select 1; drop table posts",
            "select 1;",
            "explain analyze select * from posts",
            "explain delete from posts",
            "select * from posts into outfile '/tmp/x'",
            "select 1 into dumpfile '/tmp/x'",
            "select id into @x from posts",
            "select @@version",
            "select load_file('/etc/passwd')",
            "select `load_file`('/etc/passwd')",
            "select sleep(10)",
            "select benchmark(1000000000, md5('x'))",
            "select get_lock('x', 100)",
            "select * from posts for update",
            "select * from posts lock in share mode",
            "select * from mysql.user",
            "select * from app_other.users",
            "select * from posts, app_other.users",
            "select * from posts where id in (select id from app_other.posts)",
            "select app_other.users.name from users",
            "select * from information_schema.tables",
            "select * from `information_schema`.`tables`",
            "select 1 /*! into outfile '/tmp/x' */",
            "select 1 -- what follows",
            "set global general_log = 1",
            "call procedure_of_somebody()",
            "handler posts open",
            "load data infile '/etc/passwd' into table posts",
            "show databases",
            "use mysql",
        ] {
            assert!(only_reads(bad).is_err(), "{bad}");
        }
    }
}
