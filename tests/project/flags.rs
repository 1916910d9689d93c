//! Flags are named by the command line alone; the library names settings.

use std::path::Path;

use crate::sources::sources;

#[test]
fn library_names_no_flags() {
    let mut found = Vec::new();
    let sources = sources("src");
    let is_library = |path: &Path| !path.iter().any(|part| part == "cli");
    for (path, text) in sources.iter().filter(|(path, _)| is_library(path)) {
        for (index, line) in text.lines().enumerate() {
            if has_flag(line) {
                found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "flags outside src/cli, expected Setting:\n{}", found.join("\n"));
}

/// `true` if two dashes stand before a letter, and after what no word or number ends with.
fn has_flag(line: &str) -> bool {
    line.match_indices("--").any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + 2..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '-')
            && after.is_some_and(|c| c.is_ascii_lowercase())
    })
}

#[test]
fn flags_are_told_from_dashes() {
    for line in ["use --batch", "`--every 0`", "\"--data\""] {
        assert!(has_flag(line), "{line}");
    }
    for line in ["a -- b", "// ------", "x--y", "i - -j", "--1", "---"] {
        assert!(!has_flag(line), "{line}");
    }
}
