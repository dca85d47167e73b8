//! A TCP proxy that can be told to fail as a server far away does: stopped, silent, or cutting every connection.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What is sent arrives.
    Passing,
    /// Nobody listens, and who was connected is not any more.
    Stopped,
    /// Connections are taken and kept, and nothing goes through them.
    Silent,
    /// Connections are taken and cut, those that were there as well.
    Resetting,
}

pub struct OutageProxy {
    /// As the database's, by way of the proxy.
    pub url: String,
    mode: watch::Sender<Mode>,
}

impl OutageProxy {
    pub async fn before(url: &str) -> OutageProxy {
        let server = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect("user@host:port/").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("bound");
        let url = url.replace(&server, &own.to_string());
        let (mode, watched) = watch::channel(Mode::Passing);
        tokio::spawn(serve(listener, own, server, watched));
        OutageProxy { url, mode }
    }

    pub fn be(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn serve(first: TcpListener, own: SocketAddr, server: String, mut mode: watch::Receiver<Mode>) {
    let mut listener = Some(first);
    // Dropped, and with it every connection, when the test is over.
    let mut connections = JoinSet::new();
    loop {
        if *mode.borrow_and_update() == Mode::Stopped {
            listener = None;
            if mode.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listening = match listener.take() {
            Some(listening) => listening,
            None => TcpListener::bind(own).await.expect("nobody took the port meanwhile"),
        };
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            accepted = listening.accept() => {
                let (client, _) = accepted.expect("a client");
                connections.spawn(pass(client, server.clone(), mode.clone()));
            }
        }
        listener = Some(listening);
    }
}

async fn pass(mut client: TcpStream, server: String, mut mode: watch::Receiver<Mode>) {
    if *mode.borrow() == Mode::Silent {
        // It is never served: whoever connected now finds out when it is cut.
        let _ = mode.wait_for(|mode| *mode != Mode::Silent).await;
        return;
    }
    if *mode.borrow() == Mode::Resetting {
        return client.set_zero_linger().expect("a socket");
    }
    let Ok(mut server) = TcpStream::connect(&server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => return,
        _ = mode.wait_for(|mode| *mode != Mode::Passing) => {}
    }
    // What was under way stays where it is until the mode changes, and never arrives.
    let _ = mode.wait_for(|mode| *mode != Mode::Silent).await;
    let _ = client.set_zero_linger();
}
