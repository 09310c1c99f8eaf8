//! `completion/complete`: what may be meant by an argument that is half typed.

use super::{answer, prompts};
use crate::{
    Principal,
    prompt::{Prompt, Suggest},
    resource::Resources,
};
use protocol::{Code, Problem};
use rmcp::{
    ErrorData,
    model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference},
};
use std::sync::Arc;

/// At most 100 suggestions; `hasMore` says whether there are others.
pub(super) async fn complete(
    prompts: &[Arc<dyn Prompt>],
    resources: Option<&dyn Resources>,
    caller: &Principal,
    request: CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let most = CompletionInfo::MAX_VALUES;
    let found = async {
        match suggester(prompts, resources, &request)? {
            Some(suggest) => suggest.suggest(caller, &request.argument.value, most + 1).await,
            None => Ok(Vec::new()),
        }
    };
    let mut values = found.await.map_err(|problem| answer::protocol_error(&problem))?;
    let has_more = values.len() > most;
    values.truncate(most);
    let total = if has_more { None } else { u32::try_from(values.len()).ok() };
    let mut info = CompletionInfo::default();
    (info.values, info.total, info.has_more) = (values, total, Some(has_more));
    Ok(CompleteResult::new(info))
}

/// Who knows what may be meant; nobody, for an argument in a person's own words.
fn suggester(
    prompts: &[Arc<dyn Prompt>],
    resources: Option<&dyn Resources>,
    request: &CompleteRequestParams,
) -> Result<Option<Arc<dyn Suggest>>, Problem> {
    let argument = &*request.argument.name;
    match &request.r#ref {
        Reference::Prompt(prompt) => {
            let about = prompts::find(prompts, &prompt.name)?.about();
            let found = about.arguments.into_iter().find(|known| known.name == argument);
            found.map(|found| found.suggest).ok_or_else(|| unknown(argument))
        }
        Reference::Resource(form) => {
            let templates = resources.map(Resources::templates).unwrap_or_default();
            let template = templates.into_iter().find(|template| template.uri == form.uri);
            let template =
                template.ok_or_else(|| Code::NotFound.problem(format!("there is no template {:?}", form.uri)))?;
            let found = template.variables.into_iter().find(|(name, _)| *name == argument);
            found.map(|(_, suggest)| Some(suggest)).ok_or_else(|| unknown(argument))
        }
        _ => Err(Code::BadRequest.problem("`ref` names a prompt or a template")),
    }
}

fn unknown(argument: &str) -> Problem {
    Code::BadRequest.problem(format!("there is no argument {argument:?}"))
}
