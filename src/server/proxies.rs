//! Whose address a connection is, when proxies stand before the tracker.
//!
//! A proxy that is trusted names who came to it: in a PROXY header before the first byte
//! (haproxy's `proxy-protocol.txt`, versions 1 and 2), or in `Forwarded` (RFC 7239), else `X-Forwarded-For`.
//! Of a list the last name that is not a trusted proxy counts, because only that was written by one.
//! Invariant: from anybody else all of it is ignored, so nobody chooses its own address. A trusted proxy
//! that names nobody we can read (`unknown`) leaves the visitor without an address, never with its own.

use super::access::Prefix;
use axum::http::HeaderMap;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest header of version 1, its end included.
const V1_BYTES_MAX: usize = 107;
/// How version 2 begins.
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Longest part of version 2 behind its first 16 bytes that is read: addresses and a few extensions.
const V2_REST_BYTES_MAX: usize = 2_048;

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies(pub Vec<Prefix>);

impl Proxies {
    /// Whether an address is one of them.
    #[must_use]
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|prefix| prefix.contains(address))
    }

    /// Who speaks: `peer`, or whom the trusted proxy at `peer` names.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.trust(peer) {
            return Some(peer);
        }
        let listed = |name: &str| {
            let lines = headers.get_all(name).iter();
            let lines: Vec<&str> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
            lines.join(",")
        };
        let forwarded = listed("forwarded");
        let chain: Vec<Option<IpAddr>> = if forwarded.is_empty() {
            let names = listed("x-forwarded-for");
            let names = names.split(',').map(str::trim);
            names.filter(|name| !name.is_empty()).map(address).collect()
        } else {
            let elements = split(&forwarded, ',');
            elements.into_iter().filter_map(named_for).collect()
        };
        let mut client = Some(peer);
        for name in chain.into_iter().rev() {
            client = name;
            if name.is_none_or(|name| !self.trust(name)) {
                break;
            }
        }
        client
    }
}

/// What an element of `Forwarded` says of whom it is for; outer `None` if it says nothing of that.
#[allow(clippy::option_option, reason = "not said, or said and unreadable")]
fn named_for(element: &str) -> Option<Option<IpAddr>> {
    let pairs = split(element, ';');
    let mut pairs = pairs.into_iter().filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    Some(address(value.trim().trim_matches('"')))
}

/// Parts between separators that are not within quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut is_quoted = false;
    text.split(|c: char| {
        is_quoted ^= c == '"';
        c == separator && !is_quoted
    })
    .collect()
}

/// An address with or without port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next());
    let bare = || text.parse().ok();
    let with_port = || {
        text.rsplit_once(':')?
            .0
            .parse::<Ipv4Addr>()
            .ok()
            .map(IpAddr::V4)
    };
    match bracketed {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => bare().or_else(with_port),
    }
}

/// Reads a PROXY header and not a byte more; whom it names, `None` for a proxy's own checks.
///
/// # Errors
/// When the connection does not begin with one, or ends within it.
pub(super) async fn read_header(
    socket: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<IpAddr>> {
    let mut head = [0; 16];
    socket.read_exact(&mut head[..12]).await?;
    if &head[..12] == V2_SIGNATURE {
        socket.read_exact(&mut head[12..]).await?;
        let length = usize::from(u16::from_be_bytes([head[14], head[15]]));
        if length > V2_REST_BYTES_MAX {
            return Err(malformed());
        }
        let mut rest = vec![0; length];
        socket.read_exact(&mut rest).await?;
        return v2(head[12], head[13], &rest).ok_or_else(malformed);
    }
    let mut line = head[..12].to_vec();
    // A byte at a time: what comes behind the line is not ours to take.
    while line.last() != Some(&b'\n') {
        if line.len() >= V1_BYTES_MAX {
            return Err(malformed());
        }
        line.push(socket.read_u8().await?);
    }
    v1(&line).ok_or_else(malformed)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no PROXY header")
}

#[allow(clippy::option_option, reason = "malformed, or nobody named")]
fn v1(line: &[u8]) -> Option<Option<IpAddr>> {
    let line = core::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let mut words = line.split(' ');
    if words.next() != Some("PROXY") {
        return None;
    }
    match words.next()? {
        "UNKNOWN" => Some(None),
        "TCP4" => Some(Some(IpAddr::V4(words.next()?.parse().ok()?))),
        "TCP6" => Some(Some(IpAddr::V6(words.next()?.parse().ok()?))),
        _ => None,
    }
}

#[allow(clippy::option_option, reason = "malformed, or nobody named")]
fn v2(version_and_command: u8, family: u8, rest: &[u8]) -> Option<Option<IpAddr>> {
    match version_and_command {
        0x20 => return Some(None), // LOCAL: the proxy's own
        0x21 => {}
        _ => return None,
    }
    match family >> 4 {
        1 => {
            let bytes: [u8; 4] = rest.get(..4)?.try_into().ok()?;
            Some(Some(IpAddr::from(bytes)))
        }
        2 => {
            let bytes: [u8; 16] = rest.get(..16)?.try_into().ok()?;
            Some(Some(IpAddr::from(bytes)))
        }
        _ => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> Option<String> {
        let proxies = Proxies(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        proxies.client(of(peer), &map).map(|it| it.to_string())
    }

    #[test]
    fn strangers_choose_no_address() {
        let told = [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=1.1.1.1")];
        assert_eq!(client("192.0.2.9", &told).as_deref(), Some("192.0.2.9"));
        assert_eq!(client("10.0.0.1", &told).as_deref(), Some("1.1.1.1"));
    }

    #[test]
    fn the_last_who_is_no_trusted_proxy_counts() {
        let cases = [
            ("x-forwarded-for", "6.6.6.6, 192.0.2.1", Some("192.0.2.1")),
            (
                "x-forwarded-for",
                "6.6.6.6, 192.0.2.1, 10.1.1.1",
                Some("192.0.2.1"),
            ),
            ("x-forwarded-for", "192.0.2.1:4711", Some("192.0.2.1")),
            ("x-forwarded-for", "[2001:db8::1]:4711", Some("2001:db8::1")),
            ("x-forwarded-for", "2001:db8::1", Some("2001:db8::1")),
            ("x-forwarded-for", "192.0.2.1, nonsense", None),
            ("x-forwarded-for", "10.1.1.1", Some("10.1.1.1")),
            ("x-forwarded-for", "", Some("10.0.0.1")),
            ("forwarded", "for=192.0.2.1;proto=https", Some("192.0.2.1")),
            (
                "forwarded",
                "For=\"[2001:db8::1]:80\", for=10.9.9.9",
                Some("2001:db8::1"),
            ),
            (
                "forwarded",
                "by=\"a,for=6.6.6.6\";for=192.0.2.1",
                Some("192.0.2.1"),
            ),
            ("forwarded", "for=_hidden", None),
            ("forwarded", "for=6.6.6.6, for=unknown", None),
        ];
        for (name, value, expected) in cases {
            assert_eq!(
                client("10.0.0.1", &[(name, value)]).as_deref(),
                expected,
                "{value}"
            );
        }
        let lines = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        assert_eq!(client("::1", &lines).as_deref(), Some("192.0.2.1"));
    }

    async fn header(bytes: &[u8]) -> (Option<Option<IpAddr>>, usize) {
        let mut rest = bytes;
        let named = read_header(&mut rest).await.ok();
        (named, rest.len())
    }

    fn v2_bytes(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = V2_SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes.extend(b"GET /");
        bytes
    }

    #[tokio::test]
    async fn headers_of_both_versions_are_read_to_their_end() {
        let good: [(Vec<u8>, Option<&str>); 7] = [
            (
                b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\nGET /".to_vec(),
                Some("192.0.2.1"),
            ),
            (
                b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\nGET /".to_vec(),
                Some("2001:db8::1"),
            ),
            (b"PROXY UNKNOWN\r\nGET /".to_vec(), None),
            (
                v2_bytes(0x21, 0x11, &[192, 0, 2, 1, 10, 0, 0, 1, 1, 1, 2, 2]),
                Some("192.0.2.1"),
            ),
            (
                v2_bytes(0x21, 0x21, &[[0x20; 16], [1; 16]].concat()),
                Some("2020:2020:2020:2020:2020:2020:2020:2020"),
            ),
            (v2_bytes(0x20, 0x00, &[]), None),
            (v2_bytes(0x21, 0x00, &[0; 40]), None),
        ];
        for (bytes, expected) in good {
            let (named, left) = header(&bytes).await;
            assert_eq!(named, Some(expected.map(of)), "{bytes:?}");
            assert_eq!(left, 5, "what comes behind it stays");
        }
        let bad: [Vec<u8>; 7] = [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"PROXY TCP4 nobody 10.0.0.1 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1".to_vec(),
            [b"PROXY TCP4 ".to_vec(), vec![b'1'; 200]].concat(),
            v2_bytes(0x21, 0x11, &[192, 0, 2]),
            v2_bytes(0x31, 0x11, &[0; 12]),
            v2_bytes(0x21, 0x11, &[0; 3_000]),
        ];
        for bytes in bad {
            assert_eq!(header(&bytes).await.0, None, "{bytes:?}");
        }
    }
}
