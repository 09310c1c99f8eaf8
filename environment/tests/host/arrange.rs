//! Rows of a preview that a check changes, and everything that it may not change.

use crate::ground::{Ground, app, change, migration};
use protocol::{
    Code, PreviewName, Problem,
    tools::{
        Epoch,
        host::{AccessInput, ArrangeInput, Arranged, Place, PreviewInput},
    },
};
use serde_json::{Value, json};
use sqlx::{Connection as _, MySqlConnection};
use std::time::{Duration, Instant};

const MEMBERS: &str = "create table members (id int primary key auto_increment, email varchar(99) not null unique, \
    role varchar(9) not null default 'member', joined datetime)";
struct Stage {
    ground: Ground,
    preview: PreviewName,
    live: MySqlConnection,
}

impl Stage {
    async fn set() -> Self {
        let ground = Ground::start().await;
        let club = app("club");
        let mut first = change(&club, None, &[("public/index.php", "<?php echo 1;")]);
        first.migrations = vec![migration("0001_members", MEMBERS)];
        let base = ground.release(first).await;
        let live = format!("{}app_club", ground.services.mysql_admin());
        let mut live = MySqlConnection::connect(&live).await.expect("a connection");
        let insert = "insert into members (email) values ('old@club.example')";
        sqlx::raw_sql(insert).execute(&mut live).await.expect("a row");
        let next = change(&club, Some(base), &[("public/more.php", "<?php")]);
        let preview = ground.stage(next).await.expect("staged").staged.preview.name;
        Self { ground, preview, live }
    }

    async fn arrange(&self, statement: &str, params: Value) -> Result<Arranged, Problem> {
        self.arrange_at(self.ground.epoch(), statement, params).await
    }

    async fn arrange_at(&self, epoch: Epoch, statement: &str, params: Value) -> Result<Arranged, Problem> {
        let (preview, statement) = (self.preview.clone(), statement.to_owned());
        let params = params.as_array().cloned().expect("parameters");
        self.ground.host.arrange(ArrangeInput { preview, statement, params, epoch }).await
    }

    /// The members of the preview, as its reader sees them.
    async fn members(&self) -> Vec<(String, String)> {
        let place = Place::Preview(self.preview.clone());
        let access = self.ground.host.access(AccessInput { place }).await.expect("accounts");
        let mut reader = MySqlConnection::connect(&access.mysql).await.expect("a connection");
        let members = sqlx::query_as("select email, role from members order by id").fetch_all(&mut reader).await;
        members.expect("rows")
    }
}

#[tokio::test]
async fn rows_of_a_preview_are_changed_until_it_is_put_back_and_those_of_the_live_app_never() {
    let mut stage = Stage::set().await;
    let insert = "insert into members (email, joined) values (?, now()), (?, null)";
    let made = stage.arrange(insert, json!(["new@club.example", "next@club.example"])).await.expect("inserted");
    assert_eq!(made, Arranged { rows: 2, id: Some(2) });
    let promote = "update members set role = 'admin', joined = date_sub(now(), interval 2 day) where id = ?";
    assert_eq!(stage.arrange(promote, json!([2])).await.expect("updated"), Arranged { rows: 1, id: None });
    let found = stage.arrange("update members set role = 'admin' where id = ?", json!([2])).await.expect("found");
    assert_eq!(found.rows, 1, "a row that is as it should be counts");
    assert_eq!(stage.arrange("delete from members where id = ?", json!([3])).await.expect("deleted").rows, 1);
    let member = |email: &str, role: &str| (email.to_owned(), role.to_owned());
    let old = member("old@club.example", "member");
    assert_eq!(stage.members().await, [old.clone(), member("new@club.example", "admin")]);
    let live: Vec<String> =
        sqlx::query_scalar("select email from members").fetch_all(&mut stage.live).await.expect("rows");
    assert_eq!(live, std::slice::from_ref(&old.0));
    let reset = PreviewInput { preview: stage.preview.clone(), epoch: stage.ground.epoch() };
    stage.ground.host.reset_preview(reset).await.expect("put back");
    assert_eq!(stage.members().await, [old]);
    stage.ground.services.stop().await;
}

#[tokio::test]
async fn what_is_no_change_of_the_previews_own_rows_is_refused_and_changes_nothing() {
    let stage = Stage::set().await;
    for (statement, params) in [
        ("drop table members", json!([])),
        ("update members set role = 'a'; delete from members", json!([])),
        ("update app_club.members set role = 'admin'", json!([])),
        ("update `app_club`.`members` set role = 'admin'", json!([])),
        ("insert into members (email) select user from mysql.user", json!([])),
        ("delete from _yonin_migrations", json!([])),
        ("update members set no_such = 1", json!([])),
        ("insert into members (email) values ('old@club.example')", json!([])),
        ("insert into members (email) values (?)", json!([])),
        ("insert into members (email) values (?)", json!([null])),
    ] {
        let refused = stage.arrange(statement, params).await.expect_err(statement);
        assert_eq!(refused.code, Code::BadRequest, "{statement}: {refused:?}");
    }
    let early = Epoch { turn: 0, fence: 1 };
    let late = stage.arrange_at(early, "delete from members", json!([])).await.expect_err("a later writer was here");
    assert_eq!(late.code, Code::StaleEpoch);
    assert_eq!(stage.members().await.len(), 1);
    let nobody = Stage { preview: "z".repeat(26).parse().expect("a name"), ..stage };
    let gone = nobody.arrange("delete from members", json!([])).await.expect_err("no such preview");
    assert_eq!(gone.code, Code::PreviewGone);
    nobody.ground.services.stop().await;
}

#[tokio::test]
async fn one_statement_fills_a_table_and_one_that_fills_too_much_is_undone() {
    let stage = Stage::set().await;
    let digits = (1..=21).map(|n| format!("('d{n}@club.example')")).collect::<Vec<_>>().join(", ");
    stage.arrange(&format!("insert into members (email) values {digits}"), json!([])).await.expect("a few");
    let cross =
        "insert into members (email) select concat(a.id, '-', b.id, '-', uuid()) from members a cross join members b";
    assert_eq!(stage.arrange(cross, json!([])).await.expect("many").rows, 22 * 22);
    let before = stage.members().await.len();
    let refused = stage.arrange(cross, json!([])).await.expect_err("a quarter of a million rows");
    assert_eq!(refused.code, Code::BadRequest, "{refused:?}");
    let began = Instant::now();
    assert_eq!(stage.members().await.len(), before);
    stage.arrange("delete from members where role = ?", json!(["member"])).await.expect("nothing is locked any more");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    stage.ground.services.stop().await;
}
