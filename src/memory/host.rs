use crate::{Error, Result, Setting};

/// Checks that the host has `bytes` more bytes for `what` of a run.
///
/// # Errors
/// As [`check_host_room`].
pub fn check_host_memory(what: &str, bytes: u64) -> Result<()> {
    let remedy = format!(
        "use narrower or fewer {}, or a smaller {} or {}",
        Setting::Layers,
        Setting::Batch,
        Setting::MicroBatch
    );
    check_host_room(what, bytes, &remedy)
}

/// Checks that the host has `bytes` more bytes for `what`; `remedy` says what to do where it has not.
///
/// Linux grants memory that it does not have and ends the program when that is touched, so asking an allocator is
/// not enough.
///
/// # Errors
/// [`Error::DoesNotFit`] where the system says that it has less; where it says nothing, everything fits.
pub fn check_host_room(what: &str, bytes: u64, remedy: &str) -> Result<()> {
    match available_host_bytes() {
        Some(available) if bytes > available => Err(Error::DoesNotFit(format!(
            "{what} take {bytes} bytes, and the host has {available} available; {remedy}"
        ))),
        _ => Ok(()),
    }
}

/// Bytes that can be taken without swapping, from Linux's `/proc/meminfo`.
pub fn available_host_bytes() -> Option<u64> {
    let lines = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = lines.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
