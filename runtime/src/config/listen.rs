use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs as _},
    str::FromStr,
};

/// Where a service listens: an address and a port, or one of this machine's names and a port. A container in two networks is
/// reached in the one that knows it by that name, and in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listen(pub(super) SocketAddr);

impl Default for Listen {
    fn default() -> Self {
        Self(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)))
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = |error: io::Error| format!("expected ADDRESS:PORT or NAME:PORT ({error})");
        let mut addresses = text.to_socket_addrs().map_err(unknown)?;
        // A name that replicas share has the addresses of all of them.
        let ours = addresses.find(|address| TcpListener::bind((address.ip(), 0)).is_ok());
        ours.map(Self).ok_or_else(|| "this is no address of this machine".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_good_as_addresses() {
        assert_eq!("127.0.0.1:80".parse(), Ok(Listen(SocketAddr::from(([127, 0, 0, 1], 80)))));
        let named: Listen = "localhost:8080".parse().expect("loopback");
        assert!(named.0.ip().is_loopback() && named.0.port() == 8080);
        // For documentation only, nobody's.
        for bad in ["192.0.2.1:80", "nowhere", "127.0.0.1", "127.0.0.1:port", ":", "no such name.invalid:80"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }
}
