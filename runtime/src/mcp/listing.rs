//! Tools as `tools/list` shows them: schemas from the types, hints from what the tool promises.

use super::job_tools::JobHandle;
use crate::tool::{About, LongTool, ShortTool, WaitingTool};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) fn of_short<T: ShortTool>(tool: &T) -> Tool {
    at_once::<T::Input, T::Output>(T::NAME, tool.about())
}

pub(crate) fn of_waiting<T: WaitingTool>(tool: &T) -> Tool {
    at_once::<T::Input, T::Output>(T::NAME, tool.about())
}

fn at_once<I: JsonSchema, O: JsonSchema>(name: &'static str, about: About) -> Tool {
    let listing = described(name, about, input_schema::<I>());
    match object_schema::<O>() {
        Some(schema) => listing.with_raw_output_schema(Arc::new(schema)),
        None => listing,
    }
}

pub(crate) fn of_long<T: LongTool>(tool: &T) -> Tool {
    let listing = described(T::NAME, tool.about(), input_schema::<T::Input>());
    match object_schema::<T::Output>().and(object_schema::<Answer<T::Output>>()) {
        Some(schema) => listing.with_raw_output_schema(Arc::new(schema)),
        None => listing,
    }
}

/// What a call of a long tool comes to: as a task its output, at once a handle.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "{O}_or_job")]
#[expect(dead_code, reason = "only its schema is used")]
enum Answer<O> {
    /// The result of the job, to callers that asked for a task.
    Output(O),
    /// The job, to everybody else.
    Job(JobHandle),
}

fn described(name: &'static str, about: About, input: JsonObject) -> Tool {
    debug_assert!(
        !Value::Object(input.clone()).to_string().contains("[`"),
        "{name}: no client follows a link of rustdoc"
    );
    // The outside world of a tool is our own environment: nothing it meets there is unknown to us.
    let hints = ToolAnnotations::new()
        .read_only(about.read_only)
        .destructive(about.destructive)
        .idempotent(about.idempotent)
        .open_world(false);
    Tool::new(name, about.description, Arc::new(input)).with_title(about.title).with_annotations(hints)
}

/// An input's schema is always one of an object; a tool that takes nothing takes an empty one. What the tool says of itself says
/// what it takes: the name of our type and its documentation would say it again in other words.
fn input_schema<T: JsonSchema>() -> JsonObject {
    let nothing = || object(json!({"type": "object", "additionalProperties": false}));
    let mut schema = object_schema::<T>().unwrap_or_else(nothing);
    schema.retain(|key, _| !matches!(key.as_str(), "title" | "description"));
    schema
}

/// The schema of a type whose values are JSON objects.
fn object_schema<T: JsonSchema + ?Sized>() -> Option<JsonObject> {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_formats_of_numbers));
    let mut schema = object(Value::from(settings.into_generator().into_root_schema_for::<T>()));
    let is_object = match schema.get("type") {
        Some(kind) => kind == "object",
        None => ["oneOf", "anyOf", "$ref"].iter().any(|key| schema.contains_key(*key)),
    };
    // Clients expect the word, even where every alternative says it.
    schema.entry("type").or_insert_with(|| "object".into());
    is_object.then_some(schema)
}

/// JSON Schema has formats of texts alone, and clients warn of others: `uint32` says no more than a minimum and a maximum.
fn without_formats_of_numbers(schema: &mut Schema) {
    let is_text = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        kind => kind.is_some_and(|kind| kind == "string"),
    };
    if let Some(schema) = schema.as_object_mut().filter(|_| !is_text) {
        // As `remove` would not, this leaves the others in their order.
        schema.retain(|key, _| key != "format");
    }
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}
