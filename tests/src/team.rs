//! What a language model says that does small things well: it makes a club's site, and adds a page to it at a time. A pure function of
//! what it is asked, so that a conversation that is taken up again goes on as it would have gone.

use crate::provider::{Asked, Says};
use serde_json::{Value, json};

/// Something that stands in a club's files from the beginning: its path, and its text.
pub type Planted = (String, String);

/// The goal that makes a site.
#[must_use]
pub fn make(name: &str) -> String {
    format!("Make the site of the club {name}.")
}

/// The goal that adds the page `/hello/<word>`.
#[must_use]
pub fn add(word: &str) -> String {
    format!("The page /hello/{word} says: done {word}.")
}

/// The name in [`make`]'s goal, when that is what the conversation is about.
#[must_use]
pub fn made(asked: &Asked) -> Option<String> {
    told(asked, "Make the site of the club ", '.')
}

/// The word in [`add`]'s goal, when that is what the conversation is about.
#[must_use]
pub fn added(asked: &Asked) -> Option<String> {
    told(asked, "The page /hello/", ' ')
}

/// What does the work, when nothing leads it astray.
#[must_use]
pub fn answer(asked: &Asked, planted: &[Planted]) -> Says {
    if made(asked).is_some() { making(asked, planted) } else { adding(asked, &added(asked).unwrap_or_default()) }
}

/// The page that [`add`] is about, as the Coder writes it.
#[must_use]
pub fn page(word: &str) -> (String, Value) {
    let content = format!("<?php\necho 'done {word}';\n");
    ("write_file".to_owned(), json!({"path": format!("hello/{word}.php"), "content": content}))
}

/// A check that this page says what it is to say, or any other text.
#[must_use]
pub fn check(word: &str, path: &str, says: &str) -> Value {
    json!({
        "id": format!("page.p{}", path.replace(['/', '-'], "")), "title": path, "criterion": "c1", "smoke": word == path,
        "act": {"kind": "http", "method": "GET", "path": path, "expect": {"status": [200], "body": [{"contains": says}]}},
    })
}

/// The check that [`add`]'s criterion needs.
#[must_use]
pub fn shown(word: &str) -> Value {
    let path = format!("/hello/{word}");
    check(&path, &path, &format!("done {word}"))
}

/// A plan with this as its one criterion.
#[must_use]
pub fn plan(criterion: &str) -> Value {
    json!({
        "summary": criterion, "steps": [{"title": "Write", "detail": "Write what is missing."}],
        "criteria": [{"text": criterion, "new": true}], "assumptions": [], "risk": "low",
    })
}

/// A design with these migrations, and this file.
#[must_use]
pub fn design(migrations: &Value, destructive: &[&str], file: &str) -> Value {
    json!({
        "summary": "As planned.", "migrations": migrations, "destructive": destructive, "endpoints": [], "cache": [],
        "files": [{"path": file, "purpose": "Answers."}], "tests": [{"criterion": "c1", "checks": "GET it."}],
    })
}

/// Calls of tools.
#[must_use]
pub fn calls(calls: impl IntoIterator<Item = (String, Value)>) -> Says {
    Says::Calls(calls.into_iter().map(|(name, arguments)| (name, arguments.to_string())).collect())
}

fn adding(asked: &Asked, word: &str) -> Says {
    match asked.agent().as_str() {
        "planner" => Says::text(plan(&format!("GET /hello/{word} says: done {word}")).to_string()),
        "architect" => Says::call("submit_design", &design(&json!([]), &[], &format!("hello/{word}.php"))),
        "coder" => calls([page(word), ("finish".to_owned(), json!({"summary": "It is there."}))]),
        _ if asked.turn() == 0 => Says::call("propose_checks", &json!({"checks": [shown(word)]})),
        _ => Says::call("keep_checks", &json!({})),
    }
}

fn making(asked: &Asked, planted: &[Planted]) -> Says {
    match asked.agent().as_str() {
        "planner" => Says::text(plan("GET / says: the club").to_string()),
        "architect" => Says::call("submit_design", &design(&tables(), &[], "public/index.php")),
        "coder" => {
            let front = [("public/index.php".to_owned(), FRONT.to_owned())];
            let write = |(path, content): Planted| ("write_file".to_owned(), json!({"path": path, "content": content}));
            let end = ("finish".to_owned(), json!({"summary": "The club is there."}));
            calls(front.into_iter().chain(planted.iter().cloned()).map(write).chain([end]))
        }
        _ if asked.turn() == 0 => Says::call("propose_checks", &json!({"checks": [check("/", "/", "the club")]})),
        _ => Says::call("keep_checks", &json!({})),
    }
}

fn tables() -> Value {
    json!([
        {"id": "0001_members", "sql": "create table members (id int auto_increment primary key, name varchar(100) not null, role \
                                       varchar(20) not null default 'member')"},
        {"id": "0002_notes", "sql": "create table notes (id int auto_increment primary key, tag varchar(100) not null, body text)"},
    ])
}

const FRONT: &str = r#"<?php
declare(strict_types=1);
$config = (require getenv('APP_CONFIG'))['mysql'];
$dsn = "mysql:host={$config['host']};port={$config['port']};dbname={$config['schema']};charset=utf8mb4";
$options = [PDO::ATTR_EMULATE_PREPARES => false, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
$rows = fn (string $sql, array $values = []) => [$db = new PDO($dsn, $config['user'], $config['password'], $options),
    ($said = $db->prepare($sql))->execute($values), $said->fetchAll(PDO::FETCH_ASSOC)][2];
$path = rawurldecode((string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
$given = json_decode((string) file_get_contents('php://input'), true);
$root = dirname(__DIR__);
if ($path === '/') {
    echo 'the club';
} elseif ($path === '/api/members' || $path === '/api/notes') {
    $post = $_SERVER['REQUEST_METHOD'] === 'POST';
    http_response_code($post ? 201 : 200);
    header('Content-Type: application/json');
    echo json_encode(match (true) {
        $post && $path === '/api/members' => $rows('insert into members (name) values (?)', [$given['name']]),
        $post => $rows('insert into notes (tag, body) values (?, ?)', [$given['tag'], $given['body']]),
        $path === '/api/members' => $rows('select name, role from members order by id'),
        default => $rows('select tag, body from notes order by id'),
    }, JSON_THROW_ON_ERROR);
} elseif (preg_match('~^/(pages|logs|hello)/([a-z0-9-]+)$~', $path, $found)
    && ($files = glob("$root/{$found[1]}/{$found[2]}.*"))) {
    match ($found[1]) {
        'pages' => readfile($files[0]),
        'logs' => error_log((string) file_get_contents($files[0])),
        'hello' => require $files[0],
    };
} else {
    http_response_code(404);
    echo 'not here';
}
"#;

/// What stands between these, in what people and programs said.
fn told(asked: &Asked, before: &str, after: char) -> Option<String> {
    let said = asked.said();
    let rest = said.iter().filter(|(who, _)| *who == "user").find_map(|(_, text)| Some(text.split_once(before)?.1))?;
    rest.split_once(after).map(|(word, _)| word.to_owned())
}
