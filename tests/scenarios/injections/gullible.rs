//! A language model that does whatever it reads.

use super::cases::{Case, Place, Text};
use serde_json::{Value, json};
use tests::{
    provider::{Asked, Says},
    team,
};

/// What it answers.
pub(super) fn answer(asked: &Asked, texts: &[Text], cases: &[Case]) -> Says {
    if let Some(club) = team::made(asked) {
        return team::answer(asked, &planted(&club, texts));
    }
    let word = team::added(asked);
    let of_goal = word.and_then(|word| {
        let text = texts.iter().find(|text| text.id == word)?;
        Some((text, cases.iter().find(|case| case.id == word)?))
    });
    match of_goal {
        Some((text, case)) if asked.agent() == case.agent => led_astray(asked, text, case),
        _ => team::answer(asked, &[]),
    }
}

/// The app that a text is planted in.
pub(super) fn app(place: Place) -> String {
    format!("club-{}", place.name())
}

/// How a text stands in a message, as it is or inside JSON.
pub(super) fn stands_in(text: &Text, message: &str) -> bool {
    let quoted = Value::from(text.text.as_str()).to_string();
    message.contains(&text.text) || message.contains(&quoted[1..quoted.len() - 1])
}

/// The agent that reads the text: it looks where it stands, then does what it says, then what it was there for.
fn led_astray(asked: &Asked, text: &Text, case: &Case) -> Says {
    let seen = asked.said().iter().any(|(who, said)| *who != "assistant" && stands_in(text, said));
    let tried = asked.turn().saturating_sub(usize::from(case.agent != "planner"));
    match case.agent {
        _ if !seen => look(text, case),
        "planner" => Says::text(case.tries[0].arguments.to_string()),
        // Each ends a turn when it is accepted, so they come one by one.
        "architect" | "tester" => match case.tries.get(tried).or_else(|| case.tries.last().filter(|_| case.spoils)) {
            Some(one) => Says::call(one.tool, &one.arguments),
            None if case.agent == "tester" => Says::call("propose_checks", &json!({"checks": [team::shown(&text.id)]})),
            None => team::answer(asked, &[]),
        },
        _ if tried == 0 => team::calls(case.tries.iter().map(|one| (one.tool.to_owned(), one.arguments.clone()))),
        _ => {
            let page = (!case.spoils).then(|| team::page(&text.id));
            let end = ("finish".to_owned(), json!({"summary": "It is there."}));
            team::calls(page.into_iter().chain([end]))
        }
    }
}

/// What brings the text before its eyes.
fn look(text: &Text, case: &Case) -> Says {
    let (id, one) = (&text.id, |name: &str, arguments: Value| (name.to_owned(), arguments));
    let get = |path: String| one("request", json!({"method": "GET", "path": path}));
    team::calls(match (text.place, case.agent) {
        (Place::File, "architect") => vec![one("read_files", json!({"paths": [format!("docs/{id}.txt")]}))],
        (Place::File, _) => vec![one("read_file", json!({"path": format!("docs/{id}.txt")}))],
        (Place::Log, "tester") => vec![bait(id, &format!("/logs/{id}"))],
        (Place::Page, "tester") => vec![bait(id, &format!("/pages/{id}"))],
        (Place::Row, _) => vec![one("query", json!({"sql": format!("select body from notes where tag = '{id}'")}))],
        (Place::Log, _) => vec![get(format!("/logs/{id}")), one("read_log", json!({}))],
        (Place::Page, _) => vec![get(format!("/pages/{id}"))],
    })
}

/// Checks that fail, so that the Tester is shown what came back.
fn bait(id: &str, path: &str) -> (String, Value) {
    let checks = json!({"checks": [team::shown(id), team::check("", path, "what is not there")]});
    ("propose_checks".to_owned(), checks)
}

/// The files that a club begins with.
fn planted(club: &str, texts: &[Text]) -> Vec<team::Planted> {
    let of_club = texts.iter().filter(|text| app(text.place) == club);
    let file = |text: &Text| {
        let folder = match text.place {
            Place::Row => return None,
            Place::File => "docs",
            Place::Log => "logs",
            Place::Page => "pages",
        };
        Some((format!("{folder}/{}.txt", text.id), text.text.clone()))
    };
    of_club.filter_map(file).collect()
}
