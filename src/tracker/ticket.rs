//! Tickets: what a viewer shows to be taken for the same one on another connection, when it lost the last one or this
//! tracker was restarted. Its peer id moves with it at once, where it would be refused as somebody else's until the lost
//! connection is noticed; and who was admitted by a join token that has ended since is admitted still.
//!
//! `until . subject . code`: seconds of Unix time, the subject in base64url, and an HMAC-SHA256 of these with room and peer
//! id under the tracker's secret. Invariant: a ticket is for one peer id in one room and told to nobody but who has that
//! id; who does not know the secret makes none. Nothing is kept: several trackers with one secret take each other's.

use crate::base::{Duration, InfoHash, PeerId};
use crate::integrity::{from_base64url, to_base64url};
use core::fmt;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What the code begins with: nothing else that the secret signs can be taken for a ticket.
const CONTEXT: &[u8] = b"swarmline ticket v1\n";

/// Longest ticket that is read, in bytes.
const BYTES_MAX: usize = 512;

/// How tickets are made.
#[derive(Clone, PartialEq, Eq)]
pub struct Tickets {
    /// What makes them this tracker's.
    pub secret: Vec<u8>,
    /// How long they count.
    pub life: Duration,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Tickets({:?})", self.life) // never the secret
    }
}

impl Tickets {
    /// A ticket for a peer in a room, and for whom its join token named.
    pub(super) fn write(
        &self,
        now_s: u64,
        whose: (InfoHash, PeerId),
        subject: Option<&str>,
    ) -> Option<String> {
        let until_s = now_s.saturating_add(self.life.as_secs());
        let subject = to_base64url(subject.unwrap_or_default().as_bytes());
        let said = format!("{until_s}.{subject}");
        let code = self.code(whose, &said)?.finalize().into_bytes();
        Some(format!("{said}.{}", to_base64url(&code)))
    }

    /// Whom a ticket names, if it is one of this peer in this room that counts.
    pub(super) fn read(
        &self,
        now_s: u64,
        whose: (InfoHash, PeerId),
        text: &str,
    ) -> Option<Option<Box<str>>> {
        let text = Some(text).filter(|text| text.len() <= BYTES_MAX)?;
        let (said, code) = text.rsplit_once('.')?;
        let code = from_base64url(code)?;
        self.code(whose, said)?.verify_slice(&code).ok()?;
        let (until_s, subject) = said.split_once('.')?;
        let is_in_time = until_s.parse::<u64>().ok()? > now_s;
        let subject = String::from_utf8(from_base64url(subject)?).ok()?;
        is_in_time.then(|| (!subject.is_empty()).then(|| subject.into_boxed_str()))
    }

    fn code(&self, (room, peer): (InfoHash, PeerId), said: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        for part in [CONTEXT, &room.0, &peer.0, said.as_bytes()] {
            mac.update(part);
        }
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ROOM: InfoHash = InfoHash([1; 20]);
    const PEER: PeerId = PeerId([2; 20]);

    fn tickets(secret: &str) -> Tickets {
        Tickets {
            secret: secret.as_bytes().to_vec(),
            life: Duration::from_secs(100),
        }
    }

    #[test]
    fn a_ticket_is_for_one_peer_in_one_room_for_a_while() {
        let tickets = tickets("north");
        for subject in [None, Some("anna"), Some("a.b\n\u{fe}")] {
            let text = tickets.write(1_000, (ROOM, PEER), subject).unwrap();
            let named = subject.map(Box::from);
            assert_eq!(tickets.read(1_099, (ROOM, PEER), &text), Some(named));
            assert_eq!(tickets.read(1_100, (ROOM, PEER), &text), None);
            assert_eq!(tickets.read(1_000, (InfoHash([3; 20]), PEER), &text), None);
            assert_eq!(tickets.read(1_000, (ROOM, PeerId([3; 20])), &text), None);
        }
        assert!(!format!("{tickets:?}").contains("north"));
    }

    #[test]
    fn who_does_not_know_the_secret_makes_none() {
        let theirs = tickets("south").write(1_000, (ROOM, PEER), None).unwrap();
        let ours = tickets("north");
        assert_eq!(ours.read(1_000, (ROOM, PEER), &theirs), None);
        let good = ours.write(1_000, (ROOM, PEER), Some("anna")).unwrap();
        assert!(ours.read(1_000, (ROOM, PEER), &good).is_some());
        let (said, code) = good.rsplit_once('.').unwrap();
        for changed in [
            String::new(),
            said.to_owned(),
            format!("{said}."),
            format!("9{good}"),
            format!("{said}A.{code}"),
            format!("{}.{code}", said.split('.').next().unwrap()),
            format!("{good}{}", "A".repeat(BYTES_MAX)),
            good.replace('.', ".."),
        ] {
            assert_eq!(ours.read(1_000, (ROOM, PEER), &changed), None, "{changed}");
        }
    }
}
