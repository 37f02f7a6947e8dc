//! The submission server (RFC 6409): takes mail from who signs in, and bounces for addresses that the service made.
//!
//! ```text
//! socket → session → command, content → handover → api::sending, api::webhooks
//! ```

mod certificate;
mod command;
pub(crate) mod content;
mod handover;
pub mod limits;
mod reply;
mod sasl;
mod session;
mod wire;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use self::limits::{Limits, ROOM_BYTES};
use self::reply::Reply;
use self::sasl::Credentials;
use self::session::Session;
pub use self::wire::Transport;
use crate::app::App;
use crate::peers::network;
use crate::server::{self, Places, Shutdown};
use crate::store::{Customer, StoreError};

/// How long to wait after the system has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long it may take to say that there is no place.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// A message that is too large is read to its end, so that its client hears why, up to so many times the bound.
const DISCARDED_TIMES: usize = 2;

/// What every session needs.
pub struct Server {
    app: Arc<App>,
    tls: TlsAcceptor,
    limits: Limits,
    /// The name that the server greets with.
    host: String,
    places: Places,
    room: Arc<Semaphore>,
}

/// A socket that waits for clients.
pub struct Listener {
    /// Where.
    pub socket: TcpListener,
    /// Whether TLS begins at once (RFC 8314 section 3.3) or by `STARTTLS`.
    pub implicit_tls: bool,
}

impl Server {
    /// Reads the certificate of the settings, or makes one. Blocks.
    pub fn open(app: Arc<App>) -> io::Result<Self> {
        let host = app.config.smtp_host();
        let files = match app.config.tls() {
            Some(files) => files,
            None => certificate::self_signed(&app.config.data_dir, &host)?,
        };
        let tls = server::tls(&files, &[])?;
        let limits = Limits::of(&app.config);
        let places = Places::new(limits.sessions_max, limits.sessions_per_address_max);
        let room = Arc::new(Semaphore::new(limits.receiving_bytes_max.div_ceil(ROOM_BYTES)));
        Ok(Self { app, tls, limits, host, places, room })
    }

    /// Speaks to one client until it leaves or the service stops. `secure` says that the connection is encrypted.
    pub async fn serve(
        &self,
        transport: Box<dyn Transport>,
        peer: IpAddr,
        secure: bool,
        shutdown: watch::Receiver<Shutdown>,
    ) {
        Session::run(self, transport, peer, secure, shutdown).await;
    }

    /// Whether this address gave so many wrong passwords that it has to wait.
    fn too_many_failures(&self, peer: IpAddr) -> bool {
        let failures_max = self.app.config.failed_auth_per_15_minutes;
        self.app.failed_auth.is_exhausted(&network(peer), failures_max, self.app.now()).is_some()
    }

    fn count_failure(&self, peer: IpAddr) {
        self.app.failed_auth.take(network(peer), self.app.config.failed_auth_per_15_minutes, self.app.now());
    }

    /// Who these credentials belong to. Checking takes as long for somebody who does not exist.
    async fn customer(&self, credentials: Credentials) -> Result<Option<Customer>, StoreError> {
        let login = self.app.store.smtp_login(&credentials.user).await?;
        let (customer, hash) = login.unzip();
        let is_right = self.app.passwords.verify(credentials.password, hash).await;
        Ok(customer.filter(|_| is_right))
    }

    /// Who programs on this machine are when they do not sign in.
    async fn loopback_customer(&self) -> Option<Customer> {
        let email = self.app.config.smtp_loopback_customer.as_ref()?;
        match self.app.store.customer_by_email(email.as_str()).await {
            Ok(customer) => customer,
            Err(error) => {
                tracing::error!(%error, "the account of smtp_loopback_customer could not be read");
                None
            }
        }
    }

    /// Whether this customer may begin a message now. It is looked at again, since a session may be long.
    async fn admit(&self, customer: &mut Customer) -> Result<(), Reply> {
        let app = &self.app;
        match app.store.customer_by_email(&customer.email).await {
            Ok(Some(current)) => *customer = current,
            Ok(None) => return Err(Reply::new(550, "5.7.1", "The account is gone")),
            Err(error) => return Err(handover::refusal(&error.into())),
        }
        crate::api::sending::check_account(&self.app, customer).map_err(|error| handover::refusal(&error))?;
        let standing = app.standing(customer);
        if standing.is_some_and(|standing| !standing.allowed) {
            return Err(Reply::new(450, "4.7.1", "Rate limit exceeded; try again in a minute"));
        }
        Ok(())
    }

    /// A message that is larger than the bound is read up to here.
    fn discarded_bytes_max(&self) -> usize {
        self.limits.message_bytes_max.saturating_mul(DISCARDED_TIMES)
    }

    /// Takes so many pieces of the room for messages, if they are free.
    fn take_room(&self, pieces: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_many_owned(u32::try_from(pieces).ok()?).ok()
    }
}

/// Serves these sockets until `shutdown` says otherwise. Then idle sessions hear 421, messages that are being received
/// are finished within `limits.drain`, and it returns.
pub async fn run(listeners: Vec<Listener>, server: Arc<Server>, mut shutdown: watch::Receiver<Shutdown>) {
    // Every session holds a sender, so the receiver hears when the last one has ended.
    let (running, mut ended) = mpsc::channel::<Infallible>(1);
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(accept(listener, Arc::clone(&server), running.clone(), shutdown.clone())))
        .collect();
    drop(running);
    for loops in accepting {
        drop(loops.await);
    }
    tokio::select! {
        _ = ended.recv() => {}
        () = sleep(server.limits.drain) => tracing::warn!("messages were still coming when the time to drain was over"),
        _ = shutdown.wait_for(|step| *step == Shutdown::Abort) => {}
    }
}

async fn accept(
    listener: Listener,
    server: Arc<Server>,
    running: mpsc::Sender<Infallible>,
    mut shutdown: watch::Receiver<Shutdown>,
) {
    loop {
        let accepted = async {
            let accepted = listener.socket.accept().await;
            (accepted, server.places.free().await)
        };
        let (accepted, free) = tokio::select! {
            accepted = accepted => accepted,
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection for SMTP could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = server.places.take(free, peer);
        let (server, running, shutdown) = (Arc::clone(&server), running.clone(), shutdown.clone());
        let mut abort = shutdown.clone();
        tokio::spawn(async move {
            let _running = running;
            let Some(_place) = place else { return refuse(stream).await };
            tokio::select! {
                () = begin(&server, stream, peer, listener.implicit_tls, shutdown) => {}
                _ = abort.wait_for(|step| *step == Shutdown::Abort) => {}
            }
        });
    }
}

async fn begin(
    server: &Server,
    stream: TcpStream,
    peer: SocketAddr,
    implicit_tls: bool,
    shutdown: watch::Receiver<Shutdown>,
) {
    // A reply leaves in one piece, so waiting for more to send only costs time.
    drop(stream.set_nodelay(true));
    if !implicit_tls {
        return server.serve(Box::new(stream), peer.ip(), false, shutdown).await;
    }
    if let Ok(Ok(stream)) = timeout(server.limits.idle, server.tls.accept(stream)).await {
        server.serve(Box::new(stream), peer.ip(), true, shutdown).await;
    }
}

/// Says that this address has its share of sessions. Without a word the client would try again at once.
async fn refuse(mut stream: TcpStream) {
    let reply = Reply::new(421, "4.7.0", "Too many sessions from your address; close one first");
    drop(timeout(REFUSAL_TIME, stream.write_all(reply.to_wire().as_bytes())).await);
}
