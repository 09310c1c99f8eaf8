//! Rows of one table: counted, and put into statements of a size that a migration may have.

use super::{
    dump::{BadDump, Statement, name},
    lexer::Piece,
};
use protocol::artifact::Migration;

/// A statement is filled up with rows to about so many bytes, 64 KiB.
const FULL: usize = 64 << 10;

/// Rows that are given to one table, with values for the same columns.
pub(super) struct Rows<'a> {
    pub(super) table: String,
    /// `INSERT INTO ... VALUES`.
    head: String,
    /// Each with the place it stands at, from bracket to bracket.
    rows: Vec<(usize, &'a str)>,
}

impl<'a> Rows<'a> {
    /// Those of `INSERT INTO table [(columns)] VALUES (...), (...)`.
    ///
    /// # Errors
    /// Where it is not that.
    pub(super) fn of(statement: &Statement<'a>) -> Result<Self, BadDump> {
        let (table, after) = statement.table(2)?;
        let is_values = |at: usize| ["values", "value"].iter().any(|word| statement.tokens[at].is(statement.sql, word));
        let values = (after..statement.tokens.len()).find(|at| is_values(*at));
        let values =
            values.ok_or_else(|| BadDump::at(statement.begin(), "INSERT INTO: rows come as INSERT INTO ... VALUES"))?;
        let columns = statement.text(&statement.tokens[after..values]);
        let head =
            format!("INSERT INTO {} {columns}{}VALUES\n", name(&table), if columns.is_empty() { "" } else { " " });
        let rows = Self { table, head, rows: rows(statement, values + 1)? };
        match rows.rows.iter().find(|(_, row)| rows.head.len() + row.len() > Migration::MAX_BYTES) {
            None => Ok(rows),
            Some((at, row)) => {
                let why = format!("a row has {} bytes; one statement may have {}", row.len(), Migration::MAX_BYTES);
                Err(BadDump::at(*at, why))
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Whether these may stand in one statement with those that came before them.
    pub(super) fn goes_on_with(&self, next: &Self) -> bool {
        self.head == next.head
    }

    pub(super) fn append(&mut self, next: Self) {
        self.rows.extend(next.rows);
    }

    /// The statements, each with the place of its first row.
    pub(super) fn statements(&self) -> Vec<(usize, String)> {
        let mut statements: Vec<(usize, String)> = Vec::new();
        for (at, row) in &self.rows {
            match statements.last_mut() {
                Some((_, last)) if last.len() + row.len() < FULL => {
                    last.push_str(",\n");
                    last.push_str(row);
                }
                _ => statements.push((*at, format!("{}{row}", self.head))),
            }
        }
        statements
    }
}

/// `(...), (...)` and nothing else.
fn rows<'a>(statement: &Statement<'a>, from: usize) -> Result<Vec<(usize, &'a str)>, BadDump> {
    let (mut rows, mut depth, mut begin, mut open) = (Vec::new(), 0_usize, 0, true);
    for token in &statement.tokens[from..] {
        match token.piece {
            Piece::Mark(b'(') if depth == 0 && open => (depth, begin, open) = (1, token.at.start, false),
            Piece::Mark(b'(') if depth > 0 => depth += 1,
            Piece::Mark(b')') if depth == 1 => {
                depth = 0;
                rows.push((begin, &statement.sql[begin..token.at.end]));
            }
            Piece::Mark(b')') if depth > 1 => depth -= 1,
            Piece::Mark(b',') if depth == 0 && !open => open = true,
            _ if depth > 0 => {}
            _ => {
                return Err(BadDump::at(
                    token.at.start,
                    "INSERT INTO: after VALUES come rows in brackets, and nothing else",
                ));
            }
        }
    }
    if rows.is_empty() || open || depth > 0 {
        return Err(BadDump::at(statement.begin(), "INSERT INTO: it has no rows, or the last one does not end"));
    }
    Ok(rows)
}
