//! A request body that tells when it leaves: it is asked for when the connection is there and its head is written.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use engine::ports::Leaves;
use http_body::{Body, Frame, SizeHint};
use reqwest::{Request, RequestBuilder, Response};

struct Leaving {
    body: Option<Bytes>,
    leaves: Leaves,
}

/// Sends it, and tells of its first byte.
pub(super) async fn send(request: RequestBuilder, leaves: Leaves) -> reqwest::Result<Response> {
    let (client, request) = request.build_split();
    client.execute(telling(request?, leaves)).await
}

fn telling(mut request: Request, leaves: Leaves) -> Request {
    if let Some(body) = request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice) {
        *request.body_mut() = Some(reqwest::Body::wrap(Leaving { body: Some(body), leaves }));
    }
    request
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let body = self.body.take();
        if body.is_some() {
            (self.leaves)();
        }
        Poll::Ready(body.map(|body| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.as_ref().map_or(0, |body| body.len() as u64))
    }
}
