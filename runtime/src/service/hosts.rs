//! Under which names the service is reached.

use http::{HeaderMap, Uri, header};
use protocol::{Code, Problem};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The names the service is reached under, at any port. Others are refused: a web page that points its own name at our
/// address (DNS rebinding) gets nowhere.
#[derive(Debug, Clone)]
pub(super) struct Hosts(Vec<Name>);

/// A host as it is compared: without port, in small letters, an address as the number it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Dns(String),
    Address(IpAddr),
}

impl Hosts {
    /// Loopback.
    pub(super) fn loopback() -> Self {
        let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let names = [Name::Dns("localhost".to_owned())].into_iter().chain(addresses.map(Name::Address));
        Self(names.collect())
    }

    /// And these; a port at the end is ignored, and so is what is no name.
    pub(super) fn and(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.0.extend(names.into_iter().filter_map(|name| Name::given(&name)));
        self
    }

    /// The host and port that the request names, which are one of ours; and so is the page it comes from, if it comes from one.
    pub(super) fn admit<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, Problem> {
        let named = authority(uri, headers)?;
        let name = Name::of(named).ok_or_else(|| Code::BadHost.problem("the Host header is no host"))?;
        if !self.0.contains(&name) {
            return Err(Code::Forbidden.problem("the service is not reached under this Host"));
        }
        if !headers.get_all(header::ORIGIN).iter().all(|origin| self.knows_origin(origin.to_str().unwrap_or_default()))
        {
            return Err(Code::Forbidden.problem("pages of this Origin may not call the service"));
        }
        Ok(named)
    }

    fn knows_origin(&self, origin: &str) -> bool {
        let Some((scheme, host)) = origin.split_once("://") else { return false };
        let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        web && Name::of(host).is_some_and(|name| self.0.contains(&name))
    }
}

/// What names the host: an absolute URI does, whatever the header says; otherwise the header, of which there must be one.
fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, Problem> {
    let mut all = headers.get_all(header::HOST).iter();
    let (first, more) = (all.next(), all.next().is_some());
    if more {
        return Err(Code::BadHost.problem("there are two Host headers"));
    }
    if let Some(authority) = uri.authority() {
        return Ok(authority.as_str());
    }
    let host = first.ok_or_else(|| Code::BadHost.problem("there is no Host header"))?;
    host.to_str().map_err(|_| Code::BadHost.problem("the Host header is no text"))
}

impl Name {
    /// The host of `host` or `host:port`, if it is one.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            let port = port.strip_prefix(':').unwrap_or(port);
            return is_port(port).then(|| address.parse().ok().map(Self::v6))?;
        }
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        if !is_port(port) {
            return None;
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        // With a dot at its end it is the same name, said completely.
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        (host.len() <= 253 && host.split('.').all(is_label)).then(|| Self::Dns(host.to_ascii_lowercase()))
    }

    /// The same, as people write it in a configuration: an IPv6 address also without its brackets.
    pub(crate) fn given(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::v6).or_else(|| Self::of(text))
    }

    fn v6(address: Ipv6Addr) -> Self {
        Self::Address(address.to_canonical())
    }
}

fn is_port(text: &str) -> bool {
    text.is_empty() || (text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        let given = ["planner.example:8080", "coder-agent.ai-agents.svc.cluster.local", "planner", "2001:db8::7"];
        Hosts::loopback().and(given.map(str::to_owned))
    }

    fn asked(uri: &'static str, given: &[(&'static str, &'static str)]) -> Result<(), Code> {
        let header = |(name, value): &(&'static str, &'static str)| {
            (http::HeaderName::from_static(name), value.parse().expect("a header"))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in given.iter().map(header) {
            headers.append(name, value);
        }
        hosts().admit(&Uri::from_static(uri), &headers).map(drop).map_err(|problem| problem.code)
    }

    #[test]
    fn only_our_own_names_are_hosts() {
        for good in [
            "localhost",
            "LOCALHOST:1",
            "localhost.",
            "localhost.:80",
            "localhost:",
            "127.0.0.1:41234",
            "[::1]:80",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]:8080",
            "[2001:DB8::7]:443",
            "planner",
            "planner:8080",
            "planner.example",
            "Planner.example:99",
            "coder-agent.ai-agents.svc.cluster.local:8080",
            "coder-agent.ai-agents.svc.cluster.local.:8080",
        ] {
            assert_eq!(asked("/mcp", &[("host", good)]), Ok(()), "{good}");
        }
        for bad in [
            "evil.example",
            "127.0.0.1.evil.example",
            "planner.example.evil:8080",
            "10.0.0.1",
            "127.1",
            "0x7f000001",
            "2130706433",
            "[::2]",
            "coder-agent.evil.svc.cluster.local",
        ] {
            assert_eq!(asked("/mcp", &[("host", bad)]), Err(Code::Forbidden), "{bad}");
        }
    }

    #[test]
    fn what_is_no_host_is_told_so() {
        for bad in [
            "",
            ".",
            "localhost..",
            ".localhost",
            "local host",
            "localhost:x",
            "localhost:65536",
            "localhost:80:80",
            "me@localhost",
            "localhost/",
            "localhost,localhost",
            "::1",
            "[::1",
            "[::1]x",
            "[::1%25lo]",
            "[localhost]",
        ] {
            assert_eq!(asked("/mcp", &[("host", bad)]), Err(Code::BadHost), "{bad}");
        }
        assert_eq!(asked("/mcp", &[]), Err(Code::BadHost), "there must be one");
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(asked("/mcp", &twice), Err(Code::BadHost), "and not two");
    }

    #[test]
    fn an_absolute_uri_goes_before_the_header() {
        assert_eq!(asked("http://localhost:8080/mcp", &[("host", "evil.example")]), Ok(()));
        assert_eq!(asked("http://planner.example./mcp", &[]), Ok(()));
        assert_eq!(asked("http://evil.example/mcp", &[("host", "localhost")]), Err(Code::Forbidden));
        assert_eq!(asked("http://me@localhost/mcp", &[("host", "localhost")]), Err(Code::BadHost));
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(asked("http://localhost/mcp", &twice), Err(Code::BadHost));
    }

    #[test]
    fn pages_of_others_get_nowhere() {
        let from = |origin| asked("/mcp", &[("host", "localhost"), ("origin", origin)]);
        for good in [
            "http://localhost:3000",
            "https://planner.example",
            "HTTP://[::1]:80",
            "http://127.0.0.1",
            "http://localhost.",
        ] {
            assert_eq!(from(good), Ok(()), "{good}");
        }
        for bad in [
            "null",
            "",
            "http://evil.example",
            "https://localhost.evil.example",
            "file://",
            "file://localhost",
            "http://localhost@evil.example",
            "http://evil@localhost",
            "http://localhost/",
            "localhost",
        ] {
            assert_eq!(from(bad), Err(Code::Forbidden), "{bad}");
        }
        let two = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil.example")];
        assert_eq!(asked("/mcp", &two), Err(Code::Forbidden));
    }
}
