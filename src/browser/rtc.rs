//! `RTCPeerConnection`s with their two channels. Decides nothing about peers; only when a description
//! is complete and when a connection counts as gone.
//!
//! Invariant: a link that ends by itself is told once (`LinkClosed`) and closed once; one that the
//! engine closed is not heard of again. Both channels are negotiated with fixed ids, so no event has
//! to announce them: id 0 is ordered and carries control, id 1 is unordered (reliable too) and carries
//! blocks, so that a cancel or a promise never queues behind data.

use super::callback::{Callback, Events, Wake, silence};
use super::clock::Timer;
use super::convert::object;
use super::hash::Thenable;
use super::store::Store;
use crate::base::{LinkId, Network, SortedMap};
use crate::engine::Input;
use crate::wire::BLOCK_HEADER_LEN;
use js_sys::{Array, ArrayBuffer, JSON, Map, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};
use web_sys::{
    MessageEvent, RtcConfiguration, RtcDataChannel, RtcPeerConnection, RtcPeerConnectionIceEvent,
};

/// A control channel with this much unsent belongs to a peer that does not read.
const CONTROL_FULL: u32 = 256 * 1024;
/// Longest message on the control channel that is read at all.
const CONTROL_MESSAGE_MAX: u32 = 256 * 1024;
/// After the first usable candidate, others get this long, ms.
const GATHER_MORE_MS: f64 = 300.0;
/// No description waits longer for candidates, ms: a dead STUN server must not hold it.
const GATHER_MAX_MS: f64 = 3_000.0;
/// A peer that does not say how long a message may be takes this (RFC 8841, section 6.1).
const MESSAGE_DEFAULT: u32 = 64 * 1024;
/// Longest message we send: Chromium's own limit.
const MESSAGE_MAX: u32 = 256 * 1024;

/// What a connection and its two channels tell.
const CONNECTION: &Events = &[
    ("onicecandidate", Wake::Candidate),
    ("onicegatheringstatechange", Wake::Gathering),
    ("onconnectionstatechange", Wake::Connection),
];
const CONTROL: &Events = &[
    ("onopen", Wake::ChannelOpened),
    ("onclose", Wake::ChannelClosed),
    ("onerror", Wake::ChannelClosed),
    ("onmessage", Wake::ControlMessage),
];
const BLOCKS: &Events = &[
    ("onopen", Wake::ChannelOpened),
    ("onclose", Wake::ChannelClosed),
    ("onerror", Wake::ChannelClosed),
    ("onmessage", Wake::BlockMessage),
    ("onbufferedamountlow", Wake::BlocksLow),
];

#[wasm_bindgen]
extern "C" {
    /// A connection, for the forms of its methods that web-sys lacks, and for its states as the words that they
    /// are: as numbers they cost a table and a panic each.
    #[wasm_bindgen(extends = RtcPeerConnection)]
    #[derive(Debug)]
    type Connection;
    #[wasm_bindgen(method, getter, js_name = connectionState)]
    fn state(this: &Connection) -> String;
    #[wasm_bindgen(method, getter, js_name = iceGatheringState)]
    fn gathering(this: &Connection) -> String;
    #[wasm_bindgen(method, js_name = createDataChannel)]
    fn channel(this: &Connection, label: &str, init: &JsValue) -> Channel;
    /// Takes the other side's description.
    #[wasm_bindgen(method, js_name = setRemoteDescription)]
    fn hear(this: &Connection, description: &JsValue) -> Promise;
    /// Offers or answers, whichever the state asks for.
    #[wasm_bindgen(method, js_name = setLocalDescription)]
    fn describe(this: &Connection) -> Promise;
    #[wasm_bindgen(method, js_name = addIceCandidate)]
    fn add_candidate(this: &Connection, candidate: &JsValue) -> Promise;

    /// A channel, likewise.
    #[wasm_bindgen(extends = RtcDataChannel)]
    #[derive(Debug)]
    type Channel;
    #[wasm_bindgen(method, getter, js_name = readyState)]
    fn state(this: &Channel) -> String;
    #[wasm_bindgen(method, setter, js_name = binaryType)]
    fn set_kind(this: &Channel, kind: &str);
}

/// Links by id.
#[derive(Debug)]
pub(super) struct Links {
    configuration: RtcConfiguration,
    /// The page's own servers.
    servers: Array,
    open: SortedMap<LinkId, Link>,
}

#[derive(Debug)]
struct Link {
    connection: Connection,
    control: Channel,
    blocks: Channel,
    offering: bool,
    described: bool,
    opened: bool,
    /// Their greeting, where it came before both channels had opened here.
    early: Option<Vec<u8>>,
    gathering: Option<Timer>,
    any_candidate: bool,
}

impl Links {
    /// No links yet; each connection gets `configuration`, an `RTCConfiguration`.
    pub(super) fn new(configuration: JsValue) -> Self {
        let configuration: RtcConfiguration = if configuration.is_object() {
            configuration.unchecked_into()
        } else {
            RtcConfiguration::new()
        };
        let servers = configuration.get_ice_servers().unwrap_or_default();
        Self {
            configuration,
            servers,
            open: SortedMap::new(),
        }
    }

    /// Offers what is made from now on a server more, given in JSON.
    pub(super) fn relay_by(&self, server: &str) {
        if let Ok(server) = JSON::parse(server) {
            let servers = self.servers.concat(&Array::of1(&server));
            self.configuration.set_ice_servers(&servers);
        }
    }

    /// Makes a connection and its offer.
    pub(super) fn offer(&mut self, link: LinkId, callback: &Callback) -> Option<Input> {
        self.make(link, None, callback)
    }

    /// Makes a connection and its answer to `sdp`.
    pub(super) fn answer(&mut self, link: LinkId, sdp: &str, callback: &Callback) -> Option<Input> {
        self.make(link, Some(sdp), callback)
    }

    fn make(&mut self, link: LinkId, offer: Option<&str>, callback: &Callback) -> Option<Input> {
        let Ok(connection) = RtcPeerConnection::new_with_configuration(&self.configuration) else {
            return Some(Input::LinkClosed { link });
        };
        let connection: Connection = connection.unchecked_into();
        callback.hear(&connection, CONNECTION, link.0);
        let channel = |label, id, ordered, events| {
            let init = object(&[
                ("negotiated", true.into()),
                ("id", JsValue::from_f64(id)),
                ("ordered", JsValue::from_bool(ordered)),
            ]);
            let channel = connection.channel(label, &init);
            channel.set_kind("arraybuffer");
            callback.hear(&channel, events, link.0);
            channel
        };
        let control = channel("control", 0.0, true, CONTROL);
        let blocks = channel("blocks", 1.0, false, BLOCKS);
        // The connection's own queue of operations keeps the order of the two.
        if let Some(sdp) = offer {
            let theirs = connection.hear(&description("offer", sdp));
            expect(&theirs, link, Wake::Refused, callback);
        }
        let ours = connection.describe();
        expect(&ours, link, Wake::Refused, callback);
        let cut = callback.on(Wake::GatherCut, link.0);
        self.open.insert(
            link,
            Link {
                connection,
                control,
                blocks,
                offering: offer.is_none(),
                described: false,
                opened: false,
                early: None,
                gathering: Some(Timer::after(GATHER_MAX_MS, &cut)),
                any_candidate: false,
            },
        );
        None
    }

    /// Completes our offer.
    pub(super) fn answered(&self, link: LinkId, sdp: &str, callback: &Callback) {
        if let Some(Link { connection, .. }) = self.open.get(&link) {
            let theirs = connection.hear(&description("answer", sdp));
            expect(&theirs, link, Wake::Refused, callback);
        }
    }

    /// Adds a late candidate of theirs; a bad one changes nothing.
    pub(super) fn add_candidate(&self, link: LinkId, candidate: &str, callback: &Callback) {
        if let Some(Link { connection, .. }) = self.open.get(&link)
            && let Ok(candidate) = JSON::parse(candidate)
        {
            expect(
                &connection.add_candidate(&candidate),
                link,
                Wake::Ignored,
                callback,
            );
        }
    }

    /// Sends on the control channel; a peer that stopped reading is closed.
    pub(super) fn send(&mut self, link: LinkId, bytes: &[u8]) -> Option<Input> {
        let control = &self.open.get(&link)?.control;
        if control.buffered_amount() > CONTROL_FULL {
            return self.gone(link);
        }
        // A channel that is closing refuses; its `close` follows.
        let _ = control.send_with_u8_array(bytes);
        None
    }

    /// Sends `header` and `body` as one message on the block channel.
    ///
    /// Each time what waits has halved, `bufferedamountlow` tells it; where nothing waits, the answer does.
    pub(super) fn send_block(
        &self,
        link: LinkId,
        header: &[u8],
        body: &Uint8Array,
    ) -> Option<Input> {
        let blocks = &self.open.get(&link)?.blocks;
        let header_len = u32::try_from(header.len()).ok()?;
        let message = Uint8Array::new_with_length(header_len.checked_add(body.length())?);
        message.subarray(0, header_len).copy_from(header);
        message.set(body, header_len);
        let _ = blocks.send_with_array_buffer(&message.buffer());
        mark_half(blocks);
        (blocks.buffered_amount() == 0).then_some(Input::LinkWritable { link, queued: 0 })
    }

    /// Closes a link for good.
    pub(super) fn close(&mut self, link: LinkId) -> bool {
        self.open.remove(&link).map(|link| link.close()).is_some()
    }

    /// Closes all.
    pub(super) fn clear(&mut self) {
        for (_, link) in core::mem::take(&mut self.open) {
            link.close();
        }
    }

    /// A browser's word about a link, as the engine takes it.
    pub(super) fn on_wake(
        &mut self,
        wake: Wake,
        id: LinkId,
        value: &JsValue,
        callback: &Callback,
    ) -> Vec<Input> {
        let Some(link) = self.open.get_mut(&id) else {
            return Vec::new();
        };
        let one = match wake {
            Wake::Candidate => link.on_candidate(id, value, callback),
            Wake::Gathering => (link.connection.gathering() == "complete")
                .then(|| link.describe(id))
                .flatten(),
            Wake::GatherCut => link.describe(id),
            Wake::ChannelOpened => return link.on_opened(id, callback),
            Wake::Statistics => Some(Input::LinkNetwork {
                link: id,
                network: network_of(value),
            }),
            Wake::BlocksLow => Some(link.on_drained(id)),
            Wake::Connection if link.is_over() => self.gone(id),
            Wake::Refused | Wake::ChannelClosed => self.gone(id),
            Wake::Connection
            | Wake::Ignored
            | Wake::Proven
            | Wake::ControlMessage
            | Wake::BlockMessage
            | Wake::Timeout
            | Wake::TrackerOpened
            | Wake::TrackerMessage
            | Wake::TrackerClosed
            | Wake::Hashed
            | Wake::HashRefused
            | Wake::HashSlice => None,
        };
        one.into_iter().collect()
    }

    /// A message on one of a link's channels.
    pub(super) fn on_message(
        &mut self,
        wake: Wake,
        link: LinkId,
        event: &JsValue,
        store: &mut Store,
    ) -> Option<Input> {
        let state = self.open.get_mut(&link)?;
        let data = event.unchecked_ref::<MessageEvent>().data();
        let Ok(data) = data.dyn_into::<ArrayBuffer>() else {
            return self.gone(link); // Text: not our protocol.
        };
        let bytes = Uint8Array::new(&data);
        let length = bytes.length();
        if wake == Wake::ControlMessage {
            if length > CONTROL_MESSAGE_MAX {
                return self.gone(link);
            }
            let bytes = bytes.to_vec();
            if state.opened {
                return Some(Input::LinkMessage { link, bytes });
            }
            // Firefox opens one channel after the other, and hands out messages in between: a peer that is
            // quicker may have greeted by then. It says nothing more before it has heard us.
            return match state.early.replace(bytes) {
                None => None,
                Some(_) => self.gone(link),
            };
        }
        let header_len = u32::try_from(BLOCK_HEADER_LEN).unwrap_or(0).min(length);
        let payload = bytes.subarray(header_len, length);
        Some(Input::LinkBlock {
            link,
            header: bytes.subarray(0, header_len).to_vec(),
            len: u64::from(payload.length()),
            payload: store.wait(payload),
        })
    }

    fn gone(&mut self, link: LinkId) -> Option<Input> {
        self.close(link).then_some(Input::LinkClosed { link })
    }
}

impl Link {
    fn on_candidate(&mut self, id: LinkId, event: &JsValue, callback: &Callback) -> Option<Input> {
        let event: &RtcPeerConnectionIceEvent = event.unchecked_ref();
        let candidate = event
            .candidate()
            .filter(|found| !found.candidate().is_empty())?;
        if self.described {
            let candidate = JSON::stringify(&candidate).ok()?;
            return Some(Input::Candidate {
                link: id,
                candidate: candidate.into(),
            });
        }
        if !self.any_candidate {
            self.any_candidate = true;
            let cut = callback.on(Wake::GatherCut, id.0);
            self.gathering = Some(Timer::after(GATHER_MORE_MS, &cut));
        }
        None
    }

    /// The description as far as it got, once.
    fn describe(&mut self, link: LinkId) -> Option<Input> {
        let sdp = self.connection.local_description()?.sdp();
        if core::mem::replace(&mut self.described, true) {
            return None;
        }
        self.gathering = None;
        Some(if self.offering {
            Input::OfferReady { link, sdp }
        } else {
            Input::AnswerReady { link, sdp }
        })
    }

    fn on_opened(&mut self, link: LinkId, callback: &Callback) -> Vec<Input> {
        let both = self.control.state() == "open" && self.blocks.state() == "open";
        if !both || core::mem::replace(&mut self.opened, true) {
            return Vec::new();
        }
        let statistics: Promise = self.connection.get_stats();
        let told = callback.on(Wake::Statistics, link.0);
        let ignored = callback.on(Wake::Ignored, link.0);
        statistics.unchecked_ref::<Thenable>().then(&told, &ignored);
        let max_message = longest_message(&self.connection);
        let opened = Input::LinkOpened { link, max_message };
        let early = self.early.take();
        let early = early.map(|bytes| Input::LinkMessage { link, bytes });
        core::iter::once(opened).chain(early).collect()
    }

    fn on_drained(&self, link: LinkId) -> Input {
        mark_half(&self.blocks);
        let queued = u64::from(self.blocks.buffered_amount());
        Input::LinkWritable { link, queued }
    }

    /// Whether the connection is over. One that is `disconnected` has had no answer for five seconds (Chromium and
    /// Firefox): it may come back, but a new one is there sooner, and no timer that a hidden tab throttles is needed.
    fn is_over(&self) -> bool {
        matches!(
            self.connection.state().as_str(),
            "disconnected" | "failed" | "closed"
        )
    }

    fn close(self) {
        silence(&self.control, CONTROL);
        silence(&self.blocks, BLOCKS);
        silence(&self.connection, CONNECTION);
        self.connection.close();
    }
}

/// The next word comes when half of what waits has left.
fn mark_half(blocks: &RtcDataChannel) {
    blocks.set_buffered_amount_low_threshold(blocks.buffered_amount() / 2);
}

fn description(kind: &str, sdp: &str) -> JsValue {
    object(&[("type", kind.into()), ("sdp", sdp.into())])
}

/// Lets a refusal of `promise` be heard as `refused`.
fn expect(promise: &Promise, link: LinkId, refused: Wake, callback: &Callback) {
    let promise: &Thenable = promise.unchecked_ref();
    promise.then(
        &callback.on(Wake::Ignored, link.0),
        &callback.on(refused, link.0),
    );
}

/// What the other side's SCTP takes (`pc.sctp.maxMessageSize`; 0 and infinity are «any»).
fn longest_message(connection: &RtcPeerConnection) -> u32 {
    let said = Reflect::get(connection, &"sctp".into())
        .and_then(|sctp| Reflect::get(&sctp, &"maxMessageSize".into()))
        .ok()
        .and_then(|size| size.as_f64());
    match said {
        None => MESSAGE_DEFAULT,
        Some(size) if size >= 1.0 && size < f64::from(MESSAGE_MAX) => {
            u32::try_from(super::convert::whole(size)).unwrap_or(MESSAGE_DEFAULT)
        }
        Some(_) => MESSAGE_MAX,
    }
}

/// The network that a connection's packets come from, of its statistics: the remote end of the candidate
/// pair in use. Firefox marks the pair itself, the others name it in the transport. Where both ends have one
/// address they are on one machine, whatever kind of address that is.
fn network_of(report: &JsValue) -> Option<Network> {
    let report: &Map = report.unchecked_ref();
    let read = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).unwrap_or_default();
    let mut pair = JsValue::UNDEFINED;
    // As pairs: a closure's way there and back weighs more.
    for entry in Array::from(report).iter() {
        let entry = entry.unchecked_ref::<Array>().get(1);
        let named = read(&entry, "selectedCandidatePairId");
        if named.is_string() {
            pair = named;
        } else if read(&entry, "selected").is_truthy() {
            pair = read(&entry, "id");
        }
    }
    let address =
        |end: &str| read(&report.get(&read(&report.get(&pair), end)), "address").as_string();
    let remote = address("remoteCandidateId")?;
    if address("localCandidateId").as_ref() == Some(&remote) {
        return Some(Network::Near);
    }
    Network::of(&remote)
}
