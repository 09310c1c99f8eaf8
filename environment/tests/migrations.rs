//! What a migration may be, told from its text alone.

use environment::host::database::{Class, classify};
use protocol::{Code, artifact::Migration};

fn migration(id: &str, sql: &str) -> Migration {
    Migration { id: id.to_owned(), sql: sql.to_owned() }
}

fn one(sql: &str) -> Result<bool, protocol::Problem> {
    classify(&[migration("0001", sql)]).map(|classes| classes[0].is_destructive())
}

#[test]
fn what_only_adds_needs_nobody() {
    for sql in [
        "create table posts (id bigint primary key auto_increment, title varchar(255) not null) engine=InnoDB",
        "create table `order` (`id` int, `group` text, key (`id`))",
        "create table a (id int primary key, b int, foreign key (b) references posts (id))",
        "alter table posts add column mood varchar(20)",
        "alter table posts add column mood varchar(20) null",
        "alter table posts add mood enum('a','drop table posts','c') not null default 'a'",
        "alter table posts add column views int not null default 0",
        "alter table posts add column note text not null default ('none')",
        "alter table posts add column debt int not null default -1",
        "alter table posts add column seen datetime(6) not null default current_timestamp(6)",
        "alter table posts add column a int, add column b text, add index by_a (a)",
        "alter table posts add column note text comment 'modify column; drop column'",
        "alter table posts add column slug varchar(20) unique",
        "alter table posts add column note text comment 'no /* comment */, nor \\'/* one'",
        "alter table posts alter column views set default 5",
        "create index by_title on posts (title)",
        "alter table posts add key by_title (title)",
        "alter table posts add column author bigint, add constraint author foreign key (author) references users (id)",
    ] {
        assert_eq!(one(sql), Ok(false), "{sql}");
    }
}

#[test]
fn what_becomes_of_a_table_that_the_list_makes_needs_nobody() {
    let list = [
        ("0001", "create table posts (id int auto_increment primary key, title text)"),
        ("0002", "insert into posts values (0, 'a'), (2, 'b')"),
        ("0003", "update posts set title = 'c'"),
        ("0004", "delete from posts where id = 1"),
        ("0005", "alter table posts add unique (title(20))"),
        ("0006", "insert into others values (1)"),
    ];
    let classes = classify(&list.map(|(id, sql)| migration(id, sql))).expect("all are allowed");
    assert_eq!(
        classes.iter().map(Class::is_destructive).collect::<Vec<_>>(),
        [false, false, false, false, false, true]
    );
}

#[test]
fn what_can_lose_or_break_something_needs_a_person() {
    for sql in [
        "drop table posts",
        "drop table if exists posts",
        "drop index by_title on posts",
        "create unique index by_title on posts (title)",
        "alter table posts add unique (title)",
        "alter table posts add column mood varchar(20) not null",
        "alter table posts add column mood varchar(20) default null not null",
        "alter table posts add column mood int not null default (null)",
        "alter table posts add column mood int not null default (if(1, null, 2))",
        "alter table posts add column slug varchar(20) not null default 'x' unique",
        "alter table posts add column mood int check (views > 5)",
        "alter table posts add column number int auto_increment unique",
        "alter table posts drop column body",
        "alter table posts add column a int, drop column body",
        "alter table posts modify column title text",
        "alter table posts change title headline varchar(255)",
        "alter table posts rename column title to headline",
        "alter table posts drop primary key",
        "alter table posts add primary key (title)",
        "alter table posts drop foreign key author",
        "alter table posts add constraint positive check (views > 0)",
        "alter table posts add constraint author foreign key (author) references users (id)",
        "alter table posts alter column views drop default",
        "update posts set title = 'drop'",
        "delete from posts where id = 1",
        "insert into posts (title) values ('a')",
        "insert into posts (title) values ('a') on duplicate key update title = 'b'",
        "replace into posts (title) values ('a')",
    ] {
        assert_eq!(one(sql), Ok(true), "{sql}");
    }
}

#[test]
fn what_a_migration_may_not_be_is_refused() {
    for sql in [
        "",
        ";",
        "nonsense",
        // More than one, in whichever way.
        "create table a (id int); drop table posts",
        "create table a (id int);",
        "delimiter //\ndrop table posts//",
        // What the server would run and the parser might skip, or the other way round.
        "create table a (id int) /* a comment */",
        "create table a (id int) /*! , drop table posts */",
        "alter table posts add column a int /*!50000 , drop column body */",
        "alter table posts add column a int /*!99999 null default 1 */ not null",
        "alter table posts add column a int /*!99999 default 1 */ not null",
        "alter table posts add column a int /*M!100000 , drop column body */",
        "alter table posts add column a int /*+ hint */",
        "alter table posts add column a int -- and more",
        "alter table posts add column a int # and more",
        "alter/**/table posts drop column body",
        "create table a (id int)\0",
        // Everything that reaches beyond a table of the schema.
        "create table other.a (id int)",
        "create table `other`.`a` (id int)",
        "create table a like other.b",
        "alter table other.posts add column a int",
        "insert into a select * from other.b",
        "insert into a select * from mysql.user",
        "update posts set title = (select password from mysql.user limit 1)",
        "delete from other.posts",
        "create table a (id int, foreign key (id) references other.b (id))",
        "use other",
        "rename table posts to other.posts",
        "alter table posts rename to gone",
        "alter table posts rename gone",
        "truncate table posts",
        "drop table a, b",
        "drop database app_shop",
        "drop schema app_shop",
        "drop view v",
        "create database other",
        "alter database app_shop character set latin1",
        // Code that would run later, on its own.
        "create trigger t before insert on posts for each row set new.title = 'x'",
        "create procedure p() select 1",
        "create function f() returns int return 1",
        "create event e on schedule every 1 day do delete from posts",
        "create view v as select 1",
        "create or replace table posts (id int)",
        "create temporary table a (id int)",
        "create table a select * from posts",
        "create table a as select * from posts",
        // Files, the server, other sessions.
        "select 1 into outfile '/tmp/x'",
        "select * from posts",
        "load data infile '/etc/passwd' into table posts",
        "load data local infile '/etc/passwd' into table posts",
        "insert into posts (title) values (load_file('/etc/passwd'))",
        "create table a (id int) data directory = '/tmp'",
        "create table a (id int) engine = csv",
        "create table a (id int) engine = federated connection = 'mysql://x'",
        "create table a (id int) partition by hash (id) partitions 2",
        "set global max_connections = 1",
        "set @a = 1",
        "update posts set title = @a",
        "update posts set title = sleep(10)",
        "update posts set title = sleep (10)",
        "update posts set title = get_lock('a', 10)",
        "grant all on *.* to x",
        "create user x identified by 'x'",
        "flush privileges",
        "kill 1",
        "lock tables posts write",
        "start transaction",
        "commit",
        "call p()",
        "do sleep(1)",
        "handler posts open",
        "prepare s from 'drop table posts'",
        "install plugin x soname 'x.so'",
        // The host's own.
        "drop table _yonin_migrations",
        "delete from _yonin_migrations",
        "create table _YONIN_x (id int)",
        "update posts a, users b set a.title = 'x'",
        "delete a from posts a join users b on a.author = b.id",
    ] {
        let refused = one(sql).map(|destructive| panic!("{sql} is allowed, destructive: {destructive}"));
        assert_eq!(refused.map_err(|problem| problem.code), Err::<(), _>(Code::BadMigration), "{sql}");
    }
    let long = format!("create table a (id int) comment '{}'", "x".repeat(Migration::MAX_BYTES));
    assert_eq!(one(&long).map_err(|problem| problem.code), Err(Code::BadMigration));
    for id in ["", "A", "a b", "a/b", "a;b", &"a".repeat(101)] {
        let refused = classify(&[migration(id, "create table a (id int)")]).map_err(|problem| problem.code);
        assert_eq!(refused, Err(Code::BadMigration), "{id}");
    }
}

#[test]
fn what_a_list_makes_itself_has_nothing_to_lose() {
    let classes = |list: &[&str]| -> Vec<bool> {
        let list: Vec<_> = list.iter().enumerate().map(|(at, sql)| migration(&format!("m{at}"), sql)).collect();
        classify(&list).expect("allowed").iter().map(Class::is_destructive).collect()
    };
    assert_eq!(classes(&["create table a (id int)", "alter table a drop column id", "drop table a"]), [false; 3]);
    assert_eq!(classes(&["create table if not exists a (id int)", "drop table a"]), [false, true]);
    assert_eq!(classes(&["create table a (id int)", "drop table b"]), [false, true]);
    assert_eq!(classes(&["create table a (id int)", "drop table a", "drop table a"]), [false, false, true]);
    assert_eq!(
        classes(&["alter table a add column b int", "create unique index b on a (b)"]),
        [false; 2],
        "nulls do not collide"
    );
    assert_eq!(
        classes(&["alter table a add column b int default (1)", "create unique index b on a (b)"]),
        [false, true],
        "every row gets the same"
    );
    let danger = |list: &[&str]| -> String {
        let list: Vec<_> = list.iter().enumerate().map(|(at, sql)| migration(&format!("m{at}"), sql)).collect();
        match classify(&list).expect("allowed").pop() {
            Some(Class::Destructive { danger }) => danger,
            other => panic!("{list:?}: {other:?}"),
        }
    };
    let add = "alter table a add column b int, add column `C` varchar(9) not null default ''";
    assert_eq!(
        danger(&[add, "update a set b = id, a.c = 'x'"]),
        "Fills b, c, which this change adds; nothing that was there before is lost."
    );
    let lost = "Changes rows; what they held before is lost.";
    assert_eq!(danger(&[add, "update a set b = 1, d = 2"]), lost);
    assert_eq!(danger(&[add, "update other set b = 1"]), lost);
    assert_eq!(classes(&["create table b (id int)", "insert into b values (1)"]), [false; 2]);
    let twice = [migration("a", "create table a (id int)"), migration("a", "drop table a")];
    assert_eq!(classify(&twice).map_err(|problem| problem.code), Err(Code::BadMigration));
}
