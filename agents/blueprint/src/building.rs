use crate::{language::Language, model::Model, php};
use protocol::{
    AppName, Code, Problem,
    artifact::{ChangeSet, CheckResult, Content, Design, FileChange, Invalidation, Resource},
    tools::coder::AppSnapshot,
};
use std::collections::BTreeMap;

/// Writes what the design says, as what differs from the live release.
///
/// The findings of an earlier round change nothing: from the same design the same files come.
///
/// # Errors
/// [`Code::BaseMoved`] when the live release is not the one the design starts from, [`Code::NotBuiltHere`].
pub fn build(
    app: &AppName,
    design: &Design,
    snapshot: Option<&AppSnapshot>,
    _findings: &[CheckResult],
) -> Result<ChangeSet, Problem> {
    let live = snapshot.and_then(|one| one.live.as_ref()).map(|live| live.digest);
    if live != design.base {
        let name = |digest: Option<protocol::Digest>| digest.map_or("nothing".to_owned(), |one| one.short());
        let detail = format!("the design starts from {}, live is {}", name(design.base), name(live));
        return Err(Code::BaseMoved.problem(detail));
    }
    let before = Model::of(snapshot)?;
    let language = before.as_ref().map_or_else(|| Language::of(&design.summary), |model| model.language);
    let change_set = ChangeSet {
        app: app.clone(),
        base: design.base,
        files: changed_files(before.as_ref(), php::files(language, &design.resources), snapshot),
        migrations: design.migrations.clone(),
        invalidations: invalidations(before.as_ref(), &design.resources),
    };
    change_set.validate()?;
    Ok(change_set)
}

/// A base that this version of the engine wrote is known without reading it; of any other every file is written anew.
fn changed_files(
    before: Option<&Model>,
    after: BTreeMap<String, String>,
    snapshot: Option<&AppSnapshot>,
) -> Vec<FileChange> {
    let same_engine = before.filter(|model| model.engine == php::engine());
    let known = same_engine.map(|model| php::files(model.language, &model.resources)).unwrap_or_default();
    let tree = snapshot.map_or(&[][..], |one| &one.tree);
    let gone = tree.iter().filter(|file| !after.contains_key(file.path.as_str())).map(|file| (file.path.clone(), None));
    let changed = after.iter().filter(|(path, text)| known.get(*path) != Some(text));
    let changed = changed
        .map(|(path, text)| (path.parse().expect("the engine's paths are valid"), Some(Content::Text(text.clone()))));
    let all: BTreeMap<_, _> = gone.chain(changed).collect();
    all.into_iter().map(|(path, content)| FileChange { path, content }).collect()
}

/// Lists of a resource that now looks different.
fn invalidations(before: Option<&Model>, after: &[Resource]) -> Vec<Invalidation> {
    let old = before.map_or(&[][..], |model| &model.resources);
    let differs = |one: &&Resource| old.iter().any(|other| other.name == one.name && other != *one);
    after.iter().filter(differs).map(|one| Invalidation::Bump(format!("version:{}", one.name))).collect()
}
