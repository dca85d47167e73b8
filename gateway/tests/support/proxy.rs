//! A TCP proxy that does to a connection what networks do: latency, resets, black holes, connections of which one
//! direction is dead, drips, cuts after so many bytes, refusals. What it does is switched while it runs and holds for the
//! connections there are and for new ones. Whatever is random in it comes from its seed, which it prints when the test
//! fails; `PROXY_SEED` in the environment sets it.

// Each test file that includes this uses another part of it.
#![allow(dead_code)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// From the client to the server, and from the server to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    There,
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Nothing,
    /// Whatever is read is passed on after a time between these two.
    Late(Duration, Duration),
    /// Connections are reset, new ones as soon as they are accepted.
    Reset,
    /// Connections are accepted and swallow what they are sent, the end of it too. They are reset when this ends.
    BlackHole,
    /// The same in one direction only.
    HalfOpen(Way),
    /// So many bytes at a time, so far apart.
    Drip(usize, Duration),
    /// A connection is reset after so many bytes in this direction, counted from when this began.
    CutAfter(Way, u64),
    /// Connections are reset and nobody listens. The port stays ours.
    Refuse,
}

/// Gone when dropped, with its connections.
pub struct Proxy {
    pub address: SocketAddr,
    wire: Arc<Wire>,
    _running: JoinSet<()>,
}

/// What the proxy and its connections share.
struct Wire {
    server: String,
    seed: u64,
    dice: Mutex<StdRng>,
    /// The trouble, and how often it was set.
    trouble: watch::Sender<(Trouble, u64)>,
    /// The last one that whoever listens has taken note of.
    in_force: watch::Sender<u64>,
    accepted: AtomicU64,
    passed: [AtomicU64; 2],
    swallowed: AtomicU64,
    marker: Mutex<Vec<u8>>,
    answers_to_lose: AtomicUsize,
}

impl Proxy {
    /// In front of `host:port`.
    pub async fn to(server: impl Into<String>) -> Proxy {
        let given = std::env::var("PROXY_SEED").ok().and_then(|seed| seed.parse().ok());
        Proxy::seeded(server, given.unwrap_or_else(|| rand::rng().random())).await
    }

    pub async fn seeded(server: impl Into<String>, seed: u64) -> Proxy {
        let holder = socket("127.0.0.1:0".parse().expect("an address"));
        let address = holder.local_addr().expect("bound");
        let wire = Arc::new(Wire {
            server: server.into(),
            seed,
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            trouble: watch::Sender::new((Trouble::Nothing, 0)),
            in_force: watch::Sender::new(0),
            accepted: AtomicU64::new(0),
            passed: [AtomicU64::new(0), AtomicU64::new(0)],
            swallowed: AtomicU64::new(0),
            marker: Mutex::default(),
            answers_to_lose: AtomicUsize::new(0),
        });
        let listener = socket(address).listen(1024).expect("the port is ours");
        let mut running = JoinSet::new();
        running.spawn(listen(holder, listener, wire.clone()));
        Proxy { address, wire, _running: running }
    }

    /// In front of the server of `scheme://user@host:port/path`; `url_of` then leads there by way of the proxy.
    pub async fn before(url: &str) -> Proxy {
        Proxy::to(address_in(url)).await
    }

    /// The same URL, by way of the proxy.
    pub fn url_of(&self, url: &str) -> String {
        url.replacen(address_in(url), &self.address.to_string(), 1)
    }

    /// Returns when it is in force.
    pub async fn set(&self, trouble: Trouble) {
        let mut number = 0;
        self.wire.trouble.send_modify(|set| {
            *set = (trouble, set.1 + 1);
            number = set.1;
        });
        let reached = self.wire.in_force.subscribe().wait_for(|known| *known >= number).await.is_ok();
        assert!(reached, "the proxy runs as long as it is held");
    }

    pub async fn heal(&self) {
        self.set(Trouble::Nothing).await;
    }

    /// The next so many answers to requests in which `marker` stands are lost with their connections: the server has
    /// done the work, the client cannot know.
    pub fn lose_answers(&self, marker: &str, times: usize) {
        marker.as_bytes().clone_into(&mut self.wire.marker.lock());
        self.wire.answers_to_lose.store(times, SeqCst);
    }

    pub fn answers_to_lose(&self) -> usize {
        self.wire.answers_to_lose.load(SeqCst)
    }

    /// One of the troubles, by the seed.
    pub fn any_trouble(&self) -> Trouble {
        let mut dice = self.wire.dice.lock();
        let way = if dice.random() { Way::There } else { Way::Back };
        let ms = |range| Duration::from_millis(range);
        match dice.random_range(0..7) {
            0 => Trouble::Late(ms(dice.random_range(0..20)), ms(dice.random_range(20..400))),
            1 => Trouble::Reset,
            2 => Trouble::BlackHole,
            3 => Trouble::HalfOpen(way),
            4 => Trouble::Drip(dice.random_range(1..64), ms(dice.random_range(1..20))),
            5 => Trouble::CutAfter(way, dice.random_range(0..20_000)),
            _ => Trouble::Refuse,
        }
    }

    pub fn accepted(&self) -> u64 {
        self.wire.accepted.load(SeqCst)
    }

    /// Bytes passed on.
    pub fn passed(&self, way: Way) -> u64 {
        self.wire.passed[way as usize].load(SeqCst)
    }

    /// Bytes that went nowhere.
    pub fn swallowed(&self) -> u64 {
        self.wire.swallowed.load(SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the proxy to {} had PROXY_SEED={}", self.wire.server, self.wire.seed);
        }
    }
}

/// `host:port` of a URL.
fn address_in(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, address)| address)
}

/// Bound and not listening: whoever connects is refused, and nobody else gets the port.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket");
    socket.bind(address).expect("a free port");
    socket
}

async fn listen(holder: TcpSocket, listener: TcpListener, wire: Arc<Wire>) {
    let address = holder.local_addr().expect("bound");
    let mut trouble = wire.trouble.subscribe();
    let (mut connections, mut listener) = (JoinSet::new(), Some(listener));
    loop {
        let (now, number) = *trouble.borrow_and_update();
        match now {
            Trouble::Refuse => listener = None,
            _ if listener.is_none() => listener = Some(socket(address).listen(1024).expect("the port is ours")),
            _ => {}
        }
        wire.in_force.send_replace(number);
        tokio::select! {
            changed = trouble.changed() => if changed.is_err() { return },
            Ok((client, _)) = accept(listener.as_ref()) => {
                wire.accepted.fetch_add(1, SeqCst);
                connections.spawn(carry(client, wire.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> std::io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// One connection, to its end.
async fn carry(mut client: TcpStream, wire: Arc<Wire>) {
    let line = Line { wire: &wire, lost: AtomicBool::new(false), marked: AtomicBool::new(false) };
    let connecting = async {
        // Who falls into a black hole never reaches the server.
        if wire.trouble.borrow().0 == Trouble::BlackHole {
            line.lost.store(true, SeqCst);
            std::future::pending::<()>().await;
        }
        TcpStream::connect(&wire.server).await.ok()
    };
    let server = tokio::select! { server = connecting => server, () = line.is_to_be_reset() => None };
    let Some(mut server) = server else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let cut = {
        let ((asked, answers), (answered, questions)) = (client.split(), server.split());
        let pumps = async {
            tokio::try_join!(line.pump(Way::There, asked, questions), line.pump(Way::Back, answered, answers)).is_err()
        };
        tokio::select! { cut = pumps => cut, () = line.is_to_be_reset() => true }
    };
    if cut {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

struct Line<'a> {
    wire: &'a Wire,
    /// Something of it was swallowed: it is of no use any more.
    lost: AtomicBool,
    /// The marker was seen in a request.
    marked: AtomicBool,
}

/// The connection is to be reset.
struct Cut;

impl Line<'_> {
    async fn is_to_be_reset(&self) {
        let swallows = |trouble| matches!(trouble, Trouble::BlackHole | Trouble::HalfOpen(_));
        let resets = |(trouble, _): &(Trouble, u64)| {
            matches!(trouble, Trouble::Reset | Trouble::Refuse) || (self.lost.load(SeqCst) && !swallows(*trouble))
        };
        if self.wire.trouble.subscribe().wait_for(resets).await.is_err() {
            std::future::pending().await
        }
    }

    /// What goes in one direction, until its end is passed on.
    async fn pump(&self, way: Way, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), Cut> {
        let mut buffer = vec![0; 1 << 16];
        let (mut counted, mut counted_since) = (0, 0);
        loop {
            let read = from.read(&mut buffer).await.map_err(|_| Cut)?;
            let (trouble, number) = *self.wire.trouble.borrow();
            if number != counted_since {
                (counted, counted_since) = (0, number);
            }
            match trouble {
                // Whoever watches for it may not have come to it yet.
                Trouble::Reset | Trouble::Refuse => return Err(Cut),
                Trouble::BlackHole => self.swallow(read).await,
                Trouble::HalfOpen(dead) if dead == way => self.swallow(read).await,
                _ if read == 0 => return to.shutdown().await.map_err(|_| Cut),
                Trouble::CutAfter(cut, after) if cut == way && counted + read as u64 > after => {
                    let rest = usize::try_from(after - counted).expect("less than was read");
                    let _ = self.pass(way, &buffer[..rest], &mut to).await;
                    return Err(Cut);
                }
                _ => {
                    counted += read as u64;
                    self.look(way, &buffer[..read])?;
                    self.deliver(way, &buffer[..read], &mut to).await?;
                }
            }
        }
    }

    /// The end of a direction goes nowhere either.
    async fn swallow(&self, bytes: usize) {
        self.lost.store(true, SeqCst);
        self.wire.swallowed.fetch_add(bytes as u64, SeqCst);
        if bytes == 0 {
            std::future::pending().await
        }
    }

    async fn deliver(&self, way: Way, bytes: &[u8], to: &mut WriteHalf<'_>) -> Result<(), Cut> {
        let mut left = bytes;
        while !left.is_empty() {
            let (trouble, _) = *self.wire.trouble.borrow();
            let now = match trouble {
                Trouble::Late(least, most) => {
                    let wait = self.wire.dice.lock().random_range(least..=most);
                    self.wait_unless_it_changes(wait).await;
                    left.len()
                }
                Trouble::Drip(step, apart) => {
                    self.wait_unless_it_changes(apart).await;
                    step.clamp(1, left.len())
                }
                _ => left.len(),
            };
            self.pass(way, &left[..now], to).await?;
            left = &left[now..];
        }
        Ok(())
    }

    async fn wait_unless_it_changes(&self, wait: Duration) {
        let mut trouble = self.wire.trouble.subscribe();
        tokio::select! { () = sleep(wait) => {}, _ = trouble.changed() => {} }
    }

    async fn pass(&self, way: Way, bytes: &[u8], to: &mut WriteHalf<'_>) -> Result<(), Cut> {
        to.write_all(bytes).await.map_err(|_| Cut)?;
        self.wire.passed[way as usize].fetch_add(bytes.len() as u64, SeqCst);
        Ok(())
    }

    /// Whether this is the answer that is to be lost.
    fn look(&self, way: Way, bytes: &[u8]) -> Result<(), Cut> {
        let marker = self.wire.marker.lock();
        match way {
            _ if marker.is_empty() => Ok(()),
            Way::There => {
                if bytes.windows(marker.len()).any(|part| part == marker.as_slice()) {
                    self.marked.store(true, SeqCst);
                }
                Ok(())
            }
            Way::Back => {
                let take_one = |left: usize| left.checked_sub(1);
                let to_lose = self.marked.load(SeqCst)
                    && self.wire.answers_to_lose.fetch_update(SeqCst, SeqCst, take_one).is_ok();
                if to_lose { Err(Cut) } else { Ok(()) }
            }
        }
    }
}
