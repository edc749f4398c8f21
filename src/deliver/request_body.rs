//! The body of a request, which knows whether it was written to its last byte.
//!
//! An answer may come before the request was sent, from a server that never looks at it. The client hands bytes on when
//! there is room for them: it holds back at most 16 parts that are not written yet. So the last bytes are parts of one byte,
//! and when the very last of them is let go, everything was written; if the connection fails before, it is never handed out.
//!
//! Written is not read: on a fast network the system takes megabytes at once. So the last byte of a large body, and of each after a
//! connection broke, waits a moment, in which only a server can answer that has not read the request.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::{
    sync::oneshot,
    time::{Sleep, sleep},
};

/// How many bytes are handed on at once.
const PART: usize = 64 << 10;
/// How many bytes at the end are parts of their own: one more than the client holds back.
const TAIL: usize = 17;
/// The longest body whose last byte does not wait, in bytes.
const LARGE: usize = 1 << 20;
/// How long the last byte waits.
const WAIT: Duration = Duration::from_millis(10);

/// The body of a request.
pub(crate) struct RequestBody {
    left: Bytes,
    waits: bool,
    wait: Option<Pin<Box<Sleep>>>,
    begun: Option<oneshot::Sender<()>>,
    written: Option<oneshot::Sender<()>>,
}

/// What tells how far a body was sent; each fails when the connection breaks before.
pub(crate) struct SendingProgress {
    /// There is a connection, and the body is asked for.
    pub(crate) begun: oneshot::Receiver<()>,
    /// It was written to its last byte.
    pub(crate) written: oneshot::Receiver<()>,
}

/// The last byte of a body: when it is let go, it was written.
struct LastByte {
    byte: [u8; 1],
    written: Option<oneshot::Sender<()>>,
}

impl AsRef<[u8]> for LastByte {
    fn as_ref(&self) -> &[u8] {
        &self.byte
    }
}

impl Drop for LastByte {
    fn drop(&mut self) {
        if let Some(written) = self.written.take() {
            // Nobody waits for it when the exchange has failed.
            let _ = written.send(());
        }
    }
}

impl RequestBody {
    /// A body, and what tells how far it was sent. A large one waits before its last byte, with doubts of the server any.
    pub(crate) fn new(body: Bytes, doubts: bool) -> (RequestBody, SendingProgress) {
        let (start, begun) = oneshot::channel();
        let (write, written) = oneshot::channel();
        let waits = doubts || body.len() > LARGE;
        let body = RequestBody { left: body, waits, wait: None, begun: Some(start), written: Some(write) };
        (body, SendingProgress { begun, written })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(begun) = self.begun.take() {
            // Nobody waits for it when the exchange has failed.
            let _ = begun.send(());
        }
        let length = match self.left.len() {
            0 => return Poll::Ready(None),
            1 => {
                if self.waits {
                    ready!(self.wait.get_or_insert_with(|| Box::pin(sleep(WAIT))).as_mut().poll(context));
                }
                let byte = [self.left[0]];
                self.left.clear();
                let last = LastByte { byte, written: self.written.take() };
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(last)))));
            }
            2..=TAIL => 1,
            left => (left - TAIL).min(PART),
        };
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use bytes::Bytes;
    use hyper::body::Body as _;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::{PART, RequestBody, SendingProgress, TAIL};

    #[test]
    fn all_bytes_are_handed_on_and_the_last_tells_when_it_is_let_go() {
        for size in [1, 2, TAIL, TAIL + 1, PART, PART + TAIL + 1, 3 * PART] {
            let whole: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let (mut body, SendingProgress { mut written, .. }) = RequestBody::new(Bytes::from(whole.clone()), false);
            let mut parts: Vec<Bytes> = Vec::new();
            while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()))
            {
                assert_eq!(written.try_recv(), Err(TryRecvError::Empty), "{size}");
                parts.push(frame.unwrap().into_data().unwrap());
            }
            assert!(body.is_end_stream() && parts.concat() == whole, "{size}");
            assert!(parts.iter().rev().take(TAIL).all(|part| part.len() == 1), "{size}");
            let last = parts.pop();
            drop((parts, body));
            assert_eq!(written.try_recv(), Err(TryRecvError::Empty), "{size}");
            drop(last);
            assert_eq!(written.try_recv(), Ok(()), "{size}");
        }
    }

    #[test]
    fn a_body_that_is_given_up_was_not_written() {
        let (mut body, SendingProgress { mut written, .. }) = RequestBody::new(Bytes::from(vec![0; 3 * PART]), false);
        let first = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
        drop((first, body));
        assert_eq!(written.try_recv(), Err(TryRecvError::Closed));
    }
}
