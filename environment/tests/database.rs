//! Schemas, accounts, branches and migrations on a real server.

mod support;

use environment::host::database::{
    Account, Applied, Database, DatabaseError, How, LedgerState, MigrateOptions, Rights,
};
use protocol::{artifact::Migration, tools::Epoch};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _};
use std::time::Instant;
use support::{Server, mariadb};

async fn connect(server: &Server, user: &str, schema: &str) -> Result<MySqlConnection, sqlx::Error> {
    let password = if user == "root" { "" } else { ":secret" };
    MySqlConnection::connect(&format!("mysql://{user}{password}@127.0.0.1:{}/{schema}", server.port)).await
}

async fn run(connection: &mut MySqlConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn number(connection: &mut MySqlConnection, sql: &str) -> i64 {
    let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await;
    row.unwrap_or_else(|error| panic!("{sql}: {error}")).try_get_unchecked(0).expect("a number")
}

async fn text(connection: &mut MySqlConnection, sql: &str) -> String {
    let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await;
    row.unwrap_or_else(|error| panic!("{sql}: {error}")).try_get_unchecked(0).expect("text")
}

fn migration(id: &str, sql: &str) -> Migration {
    Migration { id: id.into(), sql: sql.into() }
}

fn owner(turn: u64) -> MigrateOptions {
    MigrateOptions { owner: Epoch { turn, fence: 1 }, pre_images: true }
}

fn how(applied: &[Applied]) -> Vec<How> {
    applied.iter().map(|one| one.how).collect()
}

const BLOG: [&str; 6] = [
    "create table users (id bigint not null auto_increment primary key, name varchar(255) collate utf8mb4_bin not null unique, \
     favourite bigint null) engine=innodb",
    "create table posts (id bigint not null auto_increment primary key, title varchar(255) not null, body text, \
     price decimal(16,4), weight float, seen datetime(6), day date, raw varbinary(20), flags bit(5), tags json, \
     length int generated always as (char_length(title)) stored, author bigint, \
     constraint posts_author foreign key (author) references users (id)) engine=innodb",
    "alter table users add constraint users_favourite foreign key (favourite) references posts (id)",
    "create table tree (id bigint not null primary key, parent bigint, foreign key (parent) references tree (id)) engine=innodb",
    "create table a (id int primary key)",
    "create table b (id int primary key)",
];

async fn blog(server: &Server, database: &Database, schema: &str) -> MySqlConnection {
    database.create_schema(schema).await.expect("a schema");
    let mut root = connect(server, "root", schema).await.expect("root");
    for sql in BLOG {
        run(&mut root, sql).await;
    }
    run(&mut root, "insert into users (id, name) values (1, 'あ''\\\\\"ü'), (2, 'a'), (3, 'A')").await;
    run(
        &mut root,
        "insert into posts (id, title, body, price, weight, seen, day, raw, flags, tags, author) values \
         (1, 'x', null, 12.3400, 0.1, '2026-01-02 03:04:05.000006', '2026-02-28', x'00ff27', b'10101', '{\"a\": 1}', 1), \
         (7, '', 'line\\nline\\0end', null, null, null, null, null, null, null, null)",
    )
    .await;
    run(&mut root, "update users set favourite = 7 where id = 1").await;
    run(&mut root, "insert into tree values (1, null), (2, 1), (3, 2)").await;
    root
}

#[tokio::test]
async fn a_branch_has_every_row_and_key_and_none_of_what_comes_later() {
    let (server, database) = mariadb().await;
    let mut root = blog(&server, &database, "app_blog").await;
    run(&mut root, "create view seen as select id from posts").await;
    let start = Instant::now();
    let caveats = database.clone_schema("app_blog", "pv_one").await.expect("a branch");
    println!("clone_schema of {} tables: {:?}", BLOG.len() - 1, start.elapsed());
    assert_eq!(caveats, ["the preview lacks the view seen"]);
    for table in ["users", "posts", "tree"] {
        let sums =
            text(&mut root, &format!("select group_concat(checksum) from (select 1 as checksum from {table}) t")).await;
        let copy = text(
            &mut root,
            &format!("select group_concat(checksum) from (select 1 as checksum from pv_one.{table}) t"),
        )
        .await;
        assert_eq!(sums, copy, "{table}");
        let rows = number(
            &mut root,
            &format!("select count(*) from (select * from {table} except select * from pv_one.{table}) d"),
        )
        .await;
        assert_eq!(rows, 0, "{table} differs");
    }
    assert_eq!(
        number(&mut root, "select hex(raw) = '00FF27' and flags + 0 = 21 from pv_one.posts where id = 1").await,
        1
    );
    let keys = "select count(*) from information_schema.referential_constraints where constraint_schema = 'pv_one'";
    assert_eq!(number(&mut root, keys).await, 3);
    let foreign = format!("{keys} and unique_constraint_schema <> 'pv_one'");
    assert_eq!(number(&mut root, &foreign).await, 0);
    // The counter goes on where it stood.
    run(&mut root, "insert into pv_one.posts (title) values ('next')").await;
    assert_eq!(number(&mut root, "select max(id) from pv_one.posts").await, 8);
    database.clone_schema("app_blog", "pv_one").await.expect("again, over what was there");
    assert_eq!(number(&mut root, "select count(*) from pv_one.posts").await, 2);
    let missing = database.clone_schema("app_none", "pv_two").await.expect_err("no such schema");
    assert!(matches!(missing, DatabaseError::NoSchema(_)), "{missing}");
}

#[tokio::test]
async fn a_branch_shows_one_moment_while_the_app_writes() {
    let (server, database) = mariadb().await;
    let mut root = blog(&server, &database, "app_blog").await;
    run(&mut root, "insert into a values (0)").await;
    run(&mut root, "insert into b values (0)").await;
    let mut writer = connect(&server, "root", "app_blog").await.expect("root");
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let writing = tokio::spawn(async move {
        let mut id = 0;
        while stopped.try_recv().is_err() {
            id += 1;
            // Both or none: a copy of two moments would tell them apart.
            run(&mut writer, &format!("begin; insert into a values ({id}); insert into b values ({id}); commit")).await;
        }
        id
    });
    for round in 0..5 {
        database.clone_schema("app_blog", "pv_moment").await.expect("a branch");
        let (a, b) = (
            number(&mut root, "select max(id) from pv_moment.a").await,
            number(&mut root, "select max(id) from pv_moment.b").await,
        );
        assert_eq!(a, b, "round {round}");
    }
    stop.send(()).expect("the writer listens");
    assert!(writing.await.expect("the writer ends") > 5);
}

#[tokio::test]
async fn a_sample_breaks_no_foreign_key_and_says_so() {
    let (server, database) = mariadb().await;
    let mut root = blog(&server, &database, "app_blog").await;
    run(&mut root, "insert into users (name) select concat('user ', seq) from seq_1_to_5000").await;
    run(
        &mut root,
        "insert into posts (title, body, author) select concat('post ', seq), repeat('x', 200), 1 + (seq * 7) % 3000 from seq_1_to_20000",
    )
    .await;
    run(&mut root, "analyze table users, posts").await;
    let caveats = database.clone_schema_up_to("app_blog", "pv_sample", 400_000).await.expect("a branch");
    assert!(caveats.iter().any(|caveat| caveat.starts_with("posts is a sample")), "{caveats:?}");
    let rows = number(&mut root, "select count(*) from pv_sample.posts").await;
    assert!((100..10_000).contains(&rows), "{rows}");
    let newest = number(&mut root, "select max(id) from posts").await;
    assert_eq!(number(&mut root, "select max(id) from pv_sample.posts").await, newest);
    let orphans = "select count(*) from pv_sample.posts p left join pv_sample.users u on u.id = p.author where p.author is not null and u.id is null";
    assert_eq!(number(&mut root, orphans).await, 0);
    let orphans = "select count(*) from pv_sample.users u left join pv_sample.posts p on u.favourite = p.id where u.favourite is not null and p.id is null";
    assert_eq!(number(&mut root, orphans).await, 0);
}

#[tokio::test]
async fn an_account_sees_its_schema_alone() {
    let (server, database) = mariadb().await;
    for schema in ["app_x", "appyx", "app_y"] {
        let mut root = blog(&server, &database, schema).await;
        run(&mut root, "insert into a values (1)").await;
    }
    let account =
        |user: &str, rights| Account { user: user.into(), password: "secret".into(), schema: "app_x".into(), rights };
    for _ in 0..2 {
        database.create_account(&account("app_x", Rights::ReadWrite)).await.expect("an account");
        database.create_account(&account("ro_x", Rights::ReadOnly)).await.expect("an account");
    }
    assert!(!format!("{:?}", account("app_x", Rights::ReadOnly)).contains("secret"));
    let mut php = connect(&server, "app_x", "app_x").await.expect("its own schema");
    run(&mut php, "insert into a values (2)").await;
    assert_eq!(number(&mut php, "select count(*) from a").await, 2);
    let refused = [
        "select * from appyx.a",
        "select * from app_y.a",
        "select * from mysql.user",
        "create table c (id int)",
        "alter table a add c int",
        "drop table a",
        "create view v as select 1",
        "create trigger t before insert on a for each row set @a = 1",
        "select load_file('/etc/passwd') is null and 1 / (select 0 from app_y.a)",
        "select 1 into outfile '/tmp/yonin-outfile'",
        "grant select on app_x.* to app_y",
        "set global max_connections = 1",
        "create schema appzx",
    ];
    for sql in refused {
        let answer = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut php).await;
        assert!(answer.is_err(), "{sql}");
    }
    let mut reader = connect(&server, "ro_x", "app_x").await.expect("its own schema");
    assert_eq!(number(&mut reader, "select count(*) from a").await, 2);
    assert!(sqlx::raw_sql("insert into a values (3)").execute(&mut reader).await.is_err());
    database.drop_account("app_x").await.expect("dropped");
    database.drop_account("app_x").await.expect("dropped already");
    assert!(sqlx::raw_sql("select 1").execute(&mut php).await.is_err(), "its connection goes with it");
    assert!(connect(&server, "app_x", "app_x").await.is_err());
}

#[tokio::test]
async fn migrations_run_once_and_are_compared_afterwards() {
    let (server, database) = mariadb().await;
    database.create_schema("app_m").await.expect("a schema");
    let list = [
        migration("0001_users", "create table users (id bigint primary key, name varchar(255) not null) engine=InnoDB"),
        migration("0002_posts", "create table posts (id bigint primary key, author bigint) engine=InnoDB"),
        migration("0003_author", "alter table posts add constraint author foreign key (author) references users (id)"),
    ];
    let start = Instant::now();
    let first = database.migrate("app_m", &list, owner(1)).await.expect("applied");
    println!("migrate of {} statements: {:?}", list.len(), start.elapsed());
    assert_eq!(how(&first), [How::Ran; 3]);
    let start = Instant::now();
    assert_eq!(how(&database.migrate("app_m", &list, owner(1)).await.expect("again")), [How::Before; 3]);
    println!("migrate with nothing to do: {:?}", start.elapsed());
    let rows = database.applied("app_m").await.expect("a ledger");
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.state == LedgerState::Done && row.done_at.is_some() && !row.destructive));
    let tables = database.describe("app_m").await.expect("tables");
    assert_eq!(tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["posts", "users"]);
    assert_eq!(tables[0].references[0].table, "users");
    let indexes: Vec<_> = tables[0].indexes.iter().map(|index| (index.columns.join(","), index.unique)).collect();
    assert_eq!(indexes, [("author".to_owned(), false), ("id".to_owned(), true)]);
    let changed = [migration("0001_users", "create table users (id int primary key) engine=InnoDB")];
    let error = database.migrate("app_m", &changed, owner(1)).await.expect_err("another statement");
    assert!(matches!(error, DatabaseError::Changed(_)), "{error}");
    // What an earlier release made is not new, whatever the list pretends.
    let pretends = [list[1].clone(), migration("0004_drop", "alter table posts drop column author")];
    assert!(database.dangers("app_m", &pretends).await.expect("dangers")[1].is_some());
    let refused = [migration("0005_dup", "alter table posts add column author bigint")];
    match database.migrate("app_m", &refused, owner(1)).await.expect_err("a duplicate column") {
        DatabaseError::Refused { id, message } => assert!(id == "0005_dup" && message.contains("author"), "{message}"),
        other => panic!("{other}"),
    }
    assert_eq!(database.applied("app_m").await.expect("a ledger").len(), 3, "a refused one leaves nothing");
    let error = database.migrate("app_m", &list, owner(0)).await.expect_err("an older owner");
    assert!(matches!(error, DatabaseError::Superseded(_)), "{error}");
    let mut root = connect(&server, "root", "app_m").await.expect("root");
    assert_eq!(
        number(&mut root, "select count(*) from mysql.user where user like 'mg\\_%'").await,
        0,
        "no account stays"
    );
    database.drop_schema("app_m").await.expect("dropped");
    database.drop_schema("app_m").await.expect("dropped already");
}

#[tokio::test]
async fn a_migration_cut_off_is_found_out_by_the_schema() {
    let (server, database) = mariadb().await;
    database.create_schema("app_m").await.expect("a schema");
    let base = [migration("0001", "create table t (id bigint auto_increment primary key, n int) engine=InnoDB")];
    database.migrate("app_m", &base, owner(1)).await.expect("applied");
    let mut root = connect(&server, "root", "app_m").await.expect("root");
    run(&mut root, "insert into t (n) values (1), (2)").await;
    let add = [migration("0002", "alter table t add column m int null")];
    let backfill = [migration("0003", "update t set n = n + 10")];
    for (list, count) in [(&add, "m"), (&backfill, "n")] {
        database.migrate("app_m", list, owner(1)).await.unwrap_or_else(|error| panic!("{count}: {error}"));
    }
    // It ran, and the word of it was lost.
    run(&mut root, "update _yonin_migrations set state = 'intended', done_at = null where id = '0002'").await;
    run(&mut root, "insert into t (n) values (3)").await;
    assert_eq!(how(&database.migrate("app_m", &add, owner(2)).await.expect("found")), [How::Found]);
    // It did not run: the table looks as it did before.
    run(&mut root, "alter table t drop column m").await;
    run(&mut root, "update _yonin_migrations set state = 'intended', done_at = null where id = '0002'").await;
    assert_eq!(how(&database.migrate("app_m", &add, owner(3)).await.expect("ran")), [How::Ran]);
    assert_eq!(number(&mut root, "select count(m) + count(*) from t").await, 3);
    // Rows and the ledger change together.
    assert_eq!(text(&mut root, "select group_concat(n order by id) from t").await, "11,12,3");
    run(&mut root, "delete from _yonin_migrations where id = '0003'").await;
    run(&mut root, "update t set n = n - 10 where n > 10").await;
    let mut blocker = connect(&server, "root", "app_m").await.expect("root");
    run(&mut blocker, "begin").await;
    run(&mut blocker, "select * from t for update").await;
    let older = tokio::spawn({
        let (database, list) = (database.clone(), backfill.clone());
        async move { database.migrate("app_m", &list, owner(4)).await }
    });
    // The older one is in the middle of its statement when the next owner comes.
    let waiting = "select count(*) from information_schema.processlist where user like 'mg\\_%' and state <> '' and command = 'Query'";
    while number(&mut root, waiting).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    database.end_connections_of("app_m").await.expect("ended");
    run(&mut blocker, "rollback").await;
    let error = older.await.expect("no panic").expect_err("it was ended");
    assert!(matches!(error, DatabaseError::Unavailable(_)), "{error:?}");
    assert_eq!(how(&database.migrate("app_m", &backfill, owner(5)).await.expect("ran")), [How::Ran]);
    assert_eq!(text(&mut root, "select group_concat(n order by id) from t").await, "11,12,13");
}

#[tokio::test]
async fn what_was_destroyed_can_be_restored() {
    let (server, database) = mariadb().await;
    database.create_schema("app_m").await.expect("a schema");
    let base = [
        migration(
            "0001",
            "create table users (id bigint primary key, name varchar(20) not null, old text, \
             upper varchar(20) generated always as (upper(name)) virtual) engine=InnoDB",
        ),
        migration(
            "0002",
            "create table posts (id bigint primary key, author bigint, \
             foreign key (author) references users (id)) engine=InnoDB",
        ),
    ];
    database.migrate("app_m", &base, owner(1)).await.expect("applied");
    let mut root = connect(&server, "root", "app_m").await.expect("root");
    run(&mut root, "insert into users (id, name, old) values (1, 'ann', 'x'), (2, 'bob', 'y')").await;
    run(&mut root, "insert into posts values (1, 1)").await;
    let destroy = [
        migration("0003", "alter table users drop column old"),
        migration("0004", "update users set name = concat(name, '!')"),
        migration("0005", "alter table users add column extra int null"),
        migration("0006", "drop table posts"),
    ];
    let ids: Vec<String> = destroy.iter().map(|migration| migration.id.clone()).collect();
    database.migrate("app_m", &destroy, owner(2)).await.expect("applied");
    assert_eq!(text(&mut root, "select group_concat(name order by id) from users").await, "ann!,bob!");
    let gone = database.destructive_since("app_m", &ids).await.expect("rows");
    assert_eq!(gone.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["0003", "0004", "0006"]);
    let partly =
        database.restore("app_m", &ids[..1], Epoch { turn: 3, fence: 1 }).await.expect_err("others build on it");
    assert!(matches!(partly, DatabaseError::RestoreRefused(_)), "{partly}");
    database.restore("app_m", &ids, Epoch { turn: 3, fence: 2 }).await.expect("restored");
    assert_eq!(
        text(&mut root, "select group_concat(concat(name, old, upper) order by id) from users").await,
        "annxANN,bobyBOB"
    );
    assert_eq!(number(&mut root, "select author from posts where id = 1").await, 1);
    assert!(sqlx::raw_sql("insert into posts values (2, 99)").execute(&mut root).await.is_err(), "the key is back");
    let left: Vec<_> = database.applied("app_m").await.expect("a ledger").into_iter().map(|row| row.id).collect();
    assert_eq!(left, ["0001", "0002"]);
    let images = "select count(*) from information_schema.tables where table_schema = 'app_m' and table_name like '\\_yonin\\_pre%'";
    assert_eq!(number(&mut root, images).await, 0);
    // Rows written since point to what the pre-image does not have: better refused than broken.
    database.migrate("app_m", &destroy[..1], owner(4)).await.expect("applied");
    run(&mut root, "insert into users (id, name) values (3, 'eve')").await;
    run(&mut root, "insert into posts values (3, 3)").await;
    let orphans = database.restore("app_m", &ids[..1], Epoch { turn: 5, fence: 1 }).await.expect_err("orphans");
    assert!(matches!(orphans, DatabaseError::RestoreRefused(_)), "{orphans}");
}

#[tokio::test]
async fn a_table_is_described_as_it_was_made_and_its_rows_are_counted() {
    let (server, database) = mariadb().await;
    database.create_schema("app_d").await.expect("a schema");
    let mut root = connect(&server, "root", "app_d").await.expect("root");
    for sql in [
        "create table users (id bigint primary key auto_increment, name varchar(50) not null default 'it''s me', \
         age int not null default 18, seen datetime default current_timestamp() on update current_timestamp(), \
         note text default null, twice int as (age * 2) stored)",
        "create table posts (id bigint primary key, author bigint, editor bigint, key (editor), \
         constraint a foreign key (author) references users (id) on delete cascade on update set null, \
         constraint e foreign key (editor) references users (id))",
        "insert into users (name) values ('a'), ('b'), ('c')",
        "insert into posts (id) select seq from seq_1_to_10001",
    ] {
        sqlx::query(sql).execute(&mut root).await.expect(sql);
    }
    let tables = database.describe("app_d").await.expect("tables");
    let shown: Vec<_> = tables.iter().map(environment::client::table).collect();
    assert!(shown[0].starts_with("posts (about ") && !tables[0].counted && tables[0].rows > 10_000, "{shown:?}");
    assert!(
        shown[0].ends_with(
            "foreign key (author) references users (id) on delete cascade on update set null, foreign key (editor) references users (id)"
        ),
        "{shown:?}"
    );
    assert_eq!(
        shown[1],
        "users (3 rows): id bigint(20) not null auto_increment, name varchar(50) not null default 'it''s me', age int(11) not null \
         default 18, seen datetime default current_timestamp() on update current_timestamp(), note text, twice int(11) as (`age` * 2) \
         stored, primary key (id)"
    );
    database.drop_schema("app_d").await.expect("dropped");
}
