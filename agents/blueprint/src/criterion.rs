use crate::language::Language;
use protocol::artifact::{self, Check, TestCase};

/// What must be true of every app that this engine builds. Plans list it, designs say how it is tested, and each check
/// names the one that it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Criterion {
    Rows,
    Refusals,
    Lists,
    Cache,
    Pages,
    Http,
}

impl Criterion {
    /// All of them, in the order in which plans list them.
    pub(crate) const ALL: [Self; 6] = [Self::Rows, Self::Refusals, Self::Lists, Self::Cache, Self::Pages, Self::Http];

    /// Its id in plans, checks and verdicts.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Rows => "c1",
            Self::Refusals => "c2",
            Self::Lists => "c3",
            Self::Cache => "c4",
            Self::Pages => "c5",
            Self::Http => "c6",
        }
    }

    /// These checks show it, those aside that show another one already.
    pub(crate) fn shown_by(self, checks: impl IntoIterator<Item = Check>) -> impl Iterator<Item = Check> {
        checks.into_iter().map(move |mut check| {
            check.criterion.get_or_insert_with(|| self.id().to_owned());
            check
        })
    }

    /// As a plan lists it.
    pub(crate) fn promised(self, language: Language) -> artifact::Criterion {
        artifact::Criterion { id: self.id().to_owned(), text: self.text(language).to_owned(), new: false }
    }

    /// As a design says that it is tested.
    pub(crate) fn tested(self) -> TestCase {
        let checks = match self {
            Self::Rows => "POST, GET, PUT, PATCH, DELETE and the row in MySQL, for every resource",
            Self::Refusals => "Every type, every modifier, unknown fields; unique and referenced rows",
            Self::Lists => "Pages, sorting, filters, search with wildcard signs in it",
            Self::Cache => "MISS, HIT, MISS after a write; keys and time to live in Redis",
            Self::Pages => "The page shows mark-up as text; forms with a token, a wrong one and none",
            Self::Http => "400, 404, 405 with Allow, 415",
        };
        TestCase { criterion: self.id().to_owned(), checks: checks.to_owned() }
    }

    fn text(self, language: Language) -> &'static str {
        let (english, japanese) = match self {
            Self::Rows => (
                "Rows can be created, read, changed and deleted over the JSON API, and stand in MySQL as they were sent.",
                "JSON API で行を作成・取得・変更・削除でき、送った値がそのまま MySQL に残る。",
            ),
            Self::Refusals => (
                "What is not valid is refused with 422, what is taken or still referenced with 409.",
                "正しくない値は 422、重複や参照中の行は 409 で断る。",
            ),
            Self::Lists => (
                "Lists come in pages and can be sorted, filtered and searched.",
                "一覧はページ分け・並べ替え・絞り込み・検索ができる。",
            ),
            Self::Cache => (
                "Lists are cached in Redis for a limited time and are fresh after every write.",
                "一覧は Redis に期限付きで保存され、書き込みの後は必ず新しい。",
            ),
            Self::Pages => (
                "Each resource has a page on which everything is escaped and forged forms are refused.",
                "リソースごとにページがあり、表示はすべてエスケープされ、偽のフォームは断る。",
            ),
            Self::Http => (
                "Wrong addresses, methods, content types and broken JSON get the answer that HTTP has for them.",
                "誤ったアドレス・メソッド・形式・壊れた JSON には HTTP の決まりどおりに答える。",
            ),
        };
        language.pick(english, japanese)
    }
}
