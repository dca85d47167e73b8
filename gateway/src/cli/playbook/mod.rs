//! `cordboard playbook`: a first playbook for a business, out of six answers.

mod answers;
mod draft;
mod questions;
mod week;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Overrides;
use super::exit::{Exit, Failed};
use super::output::print;
use crate::settings;
use answers::Answers;
use questions::QUESTIONS;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask six questions and write a playbook that passes `config check`
    New(New),
}

#[derive(Debug, Args)]
pub struct New {
    /// Where to write it [default: the setting playbooks.dir, else ./playbooks]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Answers to the questions that no flag answers, one per line [default: standard input]
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Name of the business
    #[arg(long)]
    name: Option<String>,
    /// Languages, the business's own first: "fr, en"
    #[arg(long)]
    languages: Option<String>,
    /// What to start from: drains, dental or other
    #[arg(long)]
    trade: Option<String>,
    /// Time zone and opening hours: "America/Toronto mon-fri 08:00-17:00"
    #[arg(long)]
    hours: Option<String>,
    /// Whom to text in an emergency: "Marie +15145550110"
    #[arg(long)]
    emergency: Option<String>,
    /// The platform's id of the assistant that answers, or none
    #[arg(long)]
    assistant: Option<String>,
}

pub fn run(command: &Command, overrides: &Overrides) -> Result<Exit, Failed> {
    let Command::New(new) = command;
    let dir = match &new.dir {
        Some(dir) => dir.clone(),
        None => configured_dir(overrides)?,
    };
    let answers = new.ask(&dir)?;
    let text = draft::write(&answers).map_err(Failed::configuration)?;
    let file = file_of(&dir, &answers);
    save(&file, &text)?;
    print(&next_steps(&file, &dir, &answers));
    Ok(Exit::Ok)
}

impl New {
    /// Every answer, from flags, else from lines. A bad flag or a bad line of a file ends it; a bad line of a person is
    /// asked for again.
    fn ask(&self, dir: &Path) -> Result<Answers, Failed> {
        let mut lines = Lines::open(self.answers.as_deref())?;
        let mut answers = Answers::default();
        for (question, flag) in QUESTIONS.iter().zip(self.flags()) {
            match flag {
                Some(flag) => (question.take)(&mut answers, flag)
                    .map_err(|why| Failed::new(Exit::Usage, format!("--{}: {why}", question.flag)))?,
                None => lines.answer(question, &mut answers)?,
            }
            refuse_to_overwrite(&file_of(dir, &answers))?;
        }
        Ok(answers)
    }

    /// In the order of the questions.
    fn flags(&self) -> [Option<&str>; 6] {
        let New { name, languages, trade, hours, emergency, assistant, .. } = self;
        [name, languages, trade, hours, emergency, assistant].map(Option::as_deref)
    }
}

struct Lines {
    from: Box<dyn BufRead>,
    /// The file they come from, and the line that was read last. `None`: a person, or a pipe.
    file: Option<(PathBuf, usize)>,
}

impl Lines {
    fn open(file: Option<&Path>) -> Result<Lines, Failed> {
        let Some(path) = file else {
            return Ok(Lines { from: Box::new(io::stdin().lock()), file: None });
        };
        let opened = File::open(path)
            .map_err(|why| Failed::new(Exit::Usage, format!("cannot read {}: {why}", path.display())))?;
        Ok(Lines { from: Box::new(BufReader::new(opened)), file: Some((path.to_owned(), 0)) })
    }

    fn answer(&mut self, question: &questions::Question, answers: &mut Answers) -> Result<(), Failed> {
        loop {
            if self.file.is_none() {
                eprint!("{}\n> ", question.text);
                let _ = io::stderr().flush();
            }
            let Some(line) = self.next()? else {
                let problem = format!("the answers ended before this one: {}", question.text);
                return Err(Failed::new(Exit::Usage, format!("{problem} (or give --{})", question.flag)));
            };
            match ((question.take)(answers, line.trim()), &self.file) {
                (Ok(()), _) => return Ok(()),
                (Err(why), Some((file, line))) => {
                    return Err(Failed::new(Exit::Usage, format!("{}:{line}: {why}", file.display())));
                }
                (Err(why), None) => eprintln!("{why}"),
            }
        }
    }

    fn next(&mut self) -> Result<Option<String>, Failed> {
        let mut line = String::new();
        let read = self.from.read_line(&mut line);
        if let Some((_, number)) = &mut self.file {
            *number += 1;
        }
        match read {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(line)),
            Err(why) => Err(Failed::new(Exit::Usage, format!("cannot read the answer: {why}"))),
        }
    }
}

fn configured_dir(overrides: &Overrides) -> Result<PathBuf, Failed> {
    let dir = settings::load(&overrides.layers())?.settings.playbooks.dir;
    Ok(if dir.is_empty() { PathBuf::from("playbooks") } else { PathBuf::from(dir) })
}

fn file_of(dir: &Path, answers: &Answers) -> PathBuf {
    dir.join(format!("{}.toml", answers.tenant))
}

fn refuse_to_overwrite(file: &Path) -> Result<(), Failed> {
    if !file.exists() {
        return Ok(());
    }
    Err(Failed::configuration(format!("{} is there already; move it away, or give another name", file.display())))
}

/// Never over a file that is there.
fn save(file: &Path, text: &str) -> Result<(), Failed> {
    let write = || {
        fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
        File::create_new(file)?.write_all(text.as_bytes())
    };
    write().map_err(|why| Failed::configuration(format!("cannot write {}: {why}", file.display())))
}

fn next_steps(file: &Path, dir: &Path, answers: &Answers) -> String {
    let dir = dir.display().to_string().replace('\'', "'\\''");
    let environment =
        format!("CORDBOARD_PLAYBOOKS__DIR='{dir}' CORDBOARD_PLAYBOOKS__DEFAULT_TENANT={}", answers.tenant);
    format!(
        "Wrote {}\n\nNext:\n  1. Read it, and add the words your callers use.\n  2. {environment} cordboard config \
         check\n  3. {environment} cordboard serve\n  4. cordboard vapi plan --tenant {} shows what to set at Vapi.\n",
        file.display(),
        answers.tenant
    )
}
