//! Who stands around the state and is told or asked by it: the ledger, the databases of places, the other nodes. Decides
//! nothing.
//!
//! Invariant: none of them waits, because the state asks while it is locked or while somebody connects.

use crate::tracker::{Earned, Place, Record};
use crate::wire::NodeId;
use core::fmt::Debug;
use core::net::IpAddr;

/// Who knows where addresses are.
pub(super) trait Locate: Debug + Send + Sync {
    /// As far as it knows.
    fn find(&self, address: IpAddr) -> Place;
}

/// Who keeps what the tracker says is to be kept. Neither waits.
pub(super) trait Ledger: Debug + Send + Sync {
    /// Somebody came or went.
    fn record(&self, record: Record);
    /// Somebody earned something; `kept` is called when it is safe, or never.
    fn earn(&self, earned: Earned, kept: Box<dyn FnOnce() + Send>);
}

/// Who carries what this node tells others. Does not wait.
pub(super) trait Carry: Debug + Send + Sync {
    /// To one of them, or to all; it may be lost.
    fn carry(&self, to: Option<NodeId>, text: String);
}
