//! The app's files: those that all apps share, and those that say what this one keeps.

use crate::{MODEL_FILE, language::Language, model::Model};
use protocol::{
    Digest,
    artifact::{Field, FieldType, Resource},
};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write};

macro_rules! shared {
    ($($path:literal: $purpose:literal;)*) => {
        /// Path, what it is for, text.
        const SHARED: &[(&str, &str, &str)] = &[$(($path, $purpose, include_str!(concat!("../app/", $path)))),*];
    };
}

shared! {
    "public/index.php": "Takes every request.";
    "src/Application.php": "Finds out who answers, and turns errors into answers.";
    "src/Cache.php": "Redis, which may fail.";
    "src/Check.php": "What each type takes.";
    "src/Csrf.php": "Proof that a form was ours.";
    "src/Database.php": "MySQL: prepared statements and transactions.";
    "src/Field.php": "One field, and its value in MySQL and in JSON.";
    "src/FieldType.php": "The types.";
    "src/Form.php": "What the text in forms and addresses stands for.";
    "src/HomePage.php": "The page at /.";
    "src/Html.php": "Pages made of templates, and escaping.";
    "src/HttpError.php": "An answer other than success.";
    "src/ListQuery.php": "Which rows a list shows, and in what order.";
    "src/Lists.php": "Lists, cached.";
    "src/Messages.php": "Sentences in the app's language.";
    "src/Problem.php": "Why a value was refused.";
    "src/Request.php": "What a client sent.";
    "src/Resource.php": "The definition of one resource.";
    "src/ResourceApi.php": "The JSON API of one resource.";
    "src/ResourcePage.php": "The HTML page of one resource.";
    "src/Response.php": "What a client gets.";
    "src/Rows.php": "The rows of one resource.";
    "src/Schema.php": "All resources.";
    "src/Validator.php": "Holds what was sent against a definition.";
    "templates/edit.php": "The page of one row.";
    "templates/error.php": "The page for what went wrong.";
    "templates/field.php": "One field of a form.";
    "templates/form.php": "The form of a resource.";
    "templates/home.php": "What stands at /.";
    "templates/layout.php": "What all pages have.";
    "templates/list.php": "List, search and the form for a new row.";
    "templates/style.css": "How it looks; put into each page.";
}

/// The address of the shared files: another one, another version of this engine.
pub(crate) fn engine() -> Digest {
    Digest::of(&SHARED.iter().map(|(path, _, text)| (path, text)).collect::<Vec<_>>())
}

/// All files of the app, by path.
pub(crate) fn files(language: Language, resources: &[Resource]) -> BTreeMap<String, String> {
    let model = Model { engine: engine(), language, resources: resources.to_vec() };
    let messages = language.pick(include_str!("../app/lang/en.php"), include_str!("../app/lang/ja.php"));
    let mut files: BTreeMap<String, String> =
        SHARED.iter().map(|(path, _, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    files.insert(MODEL_FILE.to_owned(), model.to_text());
    files.insert("app/messages.php".to_owned(), messages.to_owned());
    files.insert("app/resources.php".to_owned(), names(resources));
    files.extend(resources.iter().map(|one| (format!("app/resources/{}.php", one.name), definition(one, resources))));
    files
}

/// What each file is for, by path.
pub(crate) fn purposes(resources: &[Resource]) -> BTreeMap<String, String> {
    let mut purposes: BTreeMap<String, String> =
        SHARED.iter().map(|(path, purpose, _)| ((*path).to_owned(), (*purpose).to_owned())).collect();
    purposes.insert(MODEL_FILE.to_owned(), "The model, for the next change.".to_owned());
    purposes.insert("app/messages.php".to_owned(), "Every sentence that people read.".to_owned());
    purposes.insert("app/resources.php".to_owned(), "The names of the resources.".to_owned());
    purposes.extend(
        resources.iter().map(|one| (format!("app/resources/{}.php", one.name), format!("The fields of {}.", one.name))),
    );
    purposes
}

fn names(resources: &[Resource]) -> String {
    let names: String = resources.iter().map(|one| format!("    '{}',\n", one.name)).collect();
    format!("<?php\n\ndeclare(strict_types=1);\n\nreturn [\n{names}];\n")
}

fn definition(resource: &Resource, all: &[Resource]) -> String {
    let fields: String = resource.fields.iter().map(|field| format!("    {},\n", constructor(field))).collect();
    let mut referrers = String::new();
    for (other, field) in referrers_of(resource, all) {
        writeln!(referrers, "    ['{}', '{}'],", other.name, field.name).expect("a String takes everything");
    }
    let referrers = if referrers.is_empty() { String::new() } else { format!(", [\n{referrers}]") };
    format!(
        "<?php\n\ndeclare(strict_types=1);\n\nuse App\\Field;\nuse App\\FieldType;\nuse App\\Resource;\n\n\
         return new Resource('{}', [\n{fields}]{referrers});\n",
        resource.name
    )
}

/// Who may refer to a resource, itself included.
pub(crate) fn referrers_of<'a>(resource: &Resource, all: &'a [Resource]) -> Vec<(&'a Resource, &'a Field)> {
    let points_here = |field: &&Field| matches!(&field.kind, FieldType::Ref(target) if *target == resource.name);
    all.iter().flat_map(|one| one.fields.iter().filter(points_here).map(move |field| (one, field))).collect()
}

fn constructor(field: &Field) -> String {
    let mut arguments = vec![format!("'{}'", field.name), format!("FieldType::{}", case(&field.kind))];
    if field.required {
        arguments.push("required: true".into());
    }
    if field.unique {
        arguments.push("unique: true".into());
    }
    if let Some(default) = &field.default {
        arguments.push(format!("default: {}", value(default)));
    }
    match &field.kind {
        FieldType::Enum(words) => {
            let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
            arguments.push(format!("words: [{}]", words.join(", ")));
        }
        FieldType::Ref(target) => arguments.push(format!("target: '{target}'")),
        _ => {}
    }
    format!("new Field({})", arguments.join(", "))
}

fn case(kind: &FieldType) -> &'static str {
    match kind {
        FieldType::String => "String",
        FieldType::Text => "Text",
        FieldType::Int => "Int",
        FieldType::Decimal => "Decimal",
        FieldType::Bool => "Bool",
        FieldType::Date => "Date",
        FieldType::Datetime => "Datetime",
        FieldType::Email => "Email",
        FieldType::Url => "Url",
        FieldType::Enum(_) => "Enum",
        FieldType::Ref(_) => "Ref",
    }
}

fn value(value: &Value) -> String {
    match value {
        // PHP reads the digits of the smallest integer before their sign, and makes a float of them.
        Value::Number(number) if number.as_i64() == Some(i64::MIN) => "PHP_INT_MIN".into(),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
