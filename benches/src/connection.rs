use anyhow::Context as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One HTTP/1.1 connection, with as little as possible between the benchmark and the socket: no pool, no redirects, no retries.
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    /// Connects to an origin, `http://host:port`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(origin: &str) -> anyhow::Result<Self> {
        let address = origin.trim_start_matches("http://");
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender; what breaks it is told to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks before the answer is whole.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Bytes>> {
        self.0.ready().await?;
        let (head, body) = self.0.send_request(request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}
