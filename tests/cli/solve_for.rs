//! `plan --solve-for`, held against plans of the values that it finds and of the next larger ones.

use serde_json::Value;

use crate::program::Folder;

const SMALL: &str = "--data small.npz --optimizer sgd --device cpu";

/// Values without and with recomputation.
#[track_caller]
fn solved(folder: &Folder, flags: &str) -> [u64; 2] {
    let events = folder.run(&format!("plan --json {flags}")).succeeded().events();
    assert_eq!((events.len(), &events[0]["event"]), (1, &Value::from("solved")));
    ["without_recomputation", "with_recomputation"].map(|key| events[0][key].as_u64().unwrap())
}

/// Recomputed layers of a plan; `None` if the budget is too small.
fn recomputed(folder: &Folder, flags: &str) -> Option<u64> {
    let run = folder.run(&format!("plan --json {SMALL} {flags}"));
    match run.code {
        Some(5) => None,
        _ => run.succeeded().events()[0]["plan"]["recomputed_layers"].as_u64(),
    }
}

#[test]
fn the_largest_values_are_found() {
    let folder = Folder::new();
    let find = |flags: &str| solved(&folder, &format!("{SMALL} {flags}"));
    let holds = |[stored, planned]: [u64; 2], next: [u64; 2], with: &dyn Fn(u64) -> String| {
        assert_eq!(recomputed(&folder, &with(stored)), Some(0), "{}", with(stored));
        assert_ne!(recomputed(&folder, &with(next[0])), Some(0), "{}", with(next[0]));
        assert!(recomputed(&folder, &with(planned)).is_some_and(|layers| layers > 0), "{}", with(planned));
        assert_eq!(recomputed(&folder, &with(next[1])), None, "{}", with(next[1]));
    };
    let found = find("--layers 6,5x6,3 --batch 8 --budget 3000 --solve-for batch");
    holds(found, found.map(|batch| batch + 1), &|batch| {
        format!("--budget 3000 --layers 6,5x6,3 --batch {batch}")
    });
    let found = find("--layers 6,5x6,3 --batch 8 --budget 3000 --solve-for layers");
    holds(found, found.map(|layers| layers + 1), &|layers| {
        format!("--budget 3000 --layers 6,5x{layers},3 --batch 8")
    });
    let found = find("--layers 6,5,7x4,5,3 --batch 8 --budget 3000 --solve-for width");
    holds(found, found.map(|width| width + 1), &|width| {
        format!("--budget 3000 --layers 6,5,{width}x4,5,3 --batch 8")
    });
    // The whole batch needs no buffers for gradients.
    let micro_batch = "--layers 6,5x18,3 --batch 24 --budget 6000";
    let [stored, planned] = find(&format!("{micro_batch} --solve-for micro-batch"));
    assert_eq!([stored, planned], [3, 24]);
    let of = |size: u64| recomputed(&folder, &format!("{micro_batch} --micro-batch {size}"));
    assert_eq!(of(3), Some(0));
    assert!(of(4) > Some(0) && of(24) > Some(0));
}

#[test]
fn people_see_both_values() {
    let folder = Folder::new();
    let wide =
        "plan --layers 784,4096x48,10 --batch 65536 --optimizer sgd --budget 8GiB --device gpu --limits 8GiB";
    let run = folder.run(&format!("{wide} --solve-for micro-batch")).succeeded();
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(
        lines[..2],
        ["largest micro-batch of a batch of 65,536 within the budget", "without recomputation  2,048"]
    );
    assert!(lines[2].starts_with("with recomputation     "), "{run:#?}");
    let all = folder
        .run(&format!("plan {SMALL} --hidden 5x2 --batch 2 --solve-for batch --budget 1GiB"))
        .succeeded();
    assert!(all.stdout.contains("without recomputation  24, all training samples"), "{all:#?}");
}
