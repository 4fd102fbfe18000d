//! Redis's protocol (RESP 2), as far as a bus needs it: commands out, replies in.
//!
//! Of our own because what is read here may be anybody's: the clients there are take values of half a gigabyte and queue
//! what is published without end. Invariant: total and bounded. A value beyond [`VALUE_BYTES_MAX`] is read over and not
//! kept, a reply beyond [`REPLY_BYTES_MAX`] is kept without what is beyond, and what is no RESP ends the connection.
//! It knows no commands.

use crate::wire::NODE_TEXT_BYTES_MAX;
use std::io::{self, ErrorKind};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, copy_buf, sink};

/// Longest value that is kept.
const VALUE_BYTES_MAX: u64 = NODE_TEXT_BYTES_MAX as u64;

/// Values of one reply that are kept, together.
const REPLY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Longest line: an error, or the head of a value.
const LINE_BYTES_MAX: u64 = 4 * 1024;

/// Values in one list.
const LIST_MAX: u64 = 100_000;

/// Lists in lists: a scan's answer has two.
const DEPTH_MAX: usize = 3;

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A string, also a simple one.
    Text(Vec<u8>),
    Number(i64),
    /// Nothing, or a value that is too long.
    Nil,
    /// It refused, in its words.
    Fault(String),
    List(Vec<Self>),
}

impl Reply {
    /// A string in UTF-8.
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(bytes) => String::from_utf8(bytes).ok(),
            Self::Number(_) | Self::Nil | Self::Fault(_) | Self::List(_) => None,
        }
    }

    pub(super) fn into_list(self) -> Option<Vec<Self>> {
        match self {
            Self::List(list) => Some(list),
            Self::Text(_) | Self::Number(_) | Self::Nil | Self::Fault(_) => None,
        }
    }

    /// The same, unless it is a refusal.
    pub(super) fn accepted(self) -> Result<Self, String> {
        match self {
            Self::Fault(words) => Err(words),
            other => Ok(other),
        }
    }
}

/// Adds a command to what is to be written.
pub(super) fn write(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// A reply's next piece.
enum Piece {
    Whole(Reply),
    /// A list of so many begins.
    Begin(u64),
}

/// Reads one reply.
///
/// # Errors
/// When the connection ends, or this is no RESP.
pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Reply> {
    let mut open: Vec<(u64, Vec<Reply>)> = Vec::new();
    let mut left = REPLY_BYTES_MAX;
    loop {
        let mut reply = match piece(from, &mut left).await? {
            Piece::Whole(reply) => reply,
            Piece::Begin(0) => Reply::List(Vec::new()),
            Piece::Begin(_) if open.len() >= DEPTH_MAX => return Err(nonsense("too deep a list")),
            Piece::Begin(count) => {
                open.push((count, Vec::new()));
                continue;
            }
        };
        // What is whole goes into the list it stands in; the last of a list makes that whole.
        loop {
            let Some((missing, mut list)) = open.pop() else {
                return Ok(reply);
            };
            list.push(reply);
            if missing > 1 {
                open.push((missing - 1, list));
                break;
            }
            reply = Reply::List(list);
        }
    }
}

async fn piece(from: &mut (impl AsyncBufRead + Unpin), left: &mut u64) -> io::Result<Piece> {
    let line = line(from).await?;
    let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
    let number = || rest.parse::<i64>().map_err(|_| nonsense("no number"));
    Ok(match kind {
        "+" => Piece::Whole(Reply::Text(rest.into())),
        "-" => Piece::Whole(Reply::Fault(rest.to_owned())),
        ":" => Piece::Whole(Reply::Number(number()?)),
        "$" => Piece::Whole(match u64::try_from(number()?) {
            Ok(bytes) => value(from, bytes, left).await?,
            Err(_) => Reply::Nil,
        }),
        "*" => match u64::try_from(number()?) {
            Ok(count) if count > LIST_MAX => return Err(nonsense("too long a list")),
            Ok(count) => Piece::Begin(count),
            Err(_) => Piece::Whole(Reply::Nil),
        },
        _ => return Err(nonsense("an unknown kind of reply")),
    })
}

/// A string of so many bytes; read over where it is too long.
async fn value(
    from: &mut (impl AsyncBufRead + Unpin),
    bytes: u64,
    left: &mut u64,
) -> io::Result<Reply> {
    let end = 2; // CR LF
    let whole = bytes.checked_add(end).ok_or_else(|| nonsense("too long"))?;
    if bytes > VALUE_BYTES_MAX || bytes > *left {
        let copied = copy_buf(&mut from.take(whole), &mut sink()).await?;
        return match copied == whole {
            true => Ok(Reply::Nil),
            false => Err(ErrorKind::UnexpectedEof.into()),
        };
    }
    *left -= bytes;
    let mut text = Vec::new();
    from.take(whole).read_to_end(&mut text).await?;
    if text.len() as u64 != whole || !text.ends_with(b"\r\n") {
        return Err(nonsense("a string does not end"));
    }
    text.truncate(text.len() - 2);
    Ok(Reply::Text(text))
}

async fn line(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .await?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
        None if line.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
        None => Err(nonsense("a line does not end")),
    }
}

fn nonsense(words: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::BufReader;

    async fn all(bytes: &[u8]) -> Vec<Option<Reply>> {
        let mut from = BufReader::new(bytes);
        let mut replies = Vec::new();
        loop {
            let reply = read(&mut from).await.ok();
            let is_last = reply.is_none();
            replies.push(reply);
            if is_last {
                return replies;
            }
        }
    }

    fn text(text: &str) -> Reply {
        Reply::Text(text.into())
    }

    #[tokio::test]
    async fn replies_are_read_one_behind_the_other() {
        let bytes = b"+OK\r\n:-7\r\n$-1\r\n$0\r\n\r\n$3\r\na\r\n\r\n-ERR no\r\n*-1\r\n*0\r\n\
                      *2\r\n$1\r\n0\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n";
        let expected = [
            text("OK"),
            Reply::Number(-7),
            Reply::Nil,
            text(""),
            text("a\r\n"),
            Reply::Fault("ERR no".into()),
            Reply::Nil,
            Reply::List(Vec::new()),
            Reply::List(vec![text("0"), Reply::List(vec![text("k"), text("v")])]),
        ];
        let read = all(bytes).await;
        let (last, read) = read.split_last().unwrap();
        assert_eq!(*last, None, "the end");
        assert!(read.iter().flatten().eq(&expected), "{read:?}");
    }

    #[tokio::test]
    async fn what_is_too_long_is_read_over_and_the_next_is_read() {
        let long = "x".repeat(NODE_TEXT_BYTES_MAX + 1);
        let bytes = format!("${}\r\n{long}\r\n+OK\r\n", long.len());
        assert_eq!(
            all(bytes.as_bytes()).await[..2],
            [Some(Reply::Nil), Some(text("OK"))]
        );
        let fits = "x".repeat(NODE_TEXT_BYTES_MAX);
        let one = format!("${}\r\n{fits}\r\n", fits.len());
        assert_eq!(all(one.as_bytes()).await[0], Some(text(&fits)));
        // Many that fit one by one are kept as far as a reply may go.
        let many = format!("*40\r\n{}+OK\r\n", one.repeat(40));
        let read = all(many.as_bytes()).await;
        let kept = read[0].clone().unwrap().into_list().unwrap();
        let kept = kept.iter().filter(|it| **it != Reply::Nil).count();
        assert!((10..20).contains(&kept), "{kept}");
        assert_eq!(read[1], Some(text("OK")));
    }

    #[tokio::test]
    async fn what_is_no_resp_ends_it() {
        let deep = "*1\r\n".repeat(DEPTH_MAX + 1);
        let long = "+".repeat(LINE_BYTES_MAX as usize * 2);
        for bytes in [
            "",
            "\r\n",
            "OK\r\n",
            "+OK\n",
            "+OK",
            "$3\r\nab\r\n",
            "$3\r\nabcd\r\n",
            "$x\r\n",
            "$9999999999\r\nabc",
            "$18446744073709551615\r\n",
            ":\r\n",
            "*100001\r\n",
            "*2\r\n+a\r\n",
            &deep,
            &long,
        ] {
            let start = bytes.get(..20).unwrap_or(bytes);
            assert_eq!(all(bytes.as_bytes()).await, [None], "{start:?}");
        }
    }

    #[test]
    fn a_command_is_a_list_of_strings() {
        let mut out = Vec::new();
        write(&mut out, &[b"PUBLISH", b"c", b"a\r\nb"]);
        assert_eq!(out, b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$4\r\na\r\nb\r\n");
    }
}
