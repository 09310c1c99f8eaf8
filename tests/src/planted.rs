//! An engine that writes what the built-in one does, and then a bug into it.

use crate::marked;
use coder::{Blueprint, Engine, Order};
use protocol::{
    Code, Problem,
    artifact::{ChangeSet, Content, FileChange, Path},
};

/// Plants a bug into every app that is named for one: `bug-NAME-...` keeps it, `mend-NAME-...` has it in the first attempt
/// only. The releases of `marked-...` say in everything they answer which one they are.
pub struct Planted;

/// One way to break an app.
#[derive(Debug)]
pub struct Bug {
    /// What the app is named for; letters and digits.
    pub name: &'static str,
    /// The start of the path of the files it is in.
    pub file: &'static str,
    /// What the good code says.
    pub good: &'static str,
    /// What it says with the bug.
    pub bad: &'static str,
}

/// Every bug there is to find.
pub const BUGS: &[Bug] = &[
    Bug {
        name: "sqlerror",
        file: "src/Rows.php",
        good: r#"order by {$query->order()}"#,
        bad: r#"oder by {$query->order()}"#,
    },
    Bug {
        name: "length",
        file: "src/Check.php",
        good: r#"mb_strlen($value, 'UTF-8') > $max"#,
        bad: r#"mb_strlen($value, 'UTF-8') > 9 * $max"#,
    },
    Bug {
        name: "required",
        file: "src/Validator.php",
        good: r#"if ($field->required && ($value === null || $value === ''))"#,
        bad: r#"if ($field->required && $value === null)"#,
    },
    Bug {
        name: "stalecache",
        file: "src/Lists.php",
        good: r#"$this->cache->renew($this->versionKey());"#,
        bad: r#"$this->versionKey();"#,
    },
    Bug {
        name: "unescaped",
        file: "src/Html.php",
        good: r#"return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');"#,
        bad: r#"return $text;"#,
    },
    Bug {
        name: "warning",
        file: "src/Rows.php",
        good: r#"$json = ['id' => (int) $row['id']];"#,
        bad: r#"$unused = $row['nope'];
        $json = ['id' => (int) $row['id']];"#,
    },
    Bug {
        name: "status",
        file: "src/ResourceApi.php",
        good: r#"Response::json(201, $row"#,
        bad: r#"Response::json(200, $row"#,
    },
    Bug {
        name: "location",
        file: "src/ResourceApi.php",
        good: r#"['Location' => "/api/{$this->resource->name}/{$row['id']}"]"#,
        bad: r#"[]"#,
    },
    Bug {
        name: "csrf",
        file: "src/Csrf.php",
        good: r#"&& hash_equals($this->token(), $token)"#,
        bad: r#"&& $token !== ''"#,
    },
    Bug {
        name: "wildcard",
        file: "src/ListQuery.php",
        good: r#""locate(?, {$field->column()}) > 0""#,
        bad: r#""{$field->column()} like concat('%', ?, '%')""#,
    },
    Bug {
        name: "caseunique",
        file: "src/Rows.php",
        good: r#"hash('sha256', (string) $value)"#,
        bad: r#"hash('sha256', strtolower((string) $value))"#,
    },
    Bug {
        name: "patchput",
        file: "src/ResourceApi.php",
        good: r#"$request->method === 'PUT' ? $this->validator->whole($input) : $this->validator->part($input)"#,
        bad: r#"$this->validator->whole($input)"#,
    },
    Bug { name: "ttl", file: "src/Cache.php", good: r#", ['ex' => $seconds]"#, bad: r#""# },
    Bug {
        name: "unknownfield",
        file: "src/Validator.php",
        good: r#"$errors[$name] = [$this->messages->get('unknown_field')];"#,
        bad: r#"// Nobody knows it."#,
    },
    Bug {
        name: "notfound",
        file: "src/HttpError.php",
        good: r#"new self(404, $messages->get('not_found'))"#,
        bad: r#"new self(400, $messages->get('not_found'))"#,
    },
    Bug { name: "syntax", file: "src/Lists.php", good: r#"return [$json, false];"#, bad: r#"return [$json, false;"# },
    Bug {
        name: "fatal",
        file: "app/resources/",
        good: r#"return new Resource("#,
        bad: r#"nobody_wrote_this(); return new Resource("#,
    },
    Bug { name: "allow", file: "src/HttpError.php", good: r#"['Allow' => $allowed]"#, bad: r#"[]"# },
    Bug {
        name: "filter",
        file: "src/ListQuery.php",
        good: r#""{$field->column()} = $place""#,
        bad: r#""$place is not null""#,
    },
    Bug {
        name: "formcache",
        file: "src/ResourcePage.php",
        good: r#"$this->lists->forget();"#,
        bad: r#"$this->lists::class;"#,
    },
    Bug {
        name: "bignumber",
        file: "src/Request.php",
        good: r#"json_decode($this->body, true)"#,
        bad: r#"json_decode($this->body, true, 512, JSON_BIGINT_AS_STRING)"#,
    },
    Bug { name: "default", file: "src/Validator.php", good: r#"$input + $defaults"#, bad: r#"$input"# },
    Bug {
        name: "order",
        file: "src/ListQuery.php",
        good: r#"str_starts_with($this->sort, '-') ? 'desc' : 'asc'"#,
        bad: r#"'asc'"#,
    },
];

impl Engine for Planted {
    fn wanted_files(&self) -> Vec<Path> {
        Blueprint.wanted_files()
    }

    fn build(&self, order: &Order<'_>) -> Result<ChangeSet, Problem> {
        let mut change_set = Blueprint.build(order)?;
        let mut words = order.app.as_str().split('-');
        let (kind, name) = (words.next(), words.next().unwrap_or_default());
        if kind == Some("marked") {
            marked::mark(&mut change_set, order)?;
        }
        let plants = match kind {
            Some("bug") => true,
            Some("mend") => order.attempt == 1,
            _ => false,
        };
        if plants {
            let bug = BUGS.iter().find(|bug| bug.name == name);
            let bug = bug.ok_or_else(|| Code::Internal.problem(format!("there is no bug {name}")))?;
            bug.plant(&mut change_set)?;
        }
        Ok(change_set)
    }
}

impl Bug {
    fn plant(&self, change_set: &mut ChangeSet) -> Result<(), Problem> {
        let mut planted = 0;
        for FileChange { path, content } in &mut change_set.files {
            let Some(Content::Text(text)) = content else { continue };
            if path.as_str().starts_with(self.file) && text.contains(self.good) {
                *text = text.replace(self.good, self.bad);
                planted += 1;
            }
        }
        if planted > 0 {
            return Ok(());
        }
        // The engine's output has changed: the bug would be "found" without having been there.
        Err(Code::Internal.problem(format!("{}: no file of {} says {}", self.name, self.file, self.good)))
    }
}
