//! Shell completions and manual pages.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::output;
use crate::Result;
use crate::file;

const NAME: &str = "ckpt-gpu";

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write one page per command to this directory instead of to stdout
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// `ckpt-gpu completions`
pub(super) fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), NAME, &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if args.shell == Shell::Bash {
        // clap_complete 4.6 spells a command one way where it is met and another where it is looked up, if the program's
        // name has a hyphen: https://github.com/clap-rs/clap/issues/6421
        script = script.replace("ckpt__subcmd__gpu__", "ckpt__gpu__");
    }
    output::result(script.trim_end())
}

/// `ckpt-gpu man`
pub(super) fn pages(args: &ManArgs) -> Result<()> {
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    let commands = command.get_subcommands().filter(|own| !own.is_hide_set());
    let pages: Vec<_> = std::iter::once(&command).chain(commands).cloned().map(page).collect();
    let Some(directory) = &args.out else {
        let texts: Vec<_> = pages.into_iter().map(|(_, text)| text).collect();
        return output::result(texts.concat().trim_end());
    };
    file::create_directory(directory)?;
    for (name, text) in pages {
        let path = directory.join(name);
        file::replace_with(&path, &text)?;
        output::narrate(&format!("page written to {}", path.display()));
    }
    Ok(())
}

/// Name and text of a command's page.
fn page(command: Command) -> (String, String) {
    let page = Man::new(command).manual(NAME);
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = page.render(&mut text);
    (page.get_filename(), String::from_utf8_lossy(&text).into_owned())
}
