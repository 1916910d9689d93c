//! `--quiet`: results and errors only.

use crate::check;
use crate::program::{Folder, Outcome, SMALL};

/// Compares what a command prints with `--quiet`, and without.
#[track_caller]
fn results_only(command: &str, talks: bool, loud: &Outcome, quiet: &Outcome) {
    // Lines that do not depend on time.
    let shape = |stdout: &str| {
        let lines = stdout.lines().filter(|line| !line.contains('.') || line.starts_with("weights"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(loud.stderr.is_empty(), !talks, "{command}: {loud:#?}");
    assert_eq!(quiet.stderr, "", "{command}");
    assert_eq!(shape(&quiet.stdout), shape(&loud.stdout), "{command}");
    let lines = |text: &str| text.lines().count();
    assert_eq!(lines(&quiet.stdout), lines(&loud.stdout), "{command}");
}

#[test]
fn quiet_prints_results_of_a_check_only() {
    let command = check::on("cpu");
    let quiet = Folder::new().run(&format!("{command} --quiet")).succeeded();
    results_only(&command, true, &check::cpu().run, &quiet);
}

#[test]
fn quiet_prints_results_only() {
    let folder = Folder::new();
    let small = format!("{SMALL} --device cpu");
    let eval = "m.safetensors --data small.npz --device cpu";
    for (command, talks) in [
        (format!("train {small} --save m.safetensors --report r.json --snapshot kept"), true),
        (format!("train {small} --snapshot kept --resume"), true),
        (format!("compare {small} --every 0,2 --repeats 1"), true),
        (format!("eval {eval}"), true),
        (format!("predict {eval} --out a.csv"), true),
        (format!("plan {small}"), true),
        ("devices".to_owned(), false),
    ] {
        // A new run needs a directory of its own.
        let begin = || {
            if command.starts_with("train") && !command.ends_with("--resume") {
                let _ = std::fs::remove_dir_all(folder.path("kept"));
            }
        };
        begin();
        let loud = folder.run(&command).succeeded();
        begin();
        let quiet = folder.run(&format!("{command} --quiet")).succeeded();
        results_only(&command, talks, &loud, &quiet);
    }
    assert!(folder.files().contains(&"a.csv".to_owned()));
}

#[test]
fn quiet_prints_errors() {
    let folder = Folder::new();
    let small = format!("{SMALL} --device cpu");
    for (command, code, words) in [
        (format!("-q train {small} --data none.npz"), 3, vec!["ckpt-gpu: none.npz"]),
        (format!("train {small} --activation relu --lr 1e30 -q"), 6, vec!["ckpt-gpu: diverged"]),
        (format!("train {small} --batch 0 -q"), 2, vec!["--batch"]),
        ("-q eval none.safetensors".to_owned(), 3, vec!["ckpt-gpu: none.safetensors"]),
    ] {
        let run = folder.run(&command);
        assert_eq!(run.code, Some(code), "{command}: {run:#?}");
        for word in words {
            assert!(run.stderr.contains(word), "{command}: {run:#?}");
        }
        assert!(!run.stderr.contains("training ") && !run.stderr.contains("plan "), "{command}: {run:#?}");
    }
}
