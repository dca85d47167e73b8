//! A client of the live stream.

use std::collections::VecDeque;

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::PATIENCE;

pub struct Stream {
    response: Response,
    unread: String,
    frames: VecDeque<Value>,
}

impl Stream {
    pub async fn open(request: RequestBuilder) -> Stream {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { response, unread: String::new(), frames: VecDeque::new() }
    }

    /// The next frame; panics when the stream ends instead.
    pub async fn next(&mut self) -> Value {
        self.next_or_end().await.expect("the stream ended")
    }

    /// The next frame of this type and channel.
    pub async fn next_of(&mut self, kind: &str, channel: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["t"] == kind && frame["ch"] == channel {
                return frame;
            }
        }
    }

    pub async fn next_or_end(&mut self) -> Option<Value> {
        while self.frames.is_empty() {
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("nothing came");
            let chunk = chunk.unwrap()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
            self.split();
        }
        self.frames.pop_front()
    }

    fn split(&mut self) {
        while let Some((event, rest)) = self.unread.split_once("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            self.frames.extend(data.map(|data| serde_json::from_str::<Value>(data).unwrap()));
            self.unread = rest.to_owned();
        }
    }
}
