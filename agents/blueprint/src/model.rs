//! What an app keeps: read from its live release, and changed by a goal.

use crate::{MODEL_FILE, goal::MAX_FIELDS, language::Language};
use protocol::{
    Code, Digest, Problem,
    artifact::{Field, FieldType, Resource},
    tools::coder::AppSnapshot,
};
use serde::{Deserialize, Serialize};

/// The text of [`MODEL_FILE`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    /// The address of the files that all apps of one version of this engine share.
    pub(crate) engine: Digest,
    pub(crate) language: Language,
    pub(crate) resources: Vec<Resource>,
}

impl Model {
    /// The model of the live release; nothing for an app without one.
    pub(crate) fn of(snapshot: Option<&AppSnapshot>) -> Result<Option<Self>, Problem> {
        let Some((snapshot, live)) = snapshot.and_then(|one| one.live.as_ref().map(|live| (one, live))) else {
            return Ok(None);
        };
        let file = snapshot.files.iter().find(|file| file.path.as_str() == MODEL_FILE);
        let model = file.and_then(|file| serde_json::from_str(&file.text).ok());
        model.map(Some).ok_or_else(|| {
            Code::NotBuiltHere.problem(format!(
                "the live release {} of {} has no {MODEL_FILE} that this engine could read",
                live.digest.short(),
                snapshot.app
            ))
        })
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a model is JSON");
        text.push('\n');
        text
    }
}

/// One thing that a goal changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Resource(Resource),
    Field { resource: String, field: Field },
    Default { resource: String, field: Field },
}

/// An app's model with a goal laid over it.
#[derive(Debug, PartialEq)]
pub(crate) struct Merged {
    pub(crate) resources: Vec<Resource>,
    pub(crate) changes: Vec<Change>,
}

/// Lays what is wanted over what there is.
///
/// # Errors
/// [`Code::UnsupportedChange`] for what would change a field that exists, [`Code::NothingToDo`],
/// [`Code::GoalNotUnderstood`] for references to nothing.
pub(crate) fn merge(existing: &[Resource], wanted: &[Resource]) -> Result<Merged, Problem> {
    let mut merged = Merged { resources: existing.to_vec(), changes: Vec::new() };
    let mut refused = Vec::new();
    for resource in wanted {
        match merged.resources.iter_mut().find(|one| one.name == resource.name) {
            None => {
                merged.resources.push(resource.clone());
                merged.changes.push(Change::Resource(resource.clone()));
            }
            Some(known) => merge_fields(known, resource, &mut merged.changes, &mut refused),
        }
    }
    point_somewhere(&merged.resources)?;
    let wide = merged.resources.iter().filter(|one| one.fields.len() > MAX_FIELDS);
    refused.extend(
        wide.map(|one| format!("{} would have {} fields; {MAX_FIELDS} are possible", one.name, one.fields.len())),
    );
    if !refused.is_empty() {
        let detail = format!(
            "{}. Only new resources, new fields and other defaults can be added to an app that exists; \
             give the field another name to have both",
            refused.join("; ")
        );
        return Err(Code::UnsupportedChange.problem(detail));
    }
    if merged.changes.is_empty() {
        let names: Vec<_> = wanted.iter().map(|one| one.name.as_str()).collect();
        return Err(Code::NothingToDo.problem(format!("the app has {} exactly as written", names.join(", "))));
    }
    Ok(merged)
}

fn merge_fields(known: &mut Resource, wanted: &Resource, changes: &mut Vec<Change>, refused: &mut Vec<String>) {
    for field in &wanted.fields {
        let resource = known.name.clone();
        let Some(old) = known.fields.iter_mut().find(|old| old.name == field.name) else {
            known.fields.push(field.clone());
            changes.push(Change::Field { resource, field: field.clone() });
            continue;
        };
        if (&old.kind, old.required, old.unique) != (&field.kind, field.required, field.unique) {
            refused.push(format!("{resource}.{} is {} and can't become {}", field.name, written(old), written(field)));
        } else if field.default.is_some() && field.default != old.default {
            old.default.clone_from(&field.default);
            changes.push(Change::Default { resource, field: old.clone() });
        }
    }
}

fn point_somewhere(resources: &[Resource]) -> Result<(), Problem> {
    let known = |name: &str| resources.iter().any(|one| one.name == name);
    let dangling = |one: &Resource| -> Vec<String> {
        let fields = one.fields.iter().filter_map(|field| match &field.kind {
            FieldType::Ref(target) if !known(target) => {
                Some(format!("{}.{} refers to {target}, which is no resource", one.name, field.name))
            }
            _ => None,
        });
        fields.collect()
    };
    let mistakes: Vec<String> = resources.iter().flat_map(dangling).collect();
    if mistakes.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = resources.iter().map(|one| one.name.as_str()).collect();
    Err(Code::GoalNotUnderstood.problem(not_understood(&names.join(", "), &mistakes)))
}

/// The resources that can't have a first row, because of what their required references need to be there.
pub(crate) fn barren(resources: &[Resource]) -> Vec<&str> {
    let mut barren: Vec<&Resource> = resources.iter().collect();
    let fertile = |one: &Resource, barren: &[&Resource]| {
        one.fields.iter().filter(|field| field.required).all(|field| match &field.kind {
            FieldType::Ref(target) => barren.iter().all(|other| other.name != *target),
            _ => true,
        })
    };
    while let Some(place) = barren.iter().position(|one| fertile(one, &barren)) {
        barren.remove(place);
    }
    barren.into_iter().map(|one| one.name.as_str()).collect()
}

/// How many mistakes are told of: enough for a person to mend, few enough to read.
const MAX_MISTAKES: usize = 10;

/// What was and what was not understood, as a problem says it.
pub(crate) fn not_understood(understood: &str, mistakes: &[String]) -> String {
    let told = mistakes.iter().take(MAX_MISTAKES).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = match mistakes.len().saturating_sub(MAX_MISTAKES) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("Understood: {understood}. Not understood: {told}{more}")
}

/// A field's type and modifiers as a goal writes them, without its default.
pub(crate) fn written(field: &Field) -> String {
    let kind = match &field.kind {
        FieldType::String => "string".to_owned(),
        FieldType::Text => "text".to_owned(),
        FieldType::Int => "int".to_owned(),
        FieldType::Decimal => "decimal".to_owned(),
        FieldType::Bool => "bool".to_owned(),
        FieldType::Date => "date".to_owned(),
        FieldType::Datetime => "datetime".to_owned(),
        FieldType::Email => "email".to_owned(),
        FieldType::Url => "url".to_owned(),
        FieldType::Enum(words) => format!("enum({})", words.join("|")),
        FieldType::Ref(target) => format!("ref({target})"),
    };
    let required = if field.required { "!" } else { "" };
    let unique = if field.unique { " unique" } else { "" };
    format!("{kind}{required}{unique}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goal;

    fn resources(goal: &str) -> Vec<Resource> {
        goal::read(goal).resources
    }

    #[test]
    fn a_goal_adds_resources_and_fields_and_changes_defaults() {
        let old = resources("posts(title:string!, n:int=1); users(name:string!)");
        let merged = merge(&old, &resources("posts(n:int=2, views:int!); tags(post:ref(posts))")).expect("a change");
        let names: Vec<_> = merged.resources.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["posts", "users", "tags"]);
        assert_eq!(merged.changes.len(), 3);
        let fields: Vec<_> = merged.resources[0].fields.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(fields, ["title", "n", "views"]);
        assert_eq!(merged.resources[0].fields[1].default, Some(2.into()));
    }

    #[test]
    fn a_default_that_a_goal_leaves_out_stays() {
        let old = resources("posts(n:int=1)");
        let merged = merge(&old, &resources("posts(n:int, m:int)")).expect("a change");
        assert_eq!(merged.resources[0].fields[0].default, Some(1.into()));
    }

    #[test]
    fn what_would_change_a_field_is_refused_with_its_name() {
        let old = resources("posts(title:string!, code:string unique, kind:enum(a|b), up:ref(posts))");
        for (goal, name) in [
            ("posts(title:string)", "posts.title is string! and can't become string"),
            ("posts(title:text!)", "posts.title"),
            ("posts(code:string)", "posts.code"),
            ("posts(kind:enum(a|b|c))", "posts.kind"),
            ("posts(up:ref(tags)); tags(n:int)", "posts.up"),
            ("posts(title:string!, code:int)", "posts.code"),
        ] {
            let refused = merge(&old, &resources(goal)).expect_err(goal);
            assert_eq!(refused.code, Code::UnsupportedChange, "{goal}");
            assert!(refused.detail.contains(name), "{goal}: {}", refused.detail);
        }
        let same = merge(&old, &resources("posts(title:string!)")).expect_err("nothing new");
        assert_eq!(same.code, Code::NothingToDo);
    }

    #[test]
    fn fields_do_not_pile_up_beyond_what_a_table_takes() {
        let many = |from: usize| {
            let fields: Vec<_> = (from..from + 40).map(|n| format!("f{n}:int")).collect();
            resources(&format!("posts({})", fields.join(",")))
        };
        let refused = merge(&many(0), &many(40)).expect_err("80 fields");
        assert!(refused.detail.contains("posts would have 80 fields; 60 are possible"), "{}", refused.detail);
    }
}
