use super::{rows, spec::Resource};
use reqwest::{Method, StatusCode, header};
use serde_json::{Map, Value};

/// A deployed app, reached through Nginx by its host name.
#[derive(Debug, Clone)]
pub struct Site {
    client: reqwest::Client,
    web: String,
    host: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: header::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text))
    }
}

impl Site {
    /// The app that Nginx at `web` (`http://127.0.0.1:8080`) serves under this host name.
    #[must_use]
    pub fn new(web: &str, host: &str) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client without TLS can always be built");
        Self { client, web: web.trim_end_matches('/').to_owned(), host: host.to_owned() }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.web)).header(header::HOST, &self.host)
    }

    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the web server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body is complete");
        assert!(status < 500, "{status}: {text}");
        Answer { status, headers, text }
    }

    /// The answer to a GET.
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// The JSON that a GET is answered with.
    pub(super) async fn list(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    pub(super) async fn json(&self, method: Method, path: &str, body: &impl serde::Serialize) -> Answer {
        self.send(self.request(method, path).json(body)).await
    }

    /// Makes a row, and looks at what comes back.
    pub(super) async fn create(&self, resource: &Resource, row: &Map<String, Value>) -> Value {
        let answer = self.json(Method::POST, &api(resource), row).await;
        assert_eq!(answer.status, 201, "{}: {row:?}: {}", resource.name, answer.text);
        let created = answer.json();
        let location = answer.header("location");
        assert!(location.ends_with(&format!("{}/{}", api(resource), created["id"])), "Location: {location}");
        rows::assert_row(resource, row, &created);
        created
    }

    /// Deletes a row for good.
    pub(super) async fn remove(&self, resource: &Resource, row: &Value) {
        let path = format!("{}/{}", api(resource), row["id"]);
        let answer = self.send(self.request(Method::DELETE, &path)).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT.as_u16(), ""), "DELETE {path}");
        assert_eq!(self.get(&path).await.status, 404);
    }
}

/// The address of a resource's list.
pub(super) fn api(resource: &Resource) -> String {
    format!("/api/{}", resource.name)
}
