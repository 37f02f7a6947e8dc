//! One client from its greeting to its end: which command may follow which, and what each one does.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::command::{self, Command, Mechanism, Recipient, Sender};
use super::content::{Content, Fault, Progress, TEXT_LINE_BYTES_MAX};
use super::limits::{
    ERRORS_MAX, IDLE_COMMANDS_MAX, MESSAGES_MAX, RECIPIENTS_MAX, RETURNED_BYTES_MAX, RETURNED_TO_MAX, ROOM_BYTES,
    SIGN_IN_DELAY, SIGN_IN_FAILURES_MAX,
};
use super::reply::Reply;
use super::sasl::{self, Credentials};
use super::wire::{Broken, Transport, Wire};
use super::{Server, handover};
use crate::mail::address::EmailAddress;
use crate::server::Shutdown;
use crate::store::Customer;

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// What HELP says.
const HELP: &str = "EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP HELP VRFY QUIT\n\
                    Sign in with the account's address and its SMTP password to send";

/// A connected client.
pub(super) struct Session<'a> {
    server: &'a Server,
    peer: IpAddr,
    wire: Wire,
    /// Whether nobody on the way can listen.
    secure: bool,
    hello: Option<Hello>,
    customer: Option<Customer>,
    /// Whether the customer gave a password.
    signed_in: bool,
    /// Whose mail a program on this machine submits without signing in, as long as it names no address of ours.
    local: Option<Customer>,
    transaction: Option<Transaction>,
    messages: u32,
    errors: u32,
    idle_commands: u32,
    sign_in_failures: u32,
}

/// How the client greeted.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Hello {
    /// `HELO`: no extensions.
    Simple,
    /// `EHLO`.
    Extended,
}

/// A message on its way in, from `MAIL` on.
struct Transaction {
    utf8: bool,
    recipients: Vec<EmailAddress>,
    /// The chunks that came by `BDAT`.
    chunks: Option<Incoming>,
}

/// A message that is being received, with the room that it takes.
struct Incoming {
    content: Content,
    room: Vec<OwnedSemaphorePermit>,
    begun: Instant,
}

/// How a session ends.
enum End {
    /// With last words.
    Say(Reply),
    /// The client is gone, or is left alone.
    Silent,
    /// By a TLS handshake, behind which it begins anew.
    StartTls,
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Closed => Self::Silent,
            Broken::Late => Self::Say(Reply::new(421, "4.4.2", "That took too long")),
            Broken::LineTooLong => Self::Say(Reply::new(500, "5.5.6", "The line is too long")),
            Broken::BareLineEnd => Self::Say(bare_line_end()),
        }
    }
}

impl<'a> Session<'a> {
    /// Speaks to a client until it leaves, does what nobody may, or the service stops.
    pub(super) async fn run(
        server: &'a Server,
        transport: Box<dyn Transport>,
        peer: IpAddr,
        secure: bool,
        mut shutdown: watch::Receiver<Shutdown>,
    ) {
        let mut session = Self::new(server, transport, peer, secure);
        session.wire.say(&Reply::new(220, "", format!("{} ESMTP Pillarbox", server.host)));
        loop {
            match session.converse(&mut shutdown).await {
                End::Say(reply) => {
                    session.wire.say(&reply);
                    return session.wire.close(Instant::now() + FAREWELL).await;
                }
                End::Silent => return,
                End::StartTls => {
                    let Some(secured) = session.secured().await else { return };
                    session = secured;
                }
            }
        }
    }

    fn new(server: &'a Server, transport: Box<dyn Transport>, peer: IpAddr, secure: bool) -> Self {
        Self {
            server,
            peer,
            wire: Wire::over(transport),
            secure,
            hello: None,
            customer: None,
            signed_in: false,
            local: None,
            transaction: None,
            messages: 0,
            errors: 0,
            idle_commands: 0,
            sign_in_failures: 0,
        }
    }

    /// The same connection behind a TLS handshake, which forgets all that was said before (RFC 3207 section 4.2).
    async fn secured(mut self) -> Option<Self> {
        let deadline = self.deadline();
        self.wire.flush(deadline).await.ok()?;
        let transport = self.wire.into_transport()?;
        let tls = timeout_at(deadline, self.server.tls.accept(transport)).await.ok()?.ok()?;
        let counted = Self::new(self.server, Box::new(tls), self.peer, true);
        // The bounds are those of the connection.
        Some(Self { errors: self.errors, idle_commands: self.idle_commands, messages: self.messages, ..counted })
    }

    async fn converse(&mut self, shutdown: &mut watch::Receiver<Shutdown>) -> End {
        loop {
            match self.step(shutdown).await {
                Ok(reply) => self.wire.say(&reply),
                Err(end) => return end,
            }
        }
    }

    /// Reads one command and does it.
    async fn step(&mut self, shutdown: &mut watch::Receiver<Shutdown>) -> Result<Reply, End> {
        let deadline = self.deadline();
        if self.wire.is_full() {
            self.wire.flush(deadline).await?;
        }
        let receiving = self.transaction.as_ref().is_some_and(|transaction| transaction.chunks.is_some());
        let line = tokio::select! {
            biased;
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain), if !receiving => return Err(End::Say(closing())),
            line = self.wire.line(deadline) => line?,
        };
        let reply = match command::parse(&line) {
            Ok(command) => self.obey(command).await?,
            Err(refusal) => refusal,
        };
        if reply.is_refusal() {
            self.errors += 1;
            if self.errors > ERRORS_MAX {
                return Err(End::Say(Reply::new(421, "4.7.0", "Too many errors")));
            }
        }
        Ok(reply)
    }

    async fn obey(&mut self, command: Command) -> Result<Reply, End> {
        match command {
            Command::Ehlo => Ok(self.greet(Hello::Extended)),
            Command::Helo => Ok(self.greet(Hello::Simple)),
            Command::StartTls => self.start_tls(),
            Command::Auth { mechanism, initial } => self.sign_in(mechanism, initial).await,
            Command::Mail(sender) => self.mail(sender).await,
            Command::Rcpt(recipient) => Ok(self.recipient(recipient)),
            Command::Data => self.data().await,
            Command::Bdat { bytes, last } => self.chunk(bytes, last).await,
            Command::Rset => {
                self.transaction = None;
                self.idle(Reply::new(250, "2.0.0", "Ok"))
            }
            Command::Noop => self.idle(Reply::new(250, "2.0.0", "Ok")),
            Command::Help => self.idle(Reply::new(214, "2.0.0", HELP)),
            Command::Vrfy => self.idle(Reply::new(252, "2.1.5", "It is not told who exists; send, and see")),
            Command::Quit => Err(End::Say(Reply::new(221, "2.0.0", "Bye"))),
            Command::Foreign => Err(End::Say(Reply::new(421, "4.7.0", "This port speaks SMTP"))),
        }
    }

    /// Counts a command that brings no message any further.
    fn idle(&mut self, reply: Reply) -> Result<Reply, End> {
        self.idle_commands += 1;
        if self.idle_commands > IDLE_COMMANDS_MAX {
            return Err(End::Say(Reply::new(421, "4.7.0", "Too many commands without a message")));
        }
        Ok(reply)
    }

    fn greet(&mut self, hello: Hello) -> Reply {
        self.hello = Some(hello);
        self.transaction = None;
        let host = &self.server.host;
        if hello == Hello::Simple {
            return Reply::new(250, "", host.clone());
        }
        let size = self.server.limits.message_bytes_max;
        let mut lines =
            format!("{host}\nPIPELINING\nSIZE {size}\n8BITMIME\nSMTPUTF8\nCHUNKING\nDSN\nENHANCEDSTATUSCODES\nHELP");
        if !self.secure {
            lines.push_str("\nSTARTTLS");
        }
        if self.may_sign_in() && self.customer.is_none() {
            lines.push_str("\nAUTH PLAIN LOGIN");
        }
        Reply::new(250, "", lines)
    }

    fn start_tls(&mut self) -> Result<Reply, End> {
        if self.secure {
            return Ok(Reply::untimely("The connection is encrypted already"));
        }
        if self.wire.has_more() {
            // It would be taken for what came through TLS.
            return Err(End::Say(Reply::untimely("Wait for the answer to STARTTLS before you go on")));
        }
        self.wire.say(&Reply::new(220, "2.0.0", "Go on with TLS"));
        Err(End::StartTls)
    }

    /// A password that crosses a network in the clear is everybody's.
    fn may_sign_in(&self) -> bool {
        self.secure || is_loopback(self.peer)
    }

    async fn sign_in(&mut self, mechanism: Mechanism, initial: Option<String>) -> Result<Reply, End> {
        if self.hello != Some(Hello::Extended) {
            return Ok(Reply::untimely("Say EHLO first"));
        }
        if self.customer.is_some() || self.transaction.is_some() {
            return Ok(Reply::untimely("Sign in once, before MAIL"));
        }
        if !self.may_sign_in() {
            return Ok(Reply::new(538, "5.7.11", "Say STARTTLS first: a password must not be sent in the clear"));
        }
        if self.server.too_many_failures(self.peer) {
            return Err(End::Say(Reply::new(
                421,
                "4.7.0",
                "Too many wrong passwords from your address; try again later",
            )));
        }
        let credentials = match mechanism {
            Mechanism::Plain => self.plain(initial).await?,
            Mechanism::Login => self.login(initial).await?,
        };
        let Some(credentials) = credentials else {
            return Ok(Reply::new(501, "5.5.2", "The exchange was given up, or is not base64"));
        };
        match self.server.customer(credentials).await {
            Ok(Some(customer)) => {
                tracing::debug!(customer = %customer.id, "signed in");
                self.server.app.meters.count_smtp_sign_in(true);
                (self.customer, self.signed_in) = (Some(customer), true);
                Ok(Reply::new(235, "2.7.0", "You are signed in"))
            }
            Ok(None) => self.refuse_password().await,
            Err(error) => {
                tracing::error!(%error, "a password could not be checked");
                Ok(Reply::new(454, "4.7.0", "The password cannot be checked right now; try again"))
            }
        }
    }

    async fn plain(&mut self, initial: Option<String>) -> Result<Option<Credentials>, End> {
        let response = match initial {
            Some(initial) => initial,
            None => self.ask("").await?,
        };
        Ok(sasl::plain(&response))
    }

    async fn login(&mut self, initial: Option<String>) -> Result<Option<Credentials>, End> {
        let user = match initial {
            Some(initial) => initial,
            None => self.ask(sasl::ASK_USER).await?,
        };
        let Some(user) = sasl::decode(&user) else { return Ok(None) };
        let password = self.ask(sasl::ASK_PASSWORD).await?;
        Ok(sasl::decode(&password).map(|password| Credentials { user, password }))
    }

    /// One question of an exchange. What is no text becomes `*`, with which a client gives up.
    async fn ask(&mut self, question: &'static str) -> Result<String, End> {
        self.wire.say(&Reply::new(334, "", question));
        let line = self.wire.line(self.deadline()).await?;
        Ok(std::str::from_utf8(&line).unwrap_or("*").to_owned())
    }

    /// Later each time, and not for ever.
    async fn refuse_password(&mut self) -> Result<Reply, End> {
        self.server.count_failure(self.peer);
        self.server.app.meters.count_smtp_sign_in(false);
        tracing::warn!("somebody gave a wrong user or password for SMTP");
        sleep(SIGN_IN_DELAY * 2_u32.pow(self.sign_in_failures)).await;
        self.sign_in_failures += 1;
        if self.sign_in_failures >= SIGN_IN_FAILURES_MAX {
            return Err(End::Say(Reply::new(421, "4.7.0", "Too many wrong passwords")));
        }
        Ok(Reply::new(535, "5.7.8", "The user or the password is wrong"))
    }

    async fn mail(&mut self, sender: Sender) -> Result<Reply, End> {
        if self.hello.is_none() {
            return Ok(Reply::untimely("Say EHLO first"));
        }
        if self.transaction.is_some() {
            return Ok(Reply::untimely("A message is under way; RSET gives it up"));
        }
        if self.messages >= MESSAGES_MAX {
            return Err(End::Say(Reply::new(421, "4.7.0", "Many messages came by this connection; open another")));
        }
        let bytes_max = self.message_bytes_max();
        if sender.size.is_some_and(|size| size > bytes_max) {
            return Ok(too_large(bytes_max));
        }
        if self.customer.is_none() && is_loopback(self.peer) {
            self.local = self.server.loopback_customer().await;
        }
        if let Some(customer) = self.customer.as_mut().or(self.local.as_mut())
            && let Err(refusal) = self.server.admit(customer).await
        {
            return Ok(refusal);
        }
        self.transaction = Some(Transaction { utf8: sender.utf8, recipients: Vec::new(), chunks: None });
        Ok(Reply::new(250, "2.1.0", "Ok"))
    }

    fn recipient(&mut self, recipient: Recipient) -> Reply {
        let Some(transaction) = &mut self.transaction else { return Reply::untimely("Say MAIL first") };
        if transaction.chunks.is_some() {
            return Reply::untimely("The message has begun already");
        }
        if !recipient.ascii && !transaction.utf8 {
            return command::needs_utf8();
        }
        let address = recipient.address;
        let recipients_max = if self.customer.is_some() {
            RECIPIENTS_MAX
        } else {
            match handover::check_returned(&self.server.app, &address) {
                Ok(()) => RETURNED_TO_MAX,
                Err(_) if self.local.is_some() && transaction.recipients.is_empty() => {
                    self.customer = self.local.take();
                    RECIPIENTS_MAX
                }
                Err(refusal) => return refusal,
            }
        };
        if transaction.recipients.iter().any(|known| known.matches(&address)) {
            return Reply::new(250, "2.1.5", "Ok, it is one already");
        }
        if transaction.recipients.len() >= recipients_max {
            return Reply::new(452, "4.5.3", "No more recipients with this message; send it to the others afterwards");
        }
        transaction.recipients.push(address);
        Reply::new(250, "2.1.5", "Ok")
    }

    async fn data(&mut self) -> Result<Reply, End> {
        match &self.transaction {
            None => return Ok(Reply::untimely("Say MAIL first")),
            Some(transaction) if transaction.chunks.is_some() => {
                return Ok(Reply::untimely("The message has begun with BDAT and goes on with it"));
            }
            Some(transaction) if transaction.recipients.is_empty() => {
                return Ok(Reply::new(554, "5.5.1", "No recipient was taken"));
            }
            Some(_) => {}
        }
        self.wire.say(&Reply::new(354, "", "Go on; the end is a dot on a line of its own"));
        let mut incoming = Incoming::new(Content::dotted(self.message_bytes_max()));
        loop {
            let bytes = self.receive(&incoming, usize::MAX).await?;
            incoming.make_room(self.server, bytes.len());
            match incoming.content.take(&bytes) {
                Progress::More => {}
                Progress::BareLineEnd => return Err(End::Say(bare_line_end())),
                Progress::End(used) => {
                    self.wire.unread(&bytes[used..]);
                    return self.complete(incoming).await;
                }
            }
        }
    }

    async fn chunk(&mut self, bytes: usize, last: bool) -> Result<Reply, End> {
        let bytes_max = self.message_bytes_max();
        if bytes > self.server.discarded_bytes_max() {
            return Err(End::Say(too_large(bytes_max)));
        }
        let started = self.transaction.as_mut().filter(|transaction| !transaction.recipients.is_empty());
        let Some(transaction) = started else {
            // Its bytes follow all the same, and must not be taken for commands.
            self.skip(bytes).await?;
            return Ok(Reply::untimely("Say MAIL and RCPT first"));
        };
        let begun = transaction.chunks.take();
        let mut incoming = begun.unwrap_or_else(|| Incoming::new(Content::chunked(bytes_max)));
        let mut left = bytes;
        while left > 0 {
            let bytes = self.receive(&incoming, left).await?;
            left -= bytes.len();
            incoming.make_room(self.server, bytes.len());
            if incoming.content.take(&bytes) != Progress::More {
                return Err(End::Say(bare_line_end()));
            }
        }
        if last {
            return self.complete(incoming).await;
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Some(incoming);
        }
        Ok(Reply::new(250, "2.0.0", format!("{bytes} bytes")))
    }

    async fn skip(&mut self, bytes: usize) -> Result<(), End> {
        let deadline = Instant::now() + self.server.limits.data;
        let mut left = bytes;
        while left > 0 {
            left -= self.wire.some(left, deadline).await?.len();
        }
        Ok(())
    }

    /// More of a message, until its time is up. What is refused already is read for a while, since clients look for an
    /// answer only behind the end.
    async fn receive(&mut self, incoming: &Incoming, bytes_max: usize) -> Result<bytes::Bytes, End> {
        if incoming.content.seen() > self.server.discarded_bytes_max() {
            return Err(End::Say(too_large(self.message_bytes_max())));
        }
        let deadline = self.deadline().min(incoming.begun + self.server.limits.data);
        Ok(self.wire.some(bytes_max, deadline).await?)
    }

    /// Hands over a whole message. It is on disk before the client hears 250.
    async fn complete(&mut self, incoming: Incoming) -> Result<Reply, End> {
        let Incoming { content, room: _room, .. } = incoming;
        let Some(transaction) = self.transaction.take() else { return Ok(Reply::untimely("Say MAIL first")) };
        self.messages += 1;
        self.idle_commands = 0;
        let bytes = match content.finish() {
            None => return Err(End::Say(bare_line_end())),
            Some(Ok(bytes)) => bytes,
            Some(Err(Fault::TooLarge)) => return Ok(too_large(self.message_bytes_max())),
            Some(Err(Fault::LineTooLong)) => {
                let words = format!(
                    "A line has more than {TEXT_LINE_BYTES_MAX} bytes; encode the part as quoted-printable or base64"
                );
                return Ok(Reply::new(554, "5.6.0", words));
            }
            Some(Err(Fault::NoRoom)) => return Ok(Reply::new(451, "4.3.1", "Too much mail at once; try again")),
        };
        let protocol = self.protocol(transaction.utf8);
        let taken = handover::take(self.server, self.customer.as_ref(), transaction.recipients, protocol, bytes).await;
        self.server.app.meters.count_smtp_message(taken.code);
        Ok(taken)
    }

    /// What a message came by (RFC 3848, RFC 6531 section 4.3).
    fn protocol(&self, utf8: bool) -> &'static str {
        match (self.hello, utf8, self.secure, self.signed_in) {
            (Some(Hello::Simple) | None, ..) => "SMTP",
            (_, false, false, false) => "ESMTP",
            (_, false, false, true) => "ESMTPA",
            (_, false, true, false) => "ESMTPS",
            (_, false, true, true) => "ESMTPSA",
            (_, true, false, false) => "UTF8SMTP",
            (_, true, false, true) => "UTF8SMTPA",
            (_, true, true, false) => "UTF8SMTPS",
            (_, true, true, true) => "UTF8SMTPSA",
        }
    }

    /// What comes back is small; what somebody sends may be as large as the settings say.
    fn message_bytes_max(&self) -> usize {
        let bytes_max = self.server.limits.message_bytes_max;
        if self.customer.is_some() { bytes_max } else { bytes_max.min(RETURNED_BYTES_MAX) }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.server.limits.idle
    }
}

impl Incoming {
    fn new(content: Content) -> Self {
        Self { content, room: Vec::new(), begun: Instant::now() }
    }

    /// Takes room for what came before it is kept. Without room the message is read to its end and not kept.
    fn make_room(&mut self, server: &Server, bytes: usize) {
        let taken: usize = self.room.iter().map(OwnedSemaphorePermit::num_permits).sum();
        let wanted = (self.content.held() + bytes).div_ceil(ROOM_BYTES);
        if wanted <= taken {
            return;
        }
        if let Some(room) = server.take_room(wanted - taken) {
            self.room.push(room);
        } else {
            self.content.fail(Fault::NoRoom);
            self.room.clear();
        }
    }
}

/// Whether the peer is this machine itself.
fn is_loopback(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

pub(super) fn closing() -> Reply {
    Reply::new(421, "4.3.2", "The service stops; try again in a moment")
}

fn bare_line_end() -> Reply {
    Reply::new(554, "5.6.0", "A CR or LF stands alone; lines end in CRLF")
}

fn too_large(bytes_max: usize) -> Reply {
    Reply::new(552, "5.3.4", format!("The message is larger than the {bytes_max} bytes that are taken"))
}
