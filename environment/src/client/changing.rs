use crate::host::database::check_changing;

/// Whether this is one INSERT, UPDATE or DELETE of one table of the account's own schema, and nothing else; values may come as
/// parameters (`?`). The account itself could do little more; this says so before it is asked, and says why.
///
/// ```
/// use environment::client::changes_rows;
/// assert_eq!(changes_rows("update members set role = 'admin' where email = ?"), Ok(()));
/// assert!(changes_rows("drop table members").is_err());
/// ```
///
/// # Errors
/// Why not, in words for who wrote it.
pub fn changes_rows(sql: &str) -> Result<(), String> {
    check_changing(sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_rows_of_one_table_is_let_through() {
        for good in [
            "insert into posts (title, body) values (?, ?), ('b', null)",
            "insert into attendances (member_id, day) select m.id, e.day from members m, events e where m.id < 40",
            "INSERT INTO `posts` (title) SELECT concat('n', p.id) FROM posts p CROSS JOIN posts AS q LIMIT 1000",
            "insert into posts (id, title) values (1, 'a') on duplicate key update title = 'a'",
            "update members set role = 'admin' where email = ?",
            "update events set starts_at = date_sub(now(), interval 3 day) where id = ?",
            "delete from posts where id in (select id from drafts)",
            "update posts set title = 'drop table; --' where id = 1",
        ] {
            assert_eq!(changes_rows(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "select 1",
            "replace into posts (id) values (1)",
            "truncate posts",
            "drop table posts",
            "create table x (id int)",
            "alter table posts add column x int",
            "create index i on posts (title)",
            "update posts set title = 'a'; drop table posts",
            "update posts set title = 'a';",
            "update app_shop.posts set title = 'a'",
            "insert into mysql.user (user) values ('x')",
            "insert into posts (title) select user from mysql.user",
            "delete from posts where id in (select id from app_other.posts)",
            "delete p from posts p join users u on u.id = p.author",
            "update posts p, users u set p.title = u.name",
            "update _yonin_migrations set checksum = ''",
            "insert into posts (title) values (load_file('/etc/passwd'))",
            "insert into posts (title) values (sleep(100))",
            "insert into posts (title) values (get_lock('a', 100))",
            "update posts set title = @@version",
            "update posts set title = /*! 'a' */ 'b'",
            "update posts set title = 'a' -- more",
            "load data infile '/etc/passwd' into table posts",
            "insert into posts (title) values ('a') returning id",
            "call p()",
            "set @a = 1",
            "grant all on *.* to x",
            "lock tables posts write",
        ] {
            assert!(changes_rows(bad).is_err(), "{bad}");
        }
    }
}
