//! A proxy before a database that can lose the answer to a commit.

use crate::process::free_port;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A `COMMIT` as clients of MySQL send it: a packet that begins with the command for a query.
const COMMIT: &[u8] = b"\x03COMMIT";

/// Passes everything on. When told to, it ends the connection of the next commit once the server has answered, and keeps the
/// answer: whoever committed never learns that it did.
#[derive(Debug)]
pub struct Commits {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    armed: AtomicBool,
    lost: AtomicUsize,
}

impl Commits {
    /// Before this server.
    ///
    /// # Panics
    /// When no port is to be had.
    pub async fn before(server: SocketAddr) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let listener = TcpListener::bind(address).await.expect("the port was free just now");
        let shared = Arc::<Shared>::default();
        let served = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(server).await {
                    tokio::spawn(pass(client, server, Arc::clone(&served)));
                }
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Loses the answer to the next commit.
    pub fn lose_next(&self) {
        self.shared.armed.store(true, Ordering::SeqCst);
    }

    /// How many answers were lost so far.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

/// Until one side ends, or an answer is lost.
async fn pass(mut client: TcpStream, mut server: TcpStream, shared: Arc<Shared>) {
    let (mut asked, mut answered, mut loses) = (vec![0; 65_536], vec![0; 65_536], false);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(count @ 1..) => {
                    let commits = asked[..count].windows(COMMIT.len()).any(|part| part == COMMIT);
                    loses |= commits && shared.armed.swap(false, Ordering::SeqCst);
                    if server.write_all(&asked[..count]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(1..) if loses => {
                    shared.lost.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                Ok(count @ 1..) if client.write_all(&answered[..count]).await.is_ok() => {}
                _ => return,
            },
        }
    }
}
