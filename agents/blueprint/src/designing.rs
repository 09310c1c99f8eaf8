use crate::{
    criterion::Criterion,
    language::Language,
    model::{self, Model},
    php, planning, schema,
};
use protocol::{
    Code, Digest, Problem,
    artifact::{CacheKey, Check, Design, Endpoint, FilePurpose, Plan, Resource},
    tools::coder::AppSnapshot,
};

/// Turns a plan into a design on top of the app as it is.
///
/// # Errors
/// Those of [`crate::plan`], should the app have changed since, and [`Code::UnsupportedChange`] where the database holds
/// something under a new name already that does not fit, or the app would need more checks than can be run.
pub fn design(plan: &Plan, snapshot: Option<&AppSnapshot>) -> Result<Design, Problem> {
    let reading = planning::understand(&plan.goal)?;
    let model = Model::of(snapshot)?;
    let existing = model.as_ref().map_or(&[][..], |model| &model.resources);
    let resources = model::merge(existing, &reading.resources)?.resources;
    let design = Design {
        made_by: None,
        plan: Digest::of(plan),
        base: snapshot.and_then(|one| one.live.as_ref()).map(|live| live.digest),
        summary: summary(Language::of(&plan.goal), &resources),
        migrations: schema::migrations(&resources, snapshot)?,
        endpoints: endpoints(&resources),
        cache: resources.iter().flat_map(cache_keys).collect(),
        files: php::purposes(&resources).into_iter().map(|(path, purpose)| FilePurpose { path, purpose }).collect(),
        tests: Criterion::ALL.map(Criterion::tested).to_vec(),
        resources,
    };
    match crate::checks(&design).len() {
        0..=Check::MOST => Ok(design),
        many => Err(Code::UnsupportedChange.problem(format!(
            "the app would have {} resources and need {many} checks; at most {} can be run",
            design.resources.len(),
            Check::MOST
        ))),
    }
}

fn summary(language: Language, resources: &[Resource]) -> String {
    let names: Vec<_> = resources.iter().map(|one| one.name.as_str()).collect();
    let names = names.join(", ");
    language.pick(
        format!(
            "A PHP application that keeps {names}: a table, a JSON API and a page for each, behind one front controller. \
             Lists are cached in Redis under a version that every write renews."
        ),
        format!(
            "{names} を扱う PHP アプリケーション。それぞれにテーブル、JSON API、ページがあり、入口はひとつ。\
             一覧は版番号付きで Redis に保存し、書き込みのたびに版を改める。"
        ),
    )
}

fn endpoints(resources: &[Resource]) -> Vec<Endpoint> {
    let endpoint = |method: &str, path: String, purpose: &str| Endpoint {
        method: method.to_owned(),
        path,
        purpose: purpose.to_owned(),
    };
    let mut list = vec![endpoint("GET", "/".into(), "Links to every resource")];
    for Resource { name, .. } in resources {
        list.extend([
            endpoint("GET", format!("/{name}"), "The page: list, search, form"),
            endpoint("POST", format!("/{name}"), "Takes the page's forms"),
            endpoint("GET", format!("/api/{name}"), "A page of the list"),
            endpoint("POST", format!("/api/{name}"), "Creates a row"),
            endpoint("GET", format!("/api/{name}/{{id}}"), "One row"),
            endpoint("PUT", format!("/api/{name}/{{id}}"), "Replaces a row"),
            endpoint("PATCH", format!("/api/{name}/{{id}}"), "Changes what it names"),
            endpoint("DELETE", format!("/api/{name}/{{id}}"), "Deletes a row"),
        ]);
    }
    list
}

/// Seconds that a cached list lives; `app/src/Lists.php` has the same number.
pub(crate) const LIST_TTL_SECONDS: u32 = 60;

fn cache_keys(resource: &Resource) -> [CacheKey; 2] {
    let name = &resource.name;
    [
        CacheKey {
            key: format!("list:{name}:*"),
            ttl_seconds: Some(LIST_TTL_SECONDS),
            purpose: format!("A page of {name} as JSON, under the version it was read at"),
        },
        CacheKey {
            key: format!("version:{name}"),
            ttl_seconds: None,
            purpose: format!("The version of the lists of {name}; every write renews it"),
        },
    ]
}
