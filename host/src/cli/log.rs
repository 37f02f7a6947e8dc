//! The log of a service, written by a thread of its own: whoever has something to say does not wait for the disk, the
//! terminal or the pipe.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tracing_subscriber::fmt::MakeWriter;

/// Bytes of lines that wait to be written. What does not fit is left out, and the log says how many lines that were.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// Where lines wait for the thread that writes them.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

/// The thread that writes. When this is dropped, everything that waited is written.
pub(super) struct LogThread {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    to_write: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    left_out: u64,
    thread_sleeps: bool,
    closed: bool,
}

impl Lines {
    /// Starts the thread that writes lines to `out`.
    pub(super) fn to(out: impl Write + Send + 'static) -> io::Result<(Self, LogThread)> {
        let lines = Self(Arc::default());
        let shared = Arc::clone(&lines.0);
        let thread = thread::Builder::new().name("log-write".into()).spawn(move || shared.write(out))?;
        Ok((lines.clone(), LogThread { lines, thread: Some(thread) }))
    }

    fn push(&self, line: &[u8]) {
        let mut waiting = self.0.waiting();
        if waiting.bytes.len() + line.len() > WAITING_BYTES_MAX {
            waiting.left_out += 1;
            return;
        }
        waiting.bytes.extend_from_slice(line);
        if std::mem::take(&mut waiting.thread_sleeps) {
            self.0.to_write.notify_one();
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        loop {
            let mut waiting = self.waiting();
            while waiting.bytes.is_empty() && waiting.left_out == 0 && !waiting.closed {
                waiting.thread_sleeps = true;
                waiting = self.to_write.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut lines, &mut waiting.bytes);
            let (left_out, closed) = (std::mem::take(&mut waiting.left_out), waiting.closed);
            drop(waiting);
            // A log that cannot be written (its disk is full, its reader is gone) must not end the service.
            drop(out.write_all(&lines));
            lines.clear();
            if left_out > 0 {
                drop(writeln!(out, "pillarbox: {left_out} lines of the log were left out here: they came too fast"));
            }
            drop(out.flush());
            if closed && self.waiting().bytes.is_empty() {
                return;
            }
        }
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        self.lines.0.waiting().closed = true;
        self.lines.0.to_write.notify_one();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Write for &Lines {
    /// Takes a whole line, as the log gives it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'writer> MakeWriter<'writer> for Lines {
    type Writer = &'writer Self;

    fn make_writer(&'writer self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes nothing before it is told to.
    struct Slow {
        told: mpsc::Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.told.recv().ok();
            self.taken.lock().expect("nobody panics").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of a first line, and of so many of 1,024 bytes that come while it is being written.
    fn written(count: usize) -> String {
        let (tell, told) = mpsc::channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (lines, thread) = Lines::to(Slow { told, taken: Arc::clone(&taken) }).expect("a thread starts");
        lines.push(b"first\n");
        while !lines.0.waiting().bytes.is_empty() {
            thread::yield_now();
        }
        let line = [&[b'x'; 1_023][..], b"\n"].concat();
        for _ in 0..count {
            lines.push(&line);
        }
        drop(tell);
        drop(thread);
        let taken = taken.lock().expect("nobody panics").clone();
        String::from_utf8(taken).expect("it is text")
    }

    #[test]
    fn as_many_lines_wait_as_may_and_the_log_says_how_many_did_not() {
        let inside = written(1_024);
        assert_eq!((inside.lines().count(), inside.contains("left out")), (1_025, false));
        let outside = written(1_026);
        assert_eq!(outside.lines().count(), 1_026);
        assert!(
            outside.ends_with("pillarbox: 2 lines of the log were left out here: they came too fast\n"),
            "{outside}"
        );
    }
}
