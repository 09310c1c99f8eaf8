use super::{Supplied, dump};
use protocol::{
    Code, Problem, TaskId,
    artifact::{Act, Content},
    rest::SuppliedFile,
    tools::planner::ImportAppInput,
};

const DUMP: &str = r"/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19
/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;

DROP TABLE IF EXISTS `comments`;
CREATE TABLE `comments` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `news;id` int(11) NOT NULL DEFAULT 0, -- not; a statement
  `body` varchar(20) NOT NULL DEFAULT 'a,(b''c;',
  PRIMARY KEY (`id`),
  KEY `news` (`news;id`,`id`),
  CONSTRAINT `of` FOREIGN KEY (`news;id`) REFERENCES `news` (`id`) ON DELETE CASCADE,
  FOREIGN KEY (`id`) REFERENCES `comments` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4;
LOCK TABLES `comments` WRITE;
/*!40000 ALTER TABLE `comments` DISABLE KEYS */;
INSERT INTO `comments` VALUES (1,7,'日本; (語)'),
(2,7,'it''s \'so\' \\');
INSERT INTO `comments` VALUES (3,7,'-- no comment');
/*!40000 ALTER TABLE `comments` ENABLE KEYS */;
UNLOCK TABLES;
CREATE TABLE IF NOT EXISTS news (id INT PRIMARY KEY);
create unique index `n` on news (id);
COMMIT";

#[test]
fn a_dump_becomes_statements_that_can_run_one_after_the_other() {
    let read = dump::read(DUMP).expect("a dump");
    let ran: Vec<_> = read.migrations.iter().map(|migration| (migration.id.as_str(), migration.sql.as_str())).collect();
    let comments = "CREATE TABLE `comments` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `news;id` int(11) NOT NULL DEFAULT 0,
  `body` varchar(20) NOT NULL DEFAULT 'a,(b''c;',
  PRIMARY KEY (`id`),
  KEY `news` (`news;id`,`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4";
    let rows = "INSERT INTO `comments` VALUES
(1,7,'日本; (語)'),
(2,7,'it''s \\'so\\' \\\\'),
(3,7,'-- no comment')";
    let links = "ALTER TABLE `comments` ADD CONSTRAINT `of` FOREIGN KEY (`news;id`) REFERENCES `news` (`id`) ON DELETE CASCADE, \
                 ADD FOREIGN KEY (`id`) REFERENCES `comments` (`id`)";
    assert_eq!(
        ran,
        [
            ("0001_create_comments", comments),
            ("0002_fill_comments", rows),
            ("0003_create_news", "CREATE TABLE `news` (id INT PRIMARY KEY)"),
            ("0004_index_news", "create unique index `n` on news (id)"),
            ("0005_link_comments", links),
        ]
    );
    assert_eq!(read.lines, [7, 18, 23, 24, 7]);
    assert_eq!(read.tables, [("comments".to_owned(), 3), ("news".to_owned(), 0)]);
    let left_out: Vec<_> = read.left_out.iter().map(|(words, count)| (words.as_str(), *count)).collect();
    let words = ["ALTER TABLE ... KEYS", "COMMIT", "DROP TABLE IF EXISTS", "LOCK TABLES", "SET", "UNLOCK TABLES"];
    assert_eq!(left_out, words.into_iter().zip([2, 1, 1, 1, 2, 1]).collect::<Vec<_>>());
}

#[test]
fn foreign_keys_wait_for_what_they_point_to() {
    let table = |name: &str, to: &str| match to {
        "" => format!("CREATE TABLE {name} (id int primary key);"),
        _ => format!("CREATE TABLE {name} (id int primary key, foreign key (id) references {to} (id));"),
    };
    let rows = |name: &str| format!("INSERT INTO {name} VALUES (1);");
    let (a, b) = (table("a", ""), table("b", "`a`"));
    for (sql, late) in [
        (format!("{a}{b}"), false),
        (format!("{a}{}{b}{}", rows("a"), rows("b")), false),
        (format!("{a}{b}{}{}", rows("a"), rows("b")), false),
        (format!("{a}{b}{}{}", rows("b"), rows("a")), true),
        (format!("{b}{a}"), true),
        (table("c", "c"), true),
        (table("c", "elsewhere"), true),
    ] {
        let read = dump::read(&sql).expect("a dump");
        let linked = read.migrations.iter().position(|migration| migration.id.contains("link"));
        assert_eq!(linked, late.then(|| read.migrations.len() - 1), "{sql}");
        let in_place = read.migrations.iter().any(|it| it.id.contains("create") && it.sql.contains("foreign key"));
        assert_eq!(in_place, !late, "{sql}");
    }
}

#[test]
fn many_rows_come_in_statements_of_a_size_that_can_run() {
    let row = |id: usize| format!("({id},'{}')", "x".repeat(900));
    let one = |id| format!("INSERT INTO t (id, x) VALUES {};\n", row(id));
    let many = format!("INSERT INTO t (id, x) VALUES {};\n", (100..400).map(row).collect::<Vec<_>>().join(","));
    let sql = format!("CREATE TABLE t (id int, x text);{}{many}", (0..100).map(one).collect::<String>());
    let read = dump::read(&sql).expect("a dump");
    assert_eq!(read.tables, [("t".to_owned(), 400)]);
    let fills = &read.migrations[1..];
    assert!((5..10).contains(&fills.len()) && fills.iter().all(|fill| fill.sql.len() < 66 << 10), "{}", fills.len());
    assert_eq!(fills.iter().map(|fill| fill.sql.matches("x'").count()).sum::<usize>(), 400);
    let wide = format!("CREATE TABLE t (x longtext);\nINSERT INTO t VALUES\n('{}')", "x".repeat(300 << 10));
    assert!(
        refused(&wide).detail.starts_with("line 3 of the dump: a row has 307204 bytes"),
        "{}",
        refused(&wide).detail
    );
}

#[test]
fn what_is_more_than_tables_and_rows_is_refused_with_its_line() {
    for (sql, why) in [
        ("CREATE DATABASE `shop`", "CREATE DATABASE: an app has one schema"),
        ("/*!40000 DROP DATABASE IF EXISTS `shop`*/", "DROP DATABASE: an app has one schema"),
        ("/*!50001 CREATE VIEW `v` AS SELECT 1 AS `a`*/", "CREATE VIEW: views are not taken over"),
        ("USE `shop`", "USE: an app has one schema"),
        ("CREATE TABLE shop.t (id int)", "shop is a schema"),
        ("INSERT INTO `mysql` . user VALUES (1)", "`mysql` is a schema"),
        ("ALTER TABLE shop.t ADD x int", "shop is a schema"),
        ("CREATE INDEX i ON shop.t (id)", "shop is a schema"),
        ("GRANT ALL ON *.* TO me", "GRANT ALL: accounts"),
        ("CREATE USER me", "CREATE USER: accounts"),
        ("SET PASSWORD = 'x'", "SET PASSWORD: accounts"),
        ("SET GLOBAL general_log = 1", "SET GLOBAL: accounts"),
        ("/*!50003 SET GLOBAL general_log = 1 */", "SET GLOBAL: accounts"),
        ("/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t BEFORE INSERT ON x */", "CREATE: "),
        ("CREATE DEFINER=`a`@`b` EVENT e ON SCHEDULE EVERY 1 DAY DO x", "triggers, procedures"),
        ("DELIMITER ;;", "DELIMITER: triggers, procedures"),
        ("CREATE TABLE t (id int) /*!50100 PARTITION BY HASH (id) */", "`/*! ... */` within a statement"),
        ("DELETE FROM ok", "DELETE FROM: an import takes over tables and their rows, and nothing else"),
        ("LOAD DATA INFILE 'x' INTO TABLE ok", "LOAD DATA"),
        ("INSERT IGNORE INTO ok VALUES (1)", "INSERT IGNORE: rows come as"),
        ("INSERT INTO ok SELECT * FROM ok", "rows come as INSERT INTO ... VALUES"),
        ("INSERT INTO ok VALUES (1) ON DUPLICATE KEY UPDATE id = 2", "after VALUES come rows"),
        ("INSERT INTO ok VALUES (1", "the last one does not end"),
        ("INSERT INTO other VALUES (1)", "rows of other, a table that the dump does not make"),
        ("INSERT INTO ok VALUES ('a\\')", "a text is opened here and never closed"),
        ("/* never", "a comment is opened here"),
        ("INSERT INTO ok VALUES ('\0')", "it holds a NUL"),
    ] {
        let problem = refused(&format!("CREATE TABLE ok (id int);\n\n{sql};\n"));
        assert_eq!(problem.code, Code::BadDump, "{sql}");
        assert!(
            problem.detail.starts_with("line 3 of the dump: ") && problem.detail.contains(why),
            "{sql}: {}",
            problem.detail
        );
    }
}

#[test]
fn what_was_supplied_says_what_it_is_and_what_must_hold() {
    let index = "<a href=\"/events\">x</a><a href='/a/b.html'>y</a><a href=\"/<?= $x ?>\"><a href=\"//else.example/\">";
    let files = [("public/index.php", index), ("public/絵.png", "x"), ("lib/a.php", "<?php")];
    let input = ImportAppInput { pages: vec!["/events".into(), "/login?next=/".into()], ..input(&files) };
    let supplied = Supplied::of(&ImportAppInput { sql: Some(DUMP.into()), ..input.clone() }).expect("good");
    let plan = supplied.plan(TaskId::from_bytes([7; 16]), &input.app, "goal", "mei");
    assert!(plan.supplied && plan.made_by.is_none());
    assert_eq!(
        plan.summary,
        "mei supplied the app as it is: 3 files and 2 tables with 3 rows. Nobody wrote any of it here."
    );
    assert!(plan.assumptions[0].contains("2 × SET"), "{:?}", plan.assumptions);
    let pages: Vec<_> = supplied.design(&plan).endpoints.into_iter().map(|endpoint| endpoint.path).collect();
    assert_eq!(pages, ["/", "/events", "/login?next=/", "/%E7%B5%B5.png", "/a/b.html", "/index.php"]);
    let checks = supplied.checks();
    assert!(matches!(&checks[0].act, Act::Sql(sql) if sql.query == "SELECT COUNT(*) AS counted FROM `comments`"));
    let smoke: Vec<_> = checks.iter().filter(|check| check.smoke).map(|check| check.id.as_str()).collect();
    assert_eq!(smoke, ["table:comments", "table:news", "page:/", "page:/events", "page:/login?next=/"]);
    assert!(checks.iter().all(|it| plan.criteria.iter().any(|one| it.criterion.as_ref() == Some(&one.id))));
    let place = supplied.at_line(Code::MigrationFailed.problem("0003_create_news: no"));
    assert_eq!(place.detail, "line 23 of the dump: 0003_create_news: no");
}

#[test]
fn files_that_can_be_no_release_are_refused() {
    let index = ("public/index.php", "");
    for (files, code, why) in [
        (vec![("index.php", "")], Code::BadPath, "there is no public/index.php"),
        (vec![index, (".env", "")], Code::BadPath, "start with a dot"),
        (vec![index, ("public/.git/config", "")], Code::BadPath, "start with a dot"),
        (vec![index, ("public/INDEX.php", "")], Code::BadPath, "named twice"),
    ] {
        let problem = Supplied::of(&input(&files)).expect_err("refused");
        assert_eq!(problem.code, code, "{files:?}");
        assert!(problem.detail.contains(why), "{}", problem.detail);
    }
    let broken = SuppliedFile { path: "a.png".parse().expect("a path"), content: Content::Base64("###".into()) };
    let mut with = input(&[index]);
    with.files.push(broken);
    assert_eq!(Supplied::of(&with).expect_err("refused").code, Code::BadRequest);
    for page in ["events", "//else.example/", "/日本", "/a b"] {
        let problem = Supplied::of(&ImportAppInput { pages: vec![page.into()], ..input(&[index]) });
        assert_eq!(problem.expect_err("refused").code, Code::BadRequest, "{page}");
    }
    let large = "x".repeat(3 << 20);
    let many: Vec<_> = ["public/index.php", "1", "2", "3", "4", "5"].map(|path| (path, large.as_str())).into();
    assert_eq!(Supplied::of(&input(&many)).expect_err("refused").code, Code::ChangeSetTooLarge);
}

fn input(files: &[(&str, &str)]) -> ImportAppInput {
    let file = |(path, text): &(&str, &str)| SuppliedFile {
        path: path.parse().expect("a path"),
        content: Content::Text((*text).into()),
    };
    ImportAppInput {
        app: "shop".parse().expect("a name"),
        files: files.iter().map(file).collect(),
        sql: None,
        pages: Vec::new(),
        approval: Default::default(),
    }
}

fn refused(sql: &str) -> Problem {
    dump::read(sql).expect_err("refused")
}
