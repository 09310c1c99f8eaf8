//! What a migration may not even mention, found in its tokens before it is parsed.
//!
//! The parser and the server read the same text with different eyes; whatever could make them see different statements
//! (comments first of all) is refused here.

use protocol::{Code, Problem, artifact::Migration};
use sqlparser::{
    ast::Statement,
    dialect::MySqlDialect,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Token, Tokenizer, Word},
};
use std::collections::HashSet;

/// A query has at most this many bytes, 64 KiB.
const MAX_QUERY: usize = 64 << 10;

/// Reads files, leaves the schema, holds locks, wastes time. Called or not, as no name of a column looks like these.
const FORBIDDEN: [&str; 15] = [
    "load_file",
    "outfile",
    "dumpfile",
    "infile",
    "tablespace",
    "get_lock",
    "release_lock",
    "release_all_locks",
    "is_free_lock",
    "is_used_lock",
    "benchmark",
    "master_pos_wait",
    "source_pos_wait",
    "sys_exec",
    "sys_eval",
];

/// Forbidden only as functions, since a column may well be called so.
const FORBIDDEN_CALLS: [&str; 4] = ["sleep", "nextval", "setval", "lastval"];

/// Schemas of the server and of the host's making.
const FOREIGN: [&str; 4] = ["mysql", "information_schema", "performance_schema", "sys"];

/// The one statement of a migration, if nothing in it is forbidden whatever it does.
///
/// # Errors
/// [`Code::BadMigration`] with the reason.
pub(super) fn parse(migration: &Migration) -> Result<Statement, Problem> {
    check_id(&migration.id)?;
    let bad = |why: String| refuse(&migration.id, &why);
    if migration.sql.len() > Migration::MAX_BYTES {
        return Err(bad(format!("the statement has more than {} bytes", Migration::MAX_BYTES)));
    }
    if migration.sql.contains('\0') {
        return Err(bad("the statement holds a NUL".into()));
    }
    let dialect = MySqlDialect {};
    let tokens = Tokenizer::new(&dialect, &migration.sql)
        .tokenize()
        .map_err(|error| bad(format!("it cannot be read: {error}")))?;
    check_tokens(&tokens).map_err(bad)?;
    check_hints(&migration.sql).map_err(bad)?;
    let mut statements =
        Parser::parse_sql(&dialect, &migration.sql).map_err(|error| bad(format!("it cannot be parsed: {error}")))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(bad("a migration is exactly one statement".into())),
    }
}

/// What a query may not even mention that only reads tables of its own schema.
///
/// # Errors
/// Why not.
pub(crate) fn check_reading(sql: &str) -> Result<(), String> {
    if sql.len() > MAX_QUERY || sql.contains('\0') {
        return Err(format!("it has a NUL, or more than {MAX_QUERY} bytes"));
    }
    let tokens = Tokenizer::new(&MySqlDialect {}, sql).tokenize();
    let tokens = tokens.map_err(|error| format!("it cannot be read: {error}"))?;
    check_reading_words(&tokens)?;
    check_words(&tokens)?;
    check_hints(sql)?;
    let significant: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let mut tables = tables_and_aliases(&significant);
    tables.extend(listed_tables(&significant));
    check_qualifiers(&significant, &tables)
}

/// The one statement that changes rows of one table of its own schema and does nothing else. Its values may come as parameters.
///
/// # Errors
/// Why it is none.
pub(crate) fn check_changing(sql: &str) -> Result<(), String> {
    if sql.len() > MAX_QUERY || sql.contains('\0') {
        return Err(format!("it has a NUL, or more than {MAX_QUERY} bytes"));
    }
    let dialect = MySqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql).tokenize().map_err(|error| format!("it cannot be read: {error}"))?;
    let no_parameter = |token: &Token| !matches!(token, Token::Placeholder(mark) if mark == "?");
    let tokens: Vec<_> = tokens.into_iter().filter(no_parameter).collect();
    check_words(&tokens)?;
    check_hints(sql)?;
    let significant: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let mut tables = tables_and_aliases(&significant);
    tables.extend(listed_tables(&significant));
    check_qualifiers(&significant, &tables)?;
    let statements = Parser::parse_sql(&dialect, sql).map_err(|error| format!("it cannot be parsed: {error}"))?;
    match statements.as_slice() {
        [statement] => super::classify::changed_table(statement).map(drop),
        _ => Err("only one statement is allowed".into()),
    }
}

/// Words with which a SELECT would do more than read.
fn check_reading_words(tokens: &[Token]) -> Result<(), String> {
    let unquoted = tokens.iter().filter_map(|token| match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    });
    for keyword in unquoted {
        match keyword {
            Keyword::INTO => return Err("INTO is not allowed: a query only reads".into()),
            Keyword::FOR | Keyword::LOCK => return Err("locking what is read is not allowed".into()),
            _ => {}
        }
    }
    Ok(())
}

/// `from a, b as c`: the tables behind a comma, and their aliases. One that a dot follows is a schema.
fn listed_tables(tokens: &[&Token]) -> HashSet<String> {
    let mut names = HashSet::new();
    let mut in_list = false;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Word(word) if word.keyword == Keyword::FROM => in_list = true,
            Token::Word(word) if in_list && word.quote_style.is_none() && ends_list(word.keyword) => in_list = false,
            Token::Word(word) if in_list && tokens.get(index + 1).is_none_or(|next| **next != Token::Period) => {
                names.insert(word.value.to_lowercase());
            }
            Token::LParen | Token::RParen => in_list = false,
            _ => {}
        }
    }
    names
}

fn ends_list(keyword: Keyword) -> bool {
    use Keyword as K;
    matches!(keyword, K::WHERE | K::GROUP | K::ORDER | K::HAVING | K::LIMIT | K::UNION | K::JOIN | K::ON | K::SELECT)
}

/// A refusal of one migration.
pub(super) fn refuse(id: &str, why: &str) -> Problem {
    let shown: String = id.chars().take(100).collect();
    Code::BadMigration.problem(format!("{shown}: {why}"))
}

fn check_id(id: &str) -> Result<(), Problem> {
    let valid =
        (1..=100).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if valid { Ok(()) } else { Err(refuse(id, "a migration's id must match [a-z0-9_]{1,100}")) }
}

fn check_tokens(tokens: &[Token]) -> Result<(), String> {
    check_words(tokens)?;
    let significant: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    check_qualifiers(&significant, &tables_and_aliases(&significant))
}

fn check_words(tokens: &[Token]) -> Result<(), String> {
    let significant: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    for (index, token) in tokens.iter().enumerate() {
        check_token(token)?;
        if let (Token::Number(..), Some(Token::Word(_))) = (token, tokens.get(index + 1)) {
            // `1e5x`, `0xg`: the server may see one word where the parser sees two.
            return Err("a number runs into a word; put a space between them".into());
        }
    }
    for (index, token) in significant.iter().enumerate() {
        if let (Token::Word(word), Some(Token::LParen)) = (token, significant.get(index + 1))
            && is_one_of(word, &FORBIDDEN_CALLS)
        {
            return Err(format!("{}() is not allowed", word.value));
        }
    }
    Ok(())
}

/// What stands in `/*! ... */` the parser reads as if it stood outside; whether the server does depends on its version. A
/// comment that starts elsewhere than in quotes is therefore looked for in the text itself.
fn check_hints(sql: &str) -> Result<(), String> {
    let opened = |text: &str| text.matches("/*").count();
    let tokens = Tokenizer::new(&MySqlDialect {}, sql).with_unescape(false).tokenize();
    let tokens = tokens.map_err(|error| format!("it cannot be read: {error}"))?;
    let quoted = |token: &Token| match token {
        Token::Word(word) => opened(&word.value),
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) | Token::NationalStringLiteral(text) => {
            opened(text)
        }
        _ => 0,
    };
    if opened(sql) == tokens.iter().map(quoted).sum::<usize>() { Ok(()) } else { Err(COMMENTS.into()) }
}

const COMMENTS: &str = "comments are not allowed, since the server runs some of them";

fn check_token(token: &Token) -> Result<(), String> {
    match token {
        Token::Whitespace(
            sqlparser::tokenizer::Whitespace::SingleLineComment { .. }
            | sqlparser::tokenizer::Whitespace::MultiLineComment(_),
        ) => Err(COMMENTS.into()),
        Token::SemiColon => Err("exactly one statement is allowed, without a semicolon".into()),
        Token::Placeholder(_) | Token::Question => Err("it has a placeholder and no value for it".into()),
        Token::AtSign | Token::AtAt => Err("variables are not allowed".into()),
        Token::Word(word) => check_word(word),
        _ => Ok(()),
    }
}

fn check_word(word: &Word) -> Result<(), String> {
    let text = word.value.to_lowercase();
    if text.starts_with('@') {
        return Err("variables are not allowed".into());
    }
    if text.starts_with(super::HIDDEN) {
        return Err(format!("names that start with {} belong to the host", super::HIDDEN));
    }
    if is_one_of(word, &FORBIDDEN) {
        return Err(format!("{text} is not allowed"));
    }
    Ok(())
}

fn is_one_of(word: &Word, list: &[&str]) -> bool {
    list.iter().any(|forbidden| word.value.eq_ignore_ascii_case(forbidden))
}

/// A dot stands only between a table of this statement, or its alias, and a column: never between a schema and a table.
fn check_qualifiers(tokens: &[&Token], tables: &HashSet<String>) -> Result<(), String> {
    for (index, token) in tokens.iter().enumerate() {
        if **token != Token::Period {
            continue;
        }
        let before = index.checked_sub(1).and_then(|index| word(tokens.get(index)));
        let third = index >= 2 && *tokens[index - 2] == Token::Period;
        let qualifier = before.map(|word| word.value.to_lowercase()).unwrap_or_default();
        let after_table_word =
            index >= 2 && word(tokens.get(index - 2)).is_some_and(|word| introduces_table(word.keyword));
        let known = tables.contains(&qualifier) && !FOREIGN.contains(&qualifier.as_str());
        if third || after_table_word || !known {
            return Err(format!("{qualifier}. is no table of this statement; naming another schema is not allowed"));
        }
    }
    Ok(())
}

fn tables_and_aliases(tokens: &[&Token]) -> HashSet<String> {
    let mut names = HashSet::new();
    for (index, token) in tokens.iter().enumerate() {
        let Some(introduction) = word(Some(token)) else { continue };
        if !introduces_table(introduction.keyword) && introduction.keyword != Keyword::AS {
            continue;
        }
        // The table, and what may be its alias.
        for next in [index + 1, index + 2] {
            match word(tokens.get(next)) {
                Some(found) => names.insert(found.value.to_lowercase()),
                None => break,
            };
        }
    }
    // `(select ...) alias`
    for pair in tokens.windows(2) {
        if let [Token::RParen, Token::Word(alias)] = pair {
            names.insert(alias.value.to_lowercase());
        }
    }
    names
}

fn introduces_table(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::FROM
            | Keyword::JOIN
            | Keyword::UPDATE
            | Keyword::INTO
            | Keyword::TABLE
            | Keyword::REFERENCES
            | Keyword::IGNORE
            | Keyword::STRAIGHT_JOIN
    )
}

fn word<'a>(token: Option<&&'a Token>) -> Option<&'a Word> {
    match token {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    }
}
