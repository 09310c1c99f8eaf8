//! A TCP proxy that a test can break.

use crate::process::free_port;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// One address in front of several, as a Service of Kubernetes is: each connection goes to the next one that takes it. A test can
/// change who stands behind it, cut what is connected, and refuse what comes. It works on a thread of its own, so that a test that
/// waits does not hold it up, and ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    backends: Mutex<Backends>,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct Backends {
    slots: BTreeMap<usize, SocketAddr>,
    next: usize,
}

#[derive(Debug, Clone, Copy)]
struct State {
    open: bool,
    /// Rises with every cut: connections that began before it end.
    cuts: u64,
    over: bool,
}

impl Proxy {
    /// A proxy with nothing behind it yet.
    ///
    /// # Panics
    /// When no port is to be had.
    #[must_use]
    pub fn start() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let listener = std::net::TcpListener::bind(address).expect("the port was free just now");
        let shared = Arc::new(Shared {
            backends: Mutex::default(),
            state: watch::Sender::new(State { open: true, cuts: 0, over: false }),
        });
        let served = Arc::clone(&shared);
        let named = std::thread::Builder::new().name("proxy".to_owned());
        let thread = named.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(serve(listener, address, served));
        });
        drop(thread.expect("a thread"));
        Self { address, shared }
    }

    /// A proxy in front of this address.
    #[must_use]
    pub fn to(backend: SocketAddr) -> Self {
        let proxy = Self::start();
        proxy.put(0, backend);
        proxy
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and where it listens.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts a backend into a slot, in place of the one that was there.
    pub fn put(&self, slot: usize, backend: SocketAddr) {
        self.shared.backends().slots.insert(slot, backend);
    }

    /// Takes the backend out of a slot. What is connected to it stays connected.
    pub fn take(&self, slot: usize) {
        self.shared.backends().slots.remove(&slot);
    }

    /// Ends every connection, whatever is under way on it.
    pub fn cut(&self) {
        self.shared.state.send_modify(|state| state.cuts += 1);
    }

    /// Ends every connection and refuses new ones, until [`Proxy::admit`].
    pub fn refuse(&self) {
        self.shared.state.send_modify(|state| (state.open, state.cuts) = (false, state.cuts + 1));
    }

    /// Takes connections again.
    pub fn admit(&self) {
        self.shared.state.send_modify(|state| state.open = true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state.send_modify(|state| state.over = true);
    }
}

impl Shared {
    fn backends(&self) -> MutexGuard<'_, Backends> {
        self.backends.lock().expect("nothing panics while it is held")
    }

    /// The backends, beginning with the one whose turn it is.
    fn in_turn(&self) -> Vec<SocketAddr> {
        let mut backends = self.backends();
        let mut all: Vec<_> = backends.slots.values().copied().collect();
        if !all.is_empty() {
            let first = backends.next % all.len();
            all.rotate_left(first);
        }
        backends.next = backends.next.wrapping_add(1);
        all
    }
}

async fn serve(listener: std::net::TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    listener.set_nonblocking(true).expect("a socket can be made so");
    let mut listener = Some(TcpListener::from_std(listener).expect("a socket"));
    let mut state = shared.state.subscribe();
    loop {
        let now = *state.borrow_and_update();
        match (now, &listener) {
            (State { over: true, .. }, _) => return,
            // Refused, not just ended: nobody listens.
            (State { open: false, .. }, Some(_)) => listener = None,
            (State { open: true, .. }, None) => {
                listener = Some(TcpListener::bind(address).await.expect("nobody takes the port"));
            }
            _ => {}
        }
        tokio::select! {
            _ = state.changed() => {}
            Some(client) = accept(listener.as_ref()) => {
                // As many as there are now: who comes after a cut is not cut off by it, however late the loop hears of it.
                let cuts = shared.state.borrow().cuts;
                drop(tokio::spawn(pass(client, cuts, Arc::clone(&shared))));
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => Some(listener.accept().await.expect("a listener that works").0),
        None => None,
    }
}

async fn pass(mut client: TcpStream, cuts: u64, shared: Arc<Shared>) {
    for backend in shared.in_turn() {
        if let Ok(mut server) = TcpStream::connect(backend).await {
            let mut state = shared.state.subscribe();
            tokio::select! {
                // However it ends, both sides see it.
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = state.wait_for(|state| state.over || state.cuts > cuts) => {}
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// Answers every byte with its own name.
    async fn named(name: u8) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.expect("a client");
                tokio::spawn(async move {
                    while client.read_u8().await.is_ok() {
                        client.write_u8(name).await.expect("the client is there");
                    }
                });
            }
        });
        address
    }

    async fn ask(connection: &mut TcpStream) -> Option<u8> {
        connection.write_u8(b'?').await.ok()?;
        connection.read_u8().await.ok()
    }

    #[tokio::test]
    async fn connections_go_round_and_past_who_is_gone() {
        let proxy = Proxy::start();
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        for (slot, backend) in [named(b'a').await, nobody, named(b'b').await].into_iter().enumerate() {
            proxy.put(slot, backend);
        }
        let mut seen = Vec::new();
        for _ in 0..6 {
            let mut connection = TcpStream::connect(proxy.address()).await.expect("it listens");
            seen.push(ask(&mut connection).await.expect("an answer"));
        }
        assert!(seen.contains(&b'a') && seen.contains(&b'b'), "{seen:?}");
    }

    #[tokio::test]
    async fn it_cuts_refuses_and_admits() {
        let proxy = Proxy::to(named(b'a').await);
        let mut connection = TcpStream::connect(proxy.address()).await.expect("it listens");
        assert_eq!(ask(&mut connection).await, Some(b'a'));
        proxy.cut();
        assert_eq!(ask(&mut connection).await, None);
        let mut connection = TcpStream::connect(proxy.address()).await.expect("it still listens");
        assert_eq!(ask(&mut connection).await, Some(b'a'));
        proxy.refuse();
        assert_eq!(ask(&mut connection).await, None);
        let refused = async || TcpStream::connect(proxy.address()).await.is_err();
        while !refused().await {
            tokio::task::yield_now().await;
        }
        proxy.admit();
        while refused().await {
            tokio::task::yield_now().await;
        }
    }
}
