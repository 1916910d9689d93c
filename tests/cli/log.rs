//! What `train --log` writes, read by a parser of our own: the same in both kinds of files, whole after a kill, and once a
//! step after a resume.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::events::Logged;
use crate::program::{Folder, SMALL};

/// Three steps per epoch, with a learning rate that changes in nearly every step whatever the number of steps.
const PACED: &str =
    "--device cpu --optimizer adam --lr 0.5 --warm-up 2 --schedule step --decay-every 1 --decay-factor 0.5";

fn flags(epochs: u64) -> String {
    format!("{} {PACED}", SMALL.replace("--epochs 1", &format!("--epochs {epochs}")))
}

/// A row of `metrics.csv`.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    step: i64,
    /// Values by column, `None` for empty cells.
    cells: Vec<(String, f64)>,
}

impl Row {
    fn get(&self, column: &str) -> Option<f64> {
        self.cells.iter().find(|(name, _)| name == column).map(|(_, value)| *value)
    }

    /// The row without values that depend on time.
    fn timeless(&self) -> Row {
        let mut row = self.clone();
        row.cells.retain(|(name, _)| name != "samples_per_second");
        row
    }
}

fn rows(folder: &Folder, log: &str) -> Vec<Row> {
    let text = String::from_utf8(folder.read(&format!("{log}/metrics.csv"))).unwrap();
    assert!(text.ends_with('\n'), "half a row: {text}");
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let row = |cells: Vec<&str>| {
        assert_eq!(cells.len(), names.len(), "{cells:?}");
        let filled = names.iter().zip(&cells).filter(|(_, cell)| !cell.is_empty());
        let cells = filled.map(|(name, cell)| ((*name).to_owned(), cell.parse().unwrap()));
        let cells: Vec<(String, f64)> = cells.collect();
        Row { step: cells[0].1 as i64, cells: cells[1..].to_vec() }
    };
    lines.map(row).collect()
}

fn steps(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| row.step).collect()
}

/// Event files of a log in the order of their names, as TensorBoard reads them.
fn event_files(folder: &Folder, log: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder.path(log)).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.to_string_lossy().contains("tfevents")).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Compares what TensorBoard shows with the rows.
fn assert_events_are_rows(scalars: &[crate::events::Scalar], rows: &[Row]) {
    let mut expected = Vec::new();
    for row in rows {
        for (tag, column) in [
            ("train/loss", "loss"),
            ("train/learning_rate", "learning_rate"),
            ("train/samples_per_second", "samples_per_second"),
            ("train/epoch", "epoch"),
            ("test/loss", "test_loss"),
            ("test/accuracy", "test_accuracy"),
            ("memory/planned_peak_bytes", "planned_peak_bytes"),
            ("memory/counted_peak_bytes", "counted_peak_bytes"),
        ] {
            expected.extend(row.get(column).map(|value| (row.step, tag, value)));
        }
    }
    assert_eq!(scalars.len(), expected.len(), "{scalars:#?}");
    for (scalar, (step, tag, value)) in scalars.iter().zip(expected) {
        assert_eq!((scalar.step, scalar.tag.as_str()), (step, tag));
        let is_equal = match tag {
            // The table has one decimal.
            "train/samples_per_second" => (f64::from(scalar.value) - value).abs() <= 0.05 + value * 1e-6,
            _ => scalar.value == value as f32,
        };
        assert!(is_equal, "{scalar:?}, expected {value}");
    }
}

#[test]
fn log_records_the_run() {
    let folder = Folder::new();
    let run = folder.train(&format!("{} --log logs/first --log-every 2", flags(2)));
    let rows = rows(&folder, "logs/first");
    assert_eq!(steps(&rows), [2, 3, 4, 6], "every two steps, and at the end of both epochs");
    let column = |name: &str| rows.iter().map(|row| row.get(name)).collect::<Vec<_>>();
    // The rate of the last step of each row: 0.25 in the first, 0.5 in the next two, then half of it each step.
    assert_eq!(column("learning_rate"), [0.5, 0.5, 0.25, 0.0625].map(Some));
    assert_eq!(column("epoch"), [0.0, 0.0, 1.0, 1.0].map(Some));
    for (epoch, [first, second]) in [(0, [0, 1]), (1, [2, 3])] {
        let event = &run[1 + epoch];
        assert_eq!(event["event"], "epoch");
        let weights = if epoch == 0 { [2.0, 1.0] } else { [1.0, 2.0] };
        let losses = [first, second].map(|row| rows[row].get("loss").unwrap());
        let mean = (losses[0] * weights[0] + losses[1] * weights[1]) / 3.0;
        assert!((mean - event["loss"].as_f64().unwrap()).abs() < 1e-6, "{mean} is not of {event}");
        assert_ne!(losses[0], losses[1]);
        let as_f32 = |value: Option<f64>| value.unwrap() as f32;
        assert_eq!(as_f32(rows[second].get("test_loss")), as_f32(event["test_loss"].as_f64()));
        assert_eq!(rows[second].get("test_accuracy"), event["accuracy"].as_f64());
        assert_eq!([rows[first].get("test_loss"), rows[first].get("test_accuracy")], [None; 2]);
    }
    let planned = run[0]["planned_peak_bytes"].as_f64();
    for name in ["planned_peak_bytes", "counted_peak_bytes"] {
        assert_eq!(column(name), [planned, None, None, None], "{name}");
    }
    assert!(column("samples_per_second").iter().all(|rate| *rate > Some(0.0)), "{rows:#?}");

    let [file] = &event_files(&folder, "logs/first")[..] else { panic!("one event file for one run") };
    let logged = crate::events::read(file);
    assert_eq!(logged[0], Logged::Version("brain.Event:2".to_owned()));
    assert_events_are_rows(&crate::events::shown(&[logged]), &rows);
}

#[test]
fn logging_changes_no_bit() {
    let folder = Folder::new();
    for (turn, device) in ["cpu", "software"].into_iter().enumerate() {
        let flags = flags(3).replace("--device cpu", &format!("--device {device}"));
        for (part, more) in ["--every 2", "--micro-batch 2 --dataset host"].into_iter().enumerate() {
            let plain = folder.hash(&format!("{flags} {more}"));
            for every in [1, 2, 50] {
                let log = format!("--log logs{turn}{part}{every} --log-every {every}");
                assert_eq!(folder.hash(&format!("{flags} {more} {log}")), plain, "{device} {more} {log}");
            }
        }
    }
    assert_eq!(steps(&rows(&folder, "logs001")), (1..=9).collect::<Vec<_>>());
}

#[test]
fn resumed_log_has_no_step_twice() {
    let folder = Folder::new();
    let kept = |to: &str| format!("--log-every 2 --snapshot-every 4 --log {to} --snapshot kept-{to}");
    let whole = folder.hash(&format!("{} {}", flags(4), kept("whole")));
    let expected = rows(&folder, "whole");
    assert_eq!(steps(&expected), [2, 3, 4, 6, 8, 9, 10, 12]);

    // As if it had been killed after step 6 and before its snapshot was there.
    folder.train(&format!("{} {}", flags(2), kept("parts")));
    assert_eq!(steps(&rows(&folder, "parts")), [2, 3, 4, 6]);
    fs::remove_file(folder.path("kept-parts/step-000000000006.ckpt")).unwrap();
    let mut half = folder.read("parts/metrics.csv");
    half.extend(b"7,2,0.1");
    folder.write("parts/metrics.csv", &half);
    assert_eq!(folder.hash(&format!("{} {} --resume", flags(4), kept("parts"))), whole);

    let resumed = rows(&folder, "parts");
    let mut timeless: Vec<_> = resumed.iter().map(Row::timeless).collect();
    // Each run says what it takes.
    assert_eq!(timeless[3].get("planned_peak_bytes"), timeless[0].get("planned_peak_bytes"));
    timeless[3].cells.retain(|(name, _)| !name.ends_with("peak_bytes"));
    assert_eq!(timeless, expected.iter().map(Row::timeless).collect::<Vec<_>>());

    let files: Vec<_> = event_files(&folder, "parts").iter().map(|file| crate::events::read(file)).collect();
    assert_eq!(files.len(), 2);
    assert_eq!(files[1][1], Logged::Start { step: 5 }, "what was logged of step 6 is void");
    assert_events_are_rows(&crate::events::shown(&files), &resumed);
}

#[test]
fn rows_outlive_a_kill() {
    let folder = Folder::new();
    let mut command = folder.command(&format!("train {} --log logs --log-every 1", flags(1_000_000)));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let is_short = || fs::metadata(folder.path("logs/metrics.csv")).map_or(0, |file| file.len()) < 4096;
    while is_short() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let rows = rows(&folder, "logs");
    assert!(rows.len() > 40, "{}", rows.len());
    assert_eq!(steps(&rows), (1..=rows.len() as i64).collect::<Vec<_>>());
    let logged: Vec<_> = event_files(&folder, "logs").iter().map(|file| crate::events::read(file)).collect();
    let scalars = crate::events::shown(&logged);
    // The kill may have come between the two files.
    let last = scalars[scalars.len() - 1].step as usize;
    assert!([rows.len() - 1, rows.len()].contains(&last), "{last} of {}", rows.len());
    assert_events_are_rows(&scalars, &rows[..last]);
}

#[test]
fn unusable_log_directory_is_rejected_and_left_untouched() {
    let folder = Folder::new();
    folder.train(&format!("{} --log logs", flags(1)));
    let before = folder.read("logs/metrics.csv");
    folder.run(&format!("train {} --log logs", flags(1))).refused_at_once(
        3,
        &["logs/metrics.csv", "log of another run", "continue it with --snapshot and --resume"],
    );
    assert_eq!(folder.read("logs/metrics.csv"), before);
    assert_eq!(event_files(&folder, "logs").len(), 1);

    fs::create_dir(folder.path("others")).unwrap();
    folder.write("others/metrics.csv", b"a,b\n1,2\n");
    folder
        .run(&format!("train {} --log others", flags(1)))
        .refused_at_once(3, &["others/metrics.csv", "a,b"]);
    for log in ["small.npz/logs", "small.npz"] {
        folder.run(&format!("train {} --log {log}", flags(1))).refused_at_once(3, &[log, "cannot be made"]);
    }
    fs::create_dir_all(folder.path("folder/metrics.csv")).unwrap();
    folder.run(&format!("train {} --log folder", flags(1))).refused_at_once(3, &["is not a regular file"]);
    folder
        .run(&format!("train {} --log new --log-every 0", flags(1)))
        .refused_at_once(2, &["--log-every", "at least 1"]);
    folder.run(&format!("train {} --log-every 2", flags(1))).refused_at_once(2, &["--log"]);
}

/// TensorBoard reads event files by name, so those of a resumed run come last, even if the clock was set back.
#[test]
fn event_files_of_a_resumed_run_come_last_whatever_the_clock_says() {
    let folder = Folder::new();
    folder.run(&format!("train {SMALL} --device cpu --log logs")).succeeded();
    let names = || {
        let entries = fs::read_dir(folder.path("logs")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.contains("tfevents")).collect();
        names.sort();
        names
    };
    let ahead = "events.out.tfevents.9000000000.000000.1".to_owned();
    fs::rename(folder.path("logs").join(&names()[0]), folder.path("logs").join(&ahead)).unwrap();
    fs::remove_file(folder.path("logs/metrics.csv")).unwrap();
    folder.run(&format!("train {SMALL} --device cpu --log logs")).succeeded();
    let names = names();
    assert_eq!((names.len(), &names[0]), (2, &ahead), "{names:?}");
}
