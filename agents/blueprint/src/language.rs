use serde::{Deserialize, Serialize};

/// The language that people who use the app read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Language {
    #[serde(rename = "en")]
    English,
    #[serde(rename = "ja")]
    Japanese,
}

impl Language {
    /// Japanese if there is any kana in it, or CJK signs; English otherwise.
    pub(crate) fn of(text: &str) -> Self {
        let japanese = |c: char| matches!(c, '\u{3041}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}');
        if text.chars().any(japanese) { Self::Japanese } else { Self::English }
    }

    /// One of two texts.
    pub(crate) fn pick<T>(self, english: T, japanese: T) -> T {
        match self {
            Self::English => english,
            Self::Japanese => japanese,
        }
    }
}
