//! A TCP proxy that passes a request on and cuts the connection before its answer: the server has done the work, the
//! client cannot know.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct CuttingProxy {
    /// As the database's, by way of the proxy.
    pub url: String,
    cuts: Arc<AtomicUsize>,
}

impl CuttingProxy {
    /// Cuts only requests in which `marker` stands.
    pub async fn before(url: &str, marker: &'static str) -> CuttingProxy {
        let address =
            url.split('@').nth(1).and_then(|rest| rest.split('/').next()).expect("user@host:port/").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("bound").to_string();
        let cuts = Arc::new(AtomicUsize::new(0));
        let (url, left) = (url.replace(&address, &own), cuts.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&address).await.expect("the server of TEST_POSTGRES_URL");
                tokio::spawn(pass(client, server, marker, left.clone()));
            }
        });
        CuttingProxy { url, cuts }
    }

    /// The next so many answers to requests with the marker are lost.
    pub fn cut(&self, times: usize) {
        self.cuts.store(times, Ordering::SeqCst);
    }

    pub fn cuts_left(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, marker: &str, cuts: Arc<AtomicUsize>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut marked = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(1..) = read else { return };
                let bytes = &asked[..read.expect("just seen")];
                marked |= bytes.windows(marker.len()).any(|part| part == marker.as_bytes());
                if server.write_all(bytes).await.is_err() { return }
            }
            read = server.read(&mut answered) => {
                let Ok(1..) = read else { return };
                let bytes = &answered[..read.expect("just seen")];
                let take_one = |left: usize| left.checked_sub(1);
                if marked && cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one).is_ok() { return }
                if client.write_all(bytes).await.is_err() { return }
            }
        }
    }
}
