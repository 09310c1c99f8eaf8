use crate::{
    goal,
    language::Language,
    model::{self, Change, Merged, Model, written},
};
use protocol::{
    AppName, Code, Problem, TaskId,
    artifact::{Criterion, Plan, PlanStep, Resource, Risk},
    tools::coder::AppSnapshot,
};

/// Reads a goal with the app in view and says what is going to be done.
///
/// # Errors
/// [`Code::GoalNotUnderstood`] with what was and what was not understood; [`Code::NothingToDo`],
/// [`Code::UnsupportedChange`] and [`Code::NotBuiltHere`] for what can't be done on this app.
pub fn plan(task: TaskId, app: &AppName, goal: &str, snapshot: Option<&AppSnapshot>) -> Result<Plan, Problem> {
    let reading = understand(goal)?;
    let model = Model::of(snapshot)?;
    let existing = model.as_ref().map_or(&[][..], |model| &model.resources);
    let merged = model::merge(existing, &reading.resources)?;
    let language = Language::of(goal);
    Ok(Plan {
        task,
        app: app.clone(),
        goal: goal.to_owned(),
        summary: summary(language, app, &merged),
        steps: merged.changes.iter().map(|change| step(language, change)).collect(),
        criteria: criteria(language),
        assumptions: assumptions(language, &merged, &reading.asides),
        risk: risk(&merged),
    })
}

/// What the goal says, if all of it was understood.
pub(crate) fn understand(goal: &str) -> Result<goal::Reading, Problem> {
    let reading = goal::read(goal);
    if reading.mistakes.is_empty() && !reading.resources.is_empty() {
        return Ok(reading);
    }
    let understood = match reading.resources.as_slice() {
        [] => "nothing".to_owned(),
        some => {
            some.iter().map(|one| format!("{} ({} fields)", one.name, one.fields.len())).collect::<Vec<_>>().join(", ")
        }
    };
    let wrong = if reading.mistakes.is_empty() {
        "no resource was found; write, for example, posts(title:string!, body:text)".to_owned()
    } else {
        reading.mistakes.join("; ")
    };
    Err(Code::GoalNotUnderstood.problem(format!("Understood: {understood}. Not understood: {wrong}")))
}

fn summary(language: Language, app: &AppName, merged: &Merged) -> String {
    let what: Vec<String> = merged.changes.iter().map(name).collect();
    let what = what.join(", ");
    language.pick(format!("Add to {app}: {what}."), format!("{app} に追加・変更するもの: {what}"))
}

fn name(change: &Change) -> String {
    match change {
        Change::Resource(resource) => resource.name.clone(),
        Change::Field { resource, field } | Change::Default { resource, field } => format!("{resource}.{}", field.name),
    }
}

fn step(language: Language, change: &Change) -> PlanStep {
    let (title, detail) = match change {
        Change::Resource(resource) => {
            (language.pick(format!("Add {}", resource.name), format!("{} を追加", resource.name)), fields(resource))
        }
        Change::Field { resource, field } => (
            language.pick(format!("Add {} to {resource}", field.name), format!("{resource} に {} を追加", field.name)),
            format!("{}: {}", field.name, written(field)),
        ),
        Change::Default { resource, field } => (
            language.pick(
                format!("Change the default of {resource}.{}", field.name),
                format!("{resource}.{} の初期値を変更", field.name),
            ),
            field.default.as_ref().map(ToString::to_string).unwrap_or_default(),
        ),
    };
    PlanStep { title, detail }
}

fn fields(resource: &Resource) -> String {
    let fields: Vec<_> = resource.fields.iter().map(|field| format!("{}: {}", field.name, written(field))).collect();
    fields.join(", ")
}

/// What must be true of every app that this engine builds, in the order of the ids that checks refer to.
fn criteria(language: Language) -> Vec<Criterion> {
    let texts = language.pick(
        [
            "Rows can be created, read, changed and deleted over the JSON API, and stand in MySQL as they were sent.",
            "What is not valid is refused with 422, what is taken or still referenced with 409.",
            "Lists come in pages and can be sorted, filtered and searched.",
            "Lists are cached in Redis for a limited time and are fresh after every write.",
            "Each resource has a page on which everything is escaped and forged forms are refused.",
            "Wrong addresses, methods, content types and broken JSON get the answer that HTTP has for them.",
        ],
        [
            "JSON API で行を作成・取得・変更・削除でき、送った値がそのまま MySQL に残る。",
            "正しくない値は 422、重複や参照中の行は 409 で断る。",
            "一覧はページ分け・並べ替え・絞り込み・検索ができる。",
            "一覧は Redis に期限付きで保存され、書き込みの後は必ず新しい。",
            "リソースごとにページがあり、表示はすべてエスケープされ、偽のフォームは断る。",
            "誤ったアドレス・メソッド・形式・壊れた JSON には HTTP の決まりどおりに答える。",
        ],
    );
    let criterion = |(place, text): (usize, &str)| Criterion { id: format!("c{}", place + 1), text: text.to_owned() };
    texts.into_iter().enumerate().map(criterion).collect()
}

fn assumptions(language: Language, merged: &Merged, asides: &[String]) -> Vec<String> {
    let mut list: Vec<String> = asides
        .iter()
        .map(|aside| {
            language.pick(format!("\"{aside}\" is prose, not a resource."), format!("「{aside}」は説明文とみなす。"))
        })
        .collect();
    for change in &merged.changes {
        if let Change::Field { resource, field } = change
            && field.required
        {
            let name = format!("{resource}.{}", field.name);
            list.push(language.pick(
                format!("Rows that exist may lack {name} until they are given one; every new row must have it."),
                format!("既存の行の {name} は、値が入るまで空でもよい。新しい行では必須。"),
            ));
        }
    }
    list
}

fn risk(merged: &Merged) -> Risk {
    let only_new = merged.changes.iter().all(|change| matches!(change, Change::Resource(_)));
    if only_new { Risk::Low } else { Risk::Medium }
}
