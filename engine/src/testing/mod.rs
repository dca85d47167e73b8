//! Memory ports, contracts and fixtures for tests of every crate.

pub mod contracts;
pub mod fixtures;
pub mod frames;
pub mod memory;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Runs a future that never waits: the memory ports are ready at once, so tests of the engine need no runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("this future waits for something; run it on a runtime");
}
