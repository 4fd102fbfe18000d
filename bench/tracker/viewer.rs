//! One viewer as a tracker sees it, and a crowd of them.
//!
//! A viewer announces in its turn and answers each offer. Invariant: messages are those of
//! `swarmline::wire`, which stock trackers read.

use super::Args;
use super::tally::Tally;
use futures_util::{SinkExt, StreamExt};
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;
use swarmline::base::json::Quoted;
use swarmline::base::{InfoHash, PeerId};
use swarmline::wire::{Extensions, FromTracker, Offer, ToTracker};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// How long all may take to be in.
const PATIENCE: Duration = Duration::from_secs(300);

/// Who connects at once: a listening socket's queue is not endless.
const CONNECTING_AT_ONCE: usize = 64;

/// Offers of one viewer within a microsecond that can be told apart.
const COUNTER: u64 = 1_000;

/// What all viewers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Be there.
    Rest,
    /// Announce in turn.
    Announce,
    /// Drop the connection and come back at once.
    Reconnect,
}

/// All viewers.
pub(crate) struct Crowd {
    orders: watch::Sender<Order>,
    size: usize,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Viewer {
    args: Rc<Args>,
    tally: Rc<Tally>,
    number: usize,
    sent: u64,
}

impl Crowd {
    /// Connects all and waits until each first announce is answered.
    pub(crate) async fn join(args: &Args, tally: &Rc<Tally>) -> Result<Self, Box<dyn Error>> {
        let (orders, order) = watch::channel(Order::Rest);
        let places = Rc::new(tokio::sync::Semaphore::new(CONNECTING_AT_ONCE));
        let args = Rc::new(args.clone());
        for number in 0..args.connections {
            let (args, tally) = (args.clone(), tally.clone());
            let viewer = Viewer {
                args,
                tally,
                number,
                sent: 0,
            };
            spawn_local(viewer.live(order.clone(), places.clone()));
        }
        let crowd = Self {
            orders,
            size: args.connections,
        };
        crowd.all_in(tally).await?;
        Ok(crowd)
    }

    pub(crate) fn order(&self, order: Order) {
        self.orders.send_replace(order);
    }

    /// All leave and come back; the seconds until the last is in.
    pub(crate) async fn storm(&self, tally: &Tally) -> Result<f64, Box<dyn Error>> {
        tally.nobody_is_in();
        let since = Instant::now();
        self.order(Order::Reconnect);
        self.all_in(tally).await?;
        Ok(since.elapsed().as_secs_f64())
    }

    async fn all_in(&self, tally: &Tally) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + PATIENCE;
        while tally.joined() < self.size {
            if Instant::now() > end {
                let joined = tally.joined();
                return Err(format!("only {joined} of {} viewers were let in", self.size).into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Viewer {
    async fn live(mut self, mut order: watch::Receiver<Order>, places: Rc<tokio::sync::Semaphore>) {
        loop {
            let Ok(place) = places.acquire().await else {
                return;
            };
            let connected = self.connect().await;
            drop(place);
            let Some(mut socket) = connected else {
                self.tally.drop_one();
                sleep(Duration::from_millis(500)).await;
                continue;
            };
            self.stay(&mut socket, &mut order).await;
        }
    }

    /// Connected, and its first announce answered.
    async fn connect(&mut self) -> Option<Socket> {
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .write_buffer_size(0);
        let connecting = connect_async_with_config(&self.args.url, Some(config), true);
        let (mut socket, _) = timeout(PATIENCE, connecting).await.ok()?.ok()?;
        let first = self.announce(Some("started"), 0);
        socket.send(first).await.ok()?;
        let answered = async {
            loop {
                match socket.next().await? {
                    Ok(Message::Text(text)) => {
                        return matches!(
                            FromTracker::decode(&text),
                            Ok(FromTracker::Announced { .. })
                        )
                        .then_some(());
                    }
                    Ok(Message::Ping(_)) => {}
                    Ok(_) | Err(_) => return None,
                }
            }
        };
        timeout(PATIENCE, answered).await.ok()??;
        self.tally.is_in();
        Some(socket)
    }

    /// Obeys orders until the connection ends.
    async fn stay(&mut self, socket: &mut Socket, order: &mut watch::Receiver<Order>) {
        #[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let (period, phase) = {
            let all = self.args.connections as f64;
            let period = Duration::from_secs_f64(all / self.args.rate);
            (period, period.mul_f64(self.number as f64 / all))
        };
        let mut turns = interval_at(Instant::now() + phase, period);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut announces = *order.borrow() == Order::Announce;
        order.mark_unchanged();
        loop {
            tokio::select! {
                changed = order.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    announces = match *order.borrow_and_update() {
                        Order::Reconnect => return,
                        Order::Announce => true,
                        Order::Rest => false,
                    };
                }
                _ = turns.tick(), if announces => {
                    let message = self.announce(None, self.args.offers);
                    self.tally.count(|counted| counted.announces += 1);
                    if socket.send(message).await.is_err() {
                        self.tally.drop_one();
                        return;
                    }
                }
                heard = socket.next() => {
                    let said = match heard {
                        Some(Ok(Message::Text(text))) => self.hear(&text),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => {
                            self.tally.drop_one();
                            return;
                        }
                        Some(Ok(_)) => None,
                    };
                    if let Some(answer) = said
                        && socket.send(answer).await.is_err()
                    {
                        self.tally.drop_one();
                        return;
                    }
                }
            }
        }
    }

    /// What there is to say to it.
    fn hear(&self, text: &str) -> Option<Message> {
        match FromTracker::decode(text) {
            Ok(FromTracker::Announced { .. }) => self.tally.count(|counted| counted.replies += 1),
            Ok(FromTracker::Answered { .. }) => self.tally.count(|counted| counted.answers += 1),
            Ok(FromTracker::Offered {
                info_hash,
                peer,
                offer_id,
                ..
            }) => {
                self.tally.relayed(offer_id.parse::<u64>().ok()? / COUNTER);
                let answer = ToTracker::Answer {
                    info_hash,
                    peer: self.id(),
                    to_peer: peer,
                    offer_id,
                    sdp: self.sdp(),
                };
                return Some(Message::Text(answer.encode().into()));
            }
            Ok(
                FromTracker::Candidate { .. }
                | FromTracker::Receipted { .. }
                | FromTracker::Failure { .. },
            )
            | Err(_) => {
                self.tally.count(|counted| counted.failures += 1);
            }
        }
        None
    }

    fn announce(&mut self, event: Option<&str>, offers: usize) -> Message {
        let offers = (0..offers).map(|_| {
            // An id of its own for each: microseconds, then a counter.
            self.sent = (self.sent + 1) % COUNTER;
            Offer {
                offer_id: format!("{:020}", self.tally.micros() * COUNTER + self.sent),
                sdp: self.sdp(),
            }
        });
        let offers: Vec<Offer> = offers.collect();
        let swarm = u32::try_from(self.number / self.args.swarm.max(1)).unwrap_or(u32::MAX);
        let message = ToTracker::Announce {
            info_hash: InfoHash(bytes_of(b'h', swarm)),
            peer: self.id(),
            event: event.map(str::to_owned),
            uploaded: 0,
            downloaded: 0,
            left: None,
            numwant: u32::try_from(offers.len()).unwrap_or(u32::MAX),
            takes_policy: false,
            extensions: Extensions::default(),
            offers,
        };
        Message::Text(message.encode().into())
    }

    fn id(&self) -> PeerId {
        PeerId(bytes_of(
            b'p',
            u32::try_from(self.number).unwrap_or(u32::MAX),
        ))
    }

    /// As long as a browser's, with its line ends (two characters each in JSON).
    fn sdp(&self) -> Quoted {
        const LINE: &str = "a=candidate:1 1 udp 2113937151 198.51.100.7 50000 typ host\r\n";
        let mut sdp = LINE.repeat(self.args.sdp_bytes.div_ceil(LINE.len()));
        sdp.truncate(self.args.sdp_bytes);
        sdp.as_str().into()
    }
}

fn bytes_of(kind: u8, number: u32) -> [u8; 20] {
    let mut bytes = [kind; 20];
    bytes[16..].copy_from_slice(&number.to_be_bytes());
    bytes
}
