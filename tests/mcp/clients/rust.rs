//! The Rust SDK.

use super::{PARTS, Used};
use protocol::{TaskId, task::Status};
use rmcp::{
    RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, ProtocolVersion, ReadResourceRequestParams, RequestMetaObject, ResourceContents},
    service::{ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, RunningService, ServiceError},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tests::World;

const GOAL: &str = "posts(title:string!)";

/// How a client begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Era {
    /// It asks what there is.
    Modern,
    /// It shakes hands.
    Legacy,
}

/// One that is connected.
pub(crate) struct Client(RunningService<RoleClient, ()>);

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection broke, or there was none.
    Outage,
    /// The server says so.
    Refused(String),
}

impl From<ServiceError> for Broken {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::TransportSend(_) | ServiceError::TransportClosed => Self::Outage,
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<ClientInitializeError> for Broken {
    fn from(error: ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::TransportError { .. } | ClientInitializeError::ConnectionClosed(_) => Self::Outage,
            other => Self::Refused(other.to_string()),
        }
    }
}

impl Client {
    pub(crate) async fn connect(url: &str, key: &str, era: Era) -> Result<Self, Broken> {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(key);
        let transport = StreamableHttpClientTransport::with_client(http, config);
        Ok(Self(match era {
            Era::Legacy => ().serve(transport).await?,
            Era::Modern => {
                let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
                ().serve_with_lifecycle(transport, ClientLifecycleMode::Discover { preferred_versions }).await?
            }
        }))
    }

    async fn call(&self, tool: &'static str, arguments: Value, key: Option<&str>) -> Result<Value, Broken> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let mut params = CallToolRequestParams::new(tool).with_arguments(arguments);
        if let Some(key) = key {
            let mut meta = RequestMetaObject::new();
            meta.insert("dev.yonin/idempotencyKey".to_owned(), key.into());
            params.meta = Some(meta);
        }
        let result = self.0.call_tool(params).await?;
        match result.structured_content {
            Some(content) if result.is_error != Some(true) => Ok(content),
            other => Err(Broken::Refused(format!("{tool}: {other:?}"))),
        }
    }

    /// Submits a goal; its task's id.
    pub(crate) async fn submit(&self, app: &str, key: &str, goal: &str, approval: &str) -> Result<TaskId, Broken> {
        let goal = json!({"goal": goal, "app": app, "approval": approval});
        let submitted = self.call("submit_task", goal, Some(key)).await?;
        Ok(submitted["job_id"].as_str().and_then(|id| id.parse().ok()).expect("an id"))
    }

    /// Waits until the task stands so.
    pub(crate) async fn until(&self, id: TaskId, stands: &[Status]) -> Result<Status, Broken> {
        loop {
            let task = self.call("wait_task", json!({"id": id, "seconds": 20}), None).await?;
            let status: Status = serde_json::from_value(task["status"].clone()).expect("a status");
            if stands.contains(&status) {
                return Ok(status);
            }
            assert!(!status.is_final(), "{task:#}");
        }
    }

    async fn read(&self, id: TaskId) -> Result<BTreeMap<String, u64>, Broken> {
        let mut read = BTreeMap::new();
        for part in PARTS {
            let result =
                self.0.read_resource(ReadResourceRequestParams::new(format!("yonin://tasks/{id}{part}"))).await?;
            let Some(ResourceContents::TextResourceContents { text, .. }) = result.contents.first() else {
                panic!("{result:?}")
            };
            read.insert(part.to_owned(), text.len() as u64);
        }
        Ok(read)
    }
}

pub(super) async fn used(world: &World, era: Era, app: &str) -> Used {
    use_it(world, era, app).await.unwrap_or_else(|broken| panic!("{era:?}: {broken:?}"))
}

async fn use_it(world: &World, era: Era, app: &str) -> Result<Used, Broken> {
    let client = Client::connect(&world.at.mcp, &world.at.key, era).await?;
    let tools = client.0.list_all_tools().await?.into_iter().map(|tool| tool.name.into_owned()).collect();
    let built = client.submit(app, &format!("{app}-built"), GOAL, "destructive").await?;
    client.until(built, &[Status::Succeeded]).await?;
    let read = client.read(built).await?;
    let more = format!("{GOAL}; tags(name:string!)");
    let approved = client.submit(app, &format!("{app}-asks"), &more, "always").await?;
    client.until(approved, &[Status::Waiting]).await?;
    client.call("approve_task", json!({"id": approved}), None).await?;
    client.until(approved, &[Status::Succeeded]).await?;
    let yet_more = format!("{more}; more(name:string!)");
    let cancelled = client.submit(app, &format!("{app}-cancelled"), &yet_more, "always").await?;
    client.until(cancelled, &[Status::Waiting]).await?;
    client.call("cancel_task", json!({"id": cancelled}), None).await?;
    client.until(cancelled, &[Status::Cancelled]).await?;
    let info = client.0.peer_info().expect("it has said what it is");
    let protocol = match era {
        Era::Modern => ProtocolVersion::V_2026_07_28.to_string(),
        Era::Legacy => info.protocol_version.to_string(),
    };
    let tasks = [("built", built), ("approved", approved), ("cancelled", cancelled)];
    let tasks = tasks.map(|(name, id)| (name.to_owned(), id)).into();
    Ok(Used { protocol, tools, read, forms: 0, tasks })
}

/// Does it over a new connection, until the connection holds; how many did not, too.
///
/// # Panics
/// When the server refuses it.
pub(crate) async fn persistently<T>(
    url: &str,
    key: &str,
    work: impl AsyncFn(&Client) -> Result<T, Broken>,
) -> (T, u32) {
    let mut outages = 0;
    loop {
        let done = match Client::connect(url, key, Era::Modern).await {
            Ok(client) => work(&client).await,
            Err(broken) => Err(broken),
        };
        match done {
            Ok(done) => return (done, outages),
            Err(Broken::Outage) => outages += 1,
            Err(Broken::Refused(why)) => panic!("{why}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
