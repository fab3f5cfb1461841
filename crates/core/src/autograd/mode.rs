//! Whether ops record a graph now.

use std::cell::Cell;

/// PyTorch's grad modes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum GradMode {
    Disabled = 0,
    Enabled = 1,
    /// Like Disabled; tensors made under it cannot join a graph later.
    Inference = 2,
}

thread_local! {
    static MODE: Cell<GradMode> = const { Cell::new(GradMode::Enabled) };
    static NEXT: Cell<u64> = const { Cell::new(1) };
    static ANOMALY: Cell<bool> = const { Cell::new(false) };
}

pub fn grad_mode() -> GradMode {
    MODE.get()
}

/// Sets the mode and returns the one before.
pub fn set_grad_mode(mode: GradMode) -> GradMode {
    MODE.replace(mode)
}

pub fn grad_enabled() -> bool {
    MODE.get() == GradMode::Enabled
}

/// Runs `f` under a mode.
pub fn with_grad_mode<T>(mode: GradMode, f: impl FnOnce() -> T) -> T {
    let before = set_grad_mode(mode);
    let out = f();
    set_grad_mode(before);
    out
}

/// Runs `f` without recording.
pub fn no_grad<T>(f: impl FnOnce() -> T) -> T {
    with_grad_mode(GradMode::Disabled, f)
}

/// Whether backward checks every gradient for NaN (`torch.autograd.set_detect_anomaly`).
pub fn anomaly() -> bool {
    ANOMALY.get()
}

pub fn set_anomaly(on: bool) -> bool {
    ANOMALY.replace(on)
}

/// Numbers that grow: the order in which nodes were made decides the order in which backward runs them.
pub(crate) fn next_id() -> u64 {
    NEXT.replace(NEXT.get() + 1)
}
