use protocol::chat::ToolCall;
use serde::de::DeserializeOwned;

/// The arguments of a tool call.
///
/// # Errors
/// Where they do not fit, and how: in words for the model that made the call.
///
/// ```
/// use protocol::chat::ToolCall;
/// let call = ToolCall { id: "1".into(), name: "add".into(), arguments: serde_json::json!({"a": [1, "x"]}) };
/// let wrong = runtime::model::arguments::<std::collections::BTreeMap<String, Vec<u8>>>(&call).unwrap_err();
/// assert!(wrong.contains("at a[1]"), "{wrong}");
/// ```
pub fn arguments<T: DeserializeOwned>(call: &ToolCall) -> Result<T, String> {
    serde_path_to_error::deserialize(&call.arguments).map_err(|error| {
        let place = match error.path().to_string().as_str() {
            "." => String::new(),
            path => format!("at {path}: "),
        };
        format!("The arguments of {} do not fit: {place}{}. Nothing was done; call it again.", call.name, error.inner())
    })
}
