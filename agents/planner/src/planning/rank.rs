//! Which of an app's files tell most about a goal: those that it names, or that hold its words.

use environment::files::Files;
use protocol::{
    artifact::Path,
    tools::coder::{AppSnapshot, FileEntry, Table},
};
use std::cmp::Ordering;

/// Longer files are not looked through for the goal's words, and of the others so many bytes together.
const LOOKED_AT: u64 = 128 << 10;
const LOOKED_AT_TOGETHER: u64 = 768 << 10;
/// A word in a path tells as much as in this many texts.
const IN_PATH: f64 = 4.0;
/// The most words of a goal that are looked for.
const MOST_WORDS: usize = 200;

/// The files whose text is looked through, what explains an app first.
pub(super) fn looked_at(snapshot: &AppSnapshot) -> Vec<Path> {
    let mut files: Vec<_> = snapshot.tree.iter().filter(|file| file.size <= LOOKED_AT && is_text(file)).collect();
    files.sort_by(|one, other| entry(other.path.as_str()).total_cmp(&entry(one.path.as_str())));
    let mut room = LOOKED_AT_TOGETHER;
    files.retain(|file| {
        let fits = file.size <= room;
        room -= if fits { file.size } else { 0 };
        fits
    });
    files.into_iter().map(|file| file.path.clone()).collect()
}

/// The same files, what tells most about the goal first.
pub(super) fn by_goal(goal: &str, paths: Vec<Path>, files: &impl Files) -> Vec<Path> {
    let words = words(goal);
    let texts: Vec<_> = paths.iter().map(|path| files.text(path).unwrap_or_default().to_lowercase()).collect();
    let names: Vec<_> = paths.iter().map(|path| path.as_str().to_lowercase()).collect();
    // A word that stands everywhere says nothing of where to look.
    let weights: Vec<_> = words
        .iter()
        .map(|word| {
            let having = texts.iter().zip(&names).filter(|(text, name)| text.contains(word) || name.contains(word));
            (1.0 + paths.len() as f64 / having.count().max(1) as f64).ln()
        })
        .collect();
    let score = |place: usize| {
        let of_word = |(word, weight): (&String, &f64)| {
            let in_path = if names[place].contains(word) { IN_PATH } else { 0.0 };
            let in_text = if texts[place].contains(word) { 1.0 } else { 0.0 };
            weight * (in_path + in_text)
        };
        entry(&names[place]) + words.iter().zip(&weights).map(of_word).sum::<f64>()
    };
    let mut scored: Vec<_> = paths.iter().enumerate().map(|(place, path)| (score(place), path.clone())).collect();
    scored.sort_by(|(one, a), (other, b)| other.total_cmp(one).then_with(|| a.cmp(b)));
    scored.into_iter().map(|(_, path)| path).collect()
}

/// The tables, those first that the goal names.
pub(super) fn tables<'a>(goal: &str, snapshot: &'a AppSnapshot) -> Vec<&'a Table> {
    let words = words(goal);
    let named = |table: &Table| {
        let columns = table.columns.iter().map(|column| column.name.to_lowercase());
        let name = table.name.to_lowercase();
        let of = |word: &String| name.contains(word) || name.len() > 2 && word.contains(&name);
        4 * words.iter().filter(|word| of(word)).count()
            + columns.map(|column| usize::from(words.contains(&column))).sum::<usize>()
    };
    let mut tables: Vec<_> = snapshot.schema.iter().collect();
    tables.sort_by(|one, other| match named(other).cmp(&named(one)) {
        Ordering::Equal => one.name.cmp(&other.name),
        order => order,
    });
    tables
}

/// Where to look whatever the goal: what explains an app, and where requests come in.
fn entry(path: &str) -> f64 {
    let (depth, name) = (path.matches('/').count(), path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase());
    let kind = match name.as_str() {
        _ if name.starts_with("readme") => 3.0,
        "index.php" => 4.0,
        _ if name.contains("route") => 4.0,
        "composer.json" => 1.0,
        _ if name.ends_with(".php") => 0.5,
        _ => 0.0,
    };
    kind / (1.0 + depth.saturating_sub(1) as f64)
}

fn is_text(file: &FileEntry) -> bool {
    let name = file.path.as_str().to_ascii_lowercase();
    [".php", ".md", ".txt", ".json", ".html", ".sql", ".twig", ".phtml", ".js", ".css"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// What a goal speaks of: words, names and paths; of Japanese, which has no spaces, what stands in kanji and katakana.
fn words(goal: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut run = String::new();
    let mut kind = Kind::Other;
    for letter in goal.chars().chain([' ']) {
        let next = Kind::of(letter);
        if next != kind {
            take(&mut words, kind, std::mem::take(&mut run));
            kind = next;
        }
        run.push(letter);
    }
    let mut known = std::collections::HashSet::new();
    words.retain(|word| known.insert(word.clone()));
    words.truncate(MOST_WORDS);
    words
}

/// What a letter is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Kanji,
    Katakana,
    Other,
}

impl Kind {
    fn of(letter: char) -> Self {
        match letter {
            '\u{4e00}'..='\u{9fff}' | '々' => Self::Kanji,
            '\u{30a1}'..='\u{30fa}' | 'ー' => Self::Katakana,
            '\u{3040}'..='\u{30ff}' => Self::Other,
            '_' | '/' | '.' | '-' => Self::Word,
            _ if letter.is_alphanumeric() => Self::Word,
            _ => Self::Other,
        }
    }
}

fn take(words: &mut Vec<String>, kind: Kind, run: String) {
    match kind {
        Kind::Other => {}
        Kind::Katakana => words.extend((run.chars().count() > 1).then_some(run)),
        // Longer ones are mostly put together: 会議室予約 is not in a text that says 会議室の予約.
        Kind::Kanji => {
            let letters: Vec<_> = run.chars().collect();
            words.extend(letters.windows(2).map(|pair| pair.iter().collect::<String>()));
            words.extend((letters.len() > 2).then_some(run));
        }
        Kind::Word => {
            let run = run.to_lowercase();
            let whole = run.trim_matches(['/', '.', '-']);
            let parts = whole.split(['/', '.', '-']).chain([whole]);
            let parts = parts.filter(|part| part.chars().count() > 2 && part.chars().any(char::is_alphabetic));
            // One thing, where the goal speaks of many.
            words.extend(parts.map(|part| match part.strip_suffix('s') {
                Some(one) if one.len() > 3 && !one.ends_with('s') => one.to_owned(),
                _ => part.to_owned(),
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Problem, artifact::Column};
    use std::collections::BTreeMap;

    struct Texts(BTreeMap<Path, String>);

    impl Files for Texts {
        fn names(&self) -> Vec<(&Path, String)> {
            Vec::new()
        }

        fn size(&self, _path: &Path) -> Option<u64> {
            None
        }

        async fn learn(&mut self, _paths: Vec<Path>) -> Result<(), Problem> {
            Ok(())
        }

        fn text(&self, path: &Path) -> Result<&str, String> {
            self.0.get(path).map(String::as_str).ok_or_else(String::new)
        }
    }

    const FILES: [(&str, &str); 6] = [
        ("public/index.php", "<?php require route($_SERVER['REQUEST_URI']);"),
        ("lib/a.php", "<?php // nothing of note"),
        ("pages/events.php", "<?php // what is on"),
        ("pages/upload.php", "<?php insert into photos"),
        ("templates/yoyaku.php", "<h1>会議室の予約</h1>"),
        ("templates/news.php", "<h1>お知らせ</h1><p>ニュース</p>"),
    ];

    fn first_two(goal: &str) -> Vec<String> {
        let texts = FILES.map(|(path, text)| (path.parse::<Path>().expect("a path"), text.to_owned()));
        let paths = texts.iter().map(|(path, _)| path.clone()).collect();
        by_goal(goal, paths, &Texts(texts.into())).iter().take(2).map(|path| path.as_str().to_owned()).collect()
    }

    #[test]
    fn what_the_goal_names_comes_first() {
        for (goal, file) in [
            ("Fix the bug in lib/a.php", "lib/a.php"),
            ("/events/12 answers 500", "pages/events.php"),
            ("Members see their own PHOTOS only.", "pages/upload.php"),
            ("会議室予約を一覧で見たい", "templates/yoyaku.php"),
            ("ニュースに写真を付ける", "templates/news.php"),
        ] {
            let first = first_two(goal);
            assert!(first.contains(&file.to_owned()), "{goal}: {first:?}");
        }
        assert_eq!(first_two("")[0], "public/index.php");
    }

    #[test]
    fn words_are_names_paths_and_what_stands_in_kanji_and_katakana() {
        let words = words("Fix /admin/stats.php: photo_likes is slow. 会員のページを直す");
        for word in ["admin/stats.php", "stat", "photo_like", "会員", "ページ"] {
            assert!(words.contains(&word.to_owned()), "{word}: {words:?}");
        }
        assert!(!words.iter().any(|word| word == "is" || word == "のを"), "{words:?}");
    }

    #[test]
    fn tables_that_are_named_come_first() {
        let table = |name: &str, column: &str| Table {
            name: name.into(),
            columns: vec![Column { name: column.into(), ..Column::default() }],
            ..Table::default()
        };
        let app = AppSnapshot {
            app: "shop".parse().expect("a name"),
            url: String::new(),
            live: None,
            releases: vec![],
            tree: vec![],
            files: vec![],
            schema: vec![table("a", "x"), table("events", "title"), table("z_photos", "likes")],
            migrations: vec![],
        };
        let first = |goal: &str| tables(goal, &app)[0].name.clone();
        assert_eq!(
            (first("a photo album"), first("Sort by title"), first("")),
            ("z_photos".into(), "events".into(), "a".into())
        );
    }
}
