//! Attributes of kernel calls, on every device.

/// An attribute of a kernel call: an integer, a float or a flag, as plain bits.
///
/// ```
/// use cresset_lane::Attr;
/// assert_eq!((Attr::from(0.5).f(), Attr::from(-3i64).i(), Attr::from(true).b()), (0.5, -3, true));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attr(u64);

impl From<f64> for Attr {
    fn from(v: f64) -> Self {
        Attr(v.to_bits())
    }
}
impl From<i64> for Attr {
    fn from(v: i64) -> Self {
        Attr(v as u64)
    }
}
impl From<usize> for Attr {
    fn from(v: usize) -> Self {
        Attr(v as u64)
    }
}
impl From<bool> for Attr {
    fn from(v: bool) -> Self {
        Attr(v as u64)
    }
}
impl Attr {
    pub fn f(self) -> f64 {
        f64::from_bits(self.0)
    }
    pub fn i(self) -> i64 {
        self.0 as i64
    }
    pub fn n(self) -> usize {
        self.0 as usize
    }
    pub fn b(self) -> bool {
        self.0 != 0
    }
}
