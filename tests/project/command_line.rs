//! `docs/reference/command-line.md` is what clap knows of the command line.

use std::fmt::Write;
use std::fs;

use clap::{Arg, Command};

use crate::common::root;

const PAGE: &str = "docs/reference/command-line.md";
const UPDATE: &str = "UPDATE_DOCS";

#[test]
fn reference_is_what_the_program_says() {
    let rendered = render();
    let path = root().join(PAGE);
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &rendered).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == rendered,
        "{PAGE} is out of date: run {UPDATE}=1 cargo test --profile checked --test project"
    );
}

/// The page.
fn render() -> String {
    let mut program = ckpt_gpu::cli::command().disable_help_subcommand(true);
    program.build();
    let mut commands: Vec<_> = program.get_subcommands().filter(|command| !command.is_hide_set()).collect();
    commands.sort_by_key(|command| command.get_display_order());
    let mut page = String::from(
        "# Command line\n\n\
         <!-- Generated: UPDATE_DOCS=1 cargo test --profile checked --test project -->\n\n",
    );
    let _ = writeln!(page, "{}.\n", about(&program));
    page.push_str("| command | purpose |\n| --- | --- |\n");
    for command in &commands {
        let name = command.get_name();
        let _ = writeln!(page, "| [`{name}`](#ckpt-gpu-{name}) | {} |", cell(&about(command)));
    }
    page.push_str("\nThese options work with every command:\n\n");
    let is_global = |arg: &Arg| arg.is_global_set() || ["help", "version"].contains(&arg.get_id().as_str());
    table(&mut page, "option", program.get_arguments().filter(|arg| is_global(arg)));
    for command in &commands {
        section(&mut page, command, is_global);
    }
    page
}

fn section(page: &mut String, command: &Command, is_global: impl Fn(&Arg) -> bool) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = writeln!(page, "\n## ckpt-gpu {}\n\n{}.", command.get_name(), about(command));
    let _ = writeln!(page, "\n```text\n{usage}\n```");
    let own: Vec<_> = command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_global(arg)).collect();
    let mut headings: Vec<Option<&str>> = Vec::new();
    for arg in &own {
        if !headings.contains(&heading(arg)) {
            headings.push(heading(arg));
        }
    }
    for group in headings {
        let _ = writeln!(page, "\n**{}**\n", group.unwrap_or("General"));
        let args = own.iter().copied().filter(|arg| heading(arg) == group);
        table(page, if group == Some(ARGUMENTS) { "argument" } else { "option" }, args);
    }
}

const ARGUMENTS: &str = "Arguments";

fn heading(arg: &Arg) -> Option<&str> {
    if arg.is_positional() { Some(ARGUMENTS) } else { arg.get_help_heading() }
}

fn table<'a>(page: &mut String, kind: &str, args: impl Iterator<Item = &'a Arg>) {
    let args: Vec<_> = args.collect();
    let has_defaults = args.iter().any(|arg| !default(arg).is_empty());
    let head = if has_defaults { " default |\n| --- | --- | --- |\n" } else { "\n| --- | --- |\n" };
    let _ = write!(page, "| {kind} | meaning |{head}");
    for arg in args {
        let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
        let _ = write!(page, "| `{short}{}` | {} |", spelling(arg), cell(&meaning(arg)));
        page.push_str(&if has_defaults { format!(" {} |\n", default(arg)) } else { "\n".to_owned() });
    }
}

/// The values that an option has unless it is given, by its declaration or by the end of its help.
fn default(arg: &Arg) -> String {
    if let Some((_, default)) = split_help(arg) {
        return default;
    }
    let values = if takes_values(arg) { arg.get_default_values() } else { &[] };
    let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    values.join(", ")
}

fn takes_values(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

/// An option with its value, as help shows it.
fn spelling(arg: &Arg) -> String {
    arg.to_string().replace('|', "\\|")
}

/// Help that ends with its default in brackets, and that default.
fn split_help(arg: &Arg) -> Option<(String, String)> {
    let help = arg.get_help()?.to_string();
    let (help, default) = help.strip_suffix(']')?.split_once(" [default: ")?;
    Some((help.to_owned(), cell(default)))
}

/// Its help, and its possible values.
fn meaning(arg: &Arg) -> String {
    let whole = || arg.get_help().map(|help| help.to_string()).unwrap_or_default();
    let help = split_help(arg).map_or_else(whole, |(help, _)| help);
    let values = if takes_values(arg) { arg.get_possible_values() } else { Vec::new() };
    let listed: Vec<_> = (values.iter().filter(|value| !value.is_hide_set()))
        .map(|value| match value.get_help() {
            Some(help) => format!("<br>`{}`: {help}", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    match listed.first() {
        None => help,
        Some(first) if first.starts_with("<br>") => help + &listed.concat(),
        Some(_) => format!("{help}<br>one of {}", listed.join(", ")),
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(|about| about.to_string()).unwrap_or_default()
}

/// Text of a table's cell.
fn cell(text: &str) -> String {
    text.replace('\n', " ")
        .replace('|', "\\|")
        .replace("<br>", "\0")
        .replace('<', "&lt;")
        .replace('\0', "<br>")
}
