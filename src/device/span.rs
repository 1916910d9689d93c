use serde::Serialize;

/// When the device was at an action, in nanoseconds since the first of its micro-batch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// When it began.
    pub start: u64,
    /// When it was done.
    pub end: u64,
}
