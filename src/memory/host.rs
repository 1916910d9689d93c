use std::path::Path;

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

/// Bytes that this process can still allocate: the least of what the system can give without swapping, what the limits of its
/// control groups leave (those of containers and jobs, versions 1 and 2), and what its limit on address space leaves
/// (`ulimit -v`). From Linux's `/proc` and `/sys`; `None` on other systems.
pub fn available_host_bytes() -> Option<u64> {
    let system = field("/proc/meminfo", "MemAvailable:");
    [system, control_group_bytes(Path::new("/sys/fs/cgroup")), address_space_bytes()]
        .into_iter()
        .flatten()
        .min()
}

/// Value in bytes of a `field` of a file with lines such as `VmSize: 12 kB`.
fn field(path: &str, field: &str) -> Option<u64> {
    let lines = std::fs::read_to_string(path).ok()?;
    let line = lines.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn address_space_bytes() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    // "unlimited" is no number.
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(field("/proc/self/status", "VmSize:")?))
}

/// What the limits of this process's control groups, and of those that they are in, leave.
fn control_group_bytes(mounted: &Path) -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let left = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
        let group = Path::new(group.trim_start_matches('/'));
        let is_of_memory = controllers.split(',').any(|controller| controller == "memory");
        match controllers {
            "" => least_left(mounted, group, ["memory.max", "memory.current", ""]),
            _ if is_of_memory => {
                let names = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_"];
                least_left(&mounted.join("memory"), group, names)
            }
            _ => None,
        }
    });
    left.min()
}

/// The least that the limits of `group` and of its parents leave, by files that hold a limit and the use, and the prefix of the
/// fields of `memory.stat` with copies of files, which the system gives up when memory is short.
fn least_left(mounted: &Path, group: &Path, [limit, used, prefix]: [&str; 3]) -> Option<u64> {
    let number = |path: &Path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let left = group.ancestors().filter_map(|group| {
        let group = mounted.join(group);
        let (limit, used) = (number(&group.join(limit))?, number(&group.join(used))?);
        let statistics = std::fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let of_files = |line: &str| {
            let field = line.strip_prefix(prefix)?;
            let bytes =
                field.strip_prefix("inactive_file ").or_else(|| field.strip_prefix("active_file "))?;
            bytes.trim().parse::<u64>().ok()
        };
        let cached: u64 = statistics.lines().filter_map(of_files).sum();
        Some(limit.saturating_sub(used.saturating_sub(cached)))
    });
    left.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_control_group_decides() {
        let folder = tempfile::tempdir().unwrap();
        let group = |name: &str, limit: &str, used: &str, cached: &str| {
            let group = folder.path().join(name);
            std::fs::create_dir_all(&group).unwrap();
            for (file, text) in [("memory.max", limit), ("memory.current", used), ("memory.stat", cached)] {
                std::fs::write(group.join(file), format!("{text}\n")).unwrap();
            }
        };
        let left =
            |name: &str| least_left(folder.path(), Path::new(name), ["memory.max", "memory.current", ""]);
        assert_eq!(left("job"), None);
        group("job", "1000", "600", "anon 3\ninactive_file 400\nactive_file 100\nworkingset_activate_file 9");
        assert_eq!(left("job"), Some(900));
        group("job/step", "max", "600", "");
        assert_eq!(left("job/step"), Some(900));
        group("job/step/task", "100", "130", "");
        assert_eq!(left("job/step/task"), Some(0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_left() {
        assert!(available_host_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
