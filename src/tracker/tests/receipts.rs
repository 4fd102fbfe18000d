//! What a receipt is worth, and to whom; each refusal beside the same receipt when it counts.

use super::*;
use crate::wire::Receipt;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

pub(super) const MIB: u64 = 1 << 20;

pub(super) fn ledger() -> Config {
    Config {
        receipts: Some(Receipts {
            secret: Secret([5; 32]),
            rate_bytes_per_s_max: MIB,
        }),
        ..Config::default()
    }
}

/// Peers 1 and 2 at addresses of their own, a minute after they came; the key of the first.
fn pair() -> (World, String) {
    pair_from(["192.0.2.1", "192.0.2.2"].map(|text| text.parse().ok()))
}

fn pair_from(addresses: [Option<IpAddr>; 2]) -> (World, String) {
    let mut world = World::new(ledger());
    let mut keys = Vec::new();
    for (n, address) in (1..).zip(addresses) {
        world.address = address;
        keys.push(come(&mut world, n).unwrap());
    }
    world.pass(Duration::from_secs(60));
    (world, keys.swap_remove(0))
}

pub(super) fn asking() -> Extensions {
    Extensions {
        asks_receipts: true,
        ..Extensions::default()
    }
}

fn come(world: &mut World, n: u64) -> Option<String> {
    let connection = world.open(n);
    let asking = Announce {
        extensions: asking(),
        ..Announce::of(n)
    };
    let sent = world.announce(connection, asking);
    let [(_, FromTracker::Announced { grants, .. })] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    grants.receipt_key.clone()
}

/// Peer 1 has had this from peer 2.
fn receipt(key: &str, bytes: u64) -> Receipt {
    let receipt = Receipt {
        info_hash: HASH,
        peer: peer(1),
        from: peer(2),
        bytes,
        segments: bytes / MIB,
        subject: None,
        mac: String::new(),
    };
    signed(receipt, key)
}

pub(super) fn signed(mut receipt: Receipt, key: &str) -> Receipt {
    receipt.sign(key);
    receipt
}

impl World {
    fn judge(&mut self, receipt: &Receipt) -> Result<(u64, u64), ReceiptFault> {
        let Taken::Counts(credit) = self.tracker.take_receipt(self.now, receipt)? else {
            panic!("there are no other nodes");
        };
        assert_eq!(
            (credit.earned.peer, credit.earned.room),
            (receipt.from, HASH)
        );
        Ok((credit.earned.bytes, credit.earned.segments))
    }
}

#[test]
fn a_key_is_for_who_asks_where_receipts_are_taken() {
    let mut world = World::new(ledger());
    assert!(come(&mut world, 1).is_some());
    let other = world.open(2);
    let sent = world.announce(other, Announce::of(2));
    let [(_, FromTracker::Announced { grants, .. })] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(grants.receipt_key, None);
    assert_eq!(come(&mut World::new(Config::default()), 1), None);
}

#[test]
fn sums_are_credited_once_and_acknowledged_when_they_are_kept() {
    let (mut world, key) = pair();
    let first = receipt(&key, 4 * MIB);
    let said = world.say(ConnectionId(1), ToTracker::Receipt(first.clone()).encode());
    assert_eq!(said, [], "nothing is said before it is kept");
    let [(writer, credit)] = world.credits.as_slice() else {
        panic!("{:?}", world.credits);
    };
    assert_eq!(*writer, Writer::Here(ConnectionId(1)));
    assert_eq!((credit.earned.bytes, credit.earned.segments), (4 * MIB, 4));
    assert_eq!(credit.earned.span, Duration::from_secs(60));
    let acknowledged = FromTracker::Receipted {
        info_hash: HASH,
        from: peer(2),
        bytes: 4 * MIB,
        refused: None,
    };
    assert_eq!(
        FromTracker::decode(&credit.acknowledgement),
        Ok(acknowledged)
    );
    // Again, an older one, and one more.
    let said = world.say(ConnectionId(1), ToTracker::Receipt(first).encode());
    let [
        (
            _,
            FromTracker::Receipted {
                refused: Some(why),
                bytes: 0,
                ..
            },
        ),
    ] = said.as_slice()
    else {
        panic!("{said:?}");
    };
    assert!(why.contains("no more than the last"), "{why}");
    assert_eq!(
        world.judge(&receipt(&key, 3 * MIB)),
        Err(ReceiptFault::Replayed)
    );
    assert_eq!(world.judge(&receipt(&key, 6 * MIB)), Ok((6 * MIB, 6)));
    let totals = world.tracker.stats().totals;
    assert_eq!((totals.receipts, totals.receipts_refused), (2, 2));
}

#[test]
fn what_is_forged_counts_nothing_and_what_is_not_does() {
    let (mut world, key) = pair();
    let good = receipt(&key, 4 * MIB);
    let mut more = good.clone();
    more.bytes += 1;
    assert_eq!(world.judge(&more), Err(ReceiptFault::Forged));
    let stranger = come(&mut world, 3).unwrap();
    let theirs = signed(receipt(&key, MIB), &stranger);
    assert_eq!(world.judge(&theirs), Err(ReceiptFault::Forged));
    // On another's connection not even a good one.
    let said = world.say(ConnectionId(3), ToTracker::Receipt(good.clone()).encode());
    let [(_, FromTracker::Failure { reason, .. })] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert!(reason.contains("announce this peer_id"), "{reason}");
    assert_eq!(world.credits, []);
    assert_eq!(world.judge(&good), Ok((4 * MIB, 4)));
}

#[test]
fn a_stay_that_ends_takes_its_key_along() {
    let (mut world, key) = pair();
    world.judge(&receipt(&key, MIB)).unwrap();
    let connection = ConnectionId(1);
    world
        .tracker
        .handle_input(world.now, Input::Closed { connection });
    assert_eq!(
        world.judge(&receipt(&key, 2 * MIB)),
        Err(ReceiptFault::NotAnnounced)
    );
    world.address = "192.0.2.1".parse().ok();
    let connection = world.open(9);
    let again = Announce {
        extensions: asking(),
        ..Announce::of(1)
    };
    let sent = world.announce(connection, again);
    let [(_, FromTracker::Announced { grants, .. })] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    let fresh = grants.receipt_key.clone().unwrap();
    assert_ne!(fresh, key);
    assert_eq!(
        world.judge(&receipt(&key, 2 * MIB)),
        Err(ReceiptFault::Forged)
    );
    // A new stay counts from nothing, and adds to what the sender has.
    assert_eq!(world.judge(&receipt(&fresh, MIB)), Ok((2 * MIB, 2)));
}

#[test]
fn nobody_earns_more_than_time_allows() {
    let (mut world, key) = pair();
    // 60 s have passed at 1 MiB/s, and a begun second counts.
    assert_eq!(
        world.judge(&receipt(&key, 61 * MIB + 1)),
        Err(ReceiptFault::Impossible)
    );
    assert_eq!(
        world.judge(&receipt(&key, u64::MAX)),
        Err(ReceiptFault::Impossible)
    );
    assert_eq!(world.judge(&receipt(&key, 61 * MIB)), Ok((61 * MIB, 61)));
    // The writer has had all it can have had, from whomever.
    world.address = "192.0.2.3".parse().ok();
    come(&mut world, 3).unwrap();
    let other = Receipt {
        from: peer(3),
        bytes: MIB,
        ..receipt(&key, MIB)
    };
    let other = signed(other, &key);
    assert_eq!(world.judge(&other), Err(ReceiptFault::Impossible));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.judge(&other), Ok((MIB, 1)));
}

#[test]
fn two_who_may_be_one_earn_nothing_of_each_other() {
    let at = |text: &str| text.parse::<IpAddr>().ok();
    for addresses in [
        [at("192.0.2.1"), at("192.0.2.1")],
        [None, at("192.0.2.1")],
        [None, None],
    ] {
        let (mut world, key) = pair_from(addresses);
        let refused = world.judge(&receipt(&key, MIB));
        assert_eq!(refused, Err(ReceiptFault::Together), "{addresses:?}");
    }
    let (mut world, key) = pair();
    let own = Receipt {
        from: peer(1),
        ..receipt(&key, MIB)
    };
    assert_eq!(world.judge(&signed(own, &key)), Err(ReceiptFault::Together));
}

#[test]
fn an_account_is_named_once_and_earns_nothing_of_itself() {
    let (mut world, key) = pair();
    world.address = "192.0.2.3".parse().ok();
    let third = come(&mut world, 3).unwrap();
    let named = |name: &str, bytes: u64, from: u64, (key, n): (&str, u64)| {
        let receipt = Receipt {
            peer: peer(n),
            from: peer(from),
            subject: Some(name.into()),
            ..receipt(key, bytes)
        };
        signed(receipt, key)
    };
    world.judge(&named("anna", MIB, 2, (&key, 1))).unwrap();
    let other = named("ben", 2 * MIB, 2, (&key, 1));
    assert_eq!(world.judge(&other), Err(ReceiptFault::OtherSubject));
    assert_eq!(world.judge(&receipt(&key, 2 * MIB)), Ok((2 * MIB, 2)));
    // Who names itself the same is the same, wherever it is.
    let same = named("anna", MIB, 1, (&third, 3));
    assert_eq!(world.judge(&same), Err(ReceiptFault::Together));
    let apart = named("cleo", MIB, 1, (&third, 3));
    let Taken::Counts(credit) = world.tracker.take_receipt(world.now, &apart).unwrap() else {
        panic!("there are no other nodes");
    };
    assert_eq!(credit.earned.subject.as_deref(), Some("anna"));
}

#[test]
fn receipts_for_who_is_not_there_count_nothing() {
    let (mut world, key) = pair();
    let connection = ConnectionId(2);
    world
        .tracker
        .handle_input(world.now, Input::Closed { connection });
    assert_eq!(
        world.judge(&receipt(&key, MIB)),
        Err(ReceiptFault::NoSuchSender)
    );
    let mut none = World::new(Config::default());
    none.crowd(2);
    assert_eq!(
        none.judge(&receipt(&key, MIB)),
        Err(ReceiptFault::NoReceipts)
    );
}

#[test]
fn who_comes_and_goes_is_recorded_if_accounts_are_kept() {
    let mut world = World::new(ledger());
    come(&mut world, 1).unwrap();
    come(&mut world, 2).unwrap();
    let offering = Announce {
        offers: 1,
        uploaded: 10,
        ..Announce::of(1)
    };
    world.announce(ConnectionId(1), offering.clone());
    world.say(ConnectionId(2), answer(2, 1, "offer 0"));
    let stopping = Announce {
        event: Some("stopped"),
        uploaded: 30,
        ..offering
    };
    world.announce(ConnectionId(1), stopping);
    let Some(Record::Joined { session, .. }) = world.records.first().cloned() else {
        panic!("{:?}", world.records);
    };
    let left = Record::Left {
        session,
        uploaded: 30,
        downloaded: 0,
        peers_connected: 1,
    };
    let joined = Record::Joined {
        session,
        room: HASH,
        peer: peer(1),
    };
    assert_eq!(world.records.first(), Some(&joined));
    assert_eq!(world.records.last(), Some(&left));
    assert_eq!(world.records.len(), 3);
    let mut without = World::new(Config::default());
    without.crowd(3);
    assert_eq!(without.records, []);
}
