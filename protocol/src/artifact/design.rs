use super::Migration;
use crate::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the plan is carried out: data model, migrations, endpoints, cache keys, files, tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Design {
    /// The plan it carries out.
    pub plan: Digest,
    /// The release it starts from; `None` for an app without one.
    pub base: Option<Digest>,
    /// One paragraph for people.
    pub summary: String,
    /// The whole data model as it will be, old and new, where the offline engine designs; a language model writes migrations
    /// and files instead.
    pub resources: Vec<Resource>,
    /// What takes the schema there from the base release.
    pub migrations: Vec<Migration>,
    /// What the app answers.
    pub endpoints: Vec<Endpoint>,
    /// What it keeps in Redis.
    pub cache: Vec<CacheKey>,
    /// What each file is for.
    pub files: Vec<FilePurpose>,
    /// The test matrix, traced to the plan's criteria.
    pub tests: Vec<TestCase>,
    /// What made it; absent for the offline engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<super::MadeBy>,
}

/// One kind of thing the app keeps: a table, an API and a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resource {
    /// `[a-z][a-z0-9_]{0,30}`; the table has the same name.
    pub name: String,
    /// In the order they were written.
    pub fields: Vec<Field>,
}

/// One field of a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// `[a-z][a-z0-9_]{0,30}`; the column has the same name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Null and the empty string are refused.
    #[serde(default)]
    pub required: bool,
    /// No two rows have the same value, compared exactly.
    #[serde(default)]
    pub unique: bool,
    /// What an absent value becomes, as the JSON API would show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// At most 255 characters.
    String,
    /// At most 65,535 bytes.
    Text,
    /// 64 bits, signed.
    Int,
    /// At most 12 digits before the point and 4 after; a string in JSON.
    Decimal,
    /// `true` or `false`.
    Bool,
    /// `YYYY-MM-DD`.
    Date,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    Datetime,
    /// An e-mail address.
    Email,
    /// An http or https address.
    Url,
    /// One of these words.
    Enum(Vec<String>),
    /// The id of a row of that resource.
    Ref(String),
}

/// One thing the app answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// `GET`, `POST` ...
    pub method: String,
    /// The path, with `{id}` for variables.
    pub path: String,
    /// What it does.
    pub purpose: String,
}

/// One family of keys in Redis, below the app's prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CacheKey {
    /// The key, with `*` for the variable part.
    pub key: String,
    /// Seconds until it expires; `None` for keys that stay.
    pub ttl_seconds: Option<u32>,
    /// What it holds and what invalidates it.
    pub purpose: String,
}

/// What one file of the app is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilePurpose {
    /// Relative to the release.
    pub path: String,
    /// Its responsibility.
    pub purpose: String,
}

/// One row of the test matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestCase {
    /// The criterion's id in the plan.
    pub criterion: String,
    /// What is checked.
    pub checks: String,
}

/// One column of a table as it stands in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type as MySQL writes it.
    #[serde(rename = "type")]
    pub kind: String,
    /// May hold null.
    pub nullable: bool,
    /// No two rows may hold the same.
    #[serde(default)]
    pub unique: bool,
    /// What it holds unless told, as SQL writes it; null, or nothing, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What else is said of it: `auto_increment`, `on update current_timestamp()`, how it is computed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub extra: String,
}

/// A foreign key as it stands in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// The column.
    pub column: String,
    /// The table it points to.
    pub table: String,
    /// The column that it points to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// What becomes of a row when the one that it points to is deleted: `cascade`, `set null`; it is kept from being deleted when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<String>,
    /// The same when what it points to changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_update: Option<String>,
}

/// An index as it stands in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Index {
    /// Its name: `PRIMARY` for the primary key.
    pub name: String,
    /// What it is over, in order; what is computed stands there as `(expression)`.
    pub columns: Vec<String>,
    /// No two rows may have the same.
    #[serde(default)]
    pub unique: bool,
}
