//! Activation functions.

ops! {
}
