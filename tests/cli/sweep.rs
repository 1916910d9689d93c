//! `ckpt-gpu sweep`: grids, draws, seeds, folds, and resuming.

use std::time::{Duration, Instant};

use crate::program::{Folder, Outcome};
use serde_json::Value;

/// Flags of runs that take a few milliseconds.
const BASE: &str =
    "data = 'synthetic:blobs,samples=300,classes=3'\nhidden = '8'\ndevice = 'cpu'\nepochs = 2\nbatch = 20\n";

fn sweep(folder: &Folder, table: &str, more: &str) -> Outcome {
    folder.write("sweep.toml", format!("{BASE}{table}").as_bytes());
    folder.run(&format!("sweep sweep.toml --results kept {more}"))
}

/// The events of runs, and the last.
fn events(outcome: &Outcome) -> (Vec<Value>, Value) {
    let mut events = outcome.events();
    let last = events.pop().unwrap();
    assert_eq!(last["event"], "sweep");
    assert!(events.iter().all(|event| event["event"] == "sweep-run"), "{events:#?}");
    (events, last)
}

#[test]
fn a_grid_has_every_combination_with_every_seed() {
    let folder = Folder::new();
    let table = "[sweep]\nmetric = 'accuracy'\nseeds = [3, 5]\nlr = [0.01, 0.00001]\nhidden = ['8', '4x2']\n";
    let table = table.replace("hidden", "activation").replace("'8', '4x2'", "'relu', 'tanh'");
    let outcome = sweep(&folder, &table, "--json --report sweep.md").succeeded();
    let (runs, last) = events(&outcome);
    assert_eq!(runs.len(), 8);
    assert_eq!((&runs[1]["flags"]["lr"], &runs[1]["flags"]["activation"]), (&"0.01".into(), &"relu".into()));
    assert_eq!((&runs[0]["seed"], &runs[1]["seed"]), (&3.into(), &5.into()));
    // A run of a sweep is the run of train with the same flags.
    let flags = "--data synthetic:blobs,samples=300,classes=3 --hidden 8 --device cpu --epochs 2 --batch 20";
    let alone = folder.hash(&format!("{flags} --lr 0.01 --activation relu --seed 5"));
    assert_eq!(runs[1]["weights_sha256"], alone);

    assert_eq!(last["metric"], "accuracy");
    let combinations = last["combinations"].as_array().unwrap();
    assert_eq!((combinations.len(), &combinations[0]), (4, &last["best"]));
    for combination in combinations {
        let score = |index: usize| combination["runs"][index]["scores"]["accuracy"].as_f64().unwrap();
        let mean = (score(0) + score(1)) / 2.0;
        assert!((combination["mean"].as_f64().unwrap() - mean).abs() < 1e-12, "{combination}");
        let deviation = (score(0) - score(1)).abs() / 2f64.sqrt();
        assert!(
            (combination["standard_deviation"].as_f64().unwrap() - deviation).abs() < 1e-12,
            "{combination}"
        );
        assert!(mean <= last["best"]["mean"].as_f64().unwrap());
    }
    assert_eq!(last["best"]["flags"]["lr"], "0.01");
    let page = String::from_utf8(folder.read("sweep.md")).unwrap();
    assert!(page.starts_with("# ") && page.contains("| 1 | 0.01 |") && page.contains("best"), "{page}");
    assert!(page.contains("accuracy") && page.contains(" ± "), "{page}");
    let text = sweep(&folder, &table, "").succeeded();
    assert!(text.stdout.contains("share of correct predictions on the test split"), "{text:#?}");
    // Before it costs anything, and once.
    assert_eq!(text.stderr.matches("so that the best one's scores are optimistic").count(), 1, "{text:#?}");
    assert_eq!(
        outcome.stderr.matches("so that the best one's scores are optimistic").count(),
        1,
        "{outcome:#?}"
    );
    let [warned, ran] =
        ["scores are optimistic", "run 1 of 8"].map(|words| outcome.stderr.find(words).unwrap());
    assert!(warned < ran, "{outcome:#?}");
}

#[test]
fn folds_hold_out_every_sample_once() {
    let folder = Folder::new();
    let table = "[sweep]\nfolds = 4\nseeds = 2\n";
    let (runs, last) = events(&sweep(&folder, table, "--json").succeeded());
    let folds: Vec<_> = runs.iter().map(|run| (run["seed"].as_u64(), run["fold"].as_u64())).collect();
    let expected: Vec<_> = (0..2).flat_map(|seed| (0..4).map(move |fold| (Some(seed), Some(fold)))).collect();
    assert_eq!(folds, expected);
    assert!(runs.iter().all(|run| run["evaluated_on"] == "validation"), "{runs:#?}");
    assert_eq!(last["combinations"][0]["runs"].as_array().unwrap().len(), 8);
    let hashes: std::collections::BTreeSet<_> =
        runs.iter().map(|run| run["weights_sha256"].as_str()).collect();
    assert_eq!(hashes.len(), 8);
    let clash = sweep(&folder, &format!("validation = 0.2\n{table}"), "");
    let place = "--validation: in sweep.toml, line 6: found 0.2 beside 4 folds";
    clash.refused_at_once(2, &[place, "leave it out", "(in the run with --seed 0, fold 0)"]);
}

#[test]
fn ranges_are_drawn() {
    let folder = Folder::new();
    let range =
        "lr = { min = 0.001, max = 10.0, log = true }\nloss = ['cross-entropy', 'binary-cross-entropy']\n";
    let table =
        format!("epochs = 1\n[sweep]\ntrials = 4\nmetric = 'accuracy'\n{range}").replace("epochs = 1\n", "");
    let (runs, _) = events(&sweep(&folder, &table, "--json").succeeded());
    let rates: Vec<_> = runs.iter().map(|run| run["flags"]["lr"].as_str().unwrap()).collect();
    assert_eq!(rates, ["0.001", "0.1", "1", "0.01"]);
    let random = table.replace("trials = 4", "trials = 4\nsearch = 'random'");
    let (drawn, _) = events(&sweep(&folder, &random, "--json").succeeded());
    assert_ne!(drawn[0]["flags"], runs[0]["flags"]);
    let (again, _) = events(&sweep(&folder, &random, "--json").succeeded());
    assert_eq!(drawn, again);
}

#[test]
fn finished_runs_are_not_repeated() {
    let folder = Folder::new();
    let table = "[sweep]\nlr = [0.01, 0.1]\n";
    let first = sweep(&folder, table, "--json").succeeded();
    assert!(first.stderr.contains("run 2 of 2: --lr 0.1, --seed 0"), "{first:#?}");
    let names: Vec<_> = folder.contents("kept").into_iter().map(|(name, _)| name).collect();
    assert!(names.len() == 2 && names.iter().all(|name| name.ends_with(".json")), "{names:?}");
    let again = sweep(&folder, table, "--json").succeeded();
    assert!(!again.stderr.contains("run 1 of 2"), "{again:#?}");
    assert_eq!(again.stdout, first.stdout);
    // Another list has some of the same runs.
    let more = sweep(&folder, "[sweep]\nlr = [0.1, 0.2]\n", "--json").succeeded();
    assert!(!more.stderr.contains("run 1 of 2") && more.stderr.contains("run 2 of 2"), "{more:#?}");
    assert_eq!(events(&more).0[0], events(&first).0[1]);
    let other = sweep(&folder, &format!("drop-last = true\n{table}"), "--json").succeeded();
    assert!(other.stderr.contains("run 1 of 2"), "{other:#?}");

    let data = folder.read("small.npz");
    let own = "data = 'own.npz'\nbatch = 8\ndevice = 'cpu'\nhidden = '4'\n[sweep]\n";
    folder.write("own.npz", &data);
    folder.write("own.toml", own.as_bytes());
    folder.run("sweep own.toml --results of-own").succeeded();
    let mut arrays = crate::program::small_data(3);
    arrays[0].2[5] += 0.5;
    folder.write_npz("own.npz", &arrays);
    folder
        .run("sweep own.toml --results of-own")
        .refused(3, &["of-own", "on other samples", "restore the data"]);
}

#[test]
fn a_run_that_diverges_has_no_score() {
    let folder = Folder::new();
    let table = "optimizer = 'sgd'\nactivation = 'identity'\n[sweep]\nlr = [0.01, 1e30]\nseeds = 2\n";
    let (runs, last) = events(&sweep(&folder, table, "--json").succeeded());
    assert_eq!(runs[3]["weights_sha256"], Value::Null);
    let diverged: Vec<_> = runs.iter().map(|run| run["diverged"].as_bool().unwrap()).collect();
    assert_eq!(diverged, [false, false, true, true]);
    assert_eq!(last["combinations"][1]["rank"], Value::Null);
    assert_eq!(last["combinations"][1]["mean"], Value::Null);
    assert_eq!(
        (&last["combinations"][1]["diverged"], &last["best"]["flags"]["lr"]),
        (&2.into(), &"0.01".into())
    );
    let text = sweep(&folder, table, "").succeeded();
    assert!(text.stdout.contains("--lr 1e30, --seed 1: diverged"), "{text:#?}");
    assert!(text.stdout.contains("2 diverged"), "{text:#?}");
}

#[test]
fn a_sweep_without_any_score_has_diverged() {
    let folder = Folder::new();
    let table = "optimizer = 'sgd'\nactivation = 'identity'\n[sweep]\nlr = [1e30, 1e31]\n";
    // Also where all runs are finished before.
    for _ in 0..2 {
        let outcome = sweep(&folder, table, "--json");
        let words = "no combination has a score: 2 runs diverged; use a lower --lr";
        assert!(outcome.code == Some(6) && outcome.stderr.contains(words), "{outcome:#?}");
        assert_eq!(events(&outcome).1["best"], Value::Null);
    }
}

#[test]
fn combinations_that_tie_share_their_rank() {
    let folder = Folder::new();
    // Without a momentum, its coefficient changes nothing.
    let table = "optimizer = 'sgd'\n[sweep]\nlr = [1e-8, 0.1]\nmomentum = [0.5, 0.9]\n";
    let (_, last) = events(&sweep(&folder, table, "--json").succeeded());
    let combinations = last["combinations"].as_array().unwrap();
    let ranks: Vec<_> = combinations.iter().map(|one| one["rank"].as_u64().unwrap()).collect();
    assert_eq!((ranks, &combinations[0]), (vec![1, 1, 3, 3], &last["best"]));
    let text = sweep(&folder, table, "").succeeded();
    assert_eq!(text.stdout.matches("  best").count(), 2, "{text:#?}");
}

#[test]
fn a_file_that_train_has_saved_becomes_a_sweep() {
    let folder = Folder::new();
    let flags = "--data synthetic:blobs,samples=300,classes=3 --hidden 8 --device cpu --epochs 1 --batch 20";
    folder.run(&format!("train {flags} --save-config run.toml")).succeeded();
    let text = String::from_utf8(folder.read("run.toml")).unwrap();
    assert!(text.contains("evaluate-training = false") && text.contains("summary = "), "{text}");
    let table = "[sweep]\nlr = [0.01, 0.1]\n";
    let varied = text.replace("lr = 0.001\n", "") + table;
    folder.write("sweep.toml", varied.as_bytes());
    folder.run("sweep sweep.toml --results kept").succeeded();
    let line = |words: &str, text: &str| 1 + text.lines().position(|line| line.starts_with(words)).unwrap();
    let asked =
        varied.replace("evaluate-training = false", "evaluate-training = true") + "save = ['x.npz']\n";
    folder.write("sweep.toml", asked.as_bytes());
    let place = format!(
        "CONFIG: sweep.toml: line {0}: found evaluate-training (line {0}) and save (line {1}), which train takes and a sweep \
         does not; leave out each",
        line("evaluate-training", &asked),
        line("save", &asked)
    );
    folder.run("sweep sweep.toml --results kept").refused_at_once(2, &[&place]);
}

/// Interrupts and kills a sweep, and goes on, until it is done.
#[cfg(unix)]
#[test]
fn a_sweep_is_resumed_to_the_same_bits() {
    let whole = Folder::new();
    let long = "ema = 0.9\nschedule = 'plateau'\nplateau-patience = 1\nkeep-best = 'accuracy'\nsnapshot-every = 40\n";
    let table = format!("{long}[sweep]\nmetric = 'accuracy'\nlr = [0.01, 0.02]\nfolds = 2\n");
    let base = BASE.replace("epochs = 2", "epochs = 100");
    let text = format!("{base}{table}");
    whole.write("sweep.toml", text.as_bytes());
    let expected = whole.run("sweep sweep.toml --results kept --json").succeeded();

    let folder = Folder::new();
    folder.write("sweep.toml", text.as_bytes());
    let mut stops = 0;
    let begun = Instant::now();
    let resumed = loop {
        assert!(begun.elapsed() < Duration::from_secs(120), "stopped {stops} times");
        let mut command = folder.command("sweep sweep.toml --results kept --json");
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // Longer and longer, so that it ends.
        std::thread::sleep(Duration::from_millis(100 + 40 * stops));
        if child.try_wait().unwrap().is_some() {
            let outcome = child.wait_with_output().unwrap();
            assert_eq!(outcome.status.code(), Some(0), "{}", String::from_utf8_lossy(&outcome.stderr));
            break String::from_utf8(outcome.stdout).unwrap();
        }
        let signal = if stops % 2 == 0 { "-INT" } else { "-KILL" };
        std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let outcome = child.wait_with_output().unwrap();
        if outcome.status.code() == Some(0) {
            break String::from_utf8(outcome.stdout).unwrap();
        }
        stops += 1;
        if signal == "-INT" {
            let stderr = String::from_utf8_lossy(&outcome.stderr);
            assert_eq!(outcome.status.code(), Some(130), "{stderr}");
            let remedy = "resume with: ";
            assert!(
                stderr.contains(remedy) && stderr.contains("sweep sweep.toml --results kept"),
                "{stderr}"
            );
        }
    };
    assert!(stops > 1, "it was stopped {stops} times");
    assert_eq!(resumed, expected.stdout);
    assert!(folder.contents("kept") == whole.contents("kept"), "the results differ");
}

#[test]
fn invalid_files_are_refused_before_the_first_run() {
    let folder = Folder::new();
    for (table, words) in [
        (
            "[sweep]\nlayer-norm = [true, false]\nrms-norm = [false, true]\n",
            "--rms-norm: in sweep.toml, line 8: found beside --layer-norm, expected one of the two; add --layer-norm=false if a \
             file has the other (in the run with --layer-norm true, --rms-norm true, --seed 0)",
        ),
        ("", "found no table [sweep], expected one that says what varies"),
        ("sweep = 3\n", "sweep: found a value, expected a table [sweep]"),
        ("[sweep]\nlearning-rate = [1]\n", "found key 'learning-rate', expected a flag's long name"),
        ("rate = 3\n[sweep]\n", "found key 'rate', expected a flag's long name"),
        (
            "save = ['x.npz']\n[sweep]\n",
            "line 6: found save (line 6), which train takes and a sweep does not",
        ),
        ("[sweep]\nlr = []\n", "line 7: lr: found an empty list, expected values"),
        ("[sweep]\nlr = [0.1, 0.1]\n", "lr: found 0.1 twice, expected different values"),
        ("[sweep]\nlr = 0.1\n", "lr: found one value, expected a list, or {min, max} for a range of numbers"),
        ("[sweep]\nlr = ['fast']\n", "lr: found 'fast', expected a number"),
        (
            "[sweep]\nlr = { min = 1, max = 1 }\ntrials = 2\n",
            "found a range from 1 to 1, expected min below max",
        ),
        (
            "[sweep]\nlr = { min = 0.5, max = 0.1 }\ntrials = 2\n",
            "found a range from 0.5 to 0.1, expected min below max",
        ),
        (
            "[sweep]\nlr = { min = 0, max = 1, log = true }\ntrials = 2\n",
            "found min = 0, expected more than 0",
        ),
        (
            "[sweep]\nlr = { min = 0.1 }\ntrials = 2\n",
            "found a range without both ends, expected min and max",
        ),
        ("[sweep]\nlr = { min = 0.1, max = 1, step = 2 }\n", "found step, expected min, max and log"),
        ("[sweep]\nlr = { min = 0.1, max = 1 }\n", "line 6: found ranges and no trials, expected trials = N"),
        ("[sweep]\nlr = [0.1]\ntrials = 2\n", "found trials or search and no range"),
        ("[sweep]\ntrials = 0\n", "trials: found the number 0, expected a whole number from 1"),
        ("[sweep]\nfolds = 1\n", "folds: found the number 1, expected a whole number from 2"),
        (
            "[sweep]\nfolds = 1000\n",
            "folds: in sweep.toml, line 7: found 1000, expected from 2 to 300, the number of samples",
        ),
        ("[sweep]\nseeds = []\n", "seeds: found an array, expected a whole number"),
        ("[sweep]\nseeds = [1, 1]\n", "seeds: found 1 twice, expected different seeds"),
        ("[sweep]\nmetric = 'precision'\n", "metric: "),
        (
            "[sweep]\nmetric = 'rmse'\n",
            "metric: in sweep.toml, line 7: found rmse, expected one of: loss, accuracy",
        ),
        ("[sweep]\nseed = [1, 2]\n", "seed: does not vary in a sweep; use seeds"),
        ("[sweep]\ndevice = ['cpu']\n", "device: does not vary in a sweep"),
        ("[sweep]\nepochs = [1, 2]\n", "epochs: found above the table, too"),
        (
            "[sweep]\nlr = [0.1, -1]\n",
            "--lr: in sweep.toml, line 7: found -1, expected a positive number (in the run with --lr -1, --seed 0)",
        ),
        (
            "[sweep]\nlayers = ['2,8,3']\n",
            "line 7: found layers beside hidden of line 2, expected one of the two",
        ),
        (
            "keep-best = 'loss'\n[sweep]\nmetric = 'accuracy'\n",
            "--keep-best: in sweep.toml, line 6: found loss, expected accuracy",
        ),
    ] {
        let outcome = sweep(&folder, table, "");
        assert_eq!(outcome.code, Some(2), "{table}: {outcome:#?}");
        outcome.refused(2, &[words]);
        assert!(!outcome.stderr.contains("run 1 of"), "{table}: {outcome:#?}");
    }
    sweep(&folder, "[sweep]\n", "--report x.html").refused_at_once(2, &["expected a name that ends in .md"]);
    folder.run("sweep none.toml --results kept").refused_at_once(2, &["CONFIG: none.toml: no such file"]);
    folder.run("sweep sweep.toml").refused_at_once(2, &["--results"]);
}
