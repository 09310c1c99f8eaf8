use super::{Form, ToolSpec};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

impl ToolSpec {
    /// A tool that takes a `T`.
    #[must_use]
    pub fn of<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Self { name, description, parameters: schema::<T>() }
    }
}

impl Form {
    /// An answer that is a `T`.
    #[must_use]
    pub fn of<T: JsonSchema>(name: &'static str) -> Self {
        Self { name, schema: schema::<T>() }
    }
}

/// Without references: not every provider follows them.
fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<T>());
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("title");
        // A type without fields has none.
        schema.entry("properties").or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    schema
}
