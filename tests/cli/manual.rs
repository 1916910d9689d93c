//! Completions, manual pages and colours.

use std::process::Command;

use crate::program::{Folder, SMALL, outcome};

const COMMANDS: [&str; 10] =
    ["train", "plan", "check", "compare", "eval", "predict", "bench", "devices", "completions", "man"];

/// `true` if `text` sets a colour or style: `ESC [ numbers m`.
fn is_coloured(text: &str) -> bool {
    text.split("\x1b[")
        .skip(1)
        .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'))
}

#[test]
fn completions_have_every_command_and_flag() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = folder.run(&format!("completions {shell}")).succeeded();
        for word in COMMANDS.into_iter().chain(["save-config", "budget"]) {
            assert!(run.stdout.contains(word), "no {word} for {shell}");
        }
        assert_eq!(run.stderr, "", "{shell}");
    }
    folder.run("completions dash").refused_at_once(2, &["'dash'", "bash", "fish"]);
}

#[test]
#[cfg(target_os = "linux")]
fn bash_completes_flags_and_their_values() {
    let folder = Folder::new();
    let script = folder.run("completions bash").succeeded().stdout;
    let complete = |words: &str| {
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _ckpt__gpu ckpt-gpu \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             echo \"${{COMPREPLY[@]}}\""
        );
        let run = outcome(Command::new("bash").args(["--norc", "-c", &ask])).succeeded();
        run.stdout.trim().to_owned()
    };
    assert_eq!(complete("ckpt-gpu comp"), "completions compare");
    assert_eq!(complete("ckpt-gpu train --save-c"), "--save-config");
    assert_eq!(complete("ckpt-gpu train --device s"), "software");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new();
    let all = folder.run("man").succeeded().stdout;
    folder.run("man --out deep/pages").succeeded();
    let pages = COMMANDS.map(|command| format!("deep/pages/ckpt-gpu-{command}.1"));
    for (page, command) in pages.iter().zip(COMMANDS) {
        let text = String::from_utf8(folder.read(page)).unwrap();
        assert!(text.contains(&format!(".TH ckpt-gpu-{command} 1")), "{text}");
        assert!(all.contains(text.trim_end()), "{command}");
    }
    let train = String::from_utf8(folder.read(&pages[0])).unwrap();
    assert!(train.contains("\\-\\-save\\-config") && train.contains("Read flags by long name"), "{train}");
    let top = String::from_utf8(folder.read("deep/pages/ckpt-gpu.1")).unwrap();
    assert!(top.contains("ckpt\\-gpu\\-train(1)") && top.contains("Exit codes: 0 done"), "{top}");
    folder.write("taken", b"");
    folder.run("man --out taken").refused_at_once(3, &["taken: cannot be made: taken is no directory"]);
}

#[test]
fn no_color_disables_colours() {
    let folder = Folder::new();
    for (arguments, code) in [("train --help", 0), ("train --evry 2", 2), ("train --device gpux", 2)] {
        let run = |envs: &[(&str, &str)]| outcome(folder.command(arguments).envs(envs.iter().copied()));
        let coloured = run(&[("CLICOLOR_FORCE", "1")]);
        assert!(is_coloured(&(coloured.stdout + &coloured.stderr)), "{arguments}: this could not fail");
        let plain = run(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
        assert_eq!(plain.code, Some(code));
        assert!(!is_coloured(&plain.stdout) && !is_coloured(&plain.stderr), "{plain:#?}");
    }
}

/// stdout and stderr are a terminal made by util-linux's `script`.
#[test]
#[cfg(target_os = "linux")]
fn no_color_disables_colours_on_a_terminal() {
    let folder = Folder::new();
    let shown = |arguments: &str, no_colour: bool| {
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_ckpt-gpu"));
        let mut command = Command::new("script");
        command.current_dir(folder.path("")).args(["-qefc", &line, "/dev/null"]);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").stdin(std::process::Stdio::null());
        if no_colour {
            command.env("NO_COLOR", "1");
        }
        outcome(&mut command).succeeded().stdout
    };
    assert!(is_coloured(&shown("train --help", false)), "this could not fail");
    assert!(!is_coloured(&shown("train --help", true)));
    let train = shown(&format!("train {SMALL} --device cpu"), true);
    assert!(train.contains("/3 steps"), "the bar is shown: {train:?}");
    assert!(!is_coloured(&train), "{train:?}");
}
