//! A service's resources as MCP shows them, and the links that lead to them.

use super::{FRESH_MS, answer, cursor, tasks};
use crate::{
    Principal,
    resource::{Content, Resource, Resources, Template},
};
use protocol::{Code, JobId, Problem};
use rmcp::{
    ErrorData,
    model::{
        Annotations, CacheScope, ContentBlock, ListResourceTemplatesResult, ListResourcesResult,
        PaginatedRequestParams, ReadResourceResult, Resource as Listed, ResourceContents, ResourceTemplate,
    },
};
use serde_json::Value;

/// How long a list of resources may be taken for unchanged, in milliseconds: there is a new one soon.
const LIST_FRESH_MS: u64 = 1_000;

/// `resources/list`: a page of what the caller may see.
pub(super) async fn list(
    resources: &dyn Resources,
    caller: &Principal,
    request: Option<PaginatedRequestParams>,
) -> Result<ListResourcesResult, ErrorData> {
    let page = async {
        let after = cursor::read("resources", request)?;
        resources.list(caller, after.as_deref()).await
    };
    let page = page.await.map_err(|problem| answer::protocol_error(&problem))?;
    let mut result = ListResourcesResult::with_all_items(page.resources.into_iter().map(listed).collect())
        .with_ttl_ms(LIST_FRESH_MS)
        .with_cache_scope(CacheScope::Private);
    result.next_cursor = page.next.map(|place| cursor::written("resources", &place));
    Ok(result)
}

/// `resources/templates/list`: the same for everybody, on one page.
pub(super) fn templates(
    resources: &dyn Resources,
    request: Option<PaginatedRequestParams>,
) -> Result<ListResourceTemplatesResult, ErrorData> {
    cursor::none(request).map_err(|problem| answer::protocol_error(&problem))?;
    let templates = resources.templates().iter().map(template).collect();
    Ok(ListResourceTemplatesResult::with_all_items(templates)
        .with_ttl_ms(FRESH_MS)
        .with_cache_scope(CacheScope::Public))
}

/// `resources/read`.
pub(super) async fn read(
    resources: &dyn Resources,
    caller: &Principal,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let Content { mime, text, fresh } = resources.read(caller, uri).await.map_err(|problem| refused(&problem, uri))?;
    let contents = ResourceContents::text(text, uri).with_mime_type(mime);
    Ok(ReadResourceResult::new(vec![contents])
        .with_ttl_ms(u64::try_from(fresh.as_millis()).unwrap_or(u64::MAX))
        .with_cache_scope(CacheScope::Private))
}

/// Links to what there is to read of a job. An answer is good without them.
pub(super) async fn links(resources: &dyn Resources, caller: &Principal, job: JobId) -> Vec<ContentBlock> {
    match resources.of_job(caller, job).await {
        Ok(found) => found.into_iter().map(|resource| ContentBlock::resource_link(listed(resource))).collect(),
        Err(problem) => {
            tracing::warn!(job.id = %job, error = %problem, "An answer comes without links");
            Vec::new()
        }
    }
}

/// What is not there has a code of its own, which depends on the revision (`rmcp` knows which).
fn refused(problem: &Problem, uri: &str) -> ErrorData {
    if problem.code != Code::NotFound {
        return answer::protocol_error(problem);
    }
    let mut data = answer::json(problem);
    data["uri"] = Value::from(uri);
    ErrorData::resource_not_found(problem.to_string(), Some(data))
}

fn listed(resource: Resource) -> Listed {
    let mut listed = Listed::new(resource.uri, resource.name)
        .with_title(resource.title)
        .with_description(resource.description)
        .with_mime_type(resource.mime);
    listed.size = resource.size;
    if let Some(moment) = resource.changed_at {
        let mut annotations = Annotations::default();
        annotations.last_modified = Some(tasks::time(moment));
        listed.annotations = Some(annotations);
    }
    listed
}

fn template(template: &Template) -> ResourceTemplate {
    ResourceTemplate::new(template.uri, template.name)
        .with_title(template.title)
        .with_description(template.description)
        .with_mime_type(template.mime)
}
