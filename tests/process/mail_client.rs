//! A mail program over a socket.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connected mail program.
pub struct MailClient {
    stream: BufReader<TcpStream>,
}

impl MailClient {
    /// Connects, and hears the greeting.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Self { stream: BufReader::new(stream) };
        client.reply()?;
        Ok(client)
    }

    /// The same, signed in.
    pub fn signed_in(address: SocketAddr, user: &str, password: &str) -> io::Result<Self> {
        let mut client = Self::open(address)?;
        client.ask("EHLO client.example.com")?;
        let reply = client.ask(&format!("AUTH PLAIN {}", BASE64.encode(format!("\0{user}\0{password}"))))?;
        assert!(reply.starts_with("235 "), "{reply}");
        Ok(client)
    }

    pub fn write(&mut self, bytes: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_bytes())
    }

    /// The last line of a reply.
    pub fn reply(&mut self) -> io::Result<String> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) == Some(&b' ') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }

    pub fn ask(&mut self, line: &str) -> io::Result<String> {
        self.write(&format!("{line}\r\n"))?;
        self.reply()
    }

    /// Sends a small message. Gives its id, once it is said to be taken.
    pub fn send(&mut self, from: &str, to: &str) -> io::Result<String> {
        let message = format!("From: {from}\r\nTo: {to}\r\nSubject: Hello\r\n\r\nHello\r\n.\r\n");
        self.write(&format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n{message}"))?;
        for code in ["250 2.1.0", "250 2.1.5", "354 "] {
            let reply = self.reply()?;
            assert!(reply.starts_with(code), "{reply}");
        }
        let reply = self.reply()?;
        let id = reply.strip_prefix("250 2.0.0 Ok: queued as ").unwrap_or_else(|| panic!("{reply}"));
        Ok(id.to_owned())
    }
}
