//! One conversation of a sink, by its script.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Act, Pace, Record, Script, Taken, Tls};

/// Between two bytes of a server that drips.
const DRIP: Duration = Duration::from_millis(50);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<Any: AsyncRead + AsyncWrite + Send + Unpin> Stream for Any {}

pub struct Conversation<'a> {
    stream: BufReader<Box<dyn Stream>>,
    script: Script,
    record: &'a Mutex<Record>,
    number: usize,
    under_tls: bool,
    due: Vec<u8>,
    mail: String,
    recipient: String,
}

/// The connection is to be closed.
struct Over;

type Step = Result<(), Over>;

impl<'a> Conversation<'a> {
    pub async fn hold(stream: TcpStream, script: Script, number: usize, record: &'a Mutex<Record>) {
        drop(stream.set_nodelay(true));
        let mut stream: Box<dyn Stream> = Box::new(stream);
        if let (true, Tls::Good(acceptor)) = (script.implicit, &script.tls) {
            let Ok(secured) = acceptor.accept(stream).await else { return };
            stream = Box::new(secured);
        }
        let under_tls = script.implicit;
        let (stream, due) = (BufReader::new(stream), Vec::new());
        let (mail, recipient) = (String::new(), String::new());
        let mut talk = Self { stream, script, record, number, under_tls, due, mail, recipient };
        if talk.answer("connect", "220 sink.example ESMTP").await.is_err() {
            return;
        }
        loop {
            match talk.command().await {
                Ok(true) => {}
                Ok(false) => match talk.start_tls().await {
                    Some(secured) => talk = secured,
                    None => return,
                },
                Err(Over) => return,
            }
        }
    }

    /// Hears a command and answers it; false when TLS is to begin.
    async fn command(&mut self) -> Result<bool, Over> {
        let line = self.line().await?;
        self.record.lock().expect("no test panicked").commands.push(line.clone());
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => {
                let lines = ["250-sink.example".to_owned()].into_iter();
                let lines = lines.chain(self.script.keywords.iter().map(|word| format!("250-{word}")));
                let reply = lines.chain(["250 XEND".to_owned()]).collect::<Vec<_>>().join("\n");
                self.answer("EHLO", &reply).await?;
            }
            "HELO" => self.answer("HELO", "250 sink.example").await?,
            "AUTH" => self.answer("AUTH", "235 2.7.0 welcome").await?,
            "RSET" => self.answer("RSET", "250 2.0.0 forgotten").await?,
            "MAIL" => {
                self.recipient.clear();
                self.mail = if self.says_yes_to("MAIL") { line } else { String::new() };
                self.answer("MAIL", "250 2.1.0 fine").await?;
            }
            "RCPT" if self.mail.is_empty() => self.answer("RCPT", "503 5.5.1 from nobody").await?,
            "RCPT" => {
                if self.says_yes_to("RCPT") {
                    self.recipient = line;
                }
                self.answer("RCPT", "250 2.1.5 fine").await?;
            }
            "DATA" if self.recipient.is_empty() && !self.script.is_lax => {
                self.answer("DATA", "503 5.5.1 for nobody").await?;
            }
            "DATA" if self.is_told_of("DATA") => self.answer("DATA", "").await?,
            "DATA" => {
                self.answer("DATA", "354 go on").await?;
                self.dotted().await?;
            }
            "BDAT" => self.counted(&line).await?,
            "STARTTLS" => {
                self.answer("STARTTLS", "220 2.0.0 begin").await?;
                return Ok(false);
            }
            "QUIT" => {
                self.answer("QUIT", "221 2.0.0 bye").await?;
                return Err(Over);
            }
            _ => self.answer("other", "500 5.5.1 what").await?,
        }
        Ok(true)
    }

    async fn line(&mut self) -> Result<String, Over> {
        self.flush_unless_more().await?;
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await.map_err(|_| Over)?;
        if line.is_empty() {
            return Err(Over);
        }
        assert!(line.ends_with(b"\r\n"), "every command ends in CRLF: {line:?}");
        line.truncate(line.len() - 2);
        Ok(String::from_utf8(line).expect("commands are UTF-8"))
    }

    async fn dotted(&mut self) -> Step {
        let mut message = Vec::new();
        loop {
            self.flush_unless_more().await?;
            let mut line = Vec::new();
            self.stream.read_until(b'\n', &mut line).await.map_err(|_| Over)?;
            if line.is_empty() {
                return Err(Over);
            }
            if line == b".\r\n" {
                return self.take(message).await;
            }
            assert!(line.ends_with(b"\r\n"), "every line ends in CRLF: {line:?}");
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            self.interrupt().await?;
        }
    }

    async fn counted(&mut self, line: &str) -> Step {
        let mut words = line.split(' ').skip(1);
        let count: usize = words.next().and_then(|count| count.parse().ok()).expect("BDAT has a count");
        assert_eq!(words.next(), Some("LAST"));
        self.interrupt().await?;
        let mut message = vec![0; count];
        self.stream.read_exact(&mut message).await.map_err(|_| Over)?;
        self.take(message).await
    }

    /// What is done in the middle of a message, if anything.
    async fn interrupt(&mut self) -> Step {
        if self.is_told_of("text") { self.answer("text", "").await } else { Ok(()) }
    }

    async fn take(&mut self, message: Vec<u8>) -> Step {
        let (mail, recipient) = (self.mail.clone(), self.recipient.clone());
        let taken = Taken { mail, recipient, message, connection: self.number, under_tls: self.under_tls };
        if self.says_yes_to(".") {
            self.record.lock().expect("no test panicked").taken.push(taken);
        }
        self.answer(".", "250 2.0.0 taken").await
    }

    fn is_told_of(&self, stage: &str) -> bool {
        self.script.acts.get(stage).is_some_and(|acts| !acts.is_empty())
    }

    /// Whether the next answer at a stage is a yes. A server that says nothing may well have done its work.
    fn says_yes_to(&self, stage: &str) -> bool {
        match self.script.acts.get(stage).and_then(VecDeque::front) {
            Some(Act::Say(reply) | Act::SayAndClose(reply)) => reply.starts_with('2'),
            _ => true,
        }
    }

    /// Answers as the script says, else as a server should.
    async fn answer(&mut self, stage: &'static str, reply: &str) -> Step {
        match self.script.acts.get_mut(stage).and_then(VecDeque::pop_front) {
            None => self.say(reply).await,
            Some(Act::Say(reply)) => self.say(reply).await,
            Some(Act::SayAndClose(reply)) => {
                self.say(reply).await?;
                self.flush().await?;
                Err(Over)
            }
            Some(Act::Send(bytes)) => {
                self.due.extend_from_slice(bytes.as_bytes());
                self.flush().await
            }
            Some(Act::Close) => Err(Over),
            Some(Act::Keep) => {
                self.flush().await?;
                let mut rest = Vec::new();
                drop(self.stream.read_to_end(&mut rest).await);
                Err(Over)
            }
            Some(Act::Stall(reply)) => {
                self.say(reply).await?;
                self.flush().await?;
                std::future::pending().await
            }
            Some(Act::Drip) => loop {
                self.stream.get_mut().write_all(b"2").await.map_err(|_| Over)?;
                sleep(DRIP).await;
            },
        }
    }

    async fn say(&mut self, reply: &str) -> Step {
        let end = self.script.line_end.unwrap_or("\r\n");
        for line in reply.lines() {
            self.due.extend_from_slice(format!("{line}{end}").as_bytes());
        }
        if self.script.pace == Pace::Together { Ok(()) } else { self.flush().await }
    }

    async fn flush_unless_more(&mut self) -> Step {
        if self.stream.buffer().is_empty() { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Step {
        let due = std::mem::take(&mut self.due);
        let size = if self.script.pace == Pace::Bytes { 1 } else { due.len().max(1) };
        for part in due.chunks(size) {
            self.stream.get_mut().write_all(part).await.map_err(|_| Over)?;
            self.stream.get_mut().flush().await.map_err(|_| Over)?;
            if self.script.pace == Pace::Bytes {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn start_tls(self) -> Option<Self> {
        let mut stream = self.stream.into_inner();
        let acceptor = match &self.script.tls {
            Tls::Good(acceptor) => acceptor.clone(),
            Tls::Broken => {
                stream.read_u8().await.ok()?;
                drop(stream.write_all(b"this is no TLS\r\n").await);
                return None;
            }
            Tls::None => return Some(Self { stream: BufReader::new(stream), ..self }),
        };
        let secured: Box<dyn Stream> = Box::new(acceptor.accept(stream).await.ok()?);
        let mut script = self.script;
        script.keywords.retain(|word| word != "STARTTLS");
        Some(Self { stream: BufReader::new(secured), under_tls: true, script, ..self })
    }
}
