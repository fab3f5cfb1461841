//! What the engine did and when, for `torch.profiler`.
//!
//! While it records, every op that was called from outside, every node that backward evaluated and every kernel is an
//! [`Event`]; what happened within another says within which, so nothing has to be guessed from clocks, which browsers
//! make coarse. While it does not, it costs one test of a flag.

use std::cell::{Cell, RefCell};

use crate::storage;

/// What an event is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Kind {
    /// A range that the program named; its name is the program's affair.
    Range,
    /// An op that was called.
    Op,
    /// A node of the graph in a backward pass.
    Node,
    Kernel,
}

/// Something that took time.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub kind: Kind,
    /// Empty of a range.
    pub name: &'static str,
    /// The number that the program gave a range.
    pub id: u32,
    /// Milliseconds of the clock.
    pub start: f64,
    pub end: f64,
    /// The event within which this one was, by its place among all.
    pub parent: Option<u32>,
    /// Bytes that tensors had more at the end than at the start.
    pub allocated: f64,
    /// Bytes of a kernel's operands.
    pub touched: f64,
}

/// Milliseconds since some moment.
pub type Clock = fn() -> f64;

struct Recorder {
    clock: Clock,
    events: Vec<Event>,
    /// Those that have begun and not ended.
    open: Vec<u32>,
    /// How many were taken away already.
    taken: u32,
}

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

/// Starts recording; what was recorded before is gone.
///
/// ```
/// use cresset_core::profile::{self, Kind};
/// profile::start(|| 0.0);
/// profile::span(Kind::Op, "add", || 0.0, || ());
/// assert_eq!(profile::take(10)[0].name, "add");
/// profile::stop();
/// ```
pub fn start(clock: Clock) {
    RECORDER.set(Some(Recorder { clock, events: Vec::new(), open: Vec::new(), taken: 0 }));
    ON.set(true);
}

/// Stops recording. What is open ends now; what was recorded can still be taken.
pub fn stop() {
    while ON.get() && end() {}
    ON.set(false);
}

/// Takes away the oldest events that have ended, at most so many. None is taken that lies within one that is open.
pub fn take(most: usize) -> Vec<Event> {
    RECORDER.with_borrow_mut(|r| {
        let Some(r) = r else { return Vec::new() };
        let ended = r.open.first().map_or(r.events.len(), |&first| (first - r.taken) as usize);
        let taken: Vec<Event> = r.events.drain(..ended.min(most)).collect();
        r.taken += taken.len() as u32;
        taken
    })
}

/// The place of the op that ended last, if it was recorded.
pub fn last_op() -> Option<u32> {
    RECORDER.with_borrow(|r| {
        let r = r.as_ref()?;
        let at = r.events.iter().rposition(|e| e.kind == Kind::Op && e.end > 0.0)?;
        Some(r.taken + at as u32)
    })
}

/// Runs something as an event.
#[inline(always)]
pub fn span<R>(kind: Kind, name: &'static str, touched: impl FnOnce() -> f64, f: impl FnOnce() -> R) -> R {
    if !ON.get() {
        return f();
    }
    begin(kind, name, 0, touched());
    let result = f();
    end();
    result
}

/// Begins a range of the program's, by a number of its own.
pub fn begin_range(id: u32) {
    if ON.get() {
        begin(Kind::Range, "", id, 0.0);
    }
}

/// Ends the latest range, and with it what began later and did not end.
pub fn end_range() {
    let is_range = || {
        RECORDER.with_borrow(|r| {
            let r = r.as_ref()?;
            r.open.last().map(|&at| r.events[(at - r.taken) as usize].kind == Kind::Range)
        })
    };
    while ON.get() {
        let found = is_range();
        if !end() || found == Some(true) {
            return;
        }
    }
}

#[cold]
fn begin(kind: Kind, name: &'static str, id: u32, touched: f64) {
    RECORDER.with_borrow_mut(|r| {
        let Some(r) = r else { return };
        let at = r.taken + r.events.len() as u32;
        let parent = r.open.last().copied();
        let allocated = -(storage::live_bytes() as f64);
        r.open.push(at);
        r.events.push(Event { kind, name, id, start: 0.0, end: 0.0, parent, allocated, touched });
        let start = (r.clock)();
        if let Some(event) = r.events.last_mut() {
            event.start = start;
        }
    });
}

/// Ends the event that began last. False if there is none.
#[cold]
fn end() -> bool {
    RECORDER.with_borrow_mut(|r| {
        let Some(r) = r else { return false };
        let now = (r.clock)();
        let Some(at) = r.open.pop() else { return false };
        let event = &mut r.events[(at - r.taken) as usize];
        event.end = now;
        event.allocated += storage::live_bytes() as f64;
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Tensor, autograd, ops};

    thread_local! {
        static NOW: Cell<f64> = const { Cell::new(0.0) };
    }
    fn clock() -> f64 {
        NOW.set(NOW.get() + 1.0);
        NOW.get()
    }

    #[test]
    fn ops_nodes_and_kernels_stand_within_each_other() {
        start(clock);
        begin_range(7);
        let x = Tensor::ones(&[4], DType::F32).unwrap();
        x.set_requires_grad(true);
        let y = ops::sum(&ops::exp(&x).unwrap(), None).unwrap();
        autograd::backward(&[y], &[None], false, false, None).unwrap();
        end_range();
        stop();
        let events = take(1000);
        assert!(events.iter().all(|e| e.end > e.start), "{events:?}");
        assert_eq!((events[0].kind, events[0].id, events[0].parent), (Kind::Range, 7, None));
        let exp = events.iter().find(|e| e.name == "exp").unwrap();
        assert_eq!((exp.kind, exp.touched, exp.parent), (Kind::Kernel, 32.0, Some(0)));
        let node = events.iter().position(|e| e.name == "ExpBackward0").unwrap();
        let within = events.iter().find(|e| e.parent == Some(node as u32)).unwrap();
        assert_eq!((events[node].kind, within.kind), (Kind::Node, Kind::Kernel));
        assert!(events[node].allocated > 0.0);
        // Nothing is recorded any more.
        ops::exp(&x).unwrap();
        assert!(take(1000).is_empty());
    }

    #[test]
    fn what_is_open_stays_until_it_ends() {
        start(clock);
        span(Kind::Op, "first", || 0.0, || ());
        begin_range(1);
        span(Kind::Op, "second", || 0.0, || ());
        assert_eq!(take(10).len(), 1);
        assert_eq!(last_op(), Some(2));
        end_range();
        assert_eq!(take(10).iter().map(|e| e.name).collect::<Vec<_>>(), ["", "second"]);
        stop();
    }
}
