//! How a command reaches the data directory: through the process that holds it, or by holding it itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::Failure;
use crate::app::{App, system_clock};
use crate::cluster::{self, Joined, join};
use crate::config::Config;
use crate::control::{self, Command, Socket};
use crate::store::{DataLock, Holder, LockError};
use crate::{registry, tracking_hosts, tracking_keys};

/// How long to wait for a service that is just starting, or for another command to finish.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
/// Commands that one session has under way through a service.
const CONNECTIONS_MAX: usize = 8;

/// The way to the data directory.
pub(super) enum Session {
    /// A service holds it. Connections that are not in use wait in the list.
    Service { socket: Socket, idle: Mutex<Vec<UnixStream>> },
    /// Nobody did, so this command holds it.
    Here { app: Box<App>, _lock: DataLock },
}

impl Session {
    pub(super) async fn open(config: Config) -> Result<Arc<Self>, Failure> {
        let holder = Holder { pid: std::process::id(), command: command_name(), listen: None };
        let mut waited = Duration::ZERO;
        let lock = loop {
            match DataLock::acquire(&config.data_dir, &holder) {
                Ok(lock) => break lock,
                Err(held @ LockError::Held(..)) => {
                    let socket = Socket::of(&config.data_dir)?;
                    if let Ok(stream) = socket.connect().await {
                        return Ok(Arc::new(Self::Service { socket, idle: Mutex::new(vec![stream]) }));
                    }
                    if waited >= PATIENCE {
                        return Err(held.into());
                    }
                    sleep(PAUSE).await;
                    waited += PAUSE;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let app = tokio::task::block_in_place(|| App::open(config, system_clock()))?;
        if let Joined::NotYet(why) = Box::pin(join(&app)).await? {
            return Err(format!("this node has not joined its cluster yet: {why}").into());
        }
        registry::start(&app).await?;
        tracking_hosts::start(&app).await?;
        tracking_keys::start(&app).await?;
        cluster::enter(&app);
        Ok(Arc::new(Self::Here { app: Box::new(app), _lock: lock }))
    }

    /// Runs a command where the data is.
    pub(super) async fn run(&self, command: Command) -> Result<serde_json::Value, Failure> {
        let outcome = match self {
            Self::Here { app, .. } => control::execute(app, command).await,
            Self::Service { socket, idle } => {
                let waiting = idle.lock().await.pop();
                let mut stream = match waiting {
                    Some(stream) => stream,
                    None => socket.connect().await?,
                };
                let answer = control::ask(&mut stream, &command).await.map_err(|error| match error.kind() {
                    io::ErrorKind::FileTooLarge => "this is more than the service takes by one command".to_owned(),
                    _ => format!("the service stopped answering: {error}"),
                })?;
                idle.lock().await.push(stream);
                answer
            }
        };
        Ok(outcome?)
    }

    /// How many commands are worth having under way at once.
    pub(super) fn parallelism() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from).saturating_mul(2).min(CONNECTIONS_MAX)
    }
}

/// Opens a data directory that nothing else runs on, as it lies there.
pub(super) fn alone(config: Config) -> Result<(App, DataLock), Failure> {
    let holder = Holder { pid: std::process::id(), command: command_name(), listen: None };
    let lock = DataLock::acquire(&config.data_dir, &holder)?;
    let app = tokio::task::block_in_place(|| App::open(config, system_clock()))?;
    Ok((app, lock))
}

/// The subcommand as it was given, for whoever finds the directory held.
fn command_name() -> String {
    std::env::args().skip(1).take_while(|word| !word.starts_with('-')).take(2).collect::<Vec<_>>().join(" ")
}
