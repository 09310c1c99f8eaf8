use super::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One thing the Tester does and what must come back: data, not code.
///
/// Text in an act may name what an earlier check captured, or what the runner provides, as `${name}`. The runner
/// provides `run` (a word of letters and digits, new for every run) and `dollar` (a dollar sign: `${dollar}{a}` is the text
/// `${a}`). An unknown name is an error of the check. Names match
/// `[A-Za-z_][A-Za-z0-9_.-]*`; any other `${` is text like the rest.
///
/// Values are put in as they are: percent-encode what goes into a path yourself. In a regular expression, and in the key of
/// a cache check, a value stands for exactly its own characters.
///
/// What is captured is there for every later check of the run, whichever kind it is; a list in which two checks capture the same name
/// is refused, so that a name means one thing.
///
/// Regular expressions are those of the `regex` crate. `lint`, `no-5xx` and `no-php-warnings` are the runner's own ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Unique in its list: `posts.create.title-required`.
    pub id: String,
    /// What it shows, for people.
    pub title: String,
    /// The criterion of the plan that it shows, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criterion: Option<String>,
    /// It only reads, so it may run against the live app.
    #[serde(default)]
    pub smoke: bool,
    /// What to do.
    pub act: Act,
}

impl Check {
    /// A list has at most this many: a run of them takes some twenty seconds.
    pub const MOST: usize = 4_000;
}

/// What a check does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    /// Send a request to the app.
    Http(HttpCheck),
    /// Read rows.
    Sql(SqlCheck),
    /// Look into the app's Redis keys.
    Cache(CacheCheck),
    /// Read what PHP logged since the run began.
    Log(LogCheck),
    /// Parse every PHP file.
    Lint(LintCheck),
    /// Change rows, in previews only, so that what the app's own pages don't bring about can be tested.
    Arrange(ArrangeCheck),
}

impl Act {
    /// It only brings about what later checks need: that it worked shows nothing of the change.
    #[must_use]
    pub fn arranges(&self) -> bool {
        matches!(self, Self::Arrange(_))
    }

    /// The names under which it keeps something for later checks.
    #[must_use]
    pub fn captures(&self) -> Vec<&str> {
        match self {
            Self::Http(http) => http.capture.keys().map(String::as_str).collect(),
            Self::Sql(sql) => sql.capture.keys().map(String::as_str).collect(),
            Self::Arrange(arrange) => arrange.capture_id.as_deref().into_iter().collect(),
            Self::Cache(_) | Self::Log(_) | Self::Lint(_) => Vec::new(),
        }
    }
}

/// A request and what must come back. Redirects are not followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HttpCheck {
    /// The method.
    pub method: Method,
    /// Path and query, starting with `/`.
    pub path: String,
    /// Request headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Checks that name the same jar share cookies; without one no cookie is sent or kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jar: Option<String>,
    /// What must come back.
    pub expect: HttpExpect,
    /// What later checks may use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capture: BTreeMap<String, Capture>,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the methods of HTTP by their own names")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl Method {
    /// The method as it stands in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// `application/json`, unless the check names another content type. A string of exactly `${name}` becomes the
    /// captured value with its type.
    Json(Value),
    /// `application/x-www-form-urlencoded`.
    Form(BTreeMap<String, String>),
    /// Exactly these bytes, under the content type that the check names.
    Text(String),
}

/// What must come back from a request. All of it must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HttpExpect {
    /// The status; any of these. At least one.
    pub status: Vec<u16>,
    /// Headers by lower-case name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Matcher>,
    /// Places in the JSON body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<JsonExpect>,
    /// The body as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<Pattern>,
}

/// One place in a JSON body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JsonExpect {
    /// A JSON pointer (RFC 6901); empty for the whole body.
    pub pointer: String,
    /// What must stand there.
    pub is: Matcher,
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Matcher {
    /// Exactly this: same JSON type, same value. A string of exactly `${name}` stands for the captured value with its type.
    Equals(Value),
    /// A string, or number, that is numerically equal to this decimal.
    Decimal(String),
    /// There, whatever it is (null too).
    Present,
    /// Not there at all.
    Absent,
    /// As text, matches this regular expression.
    Matches(String),
    /// As text, contains this.
    Contains(String),
    /// An array (or object) of this many.
    Length(usize),
    /// A number from the first to the second, both included.
    Between(i64, i64),
}

/// What a text must, or must not, have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// This text stands in it.
    Contains(String),
    /// This text does not.
    Lacks(String),
    /// This regular expression finds something.
    Matches(String),
}

/// What to keep from a response, also when something else about it was wrong. Nothing to keep is a failure of the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// The value at a JSON pointer, with its type.
    Json(String),
    /// A header's value.
    Header(String),
    /// The first group of a regular expression over the body; HTML entities are decoded.
    Body(String),
}

/// Rows that must be there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SqlCheck {
    /// One SELECT, with `?` for parameters. No `${name}` in here: values come as parameters.
    pub query: String,
    /// The parameters; `${name}` stands for a captured value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Value>,
    /// What must come back.
    pub expect: SqlExpect,
    /// What later checks may use: by name, a column of the first row. No row, or no such column, is a failure of the check.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capture: BTreeMap<String, String>,
}

/// What a query must give. Integers arrive as numbers, decimals, dates and text as strings, NULL as null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SqlExpect {
    /// This many rows.
    Count(usize),
    /// These rows in this order; of each row the columns named here.
    Rows(Vec<BTreeMap<String, Matcher>>),
}

/// Keys that must, or must not, be in Redis. A key that stays for ever has a time to live of -1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CacheCheck {
    /// The key below the app's prefix; `*` stands for anything.
    pub key: String,
    /// What must be so.
    pub expect: CacheExpect,
}

/// What must be so of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheExpect {
    /// No key matches.
    Absent,
    /// At least one key matches, and every one that does holds the following.
    Present {
        /// Its value, for keys that hold a string.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Matcher>,
        /// Seconds to live, from and to, both included; `None` for "whatever".
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl_seconds: Option<(i64, i64)>,
    },
}

/// PHP's log since the run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogCheck {
    /// No new line matches this regular expression.
    pub lacks: String,
}

/// Files that must parse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LintCheck {
    /// These files; all PHP files of the release when empty.
    #[serde(default)]
    pub paths: Vec<Path>,
}

/// Rows to be changed in a preview: somebody is made an administrator, an event is moved into the past, a table is filled. It runs under
/// the account of the preview's own PHP, on the base preview too, and never on the live app. What the app has cached does not know
/// of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArrangeCheck {
    /// One INSERT, UPDATE or DELETE of one of the app's tables, with `?` for parameters. No `${name}` in here: values come as
    /// parameters.
    pub statement: String,
    /// The parameters; `${name}` stands for a captured value. A string of exactly `${bcrypt:PASSWORD}` stands for a hash that PHP's
    /// `password_verify` accepts for `PASSWORD`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Value>,
    /// How many rows it must add, delete, or find for an update; any number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Under this name, later checks may use the id that the database gave the row that was inserted, the first one of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_id: Option<String>,
}
