use console::{Alignment, measure_text_width, pad_str};
use std::fmt;

/// Rows under a heading, columns aligned by what a terminal shows: a Japanese character is two columns wide.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this heading.
    pub(crate) fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.iter().map(|&cell| console::style(cell).bold().to_string()).collect()] }
    }

    /// One more row. Line breaks in cells become spaces.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let one_line = |cell: String| cell.split_whitespace().collect::<Vec<_>>().join(" ");
        self.rows.push(cells.into_iter().map(one_line).collect());
    }

    /// As lines of text, cut at `width` columns.
    pub(crate) fn render(&self, width: usize) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widest = |column: usize| self.rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or(0);
        let widths: Vec<_> = (0..columns).map(widest).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| pad_str(cell, width, Alignment::Left, None));
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(console::truncate_str(line.trim_end(), width, "…").as_ref());
            text.push('\n');
        }
        text
    }
}

/// For standard output: cut at the terminal's width; whole when it is none.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terminal = console::Term::stdout();
        let width = if terminal.is_term() { usize::from(terminal.size().1) } else { usize::MAX };
        f.write_str(&self.render(width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_and_latin_text_align() {
        let mut table = Table::new(["goal", "status"]);
        table.row(["掲示板を作って".into(), "queued".into()]);
        table.row(["a blog".into(), "running".into()]);
        let text = console::strip_ansi_codes(&table.render(80)).into_owned();
        let starts: Vec<_> = text
            .lines()
            .zip(["status", "queued", "running"])
            .map(|(line, word)| measure_text_width(&line[..line.find(word).expect("the word")]))
            .collect();
        assert_eq!(starts, [16, 16, 16]);
    }

    #[test]
    fn rows_are_cut_between_characters() {
        let mut table = Table::new(["goal"]);
        table.row(["掲示板を作って".into()]);
        assert!(table.render(5).lines().all(|line| measure_text_width(line) <= 5));
    }
}
