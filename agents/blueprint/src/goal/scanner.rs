/// A place in a goal.
pub(super) struct Scanner {
    /// With full-width signs as ASCII.
    pub(super) signs: Vec<char>,
    /// As written.
    pub(super) written: Vec<char>,
    pub(super) at: usize,
}

impl Scanner {
    pub(super) fn new(goal: &str) -> Self {
        Self { signs: goal.chars().map(narrow).collect(), written: goal.chars().collect(), at: 0 }
    }

    /// To the comma or bracket that ends a field which was not understood.
    pub(super) fn skip_field(&mut self) {
        let mut depth = 0_usize;
        while let Some(sign) = self.peek() {
            match sign {
                '(' => depth += 1,
                ')' if depth > 0 => depth -= 1,
                ')' => return,
                ',' | '、' if depth == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// The word that comes next; empty when something else does.
    pub(super) fn word(&mut self) -> String {
        let mut ahead = Ahead { signs: &self.signs, at: self.at };
        let word = ahead.word();
        self.at = ahead.at;
        word
    }

    /// Whether this sign comes next; if so, goes behind it.
    pub(super) fn sign(&mut self, sign: char) -> bool {
        let mut ahead = Ahead { signs: &self.signs, at: self.at };
        let found = ahead.sign(sign);
        self.at = ahead.at;
        found
    }

    pub(super) fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.signs.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let sign = self.peek()?;
        self.at += 1;
        Some(sign)
    }
}

/// Looks ahead without moving the scanner.
pub(super) struct Ahead<'a> {
    pub(super) signs: &'a [char],
    pub(super) at: usize,
}

impl Ahead<'_> {
    fn space(&mut self) {
        while self.signs.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    pub(super) fn word(&mut self) -> String {
        self.space();
        let rest = &self.signs[self.at..];
        let word: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
        self.at += word.chars().count();
        word
    }

    pub(super) fn sign(&mut self, sign: char) -> bool {
        self.space();
        let found = self.signs.get(self.at) == Some(&sign);
        self.at += usize::from(found);
        found
    }
}

/// The ASCII sign that a full-width one stands for.
pub(super) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    }
}
