//! The slow lane: calls that outlived their first slice go on here, in turns, on one thread of low priority.
//!
//! The worlds have no host functions, so a call that is not ready has used up its slice and can go on at once; nothing
//! ever has to be woken. Without the lane two endless callers would take all but a thousandth of everybody's calls.

use std::any::Any;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Context, Poll, Waker};
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::thread::yield_to_others;

/// Behind all ordinary threads, ahead of the compiler.
const NICE: i32 = 10;

/// Sends calls to the lane. The thread ends when this is gone and the last call is done.
pub(super) struct Lane {
    calls: Sender<SlowCall>,
    room: Arc<Semaphore>,
}

struct SlowCall {
    turns: Pin<Box<dyn Future<Output = ()> + Send>>,
    _room: OwnedSemaphorePermit,
}

impl Lane {
    /// A lane with room for so many calls.
    pub(super) fn start(calls_max: usize) -> std::io::Result<Lane> {
        let (calls, incoming) = mpsc::channel();
        thread::Builder::new().name("plugin-lane".into()).spawn(move || take_turns(&incoming))?;
        Ok(Lane { calls, room: Arc::new(Semaphore::new(calls_max)) })
    }

    /// Takes a call over, and gives back where its result will arrive; `None` and the end of the call when the lane is
    /// full. Whoever drops the receiver ends the call at its next turn.
    pub(super) fn take<T: Send + 'static>(
        &self,
        mut call: Pin<Box<dyn Future<Output = T> + Send>>,
    ) -> Option<oneshot::Receiver<T>> {
        let room = self.room.clone().try_acquire_owned().ok()?;
        let (answer, answered) = oneshot::channel();
        let mut answer = Some(answer);
        let turns = poll_fn(move |turn| {
            if answer.as_ref().is_none_or(oneshot::Sender::is_closed) {
                return Poll::Ready(());
            }
            call.as_mut().poll(turn).map(|result| {
                // The one who asked may have left, which is as good.
                answer.take().map(|answer| answer.send(result).is_ok());
            })
        });
        self.calls.send(SlowCall { turns: Box::pin(turns), _room: room }).ok()?;
        Some(answered)
    }
}

fn take_turns(incoming: &Receiver<SlowCall>) {
    yield_to_others(NICE);
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let Ok(call) = incoming.recv() else { return };
            waiting.push_back(call);
        }
        waiting.extend(incoming.try_iter());
        let Some(mut call) = waiting.pop_front() else { continue };
        // A panic ends its call, whose receiver hears of it, and not the lane.
        match catch_unwind(AssertUnwindSafe(|| once(call.turns.as_mut()))) {
            Ok(Poll::Pending) => waiting.push_back(call),
            Ok(Poll::Ready(())) => {}
            Err(panic) => tracing::error!(panic = told(panic.as_ref()), "a plugin call broke the host's own code"),
        }
    }
}

/// Runs a call for one slice.
pub(super) fn once<F: Future + ?Sized>(call: Pin<&mut F>) -> Poll<F::Output> {
    call.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a call to its end on this thread.
pub(super) fn to_the_end<F: Future + ?Sized>(mut call: Pin<&mut F>) -> F::Output {
    loop {
        if let Poll::Ready(result) = once(call.as_mut()) {
            return result;
        }
    }
}

/// The text of a panic.
pub(super) fn told(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call that needs so many turns.
    fn slow(turns: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        let mut taken = 0;
        Box::pin(poll_fn(move |_| {
            taken += 1;
            if taken > turns { Poll::Ready(turns) } else { Poll::Pending }
        }))
    }

    #[test]
    fn calls_take_turns_and_each_gets_its_own_answer() {
        let lane = Lane::start(3).unwrap();
        let answers: Vec<_> = [5, 1, 300].map(|turns| lane.take(slow(turns)).unwrap()).into();
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect();
        assert_eq!(answers, [5, 1, 300]);
    }

    #[test]
    fn a_full_lane_takes_no_more_and_has_room_again_when_a_caller_leaves() {
        let lane = Lane::start(2).unwrap();
        let kept = lane.take(slow(usize::MAX)).unwrap();
        let left = lane.take(slow(usize::MAX)).unwrap();
        assert!(lane.take(slow(0)).is_none());
        drop(left);
        let answer = loop {
            match lane.take(slow(7)) {
                Some(answer) => break answer.blocking_recv().unwrap(),
                None => thread::yield_now(),
            }
        };
        assert_eq!(answer, 7);
        drop(kept);
    }

    #[test]
    fn a_panic_ends_its_call_and_not_the_lane() {
        let lane = Lane::start(2).unwrap();
        let broken = lane.take::<()>(Box::pin(poll_fn(|_| panic!("on purpose")))).unwrap();
        assert!(broken.blocking_recv().is_err());
        assert_eq!(lane.take(slow(1)).unwrap().blocking_recv().unwrap(), 1);
    }
}
