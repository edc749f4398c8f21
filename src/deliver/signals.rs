//! The signals that end a run, as the exit codes they lead to.
//!
//! A caught signal no longer ends the process by itself: the caller of `next` has to stop the run.

use crate::error::Exit;

/// The signals that end a run.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    /// Catches the signals from now on.
    pub(crate) fn listen() -> Signals {
        use tokio::signal::unix::{SignalKind, signal};
        Signals {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            hang_up: signal(SignalKind::hangup()).ok(),
        }
    }

    /// Waits for the next signal; returns its exit code.
    pub(crate) async fn next(&mut self) -> Exit {
        async fn receive(signal: Option<&mut tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = receive(self.interrupt.as_mut()) => Exit::Interrupted,
            () = receive(self.terminate.as_mut()) => Exit::Terminated,
            () = receive(self.hang_up.as_mut()) => Exit::Terminated,
        }
    }
}

/// The signal that ends a run.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Catches the signals from now on.
    pub(crate) fn listen() -> Signals {
        Signals
    }

    /// Waits for the next signal; returns its exit code.
    pub(crate) async fn next(&mut self) -> Exit {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}
