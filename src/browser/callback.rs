//! One Rust closure for everything the browser calls back: events, timers, promises. Each handler is
//! that closure bound (`Function.bind`) to what woke it and to whom it belongs.
//!
//! So there is nothing to drop with a socket or a connection and nothing to forget: bound functions
//! belong to JavaScript's collector, the closure to the driver, and a callback that comes late finds
//! no handle under its id and does nothing.

use js_sys::{Function, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue, wasm_bindgen};

/// What woke us. The number beside it names the tracker, link or hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Wake {
    /// The engine's timer.
    Timeout,
    /// A tracker's socket opened.
    TrackerOpened,
    /// A tracker's socket has a message.
    TrackerMessage,
    /// A tracker's socket closed.
    TrackerClosed,
    /// A connection has a candidate.
    Candidate,
    /// A connection's gathering state changed.
    Gathering,
    /// A connection has gathered long enough.
    GatherCut,
    /// A connection's state changed.
    Connection,
    /// A connection refused a description.
    Refused,
    /// A refusal that changes nothing.
    Ignored,
    /// Statistics of a connection are there.
    Statistics,
    /// A description is proven.
    Proven,
    /// A channel opened.
    ChannelOpened,
    /// A channel closed or failed.
    ChannelClosed,
    /// The control channel has a message.
    ControlMessage,
    /// The block channel has a message.
    BlockMessage,
    /// The block channel has room.
    BlocksLow,
    /// Digests are there.
    Hashed,
    /// The platform would not hash.
    HashRefused,
    /// Time for the next slice of hashing by hand.
    HashSlice,
}

impl Wake {
    const ALL: [Self; 20] = [
        Self::Timeout,
        Self::TrackerOpened,
        Self::TrackerMessage,
        Self::TrackerClosed,
        Self::Candidate,
        Self::Gathering,
        Self::GatherCut,
        Self::Connection,
        Self::Refused,
        Self::Ignored,
        Self::Statistics,
        Self::Proven,
        Self::ChannelOpened,
        Self::ChannelClosed,
        Self::ControlMessage,
        Self::BlockMessage,
        Self::BlocksLow,
        Self::Hashed,
        Self::HashRefused,
        Self::HashSlice,
    ];
}

#[wasm_bindgen]
extern "C" {
    /// A JavaScript function, for its `bind` with two numbers.
    #[derive(Debug)]
    type Bindable;
    #[wasm_bindgen(method)]
    fn bind(this: &Bindable, context: &JsValue, wake: u32, id: u32) -> Function;
}

/// The closure; its owner keeps it alive for as long as anything may call back.
#[derive(Debug)]
pub(super) struct Callback {
    closure: Closure<dyn Fn(u32, u32, JsValue)>,
}

impl Callback {
    /// A callback that tells `heard`.
    pub(super) fn new(heard: impl Fn(Wake, u32, JsValue) + 'static) -> Self {
        Self {
            closure: Closure::new(move |wake: u32, id, value| {
                let known = Wake::ALL.into_iter().find(|known| *known as u32 == wake);
                if let Some(wake) = known {
                    heard(wake, id, value);
                }
            }),
        }
    }

    /// A function that tells `wake` and `id` with the first argument it is called with.
    pub(super) fn on(&self, wake: Wake, id: u32) -> Function {
        let bindable: &Bindable = self.closure.as_ref().unchecked_ref();
        bindable.bind(&JsValue::NULL, wake as u32, id)
    }

    /// Has a browser object's events tell us. By name: a setter of web-sys' for each would be an import each.
    pub(super) fn hear(&self, target: &JsValue, events: &Events, id: u32) {
        for (event, wake) in events {
            handle(target, event, &self.on(*wake, id));
        }
    }
}

/// Handlers of an object, and what they tell.
pub(super) type Events = [(&'static str, Wake)];

/// Lets none of an object's events be heard again.
pub(super) fn silence(target: &JsValue, events: &Events) {
    for (event, _) in events {
        handle(target, event, &JsValue::NULL);
    }
}

fn handle(target: &JsValue, event: &str, handler: &JsValue) {
    // Every one of these takes any value.
    let _ = Reflect::set(target, &JsValue::from_str(event), handler);
}
