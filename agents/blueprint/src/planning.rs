use crate::{
    criterion::Criterion,
    goal,
    language::Language,
    model::{self, Change, Merged, Model, written},
};
use protocol::{
    AppName, Code, Problem, TaskId,
    artifact::{Plan, PlanStep, Resource, Risk},
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
        supplied: false,
        made_by: None,
        task,
        app: app.clone(),
        goal: goal.to_owned(),
        summary: summary(language, app, &merged),
        steps: merged.changes.iter().map(|change| step(language, change)).collect(),
        criteria: Criterion::ALL.map(|one| one.promised(language)).to_vec(),
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
    let parts = reading.resources.iter().map(|one| format!("{} ({} fields)", one.name, one.fields.len()));
    let understood = match reading.resources.len() {
        0 => "nothing".to_owned(),
        _ => parts.collect::<Vec<_>>().join(", "),
    };
    let mut mistakes = reading.mistakes;
    if mistakes.is_empty() {
        mistakes.push("no resource was found; write, for example, posts(title:string!, body:text)".to_owned());
        mistakes.extend(reading.asides.iter().map(|aside| format!("\"{aside}\" was taken for prose")));
    }
    Err(Code::GoalNotUnderstood.problem(model::not_understood(&understood, &mistakes)))
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

fn assumptions(language: Language, merged: &Merged, asides: &[String]) -> Vec<String> {
    let mut list: Vec<String> = asides
        .iter()
        .map(|aside| {
            language.pick(format!("\"{aside}\" is prose, not a resource."), format!("「{aside}」は説明文とみなす。"))
        })
        .collect();
    let barren = model::barren(&merged.resources);
    if !barren.is_empty() {
        let names = barren.join(", ");
        list.push(language.pick(
            format!("No first row of {names} can be made: each needs one of them that is there already."),
            format!("{names} は互いの行を必須とするため、最初の 1 行を作れない。"),
        ));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(goal: &str) -> (Code, String) {
        let app = "shop".parse().expect("a name");
        let problem = plan(TaskId::from_bytes([7; 16]), &app, goal, None).expect_err(goal);
        (problem.code, problem.detail)
    }

    #[test]
    fn a_problem_says_what_was_and_what_was_not_understood() {
        for (goal, understood, not) in [
            ("Make me rich.", "nothing", "no resource was found; write, for example, posts("),
            ("posts(title, body)", "nothing", "\"posts(title, body)\" was taken for prose"),
            ("posts(a:int); users(b:nope)", "posts (1 fields)", "users: b: \"nope\" is no type"),
            ("posts(a:int, u:ref(users))", "posts", "posts.u refers to users, which is no resource"),
        ] {
            let (code, detail) = refusal(goal);
            assert_eq!(code, Code::GoalNotUnderstood, "{goal}");
            assert!(detail.starts_with(&format!("Understood: {understood}. Not understood: ")), "{detail}");
            assert!(detail.contains(not), "{detail}");
        }
    }

    #[test]
    fn of_many_mistakes_some_are_told() {
        let fields: Vec<_> = (0..2_000).map(|n| format!("f{n}:x")).collect();
        let (_, detail) = refusal(&format!("posts({})", fields.join(",")));
        assert!(detail.len() < 2_000 && detail.ends_with("; and 1990 more"), "{detail}");
    }

    #[test]
    fn references_that_allow_no_row_are_told() {
        let app = "shop".parse().expect("a name");
        let goal = "a(b:ref(b)!); b(a:ref(a)!, c:ref(c)!); c(n:int); d(a:ref(a)!); e(e:ref(e), c:ref(c)!)";
        let plan = plan(TaskId::from_bytes([7; 16]), &app, goal, None).expect("a plan");
        assert!(plan.assumptions[0].starts_with("No first row of a, b, d can be made"), "{:?}", plan.assumptions);
        assert_eq!(plan.assumptions.len(), 1);
    }

    #[test]
    fn what_was_taken_for_prose_is_an_assumption() {
        let app = "shop".parse().expect("a name");
        let goal = "A blog (note: simple) with posts(title:string)";
        let plan = plan(TaskId::from_bytes([7; 16]), &app, goal, None).expect("a plan");
        assert_eq!(plan.assumptions, ["\"blog (note: simple)\" is prose, not a resource."]);
        assert_eq!(plan.criteria.len(), Criterion::ALL.len());
    }
}
