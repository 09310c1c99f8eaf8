//! TLS in front of something that does not speak it, with certificates that are thrown away.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// An authority that nobody knows but those who are told, and a certificate of its for `localhost`.
pub struct Authority {
    dir: TempDir,
}

impl Authority {
    /// A new one, good for a day.
    ///
    /// # Panics
    /// When `openssl` can't make it.
    #[must_use]
    pub fn new() -> Self {
        let authority = Self { dir: tempfile::tempdir().expect("a directory") };
        let request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
        authority.openssl(&request, &["-subj", "/CN=Nobody", "-keyout", "ca.key", "-out", "ca.pem"]);
        let signed =
            ["-subj", "/CN=localhost", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "cert.pem"];
        let names = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"];
        authority.openssl(&request, &[&signed[..], &names[..]].concat());
        authority
    }

    /// The file that makes known who it is: what `SSL_CERT_FILE` names.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// HTTPS in front of what speaks HTTP at this origin.
    ///
    /// # Panics
    /// When no port is to be had.
    pub async fn stand_before(&self, origin: &str) -> Tls {
        let behind: SocketAddr = origin.trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let acceptor = self.acceptor();
        let server = tokio::spawn(async move {
            while let Ok((plain, _)) = listener.accept().await {
                tokio::spawn(pass_on(acceptor.clone(), plain, behind));
            }
        });
        Tls { port, server }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let place = |name: &str| self.dir.path().join(name);
        let certificate = CertificateDer::from_pem_file(place("cert.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(place("key.pem")).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("they belong together");
        TlsAcceptor::from(Arc::new(config))
    }

    fn openssl(&self, request: &[&str], more: &[&str]) {
        let made = Command::new("openssl").args(request).args(more).current_dir(self.path()).output();
        let made = made.expect("openssl runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// What stands before something. It ends when dropped.
pub struct Tls {
    port: u16,
    server: JoinHandle<()>,
}

impl Tls {
    /// `https://localhost:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One connection. Whoever does not trust the certificate goes away in the middle of the greeting.
async fn pass_on(acceptor: TlsAcceptor, plain: TcpStream, behind: SocketAddr) {
    let Ok(mut client) = acceptor.accept(plain).await else { return };
    let Ok(mut server) = TcpStream::connect(behind).await else { return };
    // It ends when either of them does.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
