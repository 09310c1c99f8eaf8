mod printed;

use super::*;
use printed::{any_spec, printed};
use proptest::prelude::*;
use protocol::artifact::FieldType;
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn the_example_of_the_guide_is_understood() {
    let reading = read(
        "posts(title:string!, body:text, views:int=0, status:enum(draft|open)=draft, author:ref(users)); \
         users(name:string! unique)",
    );
    assert_eq!(reading.mistakes, Vec::<String>::new());
    let posts = &reading.resources[0];
    assert_eq!(posts.fields.len(), 5);
    assert!(posts.fields[0].required && posts.fields[2].default == Some(json!(0)));
    assert_eq!(posts.fields[4].kind, FieldType::Ref("users".into()));
    assert!(reading.resources[1].fields[0].unique);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever the order of modifiers, the spacing, the width of the signs and the prose around them.
    #[test]
    fn what_is_printed_is_read_back((spec, goal) in any_spec().prop_flat_map(printed)) {
        let reading = read(&goal);
        prop_assert_eq!(reading.mistakes, Vec::<String>::new(), "{}", goal);
        prop_assert_eq!(reading.resources, spec, "{}", goal);
    }

    #[test]
    fn no_text_breaks_it(goal in "\\PC{0,800}") {
        read(&goal);
    }

    /// Signs that mean something, in any order.
    #[test]
    fn no_signs_break_it(goal in r#"([(){}:=!,;|"'\\\n 　（）：＝！，、「」]|posts|a|unique|enum|ref|string|int){0,150}"#) {
        let reading = read(&goal);
        for resource in &reading.resources {
            prop_assert!(!resource.fields.is_empty());
        }
    }
}

/// A goal has at most 16,384 characters; none of them takes long, and what is wrong is told shortly.
#[test]
fn hostile_goals_take_no_time() {
    const MOST: usize = 16_384;
    for part in [
        "(",
        ")",
        "a(",
        "a(b:",
        "a(b:int",
        "a(b:string=\"",
        "a(b:ref(",
        "a(b:enum(|",
        "a (b:int) ",
        "a\n(",
        "a(b:int,",
        "a(b:int=(",
        "x",
        "　",
        "(b:int=\\\"",
        "a(b:c),",
        "a(b:int)",
        "a:string!",
        "日本(",
        "「",
        "a(b:int b:",
    ] {
        let goal: String = part.chars().cycle().take(MOST).collect();
        let start = Instant::now();
        let reading = read(&goal);
        assert!(start.elapsed() < Duration::from_secs(3), "{part:?}: {:?}", start.elapsed());
        assert!(reading.mistakes.iter().all(|mistake| mistake.chars().count() < 250), "{part:?}");
    }
}

#[test]
fn prose_is_no_specification() {
    for prose in [
        "e.g. (see: http://example.com/a_(b:c)) or (10:30)",
        "Meet at(10:30) or at (10:30)! See http://example.com/wiki/Foo_(bar:baz), index.html#x(y:z).",
        "A blog (note: simple) for me (and you)",
        "掲示板（例：日本語）を作って。会議（10：30）。",
        "f(x) = 2, g() and 🎉(🎉:🎉)",
    ] {
        for goal in [format!("{prose} notes(body:text)"), format!("notes(body:text) {prose}")] {
            let reading = read(&goal);
            assert_eq!(reading.mistakes, Vec::<String>::new(), "{goal}");
            assert_eq!(reading.resources.len(), 1, "{goal}");
        }
    }
}

#[test]
fn what_could_have_been_meant_is_told() {
    for (goal, aside) in [
        ("posts(title, body) tags(name:string)", "posts(title, body)"),
        ("tags(name:string) and users (name:sting)", "users (name:sting)"),
    ] {
        let reading = read(goal);
        assert_eq!((reading.asides, reading.resources.len()), (vec![aside.to_owned()], 1), "{goal}");
    }
}

#[test]
fn mistakes_say_what_was_not_understood() {
    for (goal, needle) in [
        ("posts(title:sting)", "\"sting\" is no type; there are string"),
        ("Posts(title:string)", "\"Posts\" is no name"),
        ("posts(Title:string)", "\"Title\" is no name"),
        ("投稿（題名：string）", "\"投稿\" is no name"),
        ("page(title:string)", "the name page is reserved"),
        ("posts(id:int)", "the name id is reserved"),
        ("posts(a23456789012345678901234567890bc:int)", "1 to 31"),
        ("posts(title:string, title:text)", "title is written twice"),
        ("posts(a:int) posts(b:int)", "posts: the resource is written twice"),
        ("posts(title:string! !)", "title: the same is said twice"),
        ("posts(title:string uniqe)", "\"uniqe\" is not !, unique or =value"),
        ("posts(title:string=two words)", "\"words\" is not !"),
        ("posts(title:string=)", "no value stands behind ="),
        ("posts(title:string!=\"\")", "the default is empty"),
        ("posts(title:string=a(b))", "in quotes"),
        ("posts(title:string=\"a)", "the quote is never closed"),
        ("posts(title:string", "the bracket is never closed"),
        ("posts(title:string; users(name:string)", "\";\" is not !"),
        ("posts(title:string, body)", "body has no type"),
        ("posts(title:string,)", "a field starts with its name, not with \")\""),
        ("posts(n:int=1.5)", "the default \"1.5\" is not a whole number"),
        ("posts(n:int=9223372036854775808)", "64 bits"),
        ("posts(n:decimal=1.23456)", "4 after"),
        ("posts(b:bool=yes)", "true or false"),
        ("posts(d:date=2023-02-29)", "YYYY-MM-DD"),
        ("posts(d:datetime=2024-01-01)", "a moment"),
        ("posts(e:email=nobody)", "e-mail"),
        ("posts(u:url=ftp://a.b)", "http or https"),
        ("posts(s:enum(a|b)=c)", "one of a, b"),
        ("posts(s:enum(a|a))", "written twice"),
        ("posts(s:enum())", "1 to 64 characters"),
        ("posts(s:enum)", "write enum(a|b)"),
        ("posts(u:ref)", "write ref(resource)"),
        ("posts(u:ref(Users))", "\"Users\" is no name"),
        ("posts(u:ref(users)=0)", "the id of a row"),
    ] {
        let reading = read(goal);
        assert!(reading.mistakes.iter().any(|mistake| mistake.contains(needle)), "{goal}: {:?}", reading.mistakes);
        assert!(reading.mistakes.iter().all(|mistake| mistake.contains(": ")), "{:?}", reading.mistakes);
    }
}

#[test]
fn all_mistakes_of_a_resource_are_told_at_once() {
    let reading = read("posts(a:x, b:y, c:int=z, d:string); users(name:string)");
    assert_eq!(reading.mistakes.len(), 3, "{:?}", reading.mistakes);
    assert_eq!(reading.resources.len(), 1);
}

#[test]
fn defaults_are_what_the_api_will_show() {
    for (field, value) in [
        ("string=hello", json!("hello")),
        ("string=ＡＢＣ１２３％", json!("ＡＢＣ１２３％")),
        ("string=\"a, b (c)! = 'd' \\\"e\\\" \\\\ ＂\"", json!("a, b (c)! = 'd' \"e\" \\ ＂")),
        ("text=「全角、（かっこ）！」", json!("全角、（かっこ）！")),
        ("string=“curly”", json!("curly")),
        ("string=\"\"", json!("")),
        ("int=-9223372036854775808", json!(i64::MIN)),
        ("int=9223372036854775807", json!(i64::MAX)),
        ("int＝－１２", json!(-12)),
        ("decimal=-01.50", json!("-1.5")),
        ("decimal=-0.0", json!("0")),
        ("bool=false", json!(false)),
        ("date=2024-02-29", json!("2024-02-29")),
        ("datetime=2024-01-01T00:00:00+09:00", json!("2023-12-31T15:00:00Z")),
        ("datetime=2024-01-01t00:00:00z", json!("2024-01-01T00:00:00Z")),
        ("email=a.b+c@example.co.jp", json!("a.b+c@example.co.jp")),
        ("url=https://example.com:8080/日本?a=b&c=%20#d", json!("https://example.com:8080/日本?a=b&c=%20#d")),
        ("enum(未着手｜Ａ)=Ａ", json!("Ａ")),
        ("enum(in progress|done)=\"in progress\"", json!("in progress")),
        ("ref(users)=7", json!(7)),
    ] {
        let reading = read(&format!("posts(f:{field})"));
        assert_eq!(reading.mistakes, Vec::<String>::new(), "{field}");
        assert_eq!(reading.resources[0].fields[0].default.as_ref(), Some(&value), "{field}");
    }
}

#[test]
fn reserved_words_of_other_languages_are_names() {
    let names = ["select", "class", "list", "key", "order", "index", "api", "lang", "null", "true", "unique", "string"];
    let fields: Vec<_> = names.iter().map(|name| format!("{name}:int")).collect();
    for name in names {
        let reading = read(&format!("{name}({})", fields.join(", ")));
        assert_eq!((reading.mistakes, reading.resources.len()), (vec![], 1), "{name}");
    }
}

#[test]
fn too_much_is_refused() {
    let fields: Vec<_> = (0..=MAX_FIELDS).map(|n| format!("f{n}:int")).collect();
    assert!(read(&format!("a({})", fields.join(","))).mistakes[0].contains("61 fields"));
    let resources: Vec<_> = (0..=MAX_RESOURCES).map(|n| format!("r{n}(a:int)")).collect();
    assert!(read(&resources.join(";")).mistakes[0].contains("51 resources"));
}
