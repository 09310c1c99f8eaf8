//! A dump of one schema, as `mysqldump` and `mariadb-dump` write it, as migrations: one statement each.
//!
//! What is in it is either taken over, left out by name ([`idle`]), or refused with the line it stands in. Whether a statement may
//! run at all is the host's to say: it reads each of them again.

use super::{
    lexer::{self, Piece, Token},
    rows::Rows,
};
use protocol::{Code, Problem, artifact::Migration};
use std::{collections::BTreeMap, fmt::Write as _};

/// What is taken over of a dump.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Dump {
    /// The statements, in the order in which they run.
    pub(super) migrations: Vec<Migration>,
    /// For each of them the line of the dump that it began in, from 1.
    pub(super) lines: Vec<usize>,
    /// The tables that it makes, in their order, with how many rows each gets.
    pub(super) tables: Vec<(String, u64)>,
    /// What was left out: the first words of statements, and how often.
    pub(super) left_out: BTreeMap<String, usize>,
}

/// What can't be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadDump {
    at: usize,
    why: String,
}

impl BadDump {
    pub(super) fn at(at: usize, why: impl Into<String>) -> Self {
        Self { at, why: why.into() }
    }
}

/// Reads a dump.
///
/// # Errors
/// [`Code::BadDump`], naming the line.
pub(super) fn read(sql: &str) -> Result<Dump, Problem> {
    let lines = Lines::of(sql);
    let named =
        |bad: BadDump| Code::BadDump.problem(format!("line {} of the dump: {}", lines.of_place(bad.at), bad.why));
    if let Some(nul) = sql.find('\0') {
        return Err(named(BadDump::at(nul, "it holds a NUL; dump binary columns with --hex-blob")));
    }
    let mut reader =
        Reader { sql, lines: &lines, dump: Dump::default(), links: Vec::new(), filled: BTreeMap::new(), rows: None };
    reader.all().map_err(named)?;
    Ok(reader.dump)
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(sql: &str) -> Self {
        Self(sql.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The line that this place is in, from 1.
    fn of_place(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at) + 1
    }
}

struct Reader<'a> {
    sql: &'a str,
    lines: &'a Lines,
    dump: Dump,
    /// Foreign keys of tables that were made.
    links: Vec<Links>,
    /// The statements that give rows to a table: the first and the last.
    filled: BTreeMap<String, (usize, usize)>,
    /// Rows that may be followed by more of the same.
    rows: Option<Rows<'a>>,
}

/// One statement, without comments.
pub(super) struct Statement<'a> {
    pub(super) sql: &'a str,
    pub(super) tokens: Vec<Token>,
}

impl Statement<'_> {
    pub(super) fn begin(&self) -> usize {
        self.tokens.first().map_or(0, |token| token.at.start)
    }

    /// Whether it begins with these words.
    pub(super) fn starts(&self, words: &[&str]) -> bool {
        self.tokens.len() >= words.len() && words.iter().zip(&self.tokens).all(|(word, token)| token.is(self.sql, word))
    }

    /// Its first words, for people.
    fn verb(&self) -> String {
        let words = self.tokens.iter().take_while(|token| token.piece == Piece::Word).take(2);
        words.map(|word| word.text(self.sql).to_uppercase()).collect::<Vec<_>>().join(" ")
    }

    /// The text of these tokens, without the comments between them.
    pub(super) fn text(&self, tokens: &[Token]) -> String {
        let mut text = String::new();
        for (index, token) in tokens.iter().enumerate() {
            if let Some(before) = index.checked_sub(1).map(|before| tokens[before].at.end) {
                let between = &self.sql[before..token.at.start];
                text.push_str(if between.trim().is_empty() { between } else { " " });
            }
            text.push_str(token.text(self.sql));
        }
        text
    }

    /// The table that is named at this place, and what comes after it.
    pub(super) fn table(&self, at: usize) -> Result<(String, usize), BadDump> {
        let token = self.tokens.get(at).filter(|token| matches!(token.piece, Piece::Word | Piece::Name));
        let token = token.ok_or_else(|| BadDump::at(self.begin(), "it names no table"))?;
        if self.tokens.get(at + 1).is_some_and(|next| next.is_mark(b'.')) {
            return Err(BadDump::at(
                token.at.start,
                format!("{} is a schema; dump one without naming it", token.text(self.sql)),
            ));
        }
        Ok((unquoted(token.text(self.sql)), at + 1))
    }
}

impl<'a> Reader<'a> {
    fn all(&mut self) -> Result<(), BadDump> {
        let (mut at, mut tokens) = (0, Vec::new());
        while let Some(token) = lexer::next(self.sql, at)? {
            at = token.at.end;
            match token.piece {
                Piece::Comment => {}
                Piece::Hint if tokens.is_empty() => self.hint(&token)?,
                Piece::Hint => {
                    let why = "`/*! ... */` within a statement: whether the server reads it depends on its version";
                    return Err(BadDump::at(token.at.start, why));
                }
                Piece::Mark(b';') => self.statement(std::mem::take(&mut tokens))?,
                _ if tokens.is_empty() && token.is(self.sql, "delimiter") => {
                    return Err(BadDump::at(token.at.start, format!("DELIMITER: {PROGRAMS}")));
                }
                _ => tokens.push(token),
            }
        }
        self.statement(tokens)?;
        self.end_rows();
        self.link_late();
        Ok(())
    }

    /// A dump says to the server not to look at foreign keys meanwhile. Here they are looked at: a table that points to one which comes
    /// later, to itself, or to one whose rows come later, gets its foreign keys when all rows are there.
    fn link_late(&mut self) {
        for links in std::mem::take(&mut self.links) {
            if links.targets.iter().all(|target| self.is_there_before(target, &links)) {
                continue;
            }
            self.dump.migrations[links.place].sql = links.without;
            let sql = format!("ALTER TABLE {} {}", name(&links.table), links.add);
            self.push(links.at, "link", &links.table, sql);
        }
    }

    fn is_there_before(&self, target: &str, links: &Links) -> bool {
        let made = self.dump.tables.iter().map(|(table, _)| table.as_str()).take_while(|table| *table != links.table);
        let in_time = match (self.filled.get(target), self.filled.get(&links.table)) {
            (Some((_, last)), Some((first, _))) => last < first,
            _ => true,
        };
        in_time && made.into_iter().any(|table| table == target)
    }

    /// A comment that the server runs: what it says is looked at, and left out; anything that would have to be kept is refused.
    fn hint(&mut self, token: &Token) -> Result<(), BadDump> {
        let text = token.text(self.sql);
        let begin = token.at.start + text.find('!').map_or(2, |at| at + 1);
        let (mut at, mut tokens) = (begin, Vec::new());
        let inside = &self.sql[..token.at.end - 2];
        while let Some(token) = lexer::next(inside, at)? {
            at = token.at.end;
            tokens.push(token);
        }
        if tokens.first().is_some_and(|first| first.text(inside).bytes().all(|byte| byte.is_ascii_digit())) {
            tokens.remove(0);
        }
        let statement = Statement { sql: inside, tokens };
        // MariaDB's first line, which older clients refuse to go on after.
        let sandbox = statement.tokens.first().is_some_and(|first| first.is_mark(b'\\'));
        if statement.tokens.is_empty() || sandbox {
            return Ok(());
        }
        match idle(&statement) {
            Some(words) => self.leave_out(words),
            None => return Err(BadDump::at(token.at.start, refusal(&statement))),
        }
        Ok(())
    }

    fn statement(&mut self, tokens: Vec<Token>) -> Result<(), BadDump> {
        let statement = Statement { sql: self.sql, tokens };
        if statement.tokens.is_empty() {
            return Ok(());
        }
        if statement.starts(&["insert", "into"]) {
            return self.insert(&statement);
        }
        self.end_rows();
        let begin = statement.begin();
        if let Some(words) = idle(&statement) {
            self.leave_out(words);
        } else if statement.starts(&["create", "table"]) {
            self.create_table(&statement)?;
        } else if statement.starts(&["alter", "table"]) {
            let (table, _) = statement.table(2)?;
            self.push(begin, "alter", &table, statement.text(&statement.tokens));
        } else if let Some(on) = index_on(&statement) {
            let (table, _) = statement.table(on + 1)?;
            self.push(begin, "index", &table, statement.text(&statement.tokens));
        } else {
            return Err(BadDump::at(begin, refusal(&statement)));
        }
        Ok(())
    }

    /// Without `if not exists`, for there is none.
    fn create_table(&mut self, statement: &Statement<'a>) -> Result<(), BadDump> {
        let at = if statement.tokens.get(2).is_some_and(|word| word.is(self.sql, "if")) { 5 } else { 2 };
        let (table, after) = statement.table(at)?;
        let begin = statement.begin();
        let head = format!("CREATE TABLE {} ", name(&table));
        let definition = statement.text(&statement.tokens[after..]);
        self.push(begin, "create", &table, format!("{head}{definition}"));
        if let Some(links) = Links::of(statement, after) {
            let links = Links { place: self.dump.migrations.len() - 1, at: begin, table: table.clone(), ..links };
            self.links.push(Links { without: format!("{head}{}", links.without), ..links });
        }
        if !self.dump.tables.iter().any(|(known, _)| *known == table) {
            self.dump.tables.push((table, 0));
        }
        Ok(())
    }

    /// Rows of one table come in many statements or in one: here they come in statements of a size of our own.
    fn insert(&mut self, statement: &Statement<'a>) -> Result<(), BadDump> {
        let rows = Rows::of(statement)?;
        match self.dump.tables.iter_mut().find(|(table, _)| *table == rows.table) {
            Some((_, count)) => *count += rows.count(),
            None => {
                return Err(BadDump::at(
                    statement.begin(),
                    format!("rows of {}, a table that the dump does not make", rows.table),
                ));
            }
        }
        match &mut self.rows {
            Some(before) if before.goes_on_with(&rows) => before.append(rows),
            _ => {
                self.end_rows();
                self.rows = Some(rows);
            }
        }
        Ok(())
    }

    fn end_rows(&mut self) {
        let Some(rows) = self.rows.take() else { return };
        for (at, text) in rows.statements() {
            let place = self.dump.migrations.len();
            self.filled.entry(rows.table.clone()).or_insert((place, place)).1 = place;
            self.push(at, "fill", &rows.table, text);
        }
    }

    fn leave_out(&mut self, words: &str) {
        *self.dump.left_out.entry(words.to_owned()).or_default() += 1;
    }

    fn push(&mut self, at: usize, verb: &str, table: &str, sql: String) {
        let mut id = String::new();
        let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let _ = write!(id, "{:04}_{verb}_", self.dump.migrations.len() + 1);
        id.extend(table.chars().take(64).map(word));
        self.dump.migrations.push(Migration { id, sql });
        self.dump.lines.push(self.lines.of_place(at));
    }
}

/// What a dump says to the server that loads it, and what is done here anyway or is of no use: by its first words. Everything that is
/// left out is in this list.
fn idle(statement: &Statement<'_>) -> Option<&'static str> {
    let has = |word: &str| statement.tokens.iter().any(|token| token.is(statement.sql, word));
    // Settings of the session alone.
    if statement.starts(&["set"])
        && !["global", "persist", "persist_only", "password", "role", "default"].iter().any(|word| has(word))
    {
        return Some("SET");
    }
    if statement.starts(&["alter", "table"]) && has("keys") && (has("disable") || has("enable")) {
        return Some("ALTER TABLE ... KEYS");
    }
    [
        (&["lock", "tables"][..], "LOCK TABLES"),
        (&["unlock", "tables"], "UNLOCK TABLES"),
        // The app has no tables before it is taken over.
        (&["drop", "table", "if", "exists"], "DROP TABLE IF EXISTS"),
        (&["start", "transaction"], "START TRANSACTION"),
        (&["begin"], "BEGIN"),
        (&["commit"], "COMMIT"),
    ]
    .into_iter()
    .find(|(words, _)| statement.starts(words))
    .map(|(_, words)| words)
}

const PROGRAMS: &str = "triggers, procedures, functions and events are not taken over; dump with --skip-triggers, without --routines and --events";
const SCHEMAS: &str = "an app has one schema, whose name it is told; dump one schema without --databases";
const ACCOUNTS: &str = "accounts and what they may do are the host's";

/// Why a statement is not taken over.
fn refusal(statement: &Statement<'_>) -> String {
    let has = |words: &[&str]| {
        words.iter().any(|word| statement.tokens.iter().take(8).any(|token| token.is(statement.sql, word)))
    };
    let verb = statement.verb();
    let why = if statement.starts(&["use"]) || has(&["database", "schema"]) {
        SCHEMAS
    } else if has(&["grant", "revoke", "user", "role", "flush", "password", "global", "persist"]) {
        ACCOUNTS
    } else if has(&["trigger", "procedure", "function", "event"]) {
        PROGRAMS
    } else if has(&["view"]) {
        "views are not taken over; dump with --ignore-table for each"
    } else if statement.starts(&["insert"]) || statement.starts(&["replace"]) {
        "rows come as INSERT INTO ... VALUES; dump without --insert-ignore and --replace"
    } else {
        "an import takes over tables and their rows, and nothing else"
    };
    format!("{verb}: {why}")
}

/// Where `ON` stands in `CREATE [UNIQUE | FULLTEXT | SPATIAL] INDEX name ON table`.
fn index_on(statement: &Statement<'_>) -> Option<usize> {
    let is = |at: usize, word: &str| statement.tokens.get(at).is_some_and(|token| token.is(statement.sql, word));
    let kind = ["unique", "fulltext", "spatial"].iter().any(|word| is(1, word));
    let index = if kind { 2 } else { 1 };
    (is(0, "create") && is(index, "index")).then(|| (index + 1..index + 5).find(|at| is(*at, "on"))).flatten()
}

/// The foreign keys of a table that is made.
#[derive(Default)]
struct Links {
    /// The statement that makes it.
    place: usize,
    at: usize,
    table: String,
    /// The tables that they point to.
    targets: Vec<String>,
    /// That statement without them.
    without: String,
    /// `ADD ..., ADD ...`
    add: String,
}

impl Links {
    /// Those in the definition that begins here.
    fn of(statement: &Statement<'_>, from: usize) -> Option<Self> {
        let Parts { items, rest } = parts(&statement.tokens[from..])?;
        let (links, kept): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| is_link(statement, item));
        if links.is_empty() {
            return None;
        }
        let text = |items: &[&[Token]], before: &str, between: &str| {
            items.iter().map(|item| format!("{before}{}", statement.text(item))).collect::<Vec<_>>().join(between)
        };
        let target = |item: &&[Token]| {
            let word = item.iter().position(|token| token.is(statement.sql, "references"))?;
            Some(unquoted(item.get(word + 1)?.text(statement.sql)))
        };
        Some(Self {
            targets: links.iter().map(|item| target(item).unwrap_or_default()).collect(),
            without: format!("(\n  {}\n) {}", text(&kept, "", ",\n  "), statement.text(rest)),
            add: text(&links, "ADD ", ", "),
            ..Self::default()
        })
    }
}

/// What stands between the outermost brackets, and what comes after them.
struct Parts<'a> {
    items: Vec<&'a [Token]>,
    rest: &'a [Token],
}

/// Nothing where there are no brackets.
fn parts(definition: &[Token]) -> Option<Parts<'_>> {
    let open = definition.iter().position(|token| token.is_mark(b'('))?;
    let (mut items, mut depth, mut begin) = (Vec::new(), 0_usize, open + 1);
    for (at, token) in definition.iter().enumerate().skip(open) {
        match token.piece {
            Piece::Mark(b'(') => depth += 1,
            Piece::Mark(b')') if depth == 1 => {
                items.push(&definition[begin..at]);
                return (open == 0).then_some(Parts { items, rest: &definition[at + 1..] });
            }
            Piece::Mark(b')') => depth -= 1,
            Piece::Mark(b',') if depth == 1 => {
                items.push(&definition[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// `[CONSTRAINT [name]] FOREIGN KEY ...`
fn is_link(statement: &Statement<'_>, item: &[Token]) -> bool {
    let is = |at: usize, word: &str| item.get(at).is_some_and(|token| token.is(statement.sql, word));
    let at = match (is(0, "constraint"), is(1, "foreign")) {
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => 2,
    };
    is(at, "foreign") && is(at + 1, "key")
}

/// A name between back-quotes.
pub(super) fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

fn unquoted(text: &str) -> String {
    match text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        Some(inner) => inner.replace("``", "`"),
        None => text.to_owned(),
    }
}
