use crate::{Error, Result, Setting};

/// Checks that `bytes` for `what` of a run are available on the host.
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

/// Checks that `bytes` for `what` are available on the host; `remedy` ends the message of the error.
///
/// Linux overcommits memory and kills a process that touches more than there is, so a successful allocation proves
/// nothing.
///
/// # Errors
/// [`Error::DoesNotFit`] if less is available. Where availability is unknown, everything fits.
pub fn check_host_room(what: &str, bytes: u64, remedy: &str) -> Result<()> {
    match available_host_bytes() {
        Some(available) if bytes > available => Err(Error::DoesNotFit(format!(
            "{what} take {bytes} bytes, and the host has {available} available; {remedy}"
        ))),
        _ => Ok(()),
    }
}

/// Bytes that can be allocated without swapping, from Linux's `/proc/meminfo`; `None` on other systems.
pub fn available_host_bytes() -> Option<u64> {
    let lines = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = lines.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
