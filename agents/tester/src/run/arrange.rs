use super::{Shown, World};
use crate::{matcher::Shortfall, variables::Variables};
use bcrypt::Version;
use protocol::{Code, Problem, artifact::ArrangeCheck, tools::host::Arranged};
use serde_json::Value;

/// The least that bcrypt knows: the password is a test's, and is to be checked quickly.
const COST: u32 = 4;

/// Changes rows of the preview, and keeps the new row's id.
pub(super) async fn check(world: &World, check: &ArrangeCheck, variables: &mut Variables) -> Result<Shown, Problem> {
    if let Some(name) = &check.capture_id {
        variables.unset(name);
    }
    let params = match check.params.iter().map(|param| filled(param, variables)).collect::<Result<Vec<_>, _>>() {
        Ok(params) => params,
        Err(why) => return Ok(Shown::errored(&check.statement, why)),
    };
    let sent = format!("{}\n{}", check.statement, Value::Array(params.clone()));
    let Arranged { rows, id } = match world.arrange(&check.statement, params).await {
        Ok(arranged) => arranged,
        // The statement is at fault, so this check is; anything else ends the run.
        Err(problem) if problem.code == Code::BadRequest => return Ok(Shown::errored(sent, problem.detail)),
        Err(problem) => return Err(problem),
    };
    let mut shortfalls = Vec::new();
    if let Some(expected) = check.rows.filter(|expected| *expected != rows) {
        shortfalls.push(Shortfall::Failed(format!("expected {expected} rows, got {rows}")));
    }
    match (&check.capture_id, id) {
        (Some(name), Some(id)) => variables.set(name, id.into()),
        (Some(_), None) => shortfalls.push(Shortfall::Failed("the database gave no id: nothing to keep".to_owned())),
        (None, _) => {}
    }
    let id = id.map(|id| format!(", id {id}")).unwrap_or_default();
    Ok(Shown { sent, received: format!("{rows} rows{id}"), shortfalls })
}

/// The parameter with variables put in; a password of which a hash is wanted, as its hash.
fn filled(param: &Value, variables: &Variables) -> Result<Value, String> {
    let wanted = param.as_str().and_then(|text| text.strip_prefix("${bcrypt:")?.strip_suffix('}'));
    match wanted {
        Some(password) => hash(&variables.text(password).map_err(|unknown| unknown.to_string())?).map(Value::from),
        None => variables.value(param).map_err(|unknown| unknown.to_string()),
    }
}

/// A hash as PHP's `password_hash` writes it: `$2y$`, and not the `$2b$` of others.
fn hash(password: &str) -> Result<String, String> {
    let hashed = bcrypt::hash_with_salt(password, COST, rand::random::<[u8; 16]>());
    hashed.map(|parts| parts.format_for_version(Version::TwoY)).map_err(|error| format!("no hash of this: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_password_becomes_a_hash_that_php_takes() {
        let variables = Variables::of_run("r1");
        let filled = |param: Value| filled(&param, &variables);
        let hashed = filled(json!("${bcrypt:secret-${run}}")).expect("a hash");
        let hashed = hashed.as_str().expect("a text");
        assert!(hashed.starts_with("$2y$04$") && hashed.len() == 60, "{hashed}");
        assert_eq!(bcrypt::verify("secret-r1", hashed).ok(), Some(true));
        assert_eq!(bcrypt::verify("secret-r2", hashed).ok(), Some(false));
        assert_eq!(filled(json!("my ${bcrypt:x}")), Ok(json!("my ${bcrypt:x}")));
        assert!(filled(json!("${bcrypt:${nobody}}")).is_err());
        assert_eq!(filled(json!(["${run}", 1])), Ok(json!(["r1", 1])));
    }
}
