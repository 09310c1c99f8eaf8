//! The addresses of what can be read.

use crate::kept;
use protocol::{AppName, TaskId};
use std::fmt;

/// Something of a task that an agent handed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    /// The name it is kept under, and the last part of its address.
    pub(super) kind: &'static str,
    /// The form of its address.
    pub(super) template: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) mime: &'static str,
}

pub(super) const JSON: &str = "application/json";

const fn json(kind: &'static str, template: &'static str, title: &'static str, description: &'static str) -> Artifact {
    Artifact { kind, template, title, description, mime: JSON }
}

/// In the order that they come about.
pub(super) static ARTIFACTS: [Artifact; 7] = [
    json(
        kept::PLAN,
        "yonin://tasks/{id}/plan",
        "Plan",
        "How the goal was understood: summary, steps, acceptance criteria, assumptions and risk.",
    ),
    json(
        kept::DESIGN,
        "yonin://tasks/{id}/design",
        "Design",
        "Data model, migrations, endpoints, cache keys, files and checks that carry out the plan.",
    ),
    json(
        kept::CHANGES,
        "yonin://tasks/{id}/changes",
        "Change-set",
        "The base release, and every file, migration and cache invalidation of the last round.",
    ),
    Artifact {
        kind: kept::DIFF,
        template: "yonin://tasks/{id}/diff",
        title: "Diff",
        description: "The change-set of the last round as a unified diff against its base release.",
        mime: "text/x-diff",
    },
    json(
        kept::CHECKS,
        "yonin://tasks/{id}/checks",
        "Checks",
        "The checks that were run on the preview in the last round: requests, queries, cache keys and log rules.",
    ),
    json(
        kept::VERDICT,
        "yonin://tasks/{id}/verdict",
        "Verdict",
        "The Tester's signed evidence on the preview in the last round: what each check sent and what came back.",
    ),
    json(
        kept::SMOKE,
        "yonin://tasks/{id}/smoke",
        "Smoke verdict",
        "The Tester's signed evidence on the live app, after the release.",
    ),
];

/// The artifact that is kept under this name.
pub(super) fn artifact(kind: &str) -> Option<&'static Artifact> {
    ARTIFACTS.iter().find(|artifact| artifact.kind == kind)
}

/// Something that can be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Task(TaskId),
    Artifact(TaskId, &'static Artifact),
    App(AppName),
}

impl Place {
    /// What is at this address. Each thing has one alone: another spelling of it is none.
    pub(super) fn of(uri: &str) -> Option<Self> {
        let (kind, rest) = uri.strip_prefix("yonin://")?.split_once('/')?;
        let place = match (kind, rest.split_once('/')) {
            ("tasks", None) => Self::Task(rest.parse().ok()?),
            ("tasks", Some((id, kind))) => Self::Artifact(id.parse().ok()?, artifact(kind)?),
            ("apps", None) => Self::App(rest.parse().ok()?),
            _ => return None,
        };
        (place.to_string() == uri).then_some(place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(id) => write!(f, "yonin://tasks/{id}"),
            Self::Artifact(id, artifact) => write!(f, "yonin://tasks/{id}/{}", artifact.kind),
            Self::App(app) => write!(f, "yonin://apps/{app}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let id = TaskId::fresh();
        let app = Place::App("shop".parse().expect("a name"));
        let artifacts = ARTIFACTS.iter().map(|artifact| Place::Artifact(id, artifact));
        for place in artifacts.chain([Place::Task(id), app]) {
            assert_eq!(Place::of(&place.to_string()), Some(place));
        }
        for artifact in &ARTIFACTS {
            assert_eq!(Place::Artifact(id, artifact).to_string(), artifact.template.replace("{id}", &id.to_string()));
        }
    }

    #[test]
    fn nothing_else_is_an_address() {
        let id = "0190b5f2-9d3c-7000-8000-00000000abcd";
        assert!(Place::of(&format!("yonin://tasks/{id}")).is_some());
        for bad in [
            String::new(),
            "yonin://".to_owned(),
            "yonin://tasks".to_owned(),
            "yonin://tasks/".to_owned(),
            format!("yonin://tasks/{}", id.to_uppercase()),
            format!("yonin://tasks/{}", id.replace('-', "")),
            format!("yonin://tasks/{id}/"),
            format!("yonin://tasks/{id}/secrets"),
            format!("yonin://tasks/{id}/plan/x"),
            format!("yonin://tasks/{id}/../plan"),
            format!("yonin://tasks/{id}?attempt=1"),
            format!("YONIN://tasks/{id}"),
            format!("file://tasks/{id}"),
            "yonin://apps/Shop".to_owned(),
            "yonin://apps/shop/releases".to_owned(),
        ] {
            assert_eq!(Place::of(&bad), None, "{bad}");
        }
    }
}
