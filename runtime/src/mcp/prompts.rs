//! A service's prompts as MCP shows them.

use super::{FRESH_MS, answer, cursor};
use crate::prompt::{AboutPrompt, Argument, Prompt};
use protocol::{Code, Problem};
use rmcp::{
    ErrorData,
    model::{
        CacheScope, GetPromptRequestParams, GetPromptResult, JsonObject, ListPromptsResult, PaginatedRequestParams,
        Prompt as Listed, PromptArgument, PromptMessage, Role,
    },
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// `prompts/list`: the same for everybody, on one page.
pub(super) fn list(
    prompts: &[Arc<dyn Prompt>],
    request: Option<PaginatedRequestParams>,
) -> Result<ListPromptsResult, ErrorData> {
    cursor::none(request).map_err(|problem| answer::protocol_error(&problem))?;
    let prompts = prompts.iter().map(|prompt| listed(prompt.about())).collect();
    Ok(ListPromptsResult::with_all_items(prompts).with_ttl_ms(FRESH_MS).with_cache_scope(CacheScope::Public))
}

/// `prompts/get`: one message, as the person would write it.
pub(super) fn get(prompts: &[Arc<dyn Prompt>], request: GetPromptRequestParams) -> Result<GetPromptResult, ErrorData> {
    let filled = || {
        let prompt = find(prompts, &request.name)?;
        let about = prompt.about();
        let text = prompt.text(&filled_in(&about, request.arguments.unwrap_or_default())?)?;
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).with_description(about.description))
    };
    filled().map_err(|problem: Problem| answer::protocol_error(&problem))
}

/// The prompt of this name.
///
/// # Errors
/// [`Code::NotFound`].
pub(super) fn find<'a>(prompts: &'a [Arc<dyn Prompt>], name: &str) -> Result<&'a Arc<dyn Prompt>, Problem> {
    let found = prompts.iter().find(|prompt| prompt.about().name == name);
    found.ok_or_else(|| Code::NotFound.problem(format!("there is no prompt {name:?}")))
}

/// The arguments, if they are those that the prompt takes.
fn filled_in(about: &AboutPrompt, given: JsonObject) -> Result<BTreeMap<String, String>, Problem> {
    let mut arguments = BTreeMap::new();
    for (name, value) in given {
        if !about.arguments.iter().any(|argument| argument.name == name) {
            return Err(Code::BadRequest.problem(format!("{} takes no argument {name:?}", about.name)));
        }
        let Value::String(value) = value else {
            return Err(Code::BadRequest.problem(format!("the argument {name:?} is a string")));
        };
        arguments.insert(name, value);
    }
    let is_missing = |argument: &&Argument| {
        argument.required && arguments.get(argument.name).is_none_or(|value| value.trim().is_empty())
    };
    match about.arguments.iter().find(is_missing) {
        Some(missing) => Err(Code::BadRequest.problem(format!("{} needs the argument {:?}", about.name, missing.name))),
        None => Ok(arguments),
    }
}

fn listed(about: AboutPrompt) -> Listed {
    let argument = |argument: Argument| {
        PromptArgument::new(argument.name)
            .with_title(argument.title)
            .with_description(argument.description)
            .with_required(argument.required)
    };
    let arguments = about.arguments.into_iter().map(argument).collect();
    Listed::new(about.name, Some(about.description), Some(arguments)).with_title(about.title)
}
