//! A fork-join pool: whoever launches posts a job of numbered pieces and takes pieces itself until none is left; workers that
//! are awake take some too. So a worker that is late costs nothing but its share, and a pool without workers is a loop.
//!
//! The threads are not made here: on the web they are Workers, which only JavaScript can start (ts/runtime/threads.ts), and
//! which call [`worker`]; natively [`set_threads`] starts them. Nothing locks: the launching thread may be a page's main one,
//! where waiting is forbidden, so it spins for the last pieces, which others are computing at that moment.

use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};

use super::wait::{wait, wake};

/// Whether this build can have more than one thread; without them everything here vanishes.
const POSSIBLE: bool = cfg!(any(not(target_arch = "wasm32"), target_feature = "atomics"));

/// No more threads than this take part.
pub const MOST_THREADS: usize = 32;

/// How often a worker looks for the next job before it sleeps: some 20 us, the time between two kernels of a training step.
/// Waking it takes longer than that.
const SPINS: usize = 4000;

/// What is to be done with a piece: its number, and which thread does it (0 is who launched).
type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// The job at hand. Written only while the ticket is closed and read only under a ticket that proves it current.
struct Job(UnsafeCell<Option<&'static Work<'static>>>);
// Safety: see `Job`.
unsafe impl Sync for Job {}

static JOB: Job = Job(UnsafeCell::new(None));
/// The number of the job in the upper half; in the lower one the next piece that nobody took, or `CLOSED`.
static TICKET: AtomicU64 = AtomicU64::new(CLOSED);
const CLOSED: u64 = u32::MAX as u64;
static PIECES: AtomicU32 = AtomicU32::new(0);
static DONE: AtomicU32 = AtomicU32::new(0);
/// Counts jobs; workers sleep on it.
static POSTED: AtomicU32 = AtomicU32::new(0);
static ASLEEP: AtomicU32 = AtomicU32::new(0);
/// Somebody has the pool: jobs of other threads, and jobs within jobs, are done by who has them.
static BUSY: AtomicBool = AtomicBool::new(false);
static LIMIT: AtomicUsize = AtomicUsize::new(1);
static WORKERS: AtomicUsize = AtomicUsize::new(0);
static WANTED: AtomicBool = AtomicBool::new(false);
static FAILED: AtomicBool = AtomicBool::new(false);

/// How many threads take part in the next launch: no more than were allowed, and than there are.
pub fn threads() -> usize {
    if POSSIBLE { LIMIT.load(Relaxed).min(WORKERS.load(Relaxed) + 1) } else { 1 }
}

/// Allows this many threads, the launching one included; at least 1, at most [`MOST_THREADS`].
///
/// ```
/// cresset_cpu::threads::set_threads(1);
/// assert_eq!(cresset_cpu::threads::threads(), 1);
/// ```
pub fn set_threads(n: usize) {
    let n = n.clamp(1, MOST_THREADS);
    LIMIT.store(n, SeqCst);
    #[cfg(not(target_arch = "wasm32"))]
    for _ in WORKERS.load(SeqCst) + 1..n {
        let slot = WORKERS.fetch_add(1, SeqCst) + 1;
        std::thread::spawn(move || serve(slot));
    }
}

/// The life of a worker that the web started: it joins the pool and computes pieces for ever.
pub fn worker() {
    if POSSIBLE {
        serve(WORKERS.fetch_add(1, SeqCst) + 1);
    }
}

/// Says whether a launch could have used workers that were allowed and not there, and forgets it.
pub fn wanted() -> bool {
    POSSIBLE && WANTED.load(Relaxed) && WANTED.swap(false, Relaxed)
}

/// Whether more threads are allowed than there are.
pub fn allowed() -> bool {
    POSSIBLE && WORKERS.load(Relaxed) + 1 < LIMIT.load(Relaxed)
}

/// Notes that a launch could use another thread.
pub fn want() {
    WANTED.store(true, Relaxed);
}

/// Notes that a worker stopped in the middle of a piece: who waits for it must not wait for ever.
pub fn fail() {
    FAILED.store(true, SeqCst);
}

/// Does `work` for every piece and returns when all are done.
pub fn run(pieces: usize, work: &Work) {
    if pieces <= 1 || threads() == 1 || BUSY.swap(true, Acquire) {
        return (0..pieces).for_each(|piece| work(piece, 0));
    }
    let job = TICKET.load(Relaxed) >> 32;
    // Closed first: a worker that still looks at the last job's ticket then cannot take a piece of this one by it.
    TICKET.store(job << 32 | CLOSED, SeqCst);
    // Safety: nobody reads it while the ticket is closed; and it is used no longer than this function waits.
    unsafe { *JOB.0.get() = Some(std::mem::transmute::<&Work, &'static Work<'static>>(work)) };
    PIECES.store(pieces as u32, Relaxed);
    DONE.store(0, Relaxed);
    TICKET.store((job.wrapping_add(1) & CLOSED) << 32, SeqCst);
    POSTED.fetch_add(1, SeqCst);
    if ASLEEP.load(SeqCst) > 0 {
        wake(&POSTED);
    }
    take_pieces(0);
    while DONE.load(Acquire) < pieces as u32 {
        assert!(!FAILED.load(Relaxed), "a thread of the engine stopped while it computed");
        spin_loop();
    }
    BUSY.store(false, Release);
}

/// Takes pieces of the job at hand until none is left.
fn take_pieces(slot: usize) {
    loop {
        let ticket = TICKET.load(SeqCst);
        let piece = ticket & CLOSED;
        if piece >= u64::from(PIECES.load(Relaxed)) {
            return;
        }
        if TICKET.compare_exchange(ticket, ticket + 1, SeqCst, Relaxed).is_ok() {
            // Safety: the piece is ours, so the job is not over before `DONE` counts it.
            unsafe { (*JOB.0.get()).unwrap_unchecked()(piece as usize, slot) };
            DONE.fetch_add(1, Release);
        }
    }
}

fn serve(slot: usize) {
    let mut seen = POSTED.load(SeqCst);
    loop {
        // A number of threads that was lowered leaves this one idle.
        if slot < LIMIT.load(Relaxed) {
            take_pieces(slot);
        }
        for _ in 0..SPINS {
            if POSTED.load(Relaxed) != seen {
                break;
            }
            spin_loop();
        }
        ASLEEP.fetch_add(1, SeqCst);
        if POSTED.load(SeqCst) == seen {
            wait(&POSTED, seen);
        }
        ASLEEP.fetch_sub(1, SeqCst);
        seen = POSTED.load(SeqCst);
    }
}
