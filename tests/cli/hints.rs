//! Where a strategy costs and gives nothing, one line says so, with the figures of the plans themselves.

use crate::program::{Folder, SMALL};

const CPU: &str = "--device cpu --steps 1";

/// Planned peak and number of recomputed layers.
#[track_caller]
fn figures(folder: &Folder, flags: &str) -> [u64; 2] {
    let plan = &folder.train(&format!("{flags} {CPU}"))[0];
    ["planned_peak_bytes", "recomputed_layers"].map(|figure| plan[figure].as_u64().unwrap())
}

/// Hints of `train` and `plan`, which must be equal.
#[track_caller]
fn hints(folder: &Folder, flags: &str) -> Vec<String> {
    let of = |command: &str| {
        let run = folder.run(&format!("{command} {flags} {CPU}")).succeeded();
        assert!(!run.stdout.contains("saves no memory") && !run.stdout.contains("unused"), "{run:#?}");
        let lines =
            run.stderr.lines().filter(|line| line.contains("saves no memory") || line.contains("unused"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let hints = of("train");
    assert_eq!(of("plan"), hints, "{flags}");
    hints
}

fn grouped(bytes: u64) -> String {
    let digits = bytes.to_string();
    let groups: Vec<_> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

fn small() -> String {
    SMALL.replace(" --epochs 1", "")
}

#[test]
fn every_that_saves_nothing_is_hinted_with_both_peaks() {
    let (folder, small) = (Folder::new(), small());
    let deep = small.replace("6,5x3,3", "6,5x20,3");
    for (flags, n) in [(&small, "1"), (&deep, "1"), (&small, "4"), (&deep, "30")] {
        let [all, _] = figures(&folder, flags);
        let [peak, _] = figures(&folder, &format!("{flags} --every {n}"));
        assert!(peak >= all, "{flags} {n}");
        let expected = format!(
            "--every {n} saves no memory here: its planned peak is {} bytes, \
             and that of --every 0, which recomputes nothing, {}",
            grouped(peak),
            grouped(all)
        );
        assert_eq!(hints(&folder, &format!("{flags} --every {n}")), [expected]);
    }
    let [all, _] = figures(&folder, "--data small.npz --layers 6,3 --batch 8");
    let auto = hints(&folder, "--data small.npz --layers 6,3 --batch 8 --every auto");
    assert!(auto.len() == 1 && auto[0].starts_with("--every auto saves no memory"), "{auto:?}");
    assert!(auto[0].ends_with(&grouped(all)), "{auto:?}");
}

#[test]
fn every_that_helps_has_no_hint() {
    let (folder, small) = (Folder::new(), small());
    let deep = small.replace("6,5x3,3", "6,5x20,3");
    let [all, _] = figures(&folder, &deep);
    for n in ["2", "5", "auto"] {
        assert!(figures(&folder, &format!("{deep} --every {n}"))[0] < all, "{n}");
        assert_eq!(hints(&folder, &format!("{deep} --every {n}")), [""; 0], "{n}");
    }
    assert_eq!(hints(&folder, &deep), [""; 0]);
    assert_eq!(hints(&folder, &format!("{deep} --every 0")), [""; 0]);
}

#[test]
fn budget_with_room_to_spare_is_hinted_with_what_fits() {
    let (folder, small) = (Folder::new(), small());
    let [all, _] = figures(&folder, &small);
    let hint = |budget: u64, everything: u64, more: &str| {
        format!(
            "--budget leaves {} of its {} bytes unused: keeping everything takes {}{more}",
            grouped(budget - everything),
            grouped(budget),
            grouped(everything)
        )
    };
    for (flags, fits) in
        [("--batch 8", "--batch 16"), ("--batch 16", "--batch 24"), ("--micro-batch 2", "--micro-batch 4")]
    {
        let flags = format!("{small} {flags} --budget 1MiB");
        let [peak, _] = figures(&folder, &flags);
        assert_eq!(hints(&folder, &flags), [hint(1 << 20, peak, &format!("; {fits} would fit as well"))]);
        let [larger, recomputed] = figures(&folder, &format!("{flags} {fits}"));
        assert!(larger <= 1 << 20 && recomputed == 0, "{flags}");
    }
    // No more samples than these, or no room for twice the batch.
    let [whole, _] = figures(&folder, &format!("{small} --batch 24"));
    assert_eq!(hints(&folder, &format!("{small} --batch 24 --budget 1MiB")), [hint(1 << 20, whole, "")]);
    let [twice, _] = figures(&folder, &format!("{small} --batch 16"));
    let budget = twice - 1;
    assert!(all < budget - budget / 10, "{all} {twice}");
    assert_eq!(hints(&folder, &format!("{small} --budget {budget}")), [hint(budget, all, "")]);
    assert!(
        hints(&folder, &format!("{small} --budget {twice}"))[0].ends_with("; --batch 16 would fit as well")
    );
}

#[test]
fn used_budget_has_no_hint() {
    let (folder, deep) = (Folder::new(), small().replace("6,5x3,3", "6,5x20,3"));
    let [all, _] = figures(&folder, &deep);
    for budget in [all, all * 10 / 9 - 1] {
        assert_eq!(figures(&folder, &format!("{deep} --budget {budget}")), [all, 0]);
        assert_eq!(hints(&folder, &format!("{deep} --budget {budget}")), [""; 0], "{budget} of {all}");
    }
    let tight = format!("{deep} --budget {}", all - 1);
    assert!(figures(&folder, &tight)[1] > 0);
    assert_eq!(hints(&folder, &tight), [""; 0]);
}

/// Hints of `command` about flags without effect.
#[track_caller]
fn idle(folder: &Folder, command: &str) -> Vec<String> {
    let run = folder.run(&format!("{command} {CPU}")).succeeded();
    run.stderr.lines().filter(|line| line.contains("has no effect")).map(str::to_owned).collect()
}

#[test]
fn flags_without_effect_are_hinted_with_the_reason() {
    let (folder, small) = (Folder::new(), small());
    folder.write_npz("one.npz", &[("x", vec![4, 2], vec![0.5; 8]), ("y", vec![4], vec![0.0; 4])]);
    for command in ["train", "plan", "compare --repeats 1 --every 0"] {
        let of = |flags: &str| idle(&folder, &format!("{command} {small} {flags}"));
        assert_eq!(
            of("--momentum 0.5 --optimizer adamw --decay-every 7 --decay-factor 0.5 --schedule cosine"),
            [
                "--momentum has no effect with --optimizer adamw",
                "--decay-every has no effect with --schedule cosine",
                "--decay-factor has no effect with --schedule cosine",
            ]
        );
        assert_eq!(
            of("--beta1 0.5 --beta2 0.5 --epsilon 1e-3 --optimizer sgd --lr-floor 0.5 --schedule step"),
            [
                "--beta1 has no effect with --optimizer sgd",
                "--beta2 has no effect with --optimizer sgd",
                "--epsilon has no effect with --optimizer sgd",
                "--lr-floor has no effect with --schedule step",
            ]
        );
        for used in [
            "--momentum 0.5 --optimizer nesterov --decay-every 7 --decay-factor 0.5 --schedule step",
            "--beta1 0.5 --beta2 0.5 --epsilon 1e-3 --optimizer adam --lr-floor 0.5 --schedule cosine",
            "--layer-norm",
        ] {
            assert!(of(used).is_empty(), "{used}");
        }
        let single = folder
            .run(&format!("{command} {CPU} --data one.npz --layers 2,4,1 --batch 2 --loss cross-entropy"));
        assert!(single.stderr.contains("--loss cross-entropy of one output is always 0"), "{single:#?}");
        let shallow = small.replace("6,5x3,3", "6,3");
        assert_eq!(
            idle(&folder, &format!("{command} {shallow} --layer-norm")),
            ["--layer-norm has no effect: no layer has a hidden input"]
        );
    }
}

/// What a run never does is said: reach its learning rate, or train on its last samples.
#[test]
fn what_a_run_never_does_is_told() {
    let folder = Folder::new();
    let told =
        |flags: &str| folder.run(&format!("train {} --device cpu {flags}", small())).succeeded().stderr;
    let stderr = told("--steps 3 --warm-up 4");
    assert!(stderr.contains("--warm-up of 4 steps is longer than the run of 3"), "{stderr}");
    // 24 samples in batches of 7.
    let stderr = told("--steps 3 --batch 7 --no-shuffle");
    assert!(stderr.contains("3 of 24 training samples are never trained on"), "{stderr}");
    for quiet in ["--steps 3 --warm-up 3", "--steps 3 --batch 7", "--steps 3 --no-shuffle"] {
        assert!(!told(quiet).contains("never"), "{quiet}");
    }
}
