//! Flags out of files: that a saved run is made again, that the command line wins, and what is said of bad files.

use std::fs;

use crate::program::{Folder, SMALL};
use serde_json::Value;

const CPU: &str = "--device cpu";

/// Plan that `train` prints.
#[track_caller]
fn plan(folder: &Folder, arguments: &str) -> Value {
    folder.train(arguments).swap_remove(0)
}

fn text(folder: &Folder, name: &str) -> String {
    String::from_utf8(folder.read(name)).unwrap()
}

/// A directory with a `c.toml` of [`SMALL`] on the CPU and these lines.
fn small_with(lines: &str) -> Folder {
    let folder = Folder::new();
    let small =
        "preset = 'accuracy'\ndata = 'small.npz'\nlayers = '6,5x3,3'\nbatch = 8\nlr = 0.5\ndevice = 'cpu'\n";
    folder.write("c.toml", format!("{small}{lines}").as_bytes());
    folder
}

#[test]
fn saved_config_repeats_the_run_bit_for_bit() {
    let folder = Folder::new();
    folder.run(&format!("train {SMALL} {CPU} --seed 3 --save init.npz")).succeeded();
    let plain = "--data small.npz --layers 6,5x3,3 --batch 8";
    for flags in [
        SMALL.to_owned(),
        format!("{SMALL} --every 2 --seed 18446744073709551615 --no-shuffle"),
        format!("{SMALL} --budget 64KiB --micro-batch 4 --init init.npz --validation 0.25"),
        format!("{plain} --epochs 2 --optimizer adamw --clip-norm 0.1 --warm-up 2 --standardise"),
        format!("{plain} --steps 4 --optimizer nesterov --residual=false --activation tanh --lr-floor 0.5"),
        format!("{plain} --steps 4 --layer-norm"),
        format!("{plain} --steps 4 --rms-norm=plain --every 2"),
        format!("{plain} --every auto --activation sine --schedule step --decay-every 1 --no-fuse --no-tune"),
    ] {
        let hash = folder.hash(&format!("{flags} {CPU} --save-config run.toml"));
        assert_eq!(folder.hash("--config run.toml --save-config again.toml"), hash, "{flags}");
        assert_eq!(text(&folder, "again.toml"), text(&folder, "run.toml"), "{flags}");
        let other = folder.hash("--config run.toml --seed 7");
        assert_eq!(other, folder.hash(&format!("{flags} {CPU} --seed 7")), "{flags}");
        assert!(other != hash || flags.contains("init.npz"), "{flags}");
    }
}

#[test]
fn saved_config_has_every_value_of_the_run() {
    let folder = Folder::new();
    let flags = "--preset small --data small.npz --layers 6,4,3 --batch 8 --budget 64KiB --report r.json --report r.csv";
    folder.run(&format!("train {flags} {CPU} --json --save-config run.toml")).succeeded();
    let table: toml::Table = text(&folder, "run.toml").parse().unwrap();
    for (key, value) in [
        ("layers", "'6,4,3'"),
        ("epochs", "10"),
        ("activation", "'sigmoid'"),
        ("loss", "'quadratic'"),
        ("initialiser", "'normal'"),
        ("optimizer", "'sgd'"),
        ("lr", "3"),
        ("schedule", "'constant'"),
        ("residual", "false"),
        ("seed", "0"),
        ("beta2", "0.999"),
        ("no-shuffle", "false"),
        ("device", "'cpu'"),
        ("budget", "'64KiB'"),
        ("report", "['r.json', 'r.csv']"),
    ] {
        let expected: toml::Table = format!("{key} = {value}").parse().unwrap();
        assert_eq!(table.get(key), expected.get(key), "{key} in {table}");
    }
    for key in
        ["preset", "json", "config", "save-config", "resume", "every", "steps", "micro-batch", "keep", "init"]
    {
        assert!(!table.contains_key(key), "{key} in {table}");
    }
}

#[test]
fn run_resumes_with_the_config_beside_its_snapshots() {
    let folder = Folder::new();
    folder.run(&format!("train {SMALL} {CPU} --seed 3 --save init.npz")).succeeded();
    let flags = format!("{SMALL} {CPU} --init init.npz --every 2").replace("--epochs 1", "--epochs 3");
    let hash = folder.hash(&flags);
    assert_eq!(folder.hash(&format!("{flags} --snapshot s --keep 5")), hash);
    let kept = text(&folder, "s/config.toml");
    for line in ["init = \"init.npz\"", "snapshot = \"s\"", "keep = 5", "every = 2", "epochs = 3"] {
        assert!(kept.lines().any(|other| other == line), "no {line} in {kept}");
    }
    fs::remove_file(folder.path("s/step-000000000009.ckpt")).unwrap();
    let run = folder.run("train --json --config s/config.toml --snapshot s --resume").succeeded();
    assert!(run.stderr.contains("resuming after step 6"), "{run:#?}");
    assert_eq!(run.events().last().unwrap()["weights_sha256"], hash);
    assert_eq!(text(&folder, "s/config.toml"), kept, "what the run began with stays");
    folder.run("train --config s/config.toml --snapshot u --save m.npz").succeeded();
    folder.run("eval m.npz --config s/config.toml").succeeded();
    folder.run("train --config s/config.toml --seed 4").refused(2, &["--snapshot", "another directory"]);
    folder.run("train --config s/config.toml --seed 4 --snapshot t").succeeded();
    assert!(text(&folder, "t/config.toml").contains("seed = 4"), "another run has other flags");
}

#[test]
fn command_line_overrides_the_file() {
    let strategy = |lines: &str, flags: &str| {
        plan(&small_with(lines), &format!("--config c.toml {flags}"))["strategy"].as_str().unwrap().to_owned()
    };
    assert_eq!(strategy("every = 2", ""), "every-2");
    assert_eq!(strategy("every = 2", "--every 3"), "every-3");
    assert_eq!(strategy("every = 2", "--budget 64KiB"), "budget-65536");
    assert_eq!(strategy("budget = '64KiB'", ""), "budget-65536");
    assert_eq!(strategy("budget = '64KiB'", "--every 2"), "every-2");
    assert_eq!(strategy("budget = 65536", "--budget=32KiB"), "budget-32768");

    let steps = |lines: &str, flags: &str| {
        let events = small_with(lines).train(&format!("--config c.toml {flags}"));
        events[events.len() - 1]["steps"].as_u64().unwrap()
    };
    assert_eq!(steps("epochs = 2", ""), 6);
    assert_eq!(steps("epochs = 2", "--steps 4"), 4);
    assert_eq!(steps("steps = 2", "--epochs 1"), 3);
    assert_eq!(steps("steps = 2", "--batch 24"), 2);
}

#[test]
fn lists_are_read_and_replaced_whole() {
    let folder = small_with("report = ['a.json', 'b.csv']\nepochs = 1");
    folder.run("train --config c.toml").succeeded();
    assert_eq!(folder.files(), ["a.json", "b.csv", "c.toml"]);
    let folder = small_with("report = 'a.json'\nepochs = 1");
    folder.run("train --config c.toml --report c.html").succeeded();
    assert_eq!(folder.files(), ["c.html", "c.toml"]);

    let folder = small_with("every = [0, 3, 'auto']\nrepeats = 1\nepochs = 1");
    let compared = folder.run("compare --json --config c.toml").succeeded().events();
    assert_eq!(compared[0]["strategies"].as_array().unwrap().len(), 3, "{compared:?}");
}

#[test]
fn numbers_and_booleans_are_read_as_toml() {
    let hash = |lines: &str| small_with(lines).hash("--config c.toml");
    let plain = Folder::new();
    let expected = plain.hash(&format!("{SMALL} {CPU} --seed 255 --no-shuffle --lr-floor 0.25"));
    assert_eq!(hash("epochs = 1\nseed = 0xff\nno-shuffle = true\nlr-floor = 25e-2"), expected);
    assert_eq!(hash("'epochs' = '1'\nseed = 2_55 # so\nno-shuffle = true\nresidual = false"), expected);
    assert_ne!(hash("epochs = 1\nseed = 255\nno-shuffle = false"), expected);
}

#[test]
fn one_file_serves_several_commands() {
    let folder =
        small_with("epochs = 1\nsave = 'm.safetensors'\nout = 'answers.csv'\nevery = 2\nrepeats = 1");
    let run = folder.run("train --config c.toml").succeeded();
    assert!(
        run.stderr.contains("c.toml: ignored flags that train does not have: out, repeats\n"),
        "{run:#?}"
    );
    assert_eq!(folder.run("train --config c.toml --quiet").succeeded().stderr, "");
    let planned = folder.run("plan --json --config c.toml").succeeded().events();
    assert_eq!(planned[0]["plan"]["strategy"], "every-2", "{planned:?}");
    folder.run("eval m.safetensors --config c.toml").succeeded();
    folder.run("predict --config c.toml m.safetensors").succeeded();
    assert_eq!(folder.files(), ["answers.csv", "c.toml", "m.safetensors"]);
    let checked = folder.run("check --config c.toml --layers 0");
    checked.refused_at_once(
        2,
        &["c.toml: ignored flags that check does not have: data, lr, epochs", "--layers"],
    );
}

#[test]
fn invalid_files_are_rejected_with_line_and_key() {
    for (lines, words) in [
        ("\n\nevery = ", "c.toml: line 3: is not TOML: "),
        ("lr = 1\nlr = 2", "c.toml: line 2: is not TOML: duplicate key"),
        ("# flags\nevry = 2", "c.toml: line 2: found key 'evry', expected a flag's long name"),
        ("evry = 2", "did you mean every?"),
        ("no_shuffle = true", "did you mean no-shuffle?"),
        ("--no-shuffle-x = true", "did you mean no-shuffle?"),
        (
            "[zzz]\nlr = 1",
            "found key 'zzz', expected a flag's long name without its dashes; see ckpt-gpu train --help",
        ),
        ("help = true", "found key 'help'"),
        ("config = 'other.toml'", "line 1: config: found a file in a file, expected the flags themselves"),
        ("data = 3", "line 1: data: found the number 3, expected a string"),
        ("report = ['a.json', 3]", "report: found the number 3, expected a string, or an array of these"),
        ("no-shuffle = 'yes'", "no-shuffle: found the string 'yes', expected true or false"),
        ("residual = 1", "residual: found the number 1, expected true or false"),
        ("epochs = true", "epochs: found true, expected a number or a string"),
        ("layers = [6, 3]", "layers: found an array, expected a number or a string"),
        ("lr = {}", "lr: found a table, expected"),
        ("lr = 1979-05-27", "lr: found the date 1979-05-27, expected"),
        ("lr = 'fast'", "lr: found 'fast', expected a number"),
        ("batch = -8", "batch: found '-8', expected a whole number of at least 0"),
        ("every = 2.5", "every: found '2.5', expected a whole number of at least 0, or auto"),
        ("budget = '64k'", "budget: found '64k', expected a number of bytes"),
        ("device = 'gpux'", "device: found 'gpux', expected one of: auto, gpu, cpu, software"),
        ("optimizer = 'adm'", "optimizer: found 'adm', expected one of: sgd,"),
        ("layers = '6,x'", "layers: found 'x', expected a width"),
        ("data = ''", "data: found '', expected something"),
        ("report = 'a.png'", "report: found 'a.png', expected a name that ends in .json"),
        ("every = 2\nbudget = 65536", "line 2: found budget beside every of line 1, expected one of the two"),
    ] {
        let folder = Folder::new();
        folder.write("c.toml", lines.as_bytes());
        let run = folder.run(&format!("train {SMALL} --config c.toml"));
        run.refused_at_once(2, &["ckpt-gpu: --config: c.toml: ", words]);
    }
    // What the file alone cannot tell.
    let folder = Folder::new();
    folder.write("c.toml", b"keep = 3");
    folder.run("train --config c.toml").refused_at_once(2, &["with the flags of c.toml", "--snapshot"]);
    folder.write("c.toml", b"batch = 0");
    folder.run("train --config c.toml").refused_at_once(2, &["--batch: in c.toml, line 1: found 0"]);
}

#[test]
fn unreadable_files_are_rejected() {
    let folder = Folder::new();
    folder.run("train --config nowhere.toml").refused_at_once(2, &["--config: nowhere.toml: no such file"]);
    folder
        .run("train --config .")
        .refused_at_once(2, &["--config: .: found a directory, expected a regular file"]);
    folder.write("c.toml", b"data = '\xff'");
    folder
        .run("train --config c.toml")
        .refused_at_once(2, &["c.toml: cannot be read: it is not text in UTF-8"]);
    folder.write("c.toml", &vec![b'#'; (1 << 20) + 1]);
    folder.run("train --config c.toml").refused_at_once(2, &["c.toml: found more than 1048576 bytes"]);
    folder.run("train --config").refused_at_once(2, &["--config <FILE>"]);
    folder.run("devices --config c.toml").refused_at_once(2, &["--config"]);
    let saved = folder.run(&format!("train {SMALL} {CPU} --save-config no/run.toml"));
    saved.refused_at_once(3, &["no/run.toml: cannot be written: the directory is not there"]);
}

#[test]
#[cfg(target_os = "linux")]
fn path_that_toml_cannot_hold_does_not_stop_the_run() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let odd = std::ffi::OsStr::from_bytes(b"s\xff");
    let run = crate::program::outcome(folder.command(&format!("train {SMALL} {CPU} --snapshot")).arg(odd))
        .succeeded();
    assert!(
        run.stderr.contains("could not save the run's flags") && run.stderr.contains("not UTF-8"),
        "{run:#?}"
    );
    assert!(folder.path("").join(odd).join("step-000000000003.ckpt").exists());
    let odder = std::ffi::OsStr::from_bytes(b"t\xff");
    let run = crate::program::outcome(
        folder.command(&format!("train {SMALL} {CPU} --save-config c.toml --snapshot")).arg(odder),
    );
    run.refused(3, &["c.toml: cannot hold --snapshot"]);
}
