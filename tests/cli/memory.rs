//! The memory of a run on the CPU, from start to end, beside the bytes that it counts; and what a driver reserves.

use crate::program::{Folder, SMALL};

#[cfg(target_os = "linux")]
mod of_the_process {
    use std::fs;
    use std::io::Read;
    use std::process::Stdio;
    use std::time::Duration;

    use serde_json::Value;

    use crate::program::Folder;

    /// A network of 116 MB, most of them in one tensor.
    const LARGE: &str = "--device cpu --quiet --json --layers 784,5000x2,10 --activation relu --lr 0.001 \
                         --data synthetic:blobs,samples=48,test=16 --batch 16 --steps 3";

    /// Most bytes that the program held at once with these arguments, as the system counts them, and those of its own
    /// accounts.
    fn held_and_counted(folder: &Folder, arguments: &str) -> [u64; 2] {
        let mut program =
            folder.command(&format!("{arguments} {LARGE}")).stdout(Stdio::piped()).spawn().unwrap();
        let status = format!("/proc/{}/status", program.id());
        let mut held = 0;
        while program.try_wait().unwrap().is_none() {
            let status = fs::read_to_string(&status).unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.trim().parse().ok());
            held = held.max(1024 * kilobytes.unwrap_or(0));
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(program.wait().unwrap().success());
        let mut events = String::new();
        program.stdout.unwrap().read_to_string(&mut events).unwrap();
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let memory =
            events.filter(|event| event["event"] == "done").map(|done| done["memory"].clone()).next_back();
        let memory = memory.unwrap();
        assert_eq!(memory["counted_peak_bytes"], memory["planned_peak_bytes"]);
        [held, memory["counted_peak_bytes"].as_u64().unwrap()]
    }

    #[track_caller]
    fn assert_counted(folder: &Folder, arguments: &str) {
        let [held, counted] = held_and_counted(folder, arguments);
        assert!(counted > 110_000_000 && held > counted, "{arguments}: {held} held, {counted} counted");
        let most = counted + counted / 20 + 20_000_000;
        assert!(
            held <= most,
            "{arguments}: {held} bytes held, expected at most {most}, as {counted} are counted"
        );
    }

    #[test]
    fn a_run_holds_no_more_than_it_counts() {
        assert_counted(&Folder::new(), "train --optimizer sgd");
    }

    #[test]
    fn a_run_that_keeps_saves_and_resumes_holds_no_more_than_it_counts() {
        let folder = Folder::new();
        assert_counted(
            &folder,
            "train --optimizer adam --keep-best loss --validation 0.25 --evaluate-every 1 --save m.safetensors",
        );
        assert_counted(&folder, "train --optimizer sgd --init m.safetensors --snapshot kept");
        assert_counted(&folder, "train --optimizer sgd --snapshot kept --resume");
    }
}

/// It allocates in blocks, the smallest of which is larger than this budget.
#[test]
fn software_tells_that_the_driver_reserves_more_than_the_budget() {
    let folder = Folder::new();
    let flags = format!("{SMALL} --device software");
    let done = |flags: &str| folder.train(flags).pop().unwrap();
    assert!(done(&flags)["memory"]["reserved_over_budget_bytes"].is_null());
    let memory = &done(&format!("{flags} --budget 64KiB"))["memory"];
    let reserved = memory["driver_reserved_bytes"].as_u64().unwrap();
    assert!(memory["counted_peak_bytes"].as_u64().unwrap() <= 64 << 10, "{memory}");
    assert_eq!(memory["reserved_over_budget_bytes"], reserved - (64 << 10), "{memory}");
    let told = folder.run(&format!("train {flags} --budget 64KiB")).succeeded();
    assert!(told.stdout.contains("bytes more than the budget"), "{told:#?}");
    let ample = folder.run(&format!("train {flags} --budget 1GiB")).succeeded();
    assert!(!ample.stdout.contains("more than the budget"), "{ample:#?}");
    let on_the_cpu = &done(&format!("{SMALL} --device cpu --budget 64KiB"))["memory"];
    assert!(on_the_cpu["reserved_over_budget_bytes"].is_null(), "{on_the_cpu}");
}
