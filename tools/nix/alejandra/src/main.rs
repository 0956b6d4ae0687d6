//! `alejandra [--check] FILE...`: formats files, or lists the unformatted ones and exits with 2, like alejandra's own
//! command.
use alejandra::format::{in_memory, Status};
use std::{env, fs, process::ExitCode};

fn main() -> ExitCode {
    let (options, files): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|word| word.starts_with("--"));
    if files.is_empty() || options.iter().any(|option| option != "--check") {
        eprintln!("usage: alejandra [--check] FILE...");
        return ExitCode::from(1);
    }
    let check = !options.is_empty();
    let mut found = 0;
    for file in &files {
        match form(file, check) {
            Ok(false) => {}
            Ok(true) => {
                found += 1;
                println!("{}: {file}", if check { "Requires formatting" } else { "Formatted" });
            }
            Err(trouble) => {
                eprintln!("{file}: {trouble}");
                return ExitCode::from(1);
            }
        }
    }
    ExitCode::from(if check && found > 0 { 2 } else { 0 })
}

/// Whether the file was unformatted; formats it unless `check`.
fn form(file: &str, check: bool) -> Result<bool, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let (status, formed) = in_memory(file.to_string(), text);
    match status {
        Status::Error(trouble) => Err(trouble),
        Status::Changed(changed) => {
            if changed && !check {
                fs::write(file, formed).map_err(|error| error.to_string())?;
            }
            Ok(changed)
        }
    }
}
