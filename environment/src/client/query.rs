use super::{Secrets, Sql, only_reads};
use protocol::{Code, JobId, Problem};
use runtime::model::{clip, data};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A language model's question to a database: it only reads, and what comes back is short, marked as data, and without what the app's
/// PHP keeps to itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// One SELECT, or EXPLAIN of a SELECT, on the app's own tables, without a semicolon.
    sql: String,
}

const MOST_ROWS: usize = 50;
/// Of a value so many characters are shown.
const WIDEST: usize = 300;
const MOST_BYTES: usize = 24 << 10;

impl Query {
    /// Itself, if it can be asked.
    ///
    /// # Errors
    /// Why it is none that only reads, in words for the model.
    pub fn checked(self) -> Result<Self, String> {
        match only_reads(&self.sql) {
            Ok(()) => Ok(self),
            Err(why) => {
                Err(format!("Not asked: {why}. Only one SELECT, or EXPLAIN of one, on the app's own tables is."))
            }
        }
    }

    /// Asks it, and says in words for the model what came back, also when the server refused it.
    ///
    /// # Errors
    /// [`Code::MysqlUnavailable`].
    pub async fn ask(&self, sql: &Sql, secrets: &Secrets, job: JobId) -> Result<String, Problem> {
        let rows = match sql.query(&self.sql, &[]).await {
            Ok(rows) => rows,
            Err(problem) if problem.code == Code::BadRequest => {
                let why = data(job, "what the database says", clip(&problem.detail, MOST_BYTES).0);
                return Ok(format!("It was refused:\n{why}\nCorrect the query; LIMIT makes an answer short."));
            }
            Err(problem) => return Err(problem),
        };
        if rows.is_empty() {
            return Ok("No rows.".to_owned());
        }
        let lines: Vec<_> = rows.iter().take(MOST_ROWS).map(row).collect();
        let text = secrets.hide(&lines.join("\n"));
        let (shown, whole) = clip(&text, MOST_BYTES);
        let left = rows.len().saturating_sub(MOST_ROWS);
        let more = match (left, whole) {
            (0, true) => String::new(),
            (0, false) => "\nThe rows are cut off; ask for fewer columns.".to_owned(),
            (left, _) => format!("\n{left} more rows are not shown; use LIMIT, or count them."),
        };
        Ok(format!("{}{more}", data(job, "rows of the preview", shown)))
    }
}

/// A row as JSON, with long values cut off.
fn row(row: &Map<String, Value>) -> String {
    let cut = |value: &Value| match value {
        Value::String(text) if text.chars().count() > WIDEST => {
            let start: String = text.chars().take(WIDEST).collect();
            Value::String(format!("{start}… ({} characters)", text.chars().count()))
        }
        value => value.clone(),
    };
    let row: Map<String, Value> = row.iter().map(|(name, value)| (name.clone(), cut(value))).collect();
    Value::Object(row).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_values_are_cut() {
        let mut wide = Map::new();
        wide.insert("id".into(), 1.into());
        wide.insert("body".into(), "あ".repeat(5_000).into());
        let shown = row(&wide);
        assert!(shown.len() < 1_100 && shown.contains("(5000 characters)") && shown.contains("\"id\":1"), "{shown}");
    }
}
