//! Receipts of pairs whose two sides are at two nodes; each refusal beside the same receipt when it counts.

use super::nodes::{Nodes, Sent};
use super::receipts::{MIB, asking, ledger, signed};
use super::*;
use crate::base::Rng;
use crate::wire::{Between, Claim, CreditWord, FromNode, NodeSaid, Receipt, Sealed, ToTracker};
use std::collections::BTreeMap;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Of `ledger`.
const SECRET: [u8; 32] = [5; 32];

/// Nodes where accounts are kept, and the writers' keys.
struct Ledgers {
    nodes: Nodes,
    keys: BTreeMap<u64, String>,
}

impl Ledgers {
    /// Viewer 1 at the first node and viewer 2 at the second, a minute after they came.
    fn pair() -> Self {
        Self::pair_of(2, ["192.0.2.1", "192.0.2.2"].map(Some))
    }

    fn pair_of(count: usize, addresses: [Option<&str>; 2]) -> Self {
        let mut all = Self {
            nodes: Nodes::with(count, &ledger()),
            keys: BTreeMap::new(),
        };
        all.come(0, 1, addresses[0]);
        all.come(1, 2, addresses[1]);
        for world in &mut all.nodes.worlds {
            world.now = world.now + Duration::from_secs(60);
        }
        // The clock has leapt: each is heard again before anybody looks for the silent.
        all.nodes.beat();
        all.nodes.beat();
        all
    }

    fn come(&mut self, node: usize, n: u64, address: Option<&str>) {
        let world = &mut self.nodes.worlds[node];
        world.address = address.map(|text| text.parse().unwrap());
        let connection = world.open(n);
        let announce = Announce {
            extensions: asking(),
            ..Announce::of(n)
        };
        let text = announce.text();
        let sent = self.nodes.input(node, Input::Message { connection, text });
        for (_, _, message) in sent {
            if let FromTracker::Announced { grants, .. } = message {
                self.keys.insert(n, grants.receipt_key.clone().unwrap());
            }
        }
        self.nodes.beat();
    }

    fn go(&mut self, node: usize, n: u64) {
        let connection = ConnectionId(n);
        self.nodes.input(node, Input::Closed { connection });
        self.nodes.beat();
    }

    fn receipt(&self, (to, from): (u64, u64), bytes: u64) -> Receipt {
        let receipt = Receipt {
            info_hash: HASH,
            peer: peer(to),
            from: peer(from),
            bytes,
            segments: bytes / MIB,
            subject: None,
            mac: String::new(),
        };
        signed(receipt, &self.keys[&to])
    }

    /// Viewer 1 says that it has had this from viewer 2.
    fn say(&mut self, bytes: u64) -> Vec<Sent> {
        let receipt = self.receipt((1, 2), bytes);
        self.nodes.say(0, 1, &ToTracker::Receipt(receipt))
    }

    /// A node's store has what was earned: sums, and what writers hear of it.
    fn keep(&mut self, node: usize) -> (Vec<u64>, Vec<Sent>) {
        let (mut sums, mut heard) = (Vec::new(), Vec::new());
        for (writer, credit) in core::mem::take(&mut self.nodes.worlds[node].credits) {
            sums.push(credit.earned.bytes);
            let Writer::There(there) = writer else {
                continue;
            };
            let index = usize::try_from(there.0 - 1).unwrap();
            if self.nodes.linked[node] && self.nodes.linked[index] {
                self.nodes.carried.push(credit.acknowledgement.clone());
                heard.extend(self.nodes.input(index, Input::Node(credit.acknowledgement)));
            }
        }
        (sums, heard)
    }

    fn sums(&mut self, node: usize) -> Vec<u64> {
        self.keep(node).0
    }

    /// The stay of a viewer at a node, of those that began there.
    fn stay(&mut self, node: usize, n: u64) -> SessionId {
        let records = self.nodes.worlds[node].records.iter().rev();
        let mut stays = records.filter_map(|record| match record {
            Record::Joined {
                session, peer: id, ..
            } if *id == peer(n) => Some(*session),
            Record::Joined { .. } | Record::Left { .. } => None,
        });
        stays.next().unwrap()
    }
}

fn acknowledged(bytes: u64) -> Vec<Sent> {
    let told = FromTracker::Receipted {
        info_hash: HASH,
        from: peer(2),
        bytes,
        refused: None,
    };
    vec![(0, ConnectionId(1), told)]
}

/// Why a receipt was refused, to whom.
fn refused(sent: &[Sent]) -> (u64, String) {
    match sent {
        [
            (
                _,
                to,
                FromTracker::Receipted {
                    bytes: 0,
                    refused: Some(why),
                    ..
                },
            ),
        ] => (to.0, why.clone()),
        _ => panic!("{sent:?}"),
    }
}

fn because(sent: &[Sent], why: ReceiptFault) {
    assert_eq!(refused(sent).1, why.to_string());
}

#[test]
fn sums_are_credited_once_at_the_senders_node_and_acknowledged_when_it_has_kept_them() {
    let mut all = Ledgers::pair();
    assert_eq!(all.say(4 * MIB), [], "nothing is said before it is kept");
    let [(writer, credit)] = all.nodes.worlds[1].credits.as_slice() else {
        panic!("{:?}", all.nodes.worlds[1].credits);
    };
    assert_eq!(*writer, Writer::There(Nodes::id(0)));
    assert_eq!((credit.earned.bytes, credit.earned.segments), (4 * MIB, 4));
    assert_eq!((credit.earned.peer, credit.earned.room), (peer(2), HASH));
    assert_eq!(all.keep(1), (vec![4 * MIB], acknowledged(4 * MIB)));
    assert_eq!(all.nodes.worlds[0].credits, [], "only there");
    // Again, an older one, and one more, which needs nobody to be looked for.
    because(&all.say(4 * MIB), ReceiptFault::Replayed);
    because(&all.say(3 * MIB), ReceiptFault::Replayed);
    assert_eq!(all.sums(1), [] as [u64; 0]);
    all.nodes.carried.clear();
    all.say(6 * MIB);
    assert_eq!(all.nodes.carried.len(), 1, "{:?}", all.nodes.carried);
    assert_eq!(all.keep(1), (vec![6 * MIB], acknowledged(6 * MIB)));
    // And the other way round, which is a pair of its own.
    let receipt = all.receipt((2, 1), MIB);
    all.nodes.say(1, 2, &ToTracker::Receipt(receipt));
    assert_eq!(all.sums(0), [MIB]);
    let totals = |all: &Ledgers, node: usize| {
        let totals = all.nodes.worlds[node].tracker.stats().totals;
        (totals.receipts, totals.receipts_refused)
    };
    assert_eq!((totals(&all, 0), totals(&all, 1)), ((1, 2), (2, 0)));
}

#[test]
fn what_is_forged_at_the_writers_node_counts_nothing_and_what_is_not_does() {
    let mut all = Ledgers::pair();
    let good = all.receipt((1, 2), MIB);
    let mut more = good.clone();
    more.bytes += 1;
    let sent = all.nodes.say(0, 1, &ToTracker::Receipt(more));
    because(&sent, ReceiptFault::Forged);
    let theirs = signed(good.clone(), &all.keys[&2]);
    let sent = all.nodes.say(0, 1, &ToTracker::Receipt(theirs));
    because(&sent, ReceiptFault::Forged);
    assert_eq!(all.sums(1), [] as [u64; 0]);
    all.nodes.say(0, 1, &ToTracker::Receipt(good));
    assert_eq!(all.sums(1), [MIB]);
}

/// A claim of the first node, as the bus has it.
fn claim(all: &mut Ledgers, (said, spent): (u64, u64)) -> String {
    claim_by(all, &SECRET, SessionId(77), (said, spent))
}

fn claim_by(
    all: &mut Ledgers,
    secret: &[u8; 32],
    session: SessionId,
    (said, spent): (u64, u64),
) -> String {
    let from = Nodes::id(0);
    let between = Between {
        room: HASH,
        writer: peer(1),
        session,
        sender: peer(2),
    };
    let word = CreditWord::Claim(Claim {
        stay: all.stay(1, 2),
        address: Some([9; 16]),
        account: None,
        said: (said, 0),
        spent: (spent, 0),
    });
    let sealed = Sealed::new((secret, from), (&between, &word));
    let said = NodeSaid::Credit(sealed);
    FromNode { from, said }.encode()
}

#[test]
fn what_is_forged_on_the_bus_counts_nothing_and_what_is_repeated_counts_once() {
    let mut all = Ledgers::pair();
    let good = claim(&mut all, (MIB, 0));
    let head = good.find('\n').unwrap();
    for at in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        if changed != good {
            all.nodes.input(1, Input::Node(changed));
            assert_eq!(all.sums(1), [] as [u64; 0], "{at} of {head}");
        }
    }
    let others = claim_by(&mut all, &[6; 32], SessionId(77), (MIB, 0));
    all.nodes.input(1, Input::Node(others));
    assert_eq!(all.sums(1), [] as [u64; 0]);
    let stats = all.nodes.worlds[1].tracker.stats().totals;
    assert!(stats.nodes_unreadable > 100, "{}", stats.nodes_unreadable);
    all.nodes.input(1, Input::Node(good.clone()));
    assert_eq!(all.sums(1), [MIB]);
    // Replayed, it is answered again and adds nothing; what it adds to another's is not touched by it.
    for said in [good, claim(&mut all, (MIB, 0))] {
        all.nodes.input(1, Input::Node(said));
        assert_eq!(all.sums(1), [MIB]);
    }
    let more = claim(&mut all, (2 * MIB, 0));
    all.nodes.input(1, Input::Node(more));
    assert_eq!(all.sums(1), [2 * MIB]);
    // What another stay may have been credited is not credited here.
    let spent = claim(&mut all, (5 * MIB, 4 * MIB));
    all.nodes.input(1, Input::Node(spent));
    assert_eq!(all.sums(1), [3 * MIB]);
}

#[test]
fn two_who_may_be_one_earn_nothing_of_each_other_and_nodes_do_not_tell_who_they_are() {
    let one = Some("192.0.2.1");
    let v6 = Some("2001:db8::");
    for addresses in [[one, one], [v6, v6], [None, one], [one, None], [None, None]] {
        let mut all = Ledgers::pair_of(2, addresses);
        because(&all.say(MIB), ReceiptFault::Together);
        assert_eq!(all.sums(1), [] as [u64; 0], "{addresses:?}");
    }
    for (name, counts) in [("anna", false), ("cleo", true)] {
        let mut all = Ledgers::pair_of(2, [one, v6]);
        all.come(0, 3, Some("192.0.2.3"));
        // Viewer 2 earns for an account that it has named in a receipt of its own.
        let named = |all: &Ledgers, (to, from): (u64, u64), name: &str| {
            let receipt = Receipt {
                subject: Some(name.into()),
                ..all.receipt((to, from), MIB)
            };
            ToTracker::Receipt(signed(receipt, &all.keys[&to]))
        };
        let receipt = named(&all, (2, 3), "anna");
        all.nodes.say(1, 2, &receipt);
        assert_eq!(all.sums(0), [MIB]);
        let receipt = named(&all, (1, 2), name);
        let sent = all.nodes.say(0, 1, &receipt);
        if counts {
            let credit = &all.nodes.worlds[1].credits[0].1;
            assert_eq!(credit.earned.subject.as_deref(), Some("anna"));
        } else {
            because(&sent, ReceiptFault::Together);
        }
        let carried = all.nodes.carried.concat();
        for secret in ["anna", "cleo", "192.0.2", "2001:"] {
            assert!(!carried.contains(secret), "{secret} in {carried}");
        }
    }
}

#[test]
fn a_sender_that_nobody_has_is_credited_nothing_and_all_of_it_when_it_comes() {
    let mut all = Ledgers::pair();
    all.go(1, 2);
    because(&all.say(MIB), ReceiptFault::NoSuchSender);
    all.come(1, 3, Some("192.0.2.3"));
    all.nodes.carried.clear();
    assert_eq!(all.say(MIB), []);
    assert_eq!(all.say(2 * MIB), []);
    let seeks = all.nodes.carried.iter();
    let seeks = seeks.filter(|text| text.ends_with(" seek")).count();
    assert_eq!(seeks, 1, "not with every receipt");
    because(&all.say(MIB), ReceiptFault::Replayed);
    all.come(1, 2, Some("192.0.2.2"));
    for _ in 0..10 {
        all.nodes.beat();
    }
    // It may be said again, for nobody has answered.
    assert_eq!(all.say(2 * MIB), []);
    assert_eq!(all.keep(1), (vec![2 * MIB], acknowledged(2 * MIB)));
}

#[test]
fn a_sender_that_has_moved_is_credited_where_it_is_and_nothing_twice() {
    for is_answered in [true, false] {
        let mut all = Ledgers::pair_of(3, ["192.0.2.1", "192.0.2.2"].map(Some));
        all.say(4 * MIB);
        assert_eq!(all.nodes.worlds[1].credits.len(), 1);
        if is_answered {
            all.keep(1);
        }
        all.nodes.worlds[1].credits.clear();
        all.go(1, 2);
        all.come(2, 2, Some("192.0.2.2"));
        for _ in 0..4 {
            all.nodes.beat();
        }
        all.say(6 * MIB);
        assert_eq!(all.sums(1), [] as [u64; 0]);
        // What its former node did not get is not lost; what that may have got is not credited again.
        assert_eq!(all.keep(2), (vec![2 * MIB], acknowledged(6 * MIB)));
        // Now to the writer's own node.
        all.go(2, 2);
        all.come(0, 2, Some("192.0.2.2"));
        for _ in 0..4 {
            all.nodes.beat();
        }
        all.say(7 * MIB);
        assert_eq!(all.sums(0), [MIB]);
        // And back.
        all.go(0, 2);
        all.come(1, 2, Some("192.0.2.2"));
        for _ in 0..4 {
            all.nodes.beat();
        }
        all.say(9 * MIB);
        assert_eq!(all.keep(1), (vec![2 * MIB], acknowledged(9 * MIB)));
    }
}

#[test]
fn a_sender_that_two_nodes_have_is_credited_by_one_and_by_the_other_when_that_dies() {
    let mut all = Ledgers::pair_of(3, ["192.0.2.1", "192.0.2.2"].map(Some));
    all.come(2, 2, Some("192.0.2.2"));
    all.nodes.beat();
    all.say(2 * MIB);
    assert_eq!((all.sums(1), all.sums(2)), (vec![2 * MIB], vec![]));
    all.nodes.linked[1] = false; // killed
    for _ in 0..6 {
        all.nodes.beat();
    }
    all.say(3 * MIB);
    assert_eq!((all.sums(1), all.sums(2)), (vec![], vec![MIB]));
}

#[test]
fn an_answer_that_was_lost_is_given_again_and_credits_once() {
    let mut all = Ledgers::pair();
    all.say(2 * MIB);
    all.nodes.worlds[1].credits.clear(); // it ends before its store has it, or the bus does
    all.say(2 * MIB);
    assert_eq!(all.keep(1), (vec![2 * MIB], acknowledged(2 * MIB)));
    // A claim that was lost is in the next one.
    all.nodes.lose = 1;
    all.say(3 * MIB);
    assert_eq!(all.sums(1), [] as [u64; 0]);
    all.say(4 * MIB);
    assert_eq!(all.keep(1), (vec![4 * MIB], acknowledged(4 * MIB)));
}

#[test]
fn a_stay_at_another_node_earns_no_more_than_time_allows() {
    let mut all = Ledgers::pair();
    let now = all.nodes.worlds[0].now;
    let most = now.as_millis() / 1_000 * MIB;
    because(&all.say(most + 8 * MIB), ReceiptFault::Impossible);
    assert_eq!(all.say(most - 8 * MIB), []);
    assert_eq!(all.sums(1), [most - 8 * MIB]);
    // Another writer has had less than it could have, and its sender has sent all it can have.
    all.come(0, 3, Some("192.0.2.3"));
    for _ in 0..30 {
        all.nodes.beat();
    }
    all.say(most + 20 * MIB);
    all.sums(1);
    let receipt = all.receipt((3, 2), 20 * MIB);
    let message = ToTracker::Receipt(receipt);
    let sent = all.nodes.say(0, 3, &message);
    assert_eq!(refused(&sent), (3, ReceiptFault::Impossible.to_string()));
    // Said again when it can be.
    for _ in 0..20 {
        all.nodes.beat();
    }
    all.nodes.say(0, 3, &message);
    assert_eq!(all.sums(1), [most + 40 * MIB]);
}

#[test]
fn writers_that_are_remembered_are_bounded_and_go_with_the_stay() {
    let mut all = Ledgers::pair();
    for n in 0..1_030 {
        let one = claim_by(&mut all, &SECRET, SessionId(n), (1, 0));
        all.nodes.input(1, Input::Node(one));
    }
    assert_eq!(all.sums(1).len(), 1_024);
    let again = claim_by(&mut all, &SECRET, SessionId(0), (2, 0));
    all.nodes.input(1, Input::Node(again));
    assert_eq!(all.sums(1), [1_025], "who is remembered is");
    assert_eq!(all.nodes.worlds[1].tracker.registry.pairs, 1_024);
    all.go(1, 2);
    assert_eq!(all.nodes.worlds[1].tracker.registry.pairs, 0);
}

/// Whatever happens to nodes, bus, stores and the sender, nothing is credited twice.
#[test]
fn by_chance_no_byte_is_credited_twice() {
    for seed in 1..=60 {
        let mut rng = Rng::new(seed);
        let mut all = Ledgers::pair_of(4, ["192.0.2.1", "192.0.2.2"].map(Some));
        let mut here = [false, true, false, false];
        let mut earned: BTreeMap<SessionId, u64> = BTreeMap::new();
        let mut said = 0;
        for _ in 0..120 {
            let node = usize::try_from(rng.below(4)).unwrap();
            match rng.below(12) {
                0..=3 => {
                    said += u64::from(rng.below(1_000)) + 1;
                    all.say(said);
                }
                4 if said > 0 => {
                    all.say(said);
                }
                5 if here[node] => all.go(node, 2),
                5 => all.come(node, 2, Some("192.0.2.2")),
                6 => all.nodes.lose = usize::try_from(rng.below(4)).unwrap(),
                7 if node > 0 => {
                    let is_linked = !all.nodes.linked[node];
                    all.nodes.link(node, is_linked);
                }
                8 => {
                    let bound = u32::try_from(all.nodes.carried.len()).unwrap();
                    let at = usize::try_from(rng.below(bound)).unwrap();
                    let text = all.nodes.carried[at].clone();
                    if text.starts_with("credit") && all.nodes.linked[node] {
                        all.nodes.input(node, Input::Node(text));
                    }
                }
                9 | 10 => {
                    for _ in 0..6 {
                        all.nodes.beat();
                    }
                }
                _ => {
                    all.nodes.beat();
                }
            }
            if let Some(is_here) = here.get_mut(node) {
                let world = &mut all.nodes.worlds[node];
                *is_here = world.tracker.registry.peer(HASH, peer(2)).is_some();
            }
            for node in 0..4 {
                for (_, credit) in &all.nodes.worlds[node].credits {
                    let sum = earned.entry(credit.earned.session).or_default();
                    *sum = (*sum).max(credit.earned.bytes);
                }
                if rng.below(2) == 0 {
                    all.keep(node);
                } else {
                    all.nodes.worlds[node].credits.clear();
                }
            }
            let sum: u64 = earned.values().sum();
            assert!(sum <= said, "seed {seed}: {sum} of {said}");
        }
        assert!(!earned.is_empty(), "seed {seed}: nothing was credited");
    }
}
