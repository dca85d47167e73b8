//! The proxy does what it is told, or the stories told through it prove nothing.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::proxy::{Proxy, Trouble, Way};

/// Says everything again.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

async fn proxy() -> Proxy {
    Proxy::seeded(echo().await, 7).await
}

async fn connected(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address).await.expect("the proxy listens")
}

/// What came back of it, or that the connection was reset.
async fn said_again(stream: &mut TcpStream, text: &str) -> Result<String, std::io::ErrorKind> {
    stream.write_all(text.as_bytes()).await.map_err(|error| error.kind())?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).await.map_err(|error| error.kind())?;
    Ok(String::from_utf8(answer).expect("text"))
}

async fn is_reset(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16]).await, Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn a_healthy_connection_is_passed_on_with_its_end() {
    let proxy = proxy().await;
    let mut stream = connected(&proxy).await;
    assert_eq!(said_again(&mut stream, "hello").await, Ok("hello".to_owned()));
    stream.shutdown().await.expect("open");
    assert_eq!(stream.read(&mut [0; 16]).await.expect("an end"), 0);
    assert_eq!((proxy.accepted(), proxy.passed(Way::There), proxy.passed(Way::Back)), (1, 5, 5));
}

#[tokio::test]
async fn resets_meet_connections_old_and_new() {
    let proxy = proxy().await;
    let mut old = connected(&proxy).await;
    said_again(&mut old, "hello").await.expect("healthy");
    proxy.set(Trouble::Reset).await;
    assert!(is_reset(&mut old).await);
    // It may be gone before it is looked at.
    if let Ok(mut new) = TcpStream::connect(proxy.address).await {
        assert!(said_again(&mut new, "hello").await.is_err());
    }
    proxy.heal().await;
    assert!(said_again(&mut connected(&proxy).await, "again").await.is_ok());
}

#[tokio::test]
async fn a_black_hole_accepts_and_swallows_and_what_fell_in_is_reset_when_it_closes() {
    let proxy = proxy().await;
    let mut old = connected(&proxy).await;
    let mut untouched = connected(&proxy).await;
    said_again(&mut old, "hello").await.expect("healthy");
    said_again(&mut untouched, "hello").await.expect("healthy");
    proxy.set(Trouble::BlackHole).await;
    let mut new = connected(&proxy).await;
    for stream in [&mut old, &mut new] {
        stream.write_all(b"lost").await.expect("accepted");
        let heard = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut [0; 16])).await;
        assert!(heard.is_err(), "{heard:?}");
    }
    assert_eq!(proxy.passed(Way::There), 10);
    proxy.heal().await;
    assert!(is_reset(&mut old).await && is_reset(&mut new).await);
    assert!(said_again(&mut untouched, "nothing lost").await.is_ok());
}

#[tokio::test]
async fn of_a_half_open_connection_one_direction_lives() {
    for (dead, there, back) in [(Way::Back, 4, 0), (Way::There, 0, 0)] {
        let proxy = proxy().await;
        let mut stream = connected(&proxy).await;
        proxy.set(Trouble::HalfOpen(dead)).await;
        stream.write_all(b"lost").await.expect("accepted");
        while proxy.swallowed() < 4 {
            tokio::task::yield_now().await;
        }
        assert_eq!((proxy.passed(Way::There), proxy.passed(Way::Back)), (there, back), "{dead:?} is dead");
    }
}

#[tokio::test]
async fn what_is_late_or_drips_arrives_whole() {
    let proxy = proxy().await;
    let mut stream = connected(&proxy).await;
    for (trouble, least) in [
        (Trouble::Late(Duration::from_millis(20), Duration::from_millis(30)), 40),
        // Three steps there, and the last of them once more on the way back: the steps before it came back meanwhile.
        (Trouble::Drip(2, Duration::from_millis(5)), 20),
    ] {
        proxy.set(trouble).await;
        let asked = Instant::now();
        assert_eq!(said_again(&mut stream, "hello").await, Ok("hello".to_owned()));
        assert!(asked.elapsed() >= Duration::from_millis(least), "{trouble:?} took {:?}", asked.elapsed());
    }
    // And a change hurries what is under way.
    proxy.set(Trouble::Late(Duration::from_secs(3600), Duration::from_secs(3600))).await;
    stream.write_all(b"hello").await.expect("open");
    proxy.heal().await;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.expect("an answer");
}

#[tokio::test]
async fn a_connection_is_cut_after_so_many_bytes() {
    let proxy = proxy().await;
    let mut stream = connected(&proxy).await;
    said_again(&mut stream, "not counted").await.expect("healthy");
    proxy.set(Trouble::CutAfter(Way::Back, 7)).await;
    assert!(said_again(&mut stream, "hello").await.is_ok());
    assert!(said_again(&mut stream, "hello").await.is_err());
    assert_eq!(proxy.passed(Way::Back), 11 + 7);
}

#[tokio::test]
async fn nobody_listens_while_it_refuses_and_the_port_is_still_ours() {
    let proxy = proxy().await;
    for _ in 0..3 {
        proxy.set(Trouble::Refuse).await;
        let refused = TcpStream::connect(proxy.address).await.expect_err("nobody listens").kind();
        assert_eq!(refused, std::io::ErrorKind::ConnectionRefused);
        proxy.heal().await;
        assert!(said_again(&mut connected(&proxy).await, "hello").await.is_ok());
    }
}

#[tokio::test]
async fn only_answers_to_marked_requests_are_lost() {
    let proxy = proxy().await;
    proxy.lose_answers("pay", 1);
    let mut stream = connected(&proxy).await;
    assert!(said_again(&mut stream, "look").await.is_ok());
    assert!(said_again(&mut stream, "pay").await.is_err());
    assert_eq!((proxy.passed(Way::There), proxy.answers_to_lose()), (7, 0), "it was done, and is not known");
    assert!(said_again(&mut connected(&proxy).await, "pay").await.is_ok());
}

#[tokio::test]
async fn a_seed_says_what_happens() {
    let drawn = async |seed| {
        let proxy = Proxy::seeded("127.0.0.1:9", seed).await;
        (0..20).map(|_| proxy.any_trouble()).collect::<Vec<_>>()
    };
    assert_eq!(drawn(1).await, drawn(1).await);
    assert_ne!(drawn(1).await, drawn(2).await);
}

#[tokio::test]
async fn a_url_leads_by_way_of_the_proxy() {
    let proxy = Proxy::before("postgres://cordboard@127.0.0.1:9/postgres?a=b").await;
    let url = proxy.url_of("postgres://cordboard@127.0.0.1:9/postgres?a=b");
    assert_eq!(url, format!("postgres://cordboard@{}/postgres?a=b", proxy.address));
    assert_eq!(proxy.url_of("nats://127.0.0.1:9"), format!("nats://{}", proxy.address));
}
