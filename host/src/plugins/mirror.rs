//! The second opinion: after an answer has left, another version is asked the same on a thread that nobody waits for,
//! and a watch learns how the two differ.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::call::{Call, Sandbox};
use super::error::PluginError;
use super::lane::{to_the_end, told};
use super::limits::Budget;
use super::table::Version;
use super::thread::yield_to_others;
use super::watch::Watch;
use super::work::Work;

/// Behind the slow lane, ahead of the compiler.
const NICE: i32 = 15;
/// Inputs that wait for a second opinion. One more is skipped and counted.
pub const WAITING_MAX: usize = 128;
/// Nobody waits for a second opinion, and a busy machine may keep it waiting long.
const WALL: Duration = Duration::from_secs(30);

/// The door to the thread, which ends with it.
pub(super) struct Mirror {
    opinions: SyncSender<Opinion>,
}

type Opinion = Box<dyn FnOnce(&Sandbox) -> bool + Send>;

/// Who answered, and who is asked again.
pub(super) enum Second {
    /// The active version answered, the candidate is asked.
    Candidate,
    /// The candidate answered, the active version is asked.
    Active,
}

impl Mirror {
    pub(super) fn start(sandbox: Arc<Sandbox>, alarm: Arc<Notify>) -> std::io::Result<Mirror> {
        let (opinions, incoming) = mpsc::sync_channel(WAITING_MAX);
        thread::Builder::new().name("plugin-mirror".into()).spawn(move || give_each(&incoming, &sandbox, &alarm))?;
        Ok(Mirror { opinions })
    }

    /// Asks `version` what another one has answered, at some time.
    pub(super) fn ask<W: Work>(
        &self,
        second: Second,
        version: &Version,
        watch: &Arc<Watch>,
        input: &Arc<W::Input>,
        (answer, cpu_us): (W::Answer, u64),
    ) {
        let (version, input, given) = (version.clone(), input.clone(), watch.clone());
        let opinion = move |sandbox: &Sandbox| {
            if given.stopped().is_some() {
                return false;
            }
            let other = run::<W>(sandbox, &version, &input);
            match (second, other.result) {
                (Second::Candidate, Ok(after)) => {
                    let difference = W::compare(&answer, &after);
                    given.compare(W::fingerprint(&input), (cpu_us, other.cpu_us), difference)
                }
                (Second::Candidate, Err(PluginError::Failed { fault, .. })) if fault.lets_others_try() => {
                    given.fail(&fault)
                }
                (Second::Active, Ok(before)) => {
                    let difference = W::compare(&before, &answer);
                    given.compare(W::fingerprint(&input), (other.cpu_us, cpu_us), difference)
                }
                (Second::Candidate | Second::Active, Err(_)) => false,
            }
        };
        if self.opinions.try_send(Box::new(opinion)).is_err() {
            watch.skip();
        }
    }
}

fn give_each(incoming: &Receiver<Opinion>, sandbox: &Sandbox, alarm: &Notify) {
    yield_to_others(NICE);
    for opinion in incoming {
        match catch_unwind(AssertUnwindSafe(|| opinion(sandbox))) {
            Ok(true) => alarm.notify_one(),
            Ok(false) => {}
            Err(panic) => tracing::error!(panic = told(panic.as_ref()), "comparing versions broke the host's own code"),
        }
    }
}

fn run<W: Work>(sandbox: &Sandbox, version: &Version, input: &Arc<W::Input>) -> Call<W::Answer> {
    let began = Instant::now();
    let limits = &version.way.limits;
    let budget = Budget { wall: WALL, ..limits.budget(W::bytes(input, &version.way.settings)) };
    let (asked, input) = (version.clone(), input.clone());
    let ended = to_the_end(pin!(sandbox.call(limits, budget, began, |store| W::run(asked, input, store))));
    version.counted(ended, began)
}
