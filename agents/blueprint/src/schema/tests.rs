use super::*;
use crate::goal;
use protocol::artifact::Reference;

fn resources(goal: &str) -> Vec<Resource> {
    let reading = goal::read(goal);
    assert_eq!(reading.mistakes, Vec::<String>::new(), "{goal}");
    reading.resources
}

/// What the database looks like once these resources are in it.
fn snapshot(resources: &[Resource]) -> AppSnapshot {
    let column = |name: &str, kind: &str, nullable| Column {
        name: name.to_owned(),
        kind: kind.to_owned(),
        nullable,
        ..Column::default()
    };
    let table = |one: &Resource| {
        let own = [("id", "bigint(20)"), ("created_at", "datetime"), ("updated_at", "datetime")];
        let mut columns: Vec<Column> = own.into_iter().map(|(name, kind)| column(name, kind, false)).collect();
        columns.extend(one.fields.iter().map(|field| Column {
            unique: field.unique && !is_hashed(&field.kind),
            ..column(&field.name, column_type(&field.kind), !field.required)
        }));
        let reference = |(field, target): (&Field, &str)| Reference {
            column: field.name.clone(),
            table: target.to_owned(),
            ..Reference::default()
        };
        Table {
            name: one.name.clone(),
            columns,
            references: references(one).map(reference).collect(),
            rows: 3,
            ..Table::default()
        }
    };
    AppSnapshot {
        app: "shop".parse().expect("a name"),
        url: String::new(),
        live: None,
        releases: vec![],
        tree: vec![],
        files: vec![],
        schema: resources.iter().map(table).collect(),
        migrations: vec!["0001_create_posts".to_owned()],
    }
}

fn ids(migrations: &[Migration]) -> Vec<&str> {
    migrations.iter().map(|one| one.id.as_str()).collect()
}

#[test]
fn tables_come_before_those_that_refer_to_them() {
    let steps = migrations(&resources("c(b:ref(b)); b(a:ref(a)); a(n:int)"), None).expect("migrations");
    assert_eq!(ids(&steps), ["0001_create_a", "0002_create_b", "0003_create_c"]);
}

#[test]
fn a_circle_is_closed_when_its_tables_are_there() {
    let steps = migrations(&resources("a(b:ref(b)); b(a:ref(a), self:ref(b))"), None).expect("migrations");
    assert_eq!(ids(&steps), ["0001_create_a", "0002_create_b", "0003_link_a_b"]);
    assert!(steps[1].sql.contains("references `b`"), "{}", steps[1].sql);
    assert!(is_created("a", &steps) && !is_created("a_b", &steps));
}

#[test]
fn a_table_with_rows_is_only_added_to_and_filled_where_that_is_safe() {
    let old = resources("posts(title:string!)");
    let new =
        resources("posts(title:string!, n:int!=5, code:string! unique=x, up:ref(posts)!=1, must:date!, t:text=it's)");
    let steps = migrations(&new, Some(&snapshot(&old))).expect("migrations");
    assert!(steps[0].id.starts_with("0002_"), "numbers go on: {:?}", ids(&steps));
    let of = |column: &str| {
        let start = format!("alter table `posts` add column `{column}` ");
        steps.iter().find_map(|one| one.sql.strip_prefix(&start)).expect(column)
    };
    assert_eq!(of("n"), "bigint not null default 5");
    assert_eq!(of("code"), "varchar(255) null");
    assert_eq!(of("up"), "bigint null");
    assert_eq!(of("must"), "date null");
    assert_eq!(of("t"), "text null default ('it''s')");
    assert!(steps.iter().all(|one| one.sql.starts_with("alter table `posts` add ")));
}

#[test]
fn every_new_reference_is_a_foreign_key() {
    let old = snapshot(&resources("posts(title:string!)"));
    let steps = migrations(&resources("posts(title:string!, a:ref(posts), b:ref(posts) unique)"), Some(&old));
    let ids: Vec<String> = steps.expect("migrations").into_iter().map(|one| one.id[5..].to_owned()).collect();
    assert_eq!(ids, ["add_posts_a", "index_posts_a", "link_posts_a", "add_posts_b", "unique_posts_b", "link_posts_b"]);
}

#[test]
fn what_a_rolled_back_release_left_is_used_again_or_refused() {
    let left = snapshot(&resources("posts(title:string!, n:int)"));
    let again = migrations(&resources("posts(title:string!, n:int)"), Some(&left)).expect("it fits");
    assert_eq!(again, []);
    for other in [
        "posts(title:string!, n:string)",
        "posts(title:string, n:int)",
        "posts(other:string)",
        "posts(title:string!, n:int unique)",
        "posts(title:string!, n:ref(posts))",
    ] {
        let refused = migrations(&resources(other), Some(&left)).expect_err(other);
        assert_eq!(refused.code, Code::UnsupportedChange, "{other}");
    }
    let left = snapshot(&resources("posts(n:int unique, up:ref(posts))"));
    assert_eq!(migrations(&resources("posts(n:int unique, up:ref(posts))"), Some(&left)).expect("it fits"), []);
    for other in ["posts(n:int)", "posts(n:int unique, up:int)", "posts(n:int unique, up:ref(tags)); tags(n:int)"] {
        let refused = migrations(&resources(other), Some(&left)).expect_err(other);
        assert_eq!(refused.code, Code::UnsupportedChange, "{other}");
    }
}

#[test]
fn texts_end_where_they_should() {
    let field = &resources("a(t:string=x)")[0].fields[0];
    assert_eq!(sql(field, &r"\'; drop table a; --".into()), r"'\\''; drop table a; --'");
}
