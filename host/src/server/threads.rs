//! One thread for each core, with a runtime and a socket of its own for the same address.
//!
//! The system deals connections out to the sockets, and a connection stays where it is: nothing crosses threads between
//! a request and its answer, which for a pixel is most of what it costs. What takes long has to run [`elsewhere`].

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use http::{Request, Response};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Handle as Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::leftover::RequestBody;
use super::{ConnectionLimits, Incoming, Places, Shutdown, run_in};
use crate::reply::Body;

/// Connections of one socket that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// Sockets that listen on one address, one for each thread.
#[derive(Debug)]
pub struct Listeners(Vec<std::net::TcpListener>);

impl Listeners {
    /// Listens with so many sockets, at least one. An address that somebody else listens on is refused.
    pub async fn bind(address: SocketAddr, sockets: usize) -> io::Result<Self> {
        // Sockets that share an address also share it with another process that asks for the same. This one does not,
        // so it fails where another service runs; it also finds the port that a 0 stands for.
        let address = TcpListener::bind(address).await?.local_addr()?;
        let bound = (0..sockets.max(1)).map(|_| {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_reuseaddr(true)?;
            socket.set_reuseport(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)?.into_std()
        });
        bound.collect::<io::Result<_>>().map(Self)
    }

    /// The address with its port.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0[0].local_addr()
    }

    /// Serves as [`run`](super::run) does, each socket on a thread of its own, and returns when all of them have ended.
    /// The limits are for all together.
    pub async fn run<Handle, Answer>(
        self,
        tls: Option<TlsAcceptor>,
        limits: ConnectionLimits,
        handle: Handle,
        shutdown: watch::Receiver<Shutdown>,
    ) -> io::Result<()>
    where
        Handle: Fn(IpAddr, Request<RequestBody<Incoming>>) -> Answer + Clone + Send + Sync + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let places = Arc::new(Places::new(limits.connections_max, limits.connections_per_address_max));
        let mut ends = Vec::with_capacity(self.0.len());
        for (number, listener) in self.0.into_iter().enumerate() {
            let (places, tls, handle) = (Arc::clone(&places), tls.clone(), handle.clone());
            let shutdown = shutdown.clone();
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (end, ended) = oneshot::channel();
            thread::Builder::new().name(format!("http-{number}")).spawn(move || {
                let served = runtime.block_on(async {
                    run_in(&places, TcpListener::from_std(listener)?, tls, limits, handle, shutdown).await;
                    Ok(())
                });
                drop(end.send(served));
            })?;
            ends.push(ended);
        }
        for ended in ends {
            ended.await.unwrap_or_else(|_| Err(io::Error::other("a thread that serves HTTP panicked")))?;
        }
        Ok(())
    }
}

/// Runs something on another runtime, so that it holds up nobody on this one.
pub fn elsewhere<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> Elsewhere<T> {
    Elsewhere(runtime.spawn(work))
}

/// What runs on another runtime. It ends when nobody waits for it any more.
#[derive(Debug)]
pub struct Elsewhere<T>(JoinHandle<T>);

impl<T> Future for Elsewhere<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match std::task::ready!(Pin::new(&mut self.0).poll(context)) {
            Ok(done) => Poll::Ready(done),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The other runtime ended, and with it the process.
            Err(_) => Poll::Pending,
        }
    }
}

impl<T> Drop for Elsewhere<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn several_sockets_share_an_address_and_nobody_else_gets_it() {
        let listeners = Listeners::bind("127.0.0.1:0".parse().expect("an address"), 3).await.expect("it is free");
        let address = listeners.address().expect("it is bound");
        assert!(listeners.0.iter().all(|socket| socket.local_addr().expect("it is bound") == address));
        assert_eq!(listeners.0.len(), 3);
        let error = Listeners::bind(address, 3).await.expect_err("it is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn what_runs_elsewhere_ends_with_whoever_waits_for_it() {
        let here = Runtime::current();
        assert_eq!(elsewhere(&here, async { 42 }).await, 42);

        let (held, ended) = oneshot::channel::<()>();
        let endless = elsewhere(&here, async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        timeout(Duration::from_millis(50), endless).await.expect_err("it does not end by itself");
        timeout(Duration::from_secs(10), ended).await.expect("it is ended").expect_err("without a word");
    }
}
