use super::*;
use serde_json::json;

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
